-- How much is the assistant used, and by whom?
--
-- date            of the question; for callers, the date on which the export's window starts
-- caller          web, api, other: from caller_stats. total: from conversations, or from caller_stats
--                 where no part of their window was exported of conversations
-- questions
-- answered, unanswered  by the status of conversations: known for total only
-- answered_share  of the questions that have a status, 0 to 1
-- project
--
-- What to do: compare answered_share before and after a change of your pages. It flatters, see
-- unanswered_questions.
WITH turns AS (
  SELECT
    _project_id, _date,
    count(*) AS questions,
    count(*) FILTER (WHERE "resolutionStatus" = 'answered') AS answered,
    count(*) FILTER (WHERE "resolutionStatus" = 'unanswered') AS unanswered
  FROM conversations
  WHERE "timestamp" >= getvariable('date_from') AND "timestamp" < getvariable('date_to')
  GROUP BY _project_id, _date
),
known AS (  -- windows of caller_stats with questions that turns has, so that none counts twice
  SELECT DISTINCT s._project_id, s._date_from, s._date_to
  FROM caller_stats s
  JOIN exports e
    ON e.owner = s._project_id AND e.date_from < s._date_to AND e.date_to > s._date_from
  WHERE e.endpoint = 'conversations' AND e.counts
),
stats AS (
  SELECT
    s._project_id, s._date, sum(s.web) AS web, sum(s.api) AS api, sum(s.other) AS other,
    sum(CASE WHEN k._project_id IS NULL THEN s.total ELSE 0 END) AS total
  FROM caller_stats s
  LEFT JOIN known k
    ON k._project_id = s._project_id AND k._date_from = s._date_from AND k._date_to = s._date_to
  WHERE belongs(s._date_from, s._date_to, getvariable('date_from'), getvariable('date_to'))
  GROUP BY s._project_id, s._date
),
usage AS (
  SELECT _project_id, _date, 'web' AS caller, web AS questions,
    CAST(NULL AS BIGINT) AS answered, CAST(NULL AS BIGINT) AS unanswered
  FROM stats
  UNION ALL
  SELECT _project_id, _date, 'api', api, NULL, NULL FROM stats
  UNION ALL
  SELECT _project_id, _date, 'other', other, NULL, NULL FROM stats
  UNION ALL
  SELECT
    coalesce(t._project_id, s._project_id), coalesce(t._date, s._date), 'total',
    coalesce(t.questions, s.total), t.answered, t.unanswered
  FROM turns t
  FULL JOIN stats s ON s._project_id = t._project_id AND s._date = t._date
)
SELECT
  _date AS "date", caller, questions, answered, unanswered,
  CAST(answered AS DOUBLE) / nullif(answered + unanswered, 0) AS answered_share,
  _project_id AS project
FROM usage
ORDER BY "date", project, caller
