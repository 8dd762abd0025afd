-- Is the data complete?
--
-- platform, owner, endpoint
-- expected_windows  windows of the usual length that the period has room for: windows + missing
-- windows           exports of the period that count
-- missing           how many are not there, between two windows and at the ends of the period; an
--                   export with missing or damaged files is not there
-- doubled           exports of which fresher ones cover the window, or a part
-- first_from, last_to  the time from the first window to the last
-- last_export       when the last of all its exports was finished
-- rows              in the exports that count
-- filters           of the exports; models use those without only
-- unreadable        exports that cannot be read: column problem of exports
--
-- What to do: run the exports that are missing, then ask again. docsanalytics audit says which.
WITH members AS (
  SELECT
    *,
    NOT superseded AND problem = '' AS is_there
  FROM exports
  WHERE date_from IS NULL OR (
    date_from < getvariable('date_to') + INTERVAL '14 hours'
    AND date_to > getvariable('date_from') - INTERVAL '14 hours'
    AND date_from + (date_to - date_from) / 2 >= getvariable('date_from')
    AND date_from + (date_to - date_from) / 2 < getvariable('date_to')
  )
),
lengths AS (
  SELECT series, quantile_disc(date_to - date_from, 0.5) AS length
  FROM exports
  WHERE problem = '' AND NOT superseded
  GROUP BY series
),
spans AS (
  SELECT
    m.series, m.export, g.spoken_from, g.spoken_to,
    coalesce(
      max(g.spoken_to) OVER (PARTITION BY m.series ORDER BY g.spoken_from
        ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING),
      getvariable('date_from')
    ) AS covered_to,
    row_number() OVER (PARTITION BY m.series ORDER BY g.spoken_from) = 1 AS is_first
  FROM members m JOIN segments g ON g.export = m.export
),
gaps AS (
  SELECT series, EXTRACT(EPOCH FROM spoken_from - covered_to) AS gap_s, is_first AS at_end
  FROM spans
  UNION ALL
  SELECT series, EXTRACT(EPOCH FROM getvariable('date_to') - max(spoken_to)), true
  FROM spans
  GROUP BY series
),
missing AS (
  SELECT
    g.series,
    sum(
      CASE
        WHEN g.gap_s <= 0 THEN 0
        -- The days of a time zone stick out of the period at its ends.
        WHEN g.at_end THEN floor(g.gap_s / EXTRACT(EPOCH FROM l.length) + 0.1)
        ELSE greatest(round(g.gap_s / EXTRACT(EPOCH FROM l.length)), 1)
      END
    ) AS missing
  FROM gaps g JOIN lengths l ON l.series = g.series
  GROUP BY g.series
),
last_exports AS (
  SELECT series, max(finished_at) AS last_export FROM exports GROUP BY series
)
SELECT
  m.platform, m.owner, m.endpoint,
  CASE WHEN min(m.date_from) IS NOT NULL
    THEN count(*) FILTER (WHERE m.is_there) + CAST(coalesce(max(x.missing), 0) AS BIGINT) END
    AS expected_windows,
  count(*) FILTER (WHERE m.is_there) AS windows,
  CASE WHEN min(m.date_from) IS NOT NULL THEN CAST(coalesce(max(x.missing), 0) AS BIGINT) END AS missing,
  count(*) FILTER (WHERE m.superseded) AS doubled,
  min(m.date_from) FILTER (WHERE m.is_there) AS first_from,
  max(m.date_to) FILTER (WHERE m.is_there) AS last_to,
  max(l.last_export) AS last_export,
  coalesce(sum(m."rows") FILTER (WHERE m.is_there), 0) AS "rows",
  m.filters,
  count(*) FILTER (WHERE m.problem <> '') AS unreadable
FROM members m
JOIN last_exports l ON l.series = m.series
LEFT JOIN missing x ON x.series = m.series
GROUP BY m.platform, m.owner, m.endpoint, m.filters, m.series
ORDER BY m.platform, m.owner, m.endpoint, m.filters
