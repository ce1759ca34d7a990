-- Transitions of a job, and the rows of its attempts. Every move out of `running` names job, attempt and
-- state; no row changed means "too late".

-- name: unique_key_holder
SELECT job_id FROM collection_jobs
WHERE unique_key = $1 AND unique_key IS NOT NULL AND status IN ('pending', 'running');

-- name: total_pending
SELECT coalesce(sum(pending), 0) FROM collection_totals;

-- name: insert_attempt
INSERT INTO collection_attempts (job_id, attempt, node, started_at) VALUES ($1, $2, $3, $4);

-- What the process did fills what is still empty, also after the job went on without it.
-- name: end_attempt
UPDATE collection_attempts SET
  ended_at = coalesce(ended_at, $3), outcome = coalesce(outcome, $4),
  error_class = coalesce(error_class, $5), error_message = coalesce(error_message, $6),
  exit_code = coalesce(exit_code, $7), signal = coalesce(signal, $8),
  cpu_user_ms = coalesce(cpu_user_ms, $9), cpu_system_ms = coalesce(cpu_system_ms, $10),
  max_rss_kb = coalesce(max_rss_kb, $11), survivors = coalesce(survivors, $12),
  snapshot = coalesce(snapshot, $13), released_at = coalesce(released_at, $14)
WHERE job_id = $1 AND attempt = $2;

-- name: complete_job
UPDATE collection_jobs SET status = 'completed', completed_at = $3, updated_at = $3,
  duration_ms = $4, error_message = NULL, error_class = NULL, node = NULL, lease_expires_at = NULL,
  interruptions = 0, revision = revision + 1,
  slot_held = CASE WHEN EXISTS (SELECT 1 FROM collection_attempts a
                                WHERE a.job_id = $1 AND a.released_at IS NULL) THEN 1 ELSE 0 END
WHERE job_id = $1 AND attempt = $2 AND status = 'running' AND cancel_requested_at IS NULL;

-- name: fail_job
UPDATE collection_jobs SET status = 'failed', completed_at = $3, updated_at = $3,
  error_class = $4, error_message = $5, node = NULL, lease_expires_at = NULL,
  revision = revision + 1,
  slot_held = CASE WHEN EXISTS (SELECT 1 FROM collection_attempts a
                                WHERE a.job_id = $1 AND a.released_at IS NULL) THEN 1 ELSE 0 END
WHERE job_id = $1 AND attempt = $2 AND status = 'running' AND cancel_requested_at IS NULL;

-- name: retry_job
UPDATE collection_jobs SET status = 'pending', updated_at = $3, error_class = $4,
  error_message = $5, run_at = $6, eligible_ms = $7, waiting = $8, tries_used = tries_used + $9,
  crashes = crashes + $10, node = NULL, lease_expires_at = NULL,
  revision = revision + 1,
  slot_held = CASE WHEN EXISTS (SELECT 1 FROM collection_attempts a
                                WHERE a.job_id = $1 AND a.released_at IS NULL) THEN 1 ELSE 0 END
WHERE job_id = $1 AND attempt = $2 AND status = 'running' AND cancel_requested_at IS NULL;

-- name: interrupt_job
UPDATE collection_jobs SET status = 'pending', updated_at = $3, error_class = $4,
  error_message = $5, run_at = $6, eligible_ms = $7, waiting = $8,
  interruptions = interruptions + $9, node = NULL, lease_expires_at = NULL,
  revision = revision + 1,
  slot_held = CASE WHEN EXISTS (SELECT 1 FROM collection_attempts a
                                WHERE a.job_id = $1 AND a.released_at IS NULL) THEN 1 ELSE 0 END
WHERE job_id = $1 AND attempt = $2 AND status = 'running' AND cancel_requested_at IS NULL;

-- name: cancel_job
UPDATE collection_jobs SET status = 'cancelled', completed_at = $3, updated_at = $3,
  cancel_requested_at = coalesce(cancel_requested_at, $3), error_class = $4, error_message = $5,
  node = NULL, lease_expires_at = NULL, revision = revision + 1,
  slot_held = CASE WHEN EXISTS (SELECT 1 FROM collection_attempts a
                                WHERE a.job_id = $1 AND a.released_at IS NULL) THEN 1 ELSE 0 END
WHERE job_id = $1 AND attempt = $2 AND status = 'running';

-- Of those named in $1, what still runs that attempt: found by its id, not among all that run.
-- name: reset_jobs
UPDATE collection_jobs SET status = 'failed', completed_at = $2, updated_at = $2,
  error_class = 'reset', error_message = r.message, node = NULL, lease_expires_at = NULL,
  revision = revision + 1,
  slot_held = CASE WHEN EXISTS (SELECT 1 FROM collection_attempts a
                                WHERE a.job_id = collection_jobs.job_id AND a.released_at IS NULL)
                   THEN 1 ELSE 0 END
FROM {refs} AS r
WHERE collection_jobs.job_id = r.job_id AND collection_jobs.attempt = r.attempt
  AND {unindexed}collection_jobs.status = 'running'
RETURNING collection_jobs.job_id, collection_jobs.attempt, collection_jobs.entity_type;

-- name: reset_and_requeue_jobs
UPDATE collection_jobs SET status = 'pending', updated_at = $2, error_class = 'reset',
  error_message = r.message, run_at = $2, eligible_ms = $3, waiting = 0, auto_start = 0,
  tries_used = 0, crashes = 0, interruptions = 0, node = NULL, lease_expires_at = NULL,
  cancel_requested_at = NULL, cancel_forced = 0, revision = revision + 1,
  slot_held = CASE WHEN EXISTS (SELECT 1 FROM collection_attempts a
                                WHERE a.job_id = collection_jobs.job_id AND a.released_at IS NULL)
                   THEN 1 ELSE 0 END
FROM {refs} AS r
WHERE collection_jobs.job_id = r.job_id AND collection_jobs.attempt = r.attempt
  AND {unindexed}collection_jobs.status = 'running'
RETURNING collection_jobs.job_id, collection_jobs.attempt, collection_jobs.entity_type;

-- name: reset_attempts
UPDATE collection_attempts SET ended_at = coalesce(ended_at, $2), outcome = coalesce(outcome, 'reset'),
  error_class = coalesce(error_class, 'reset'), error_message = coalesce(error_message, r.message)
FROM {refs} AS r
WHERE collection_attempts.job_id = r.job_id AND collection_attempts.attempt = r.attempt;

-- name: requeue_job
UPDATE collection_jobs SET status = 'pending', updated_at = $2, run_at = $2, eligible_ms = $3,
  waiting = 0, auto_start = 0, tries_used = 0, crashes = 0, interruptions = 0, completed_at = NULL,
  error_class = NULL, error_message = NULL, cancel_requested_at = NULL, cancel_forced = 0,
  revision = revision + 1
WHERE job_id = $1 AND status IN ('failed', 'cancelled');

-- Due now, and started by dispatch in either mode; its age keeps its place.
-- name: request_job
UPDATE collection_jobs SET auto_start = 1, waiting = 0, updated_at = $2,
  run_at = CASE WHEN eligible_ms > $3 THEN $2 ELSE run_at END,
  eligible_ms = CASE WHEN eligible_ms > $3 THEN $3 ELSE eligible_ms END,
  revision = revision + 1
WHERE job_id = $1 AND status = 'pending';

-- name: is_requested
SELECT auto_start FROM collection_jobs WHERE job_id = $1 AND status = 'pending';

-- name: cancel_pending_job
UPDATE collection_jobs SET status = 'cancelled', completed_at = $2, updated_at = $2, waiting = 0,
  cancel_requested_at = $2, cancel_forced = $3, revision = revision + 1
WHERE job_id = $1 AND status = 'pending';

-- name: request_cancel
UPDATE collection_jobs SET cancel_requested_at = coalesce(cancel_requested_at, $2),
  cancel_forced = CASE WHEN cancel_forced = 1 THEN 1 ELSE $3 END, updated_at = $2,
  revision = revision + 1
WHERE job_id = $1 AND status = 'running';

-- A row set to running by hand has no process whose end would cancel it.
-- name: cancel_unattended_job
UPDATE collection_jobs SET status = 'cancelled', completed_at = $2, updated_at = $2,
  cancel_requested_at = coalesce(cancel_requested_at, $2), cancel_forced = $3, node = NULL,
  lease_expires_at = NULL, slot_held = 0, revision = revision + 1
WHERE job_id = $1 AND status = 'running'
  AND NOT EXISTS (SELECT 1 FROM collection_attempts a
                  WHERE a.job_id = $1 AND a.released_at IS NULL);

-- name: delete_job
DELETE FROM collection_jobs WHERE job_id = $1 AND status <> 'running' AND slot_held = 0;

-- name: attempt_started
UPDATE collection_attempts SET pid = $3 WHERE job_id = $1 AND attempt = $2 AND released_at IS NULL;

-- name: release_attempt
UPDATE collection_attempts SET released_at = $3, ended_at = coalesce(ended_at, $3),
  cpu_user_ms = coalesce(cpu_user_ms, $4), cpu_system_ms = coalesce(cpu_system_ms, $5),
  max_rss_kb = coalesce(max_rss_kb, $6), survivors = coalesce(survivors, $7)
WHERE job_id = $1 AND attempt = $2 AND released_at IS NULL;

-- Their processes are gone, and nothing else is known of them.
-- name: release_attempts
UPDATE collection_attempts SET released_at = $2, ended_at = coalesce(ended_at, $2)
FROM {refs} AS r
WHERE collection_attempts.job_id = r.job_id AND collection_attempts.attempt = r.attempt
  AND collection_attempts.released_at IS NULL
RETURNING collection_attempts.job_id;

-- name: record_news
UPDATE collection_jobs SET updated_at = $3,
  progress_percent = coalesce($4, progress_percent),
  progress_stage = coalesce($5, progress_stage),
  progress_message = coalesce($6, progress_message),
  progress_updated_at = coalesce($7, progress_updated_at),
  items_found = items_found + $8, new_entities_found = new_entities_found + $9,
  changes_detected = changes_detected + $10, unreadable_events = unreadable_events + $11,
  revision = revision + 1
WHERE job_id = $1 AND attempt = $2 AND status = 'running';

-- name: record_progress
UPDATE collection_jobs SET updated_at = $3,
  progress_percent = coalesce($4, progress_percent),
  progress_stage = coalesce($5, progress_stage),
  progress_message = coalesce($6, progress_message),
  progress_updated_at = coalesce($7, progress_updated_at), revision = revision + 1
WHERE job_id = $1 AND attempt = $2 AND status = 'running';

-- All rows between the first $3 and the last $4 of the attempt.
-- name: trim_logs
DELETE FROM collection_job_logs WHERE id IN (
  SELECT id FROM collection_job_logs WHERE job_id = $1 AND attempt = $2
    AND id > (SELECT max(id) FROM (
        SELECT id FROM collection_job_logs WHERE job_id = $1 AND attempt = $2
        ORDER BY id LIMIT $3) AS kept)
  ORDER BY id DESC LIMIT 1000000000 OFFSET $4);

-- name: prune_jobs
DELETE FROM collection_jobs WHERE id IN (
  SELECT id FROM collection_jobs
  WHERE completed_at < $1 AND completed_at IS NOT NULL
    AND status IN ('completed', 'failed', 'cancelled') AND slot_held = 0
  ORDER BY completed_at LIMIT $2);

-- Until this unit ends, no other server moves the job: what was judged stays true.
-- name: guard_attempt
SELECT started_at, cancel_requested_at IS NOT NULL, entity_type FROM collection_jobs
WHERE job_id = $1 AND attempt = $2 AND status = 'running' {held};

-- name: find_job_to_change
SELECT {job} FROM collection_jobs WHERE job_id = $1 {held};
