-- How many calls does the voice assistant take, how long and at what cost? (Vyom)
--
-- Three kinds of rows, which must not be added up: by assistant (service is null), by service
-- (assistant is null), and all calls of a date (both are null).
--
-- date        on which the export's window starts
-- assistant   its name, or its ID; 'none' for calls without one
-- service     such as twilio or web
-- calls       null where the dashboard was not exported
-- minutes
-- cost        in USD, an estimate: of all calls of a date only
-- project     the connection's ID: Vyom has accounts, not projects
--
-- What to do: compare minutes and cost by week. Calls that still run when they are exported count
-- with 0 minutes.
WITH figures AS (
  SELECT
    _project_id, _date, coalesce(assistant_name, assistant_id, 'none') AS assistant,
    NULL AS service, total_calls AS calls, total_duration_minutes AS minutes,
    CAST(NULL AS DOUBLE) AS cost
  FROM calls_by_assistant
  WHERE belongs(_date_from, _date_to, getvariable('date_from'), getvariable('date_to'))
  UNION ALL
  SELECT _project_id, _date, NULL, service, total_calls, total_duration_minutes, NULL
  FROM calls_by_service
  WHERE belongs(_date_from, _date_to, getvariable('date_from'), getvariable('date_to'))
  UNION ALL
  SELECT _project_id, _date, NULL, NULL, total_calls, total_duration_minutes, NULL
  FROM dashboard
  WHERE belongs(_date_from, _date_to, getvariable('date_from'), getvariable('date_to'))
  UNION ALL
  SELECT _project_id, _date, NULL, NULL, NULL, NULL, total_estimated_cost_usd
  FROM tokens_summary
  WHERE belongs(_date_from, _date_to, getvariable('date_from'), getvariable('date_to'))
)
SELECT
  _date AS "date", assistant, service,
  sum(calls) AS calls, sum(minutes) AS minutes, sum(cost) AS cost,
  _project_id AS project
FROM figures
GROUP BY _date, assistant, service, _project_id
ORDER BY "date", project, assistant NULLS LAST, service NULLS LAST
