-- Which pages do answers cite, and are those answers bad?
--
-- page
-- citations         in answers of the period; an answer may cite a page several times
-- answers           that cite it
-- unanswered        of these, how many did not answer
-- unanswered_share  of the answers that have a status, 0 to 1; null if none has one
-- project
--
-- What to do: a page with a high share is found and does not help. Fix it before you write another.
WITH answers AS (
  SELECT
    _project_id, page, answer, count(*) AS citations,
    max(CASE WHEN "resolutionStatus" = 'unanswered' THEN 1 ELSE 0 END) AS unanswered,
    max(CASE WHEN "resolutionStatus" IS NULL THEN 0 ELSE 1 END) AS has_status
  FROM citations
  WHERE page IS NOT NULL
    AND "timestamp" >= getvariable('date_from') AND "timestamp" < getvariable('date_to')
  GROUP BY _project_id, page, answer
)
SELECT
  page,
  sum(citations) AS citations,
  count(*) AS answers,
  sum(unanswered) AS unanswered,
  CAST(sum(unanswered) AS DOUBLE) / nullif(sum(has_status), 0) AS unanswered_share,
  _project_id AS project
FROM answers
GROUP BY page, _project_id
ORDER BY citations DESC, page, project
