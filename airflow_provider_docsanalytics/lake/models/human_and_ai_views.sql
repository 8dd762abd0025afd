-- Do people or AI read, by page and over time?
--
-- date        on which the export's window starts
-- page
-- human, ai   views in the window
-- definition  of what counts as AI: 0, 1 since 2026-06-12, 2 since 2026-07-31. The service changed it
--             on these dates
-- project
--
-- What to do: draw one line for each definition. A step between two of them is the service's, not
-- your readers'.
SELECT
  _date AS "date",
  page,
  sum(human) AS human,
  sum(ai) AS ai,
  CASE WHEN _date >= DATE '2026-07-31' THEN 2 WHEN _date >= DATE '2026-06-12' THEN 1 ELSE 0 END
    AS definition,
  _project_id AS project
FROM views
WHERE page IS NOT NULL
  AND belongs(_date_from, _date_to, getvariable('date_from'), getvariable('date_to'))
GROUP BY _date, page, _project_id
ORDER BY "date", page, project
