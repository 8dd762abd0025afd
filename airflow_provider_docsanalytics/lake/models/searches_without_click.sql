-- Which searches end nowhere?
--
-- The service counts what is typed, letter by letter, as searches: inst, insta, install. A term
-- without a click is such a prefix, and is folded into the term that it became, if
--   1. another term starts with it and goes on within the word (insta -> install), or after a word
--      that ends no search (how to -> how to install), and
--   2. the terms that go on were together asked at least as often. So api stays beside apis if it
--      is asked more often.
-- A prefix that ends at any other word stays (install beside install docker): the service gives
-- neither times nor sessions of searches, so it may be what somebody looked for.
-- The hits of a prefix are not added: whoever typed it is counted by the term, too.
--
-- query          the term, in lower case
-- hits           how often it was searched in the period
-- ctr            clicks in percent of hits: 0 in all of these rows
-- prefixes       terms that were folded into it
-- previous_hits  in the time before of the same length; null if no searches were exported of it
-- project
--
-- What to do: search for it yourself. Write the page, or add the word that people use to the page
-- that answers.
WITH windows AS (
  SELECT
    _project_id, "searchQuery", hits, ctr,
    belongs(_date_from, _date_to, getvariable('date_from'), getvariable('date_to')) AS in_period,
    belongs(
      _date_from, _date_to,
      getvariable('date_from') - (getvariable('date_to') - getvariable('date_from')),
      getvariable('date_from')
    ) AS before_period
  FROM searches
),
terms AS (
  SELECT
    _project_id,
    lower(trim(regexp_replace("searchQuery", '\s+', ' ', 'g'))) AS term,
    sum(hits) FILTER (WHERE in_period) AS hits,
    sum(hits * ctr) FILTER (WHERE in_period) AS clicks,
    sum(hits) FILTER (WHERE before_period) AS previous_hits
  FROM windows
  WHERE in_period OR before_period
  GROUP BY 1, 2
),
continued AS (
  SELECT t._project_id, t.term, u.term AS continuation, u.hits
  FROM terms t
  JOIN terms u
    ON u._project_id = t._project_id
    AND left(u.term, 1) = left(t.term, 1)
    AND starts_with(u.term, t.term)
    AND (
      regexp_matches(substr(u.term, length(t.term) + 1, 1), '[\pL\pN]')
      OR (
        starts_with(u.term, t.term || ' ')
        AND regexp_matches(
          t.term,
          '(^| )(a|an|and|are|can|do|does|for|from|how|i|is|my|of|or|the|to|what|when|where|which|why|with|your)$'
        )
      )
    )
  WHERE t.clicks = 0 AND u.hits > 0
),
prefixes AS (
  SELECT c._project_id, c.term
  FROM continued c
  JOIN terms t ON t._project_id = c._project_id AND t.term = c.term
  GROUP BY c._project_id, c.term
  HAVING sum(c.hits) >= max(t.hits)
),
folded AS (
  SELECT c._project_id, c.continuation AS term, count(*) AS prefixes
  FROM continued c
  JOIN prefixes p ON p._project_id = c._project_id AND p.term = c.term
  GROUP BY c._project_id, c.continuation
),
exported_before AS (
  SELECT DISTINCT owner AS _project_id
  FROM exports
  WHERE endpoint = 'searches' AND counts AND belongs(
    date_from, date_to,
    getvariable('date_from') - (getvariable('date_to') - getvariable('date_from')),
    getvariable('date_from')
  )
)
SELECT
  t.term AS query, t.hits, CAST(0 AS DOUBLE) AS ctr, coalesce(f.prefixes, 0) AS prefixes,
  CASE WHEN b._project_id IS NOT NULL THEN coalesce(t.previous_hits, 0) END AS previous_hits,
  t._project_id AS project
FROM terms t
LEFT JOIN folded f ON f._project_id = t._project_id AND f.term = t.term
LEFT JOIN prefixes p ON p._project_id = t._project_id AND p.term = t.term
LEFT JOIN exported_before b ON b._project_id = t._project_id
WHERE t.clicks = 0 AND p.term IS NULL AND t.term <> ''
ORDER BY t.hits DESC, t.term, t._project_id
