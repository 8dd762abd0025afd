-- Did a change of a page work?
--
-- Each signal before and after the variable change_date, within the period. Without change_date
-- there are no rows.
--
-- page
-- signal                   questions, unanswered, helpful, unhelpful, human_views or ai_views
-- before, after            the sum on each side. A window with change_date in it is on the side of
--                          its middle
-- days_before, days_after  days of the period on each side that were exported of the signal
-- project
--
-- What to do: compare before / days_before with after / days_after. Do not compare views on both
-- sides of 2026-06-12 or 2026-07-31, when the service changed what counts as AI.
WITH sides AS (
  SELECT 'before' AS side, getvariable('date_from') AS side_from, getvariable('change_date') AS side_to
  UNION ALL
  SELECT 'after', getvariable('change_date'), getvariable('date_to')
),
events AS (
  SELECT _project_id, page, 'questions' AS signal, "timestamp" AS at, 1 AS amount FROM conversations
  UNION ALL
  SELECT
    _project_id, page, 'unanswered', "timestamp",
    CASE WHEN "resolutionStatus" = 'unanswered' THEN 1 ELSE 0 END
  FROM conversations
),
counts AS (
  SELECT _project_id, page, 'human_views' AS signal, _date_from, _date_to, human AS amount FROM views
  UNION ALL
  SELECT _project_id, page, 'ai_views', _date_from, _date_to, ai FROM views
  UNION ALL
  SELECT _project_id, page, 'helpful', _date_from, _date_to, "thumbsUp" FROM feedback_by_page
  UNION ALL
  SELECT _project_id, page, 'unhelpful', _date_from, _date_to, "thumbsDown" FROM feedback_by_page
),
figures AS (
  SELECT e._project_id, e.page, e.signal, s.side, e.amount
  FROM events e JOIN sides s ON e.at >= s.side_from AND e.at < s.side_to
  UNION ALL
  SELECT c._project_id, c.page, c.signal, s.side, c.amount
  FROM counts c JOIN sides s ON belongs(c._date_from, c._date_to, s.side_from, s.side_to)
),
days AS (
  SELECT
    e.owner AS _project_id, e.endpoint, s.side,
    CAST(sum(EXTRACT(EPOCH FROM
      least(g.spoken_to, s.side_to) - greatest(g.spoken_from, s.side_from))) AS DOUBLE) / 86400 AS days
  FROM segments g
  JOIN exports e ON e.export = g.export AND e.counts
  JOIN sides s ON g.spoken_from < s.side_to AND g.spoken_to > s.side_from
  GROUP BY e.owner, e.endpoint, s.side
),
signals AS (
  SELECT 'questions' AS signal, 'conversations' AS endpoint
  UNION ALL SELECT 'unanswered', 'conversations'
  UNION ALL SELECT 'helpful', 'feedback_by_page'
  UNION ALL SELECT 'unhelpful', 'feedback_by_page'
  UNION ALL SELECT 'human_views', 'views'
  UNION ALL SELECT 'ai_views', 'views'
),
pages AS (
  SELECT
    _project_id, page, signal,
    coalesce(sum(amount) FILTER (WHERE side = 'before'), 0) AS before,
    coalesce(sum(amount) FILTER (WHERE side = 'after'), 0) AS after
  FROM figures
  WHERE page IS NOT NULL
  GROUP BY _project_id, page, signal
)
SELECT
  p.page, p.signal, p.before, p.after,
  coalesce(b.days, 0) AS days_before, coalesce(a.days, 0) AS days_after,
  p._project_id AS project
FROM pages p
JOIN signals s ON s.signal = p.signal
LEFT JOIN days b ON b._project_id = p._project_id AND b.endpoint = s.endpoint AND b.side = 'before'
LEFT JOIN days a ON a._project_id = p._project_id AND a.endpoint = s.endpoint AND a.side = 'after'
WHERE p.before + p.after > 0
ORDER BY p.page, p.signal, p._project_id
