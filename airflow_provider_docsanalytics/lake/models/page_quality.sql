-- Which pages are read much and rated badly?
--
-- Votes are those of feedback_by_page. Where a project has no export of it in the period, they are
-- those of the rows of feedback that say whether the page was helpful.
--
-- page
-- views                  of people and AI in the period
-- human_views, ai_views
-- helpful, unhelpful     votes in the period
-- unhelpful_share        of the votes, 0 to 1; null without votes
-- questions              to the assistant on that page in the period
-- project
--
-- What to do: pages with many human_views and a high unhelpful_share, of more than a few votes, are
-- worth the most work.
WITH counted AS (
  SELECT owner AS _project_id
  FROM exports
  WHERE endpoint = 'feedback_by_page' AND counts
    AND belongs(date_from, date_to, getvariable('date_from'), getvariable('date_to'))
),
figures AS (
  SELECT _project_id, page, total AS views, human, ai, 0 AS helpful, 0 AS unhelpful, 0 AS questions
  FROM views
  WHERE belongs(_date_from, _date_to, getvariable('date_from'), getvariable('date_to'))
  UNION ALL
  SELECT _project_id, page, 0, 0, 0, "thumbsUp", "thumbsDown", 0
  FROM feedback_by_page
  WHERE belongs(_date_from, _date_to, getvariable('date_from'), getvariable('date_to'))
  UNION ALL
  SELECT
    _project_id, page, 0, 0, 0,
    CASE WHEN helpful THEN 1 ELSE 0 END, CASE WHEN helpful THEN 0 ELSE 1 END, 0
  FROM feedback
  WHERE helpful IS NOT NULL
    AND "createdAt" >= getvariable('date_from') AND "createdAt" < getvariable('date_to')
    AND _project_id NOT IN (SELECT _project_id FROM counted)
  UNION ALL
  SELECT _project_id, page, 0, 0, 0, 0, 0, 1
  FROM conversations
  WHERE "timestamp" >= getvariable('date_from') AND "timestamp" < getvariable('date_to')
),
pages AS (
  SELECT
    _project_id, page,
    coalesce(sum(views), 0) AS views,
    coalesce(sum(human), 0) AS human_views,
    coalesce(sum(ai), 0) AS ai_views,
    coalesce(sum(helpful), 0) AS helpful,
    coalesce(sum(unhelpful), 0) AS unhelpful,
    sum(questions) AS questions
  FROM figures
  WHERE page IS NOT NULL
  GROUP BY _project_id, page
)
SELECT
  page, views, human_views, ai_views, helpful, unhelpful,
  CAST(unhelpful AS DOUBLE) / nullif(helpful + unhelpful, 0) AS unhelpful_share,
  questions,
  _project_id AS project
FROM pages
ORDER BY unhelpful DESC, views DESC, page, _project_id
