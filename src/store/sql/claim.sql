-- The search for the next job to start. Its cost grows with the number of types and of full hosts, never
-- with the number of jobs: each type's lanes lie in the order of their first job.

-- name: promote
UPDATE collection_jobs SET waiting = 0, revision = revision + 1 WHERE id = $1;

-- name: next_due
SELECT eligible_ms FROM collection_jobs
WHERE waiting = 1 AND status = 'pending' AND auto_start = $1
ORDER BY eligible_ms LIMIT 1;

-- name: slots_by_lane
SELECT entity_type, host, count(*) FROM collection_jobs WHERE slot_held = 1
GROUP BY entity_type, host;

-- name: slot_holders
SELECT job_id FROM collection_jobs WHERE slot_held = 1 LIMIT $1;

-- name: pending_types
SELECT entity_type FROM collection_totals GROUP BY entity_type HAVING sum(pending) > 0;

-- With the first job of each.
-- name: lanes_of_type
SELECT l.host, l.head,
  (SELECT j.id FROM collection_jobs j
   WHERE j.entity_type = l.entity_type AND j.host = l.host AND j.auto_start = l.auto_start
     AND j.ready_key IS NOT NULL ORDER BY j.ready_key, j.id LIMIT 1),
  (SELECT j.ready_key FROM collection_jobs j
   WHERE j.entity_type = l.entity_type AND j.host = l.host AND j.auto_start = l.auto_start
     AND j.ready_key IS NOT NULL ORDER BY j.ready_key LIMIT 1)
FROM collection_lanes l
WHERE l.entity_type = $1 AND l.auto_start = $2 ORDER BY l.head LIMIT $3;

-- name: has_lane
SELECT 1 FROM collection_lanes WHERE entity_type = $1 AND auto_start >= $2 LIMIT 1;

-- name: drop_lane
DELETE FROM collection_lanes WHERE entity_type = $1 AND host = $2 AND auto_start = $3;

-- name: raise_lane
UPDATE collection_lanes SET head = $4 WHERE entity_type = $1 AND host = $2 AND auto_start = $3;

-- name: next_of_lane
SELECT id, ready_key FROM collection_jobs
WHERE entity_type = $1 AND host = $2 AND auto_start = $3 AND ready_key IS NOT NULL
  AND (ready_key, id) > ($4, $5)
ORDER BY ready_key, id LIMIT $6;

-- name: pauses
SELECT entity_type FROM collection_pauses;

-- name: pause
INSERT INTO collection_pauses (entity_type, paused_at) VALUES ($1, $2)
ON CONFLICT (entity_type) DO NOTHING;

-- name: resume
DELETE FROM collection_pauses WHERE entity_type = $1;

-- name: claim_target
SELECT id, status, slot_held, entity_type, host FROM collection_jobs WHERE job_id = $1;

-- name: rank_of
SELECT eligible_ms - priority * 3600000 FROM collection_jobs WHERE job_id = $1 AND status = 'pending';

-- A row that somebody else is changing right now is passed over: it is not waited for while all
-- other claims wait.
-- name: claim_job
UPDATE collection_jobs SET status = 'running', slot_held = 1, waiting = 0, auto_start = 1,
  attempt = 1 + coalesce((SELECT max(a.attempt) FROM collection_attempts a
                          WHERE a.job_id = collection_jobs.job_id
                            AND a.attempt > collection_jobs.attempt), attempt),
  started_at = $2, updated_at = $2, completed_at = NULL, duration_ms = NULL, node = $3,
  lease_expires_at = $4, cancel_requested_at = NULL, cancel_forced = 0, progress_percent = NULL,
  progress_stage = NULL, progress_message = NULL, progress_updated_at = NULL,
  revision = revision + 1
WHERE id = (SELECT id FROM collection_jobs
            WHERE id = $1 AND status = 'pending' AND slot_held = 0 {unheld})
RETURNING {job};

-- name: due_waiting
SELECT id FROM collection_jobs
WHERE waiting = 1 AND status = 'pending' AND auto_start = $1 AND eligible_ms <= $2
ORDER BY eligible_ms LIMIT $3 {unheld};

-- The wall clock was set back: what was ready before is not put behind all that comes now.
-- name: rank_ready
UPDATE collection_jobs SET eligible_ms = $1, revision = revision + 1
WHERE ready_key IS NOT NULL AND eligible_ms > $1;
