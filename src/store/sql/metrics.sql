-- What is read at a scrape of /metrics.

-- name: totals_by_type
SELECT entity_type, sum(pending), sum(running), sum(completed), sum(failed), sum(cancelled)
FROM collection_totals GROUP BY entity_type;
