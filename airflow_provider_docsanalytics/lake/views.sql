-- Views that several models use.

-- One row a page that an answer cites, as often as it cites it.
CREATE VIEW citations AS
SELECT
  _project_id, page AS asked_on, "timestamp", "resolutionStatus", answer,
  source.title AS title, source.url AS url,
  page_key(source.url, getvariable('base_url')) AS page
FROM (
  SELECT *, row_number() OVER () AS answer, unnest(sources) AS source FROM conversations
);

-- When each piece of feedback was first and last in an export, superseded ones included.
CREATE VIEW feedback_seen AS
SELECT e.owner AS _project_id, r.id, min(e.finished_at) AS first_seen, max(e.finished_at) AS last_seen
FROM rows_feedback r JOIN exports e ON e.export = r.export
GROUP BY e.owner, r.id;
