-- Is the data complete?
--
-- platform, owner, endpoint
-- expected_windows  windows of the usual length that the period has room for: windows + missing
-- windows           exports of the period that count
-- missing           how many are not there, between two windows and at the ends of the period; an
--                   export with missing or damaged files is not there. What had at least three
--                   exports and has stopped before the period is missing, too
-- doubled           exports of which fresher ones cover the window, or a part
-- first_from, last_to  the time from the first window to the last
-- last_export       when the last of all its exports was finished
-- rows              in the exports that count
-- filters           of the exports; models use those without only
-- unreadable        exports that cannot be read: column problem of exports
--
-- What to do: run the exports that are missing, then ask again. docsanalytics audit says which.
WITH members AS (
  SELECT *, NOT superseded AND problem = '' AS is_there
  FROM exports
  WHERE date_from IS NULL
    OR belongs(date_from, date_to, getvariable('date_from'), getvariable('date_to'))
    -- Events of a month count in each of its weeks.
    OR is_event AND least(date_to, getvariable('date_to')) - greatest(date_from, getvariable('date_from'))
      > least(INTERVAL 14 HOURS, (getvariable('date_to') - getvariable('date_from')) / 2)
),
counted AS (
  SELECT
    series,
    count(*) FILTER (WHERE is_there) AS windows,
    count(*) FILTER (WHERE superseded) AS doubled,
    min(date_from) FILTER (WHERE is_there) AS first_from,
    max(date_to) FILTER (WHERE is_there) AS last_to,
    coalesce(sum("rows") FILTER (WHERE is_there), 0) AS "rows",
    count(*) FILTER (WHERE problem <> '') AS unreadable
  FROM members
  GROUP BY series
),
series AS (
  SELECT
    series, platform, owner, endpoint, filters,
    bool_or(date_from IS NOT NULL) AS has_windows,
    max(finished_at) AS last_export,
    quantile_disc(date_to - date_from, 0.5) FILTER (WHERE problem = '' AND NOT superseded) AS length
  FROM exports
  GROUP BY series, platform, owner, endpoint, filters
),
spans AS (
  SELECT
    series, spoken_from, spoken_to,
    coalesce(
      max(spoken_to) OVER (PARTITION BY series ORDER BY spoken_from
        ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING),
      getvariable('date_from')
    ) AS covered_to,
    row_number() OVER (PARTITION BY series ORDER BY spoken_from) = 1 AS is_first
  FROM segments
  WHERE spoken_from < getvariable('date_to') AND spoken_to > getvariable('date_from')
),
stopped AS (  -- nothing says how often fewer than three should have been followed by another
  SELECT g.series
  FROM segments g JOIN series s ON s.series = g.series
  WHERE g.spoken_from < getvariable('date_to') AND s.filters = ''
  GROUP BY g.series
  HAVING max(g.spoken_to) <= getvariable('date_from') AND count(*) >= 3
),
gaps AS (
  SELECT series, EXTRACT(EPOCH FROM spoken_from - covered_to) AS gap_s, is_first AS at_end
  FROM spans
  UNION ALL
  SELECT series, EXTRACT(EPOCH FROM getvariable('date_to') - max(spoken_to)), true
  FROM spans
  GROUP BY series
  UNION ALL
  SELECT series, EXTRACT(EPOCH FROM getvariable('date_to') - getvariable('date_from')), true
  FROM stopped
),
missing AS (
  SELECT
    g.series,
    CAST(sum(
      CASE
        WHEN g.gap_s <= 0 THEN 0
        -- The days of a time zone stick out of the period at its ends.
        WHEN g.at_end THEN floor(g.gap_s / EXTRACT(EPOCH FROM s.length) + 0.1)
        ELSE greatest(round(g.gap_s / EXTRACT(EPOCH FROM s.length)), 1)
      END
    ) AS BIGINT) AS missing
  FROM gaps g JOIN series s ON s.series = g.series
  GROUP BY g.series
)
SELECT
  s.platform, s.owner, s.endpoint,
  CASE WHEN s.has_windows THEN coalesce(c.windows, 0) + coalesce(x.missing, 0) END AS expected_windows,
  coalesce(c.windows, 0) AS windows,
  CASE WHEN s.has_windows THEN coalesce(x.missing, 0) END AS missing,
  coalesce(c.doubled, 0) AS doubled,
  c.first_from,
  c.last_to,
  s.last_export,
  coalesce(c."rows", 0) AS "rows",
  s.filters,
  coalesce(c.unreadable, 0) AS unreadable
FROM series s
LEFT JOIN counted c ON c.series = s.series
LEFT JOIN missing x ON x.series = s.series
WHERE c.series IS NOT NULL OR x.missing > 0
ORDER BY s.platform, s.owner, s.endpoint, s.filters
