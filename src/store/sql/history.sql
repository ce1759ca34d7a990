-- What happened, per step of 60, 900 and 21,600 seconds, entity type and writer.

-- name: add_history
INSERT INTO collection_history (step, began_at, entity_type, shard, submitted, completed, failed,
  cancelled, retried, reset)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
ON CONFLICT (step, began_at, entity_type, shard) DO UPDATE SET
  submitted = collection_history.submitted + excluded.submitted,
  completed = collection_history.completed + excluded.completed,
  failed = collection_history.failed + excluded.failed,
  cancelled = collection_history.cancelled + excluded.cancelled,
  retried = collection_history.retried + excluded.retried,
  reset = collection_history.reset + excluded.reset
RETURNING run_times, waits;

-- name: set_history_times
UPDATE collection_history SET run_times = $5, waits = $6
WHERE step = $1 AND began_at = $2 AND entity_type = $3 AND shard = $4;

-- name: history
SELECT began_at, submitted, completed, failed, cancelled, retried, reset, run_times, waits
FROM collection_history
WHERE step = $1 AND began_at >= $2 AND began_at < $3
  AND (CAST($4 AS TEXT) IS NULL OR entity_type = $4)
ORDER BY began_at;

-- Some $3 of the oldest, whole moments at a time.
-- name: prune_history
DELETE FROM collection_history
WHERE step = $1 AND began_at < $2
  AND began_at <= coalesce((SELECT h.began_at FROM collection_history h
                            WHERE h.step = $1 AND h.began_at < $2
                            ORDER BY h.began_at LIMIT 1 OFFSET $3), $2);

-- name: job_entity_type
SELECT entity_type FROM collection_jobs WHERE job_id = $1;
