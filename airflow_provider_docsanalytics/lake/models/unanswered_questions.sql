-- Which questions stayed unanswered?
--
-- A row is a page and a category of questions. A question is repeated if it counts as answered and
-- the same thread asks again on that page within 10 minutes: the status flatters.
--
-- page, category  of the questions; null where the service has none
-- question        the latest one that stayed unanswered or was repeated
-- asked           questions of the group in the period
-- callers         threads that they are of
-- agents          feedback of agents on that page in the period
-- unanswered      questions whose status is unanswered
-- repeated        questions that were asked again
-- first_asked, last_asked  of all questions of the group in the period
-- is_new          whether the group had no question before the period; null if no conversations were
--                 exported of the time before
-- thread_id       of question: what the endpoint threads takes
-- project
--
-- What to do: read question and its thread, then write what is missing on page. Start with new
-- groups of several callers.
WITH turns AS (
  SELECT
    _project_id, page, "queryCategory" AS category, query, "timestamp", id,
    coalesce("conversationId", id) AS thread,
    coalesce("resolutionStatus" = 'unanswered', false) AS is_unanswered,
    coalesce("responseType", 'answer') = 'answer' AS is_answer,
    lead("timestamp") OVER (
      PARTITION BY _project_id, page, coalesce("conversationId", id) ORDER BY "timestamp"
    ) AS asked_again
  FROM conversations
),
judged AS (
  SELECT
    *,
    is_answer AND NOT is_unanswered
      AND coalesce(asked_again <= "timestamp" + INTERVAL '10 minutes', false) AS is_repeated,
    "timestamp" >= getvariable('date_from') AS in_period
  FROM turns
  WHERE "timestamp" < getvariable('date_to')
),
ranked AS (
  SELECT
    *,
    row_number() OVER (
      PARTITION BY _project_id, page, category
      ORDER BY in_period AND (is_unanswered OR is_repeated) DESC, "timestamp" DESC, id DESC, query DESC
    ) AS place
  FROM judged
),
agents AS (
  SELECT _project_id, page, count(*) AS agents
  FROM feedback
  WHERE source = 'agent'
    AND "createdAt" >= getvariable('date_from') AND "createdAt" < getvariable('date_to')
  GROUP BY _project_id, page
),
exported_before AS (
  SELECT DISTINCT owner AS _project_id
  FROM exports
  WHERE endpoint = 'conversations' AND counts AND date_from < getvariable('date_from')
),
grouped AS (
  SELECT
    _project_id, page, category,
    max(CASE WHEN place = 1 THEN query END) AS question,
    count(*) FILTER (WHERE in_period) AS asked,
    count(DISTINCT thread) FILTER (WHERE in_period) AS callers,
    count(*) FILTER (WHERE in_period AND is_unanswered) AS unanswered,
    count(*) FILTER (WHERE in_period AND is_repeated) AS repeated,
    min("timestamp") FILTER (WHERE in_period) AS first_asked,
    max("timestamp") AS last_asked,
    bool_and(in_period) AS is_new,
    max(CASE WHEN place = 1 THEN id END) AS thread_id
  FROM ranked
  GROUP BY _project_id, page, category
)
SELECT
  g.page, g.category, g.question, g.asked, g.callers, coalesce(a.agents, 0) AS agents,
  g.unanswered, g.repeated, g.first_asked, g.last_asked,
  CASE WHEN b._project_id IS NOT NULL THEN g.is_new END AS is_new, g.thread_id,
  g._project_id AS project
FROM grouped g
LEFT JOIN agents a ON a._project_id = g._project_id AND a.page = g.page
LEFT JOIN exported_before b ON b._project_id = g._project_id
WHERE g.unanswered + g.repeated > 0
ORDER BY
  g.unanswered + g.repeated DESC, g.asked DESC,
  g.page NULLS LAST, g.category NULLS LAST, g._project_id
