-- Where do mostly agents read, and of what do they complain?
--
-- Pages that AI views more often than people, and pages with feedback of agents.
--
-- page
-- human, ai       views in the period
-- agent_feedback  pieces of feedback whose source is agent, created in the period
-- complaint       the comment of the latest of them that has one
-- project
--
-- What to do: agents need complete examples, exact names and a page that works as Markdown.
WITH feedback_of_agents AS (
  SELECT
    _project_id, page, nullif(trim(comment), '') AS comment,
    row_number() OVER (
      PARTITION BY _project_id, page
      ORDER BY nullif(trim(comment), '') IS NULL, "createdAt" DESC, id DESC
    ) AS place
  FROM feedback
  WHERE source = 'agent'
    AND "createdAt" >= getvariable('date_from') AND "createdAt" < getvariable('date_to')
),
figures AS (
  SELECT _project_id, page, human, ai, 0 AS agent_feedback, NULL AS complaint
  FROM views
  WHERE belongs(_date_from, _date_to, getvariable('date_from'), getvariable('date_to'))
  UNION ALL
  SELECT _project_id, page, 0, 0, 1, CASE WHEN place = 1 THEN comment END
  FROM feedback_of_agents
)
SELECT
  page,
  coalesce(sum(human), 0) AS human,
  coalesce(sum(ai), 0) AS ai,
  sum(agent_feedback) AS agent_feedback,
  max(complaint) AS complaint,
  _project_id AS project
FROM figures
WHERE page IS NOT NULL
GROUP BY page, _project_id
HAVING sum(agent_feedback) > 0 OR coalesce(sum(ai), 0) > coalesce(sum(human), 0)
ORDER BY agent_feedback DESC, ai DESC, page, project
