-- Views that several models use.

-- One row a page that an answer cites, as often as it cites it.
CREATE VIEW citations AS
WITH cited AS MATERIALIZED (
  SELECT *, row_number() OVER () AS answer, unnest(sources) AS source FROM conversations
),
keys AS (  -- of each address once
  SELECT url, page_key(url, getvariable('base_url')) AS page
  FROM (SELECT DISTINCT source.url AS url FROM cited)
)
SELECT
  c._project_id, c."timestamp", c."resolutionStatus", c.answer, c.source.title AS title, k.url,
  k.page
FROM cited c
LEFT JOIN keys k ON k.url = c.source.url;

-- When each piece of feedback was first and last in an export, superseded ones included.
CREATE VIEW feedback_seen AS
SELECT e.owner AS _project_id, r.id, min(e.finished_at) AS first_seen, max(e.finished_at) AS last_seen
FROM rows_feedback r JOIN exports e ON e.export = r.export
GROUP BY e.owner, r.id;
