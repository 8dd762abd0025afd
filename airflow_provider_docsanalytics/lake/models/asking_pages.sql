-- Which pages make people ask?
--
-- page
-- questions                to the assistant on that page in the period
-- views                    of people in the period; AI's are left out
-- questions_per_100_views  null without views
-- project
--
-- What to do: a page with many questions per view does not answer what people come for. Read its
-- rows in unanswered_questions.
WITH figures AS (
  SELECT _project_id, page, 1 AS questions, 0 AS views
  FROM conversations
  WHERE "timestamp" >= getvariable('date_from') AND "timestamp" < getvariable('date_to')
  UNION ALL
  SELECT _project_id, page, 0, human
  FROM views
  WHERE belongs(_date_from, _date_to, getvariable('date_from'), getvariable('date_to'))
),
pages AS (
  SELECT _project_id, page, sum(questions) AS questions, coalesce(sum(views), 0) AS views
  FROM figures
  WHERE page IS NOT NULL
  GROUP BY _project_id, page
)
SELECT
  page, questions, views,
  100.0 * CAST(questions AS DOUBLE) / nullif(views, 0) AS questions_per_100_views,
  _project_id AS project
FROM pages
WHERE questions > 0
ORDER BY questions DESC, views DESC, page, _project_id
