-- What feedback is open, and how old is it?
--
-- Feedback whose status is pending or in_progress, created before the end of the period. The status
-- is that of the freshest export that has it: the service does not say when it changes.
--
-- feedback_id
-- page, source, status, comment
-- created_at              null where the service has none
-- age_days                from created_at to the end of the period
-- first_seen, last_seen   when the first and the last export that has it was finished
-- project
--
-- What to do: answer or dismiss from the top. If last_seen is old, export those days again: it may
-- have been closed since.
SELECT
  f.id AS feedback_id, f.page, f.source, f.status, f.comment,
  f."createdAt" AS created_at,
  CAST(EXTRACT(EPOCH FROM getvariable('date_to') - f."createdAt") AS DOUBLE) / 86400 AS age_days,
  s.first_seen, s.last_seen,
  f._project_id AS project
FROM feedback f
LEFT JOIN feedback_seen s ON s._project_id = f._project_id AND s.id = f.id
WHERE f.status IN ('pending', 'in_progress')
  AND (f."createdAt" < getvariable('date_to') OR f."createdAt" IS NULL)
ORDER BY created_at NULLS FIRST, feedback_id, project
