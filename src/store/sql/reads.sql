-- Reads. {job} stands for the columns of a job, in the order the reader of rows expects.

-- name: job_columns
job_id, entity_type, job_type, entity_id, search_query, target_url, search_filters, priority, run_at, max_attempts, timeout_minutes, parent_job_id, initiated_by, unique_key, status, attempt, tries_used, crashes, interruptions, items_found, changes_detected, approved_changes, new_entities_found, unreadable_events, progress_percent, progress_stage, progress_message, progress_updated_at, error_message, error_class, created_at, started_at, completed_at, updated_at, node, lease_expires_at, cancel_requested_at, cancel_forced

-- name: find_job
SELECT {job} FROM collection_jobs WHERE job_id = $1;

-- name: job_by_id
SELECT {job} FROM collection_jobs WHERE id = $1;

-- name: job_exists
SELECT 1 FROM collection_jobs WHERE job_id = $1;

-- What the attempts named in $1 are told, by their place in it: a job that has left its attempt, or is to be
-- cancelled.
-- name: orders
SELECT r.place, j.job_id IS NULL, j.cancel_forced
FROM {refs} AS r LEFT JOIN collection_jobs j
  ON j.job_id = r.job_id AND j.attempt = r.attempt AND j.status = 'running'
WHERE j.job_id IS NULL OR j.cancel_requested_at IS NOT NULL;

-- name: attempt_columns
job_id, attempt, node, pid, started_at, ended_at, released_at, outcome, error_class, error_message, exit_code, signal, cpu_user_ms, cpu_system_ms, max_rss_kb, survivors, snapshot

-- name: attempts
SELECT {attempt} FROM collection_attempts WHERE job_id = $1 ORDER BY attempt;

-- name: unreleased
SELECT {attempt} FROM collection_attempts
WHERE released_at IS NULL AND (CAST($2 AS TEXT) IS NULL OR node = $2) ORDER BY id LIMIT $1;

-- Of the child jobs of $2 that are named by their digests in $1, those that are stored.
-- name: children_known
SELECT r.place FROM {refs} AS r CROSS JOIN collection_jobs j
WHERE j.parent_job_id = $2 AND j.child_digest = r.job_id AND j.child_digest IS NOT NULL;

-- name: unreleased_of
SELECT r.place FROM {refs} AS r CROSS JOIN collection_attempts a
WHERE a.job_id = r.job_id AND a.attempt = r.attempt AND a.released_at IS NULL;

-- What supervision asks of a running row and of its attempt.
-- name: running_columns
job_id, attempt, entity_type, timeout_minutes, node, started_at, updated_at, lease_expires_at, created_at, id, (SELECT a.started_at FROM collection_attempts a WHERE a.job_id = collection_jobs.job_id AND a.attempt = collection_jobs.attempt), EXISTS (SELECT 1 FROM collection_attempts a WHERE a.job_id = collection_jobs.job_id AND a.attempt = collection_jobs.attempt AND a.ended_at IS NULL)

-- name: running
SELECT {running} FROM collection_jobs
WHERE status = 'running' AND (created_at, id) > ($1, $2) ORDER BY created_at, id LIMIT $3;

-- name: running_processes
SELECT j.job_id, j.attempt, j.node, j.started_at, a.pid
FROM collection_jobs j
LEFT JOIN collection_attempts a ON a.job_id = j.job_id AND a.attempt = j.attempt
WHERE j.status = 'running' ORDER BY j.created_at, j.id LIMIT $1;

-- name: newest_job
SELECT created_at FROM collection_jobs ORDER BY id DESC LIMIT 1;

-- name: change_columns
id, job_id, attempt, entity_type, entity_id, is_new_entity, proposed_entity_data, field_name, old_value, new_value, change_type, status, confidence, source_url, evidence, created_at

-- name: changes
SELECT {change} FROM collection_changes WHERE job_id = $1 AND id > $2 ORDER BY id LIMIT $3 OFFSET $4;

-- name: count_changes
SELECT count(*) FROM (SELECT 1 FROM collection_changes WHERE job_id = $1 LIMIT $2) AS c;

-- name: change_by_id
SELECT {change} FROM collection_changes WHERE id = $1;

-- Newest first, down from below $1: of all changes, or along the one index that the filter has, and whether
-- each of them matches the rest of it.
-- name: walk_changes
SELECT id, CASE WHEN CAST($3 AS TEXT) IS NULL OR change_type = $3 THEN 1 ELSE 0 END
FROM collection_changes WHERE id < $1 ORDER BY id DESC LIMIT $2;

-- name: walk_changes_of_job
SELECT id, CASE WHEN (CAST($3 AS TEXT) IS NULL OR change_type = $3)
    AND (CAST($5 AS TEXT) IS NULL OR entity_type = $5)
    AND (CAST($6 AS TEXT) IS NULL OR status = $6) THEN 1 ELSE 0 END
FROM collection_changes WHERE job_id = $4 AND id < $1 ORDER BY id DESC LIMIT $2;

-- name: walk_changes_of_type
SELECT id, CASE WHEN (CAST($3 AS TEXT) IS NULL OR change_type = $3)
    AND (CAST($5 AS TEXT) IS NULL OR status = $5) THEN 1 ELSE 0 END
FROM collection_changes WHERE entity_type = $4 AND id < $1 ORDER BY id DESC LIMIT $2;

-- name: walk_changes_of_status
SELECT id, CASE WHEN CAST($3 AS TEXT) IS NULL OR change_type = $3 THEN 1 ELSE 0 END
FROM collection_changes WHERE status = $4 AND id < $1 ORDER BY id DESC LIMIT $2;

-- name: logs
SELECT id, timestamp, attempt, level, stage, message, log_data FROM collection_job_logs
WHERE job_id = $1 AND (CAST($2 AS INTEGER) IS NULL OR attempt = $2) AND (CAST($3 AS TEXT) IS NULL OR stage = $3)
  AND CASE level WHEN 'DEBUG' THEN 0 WHEN 'INFO' THEN 1 WHEN 'WARNING' THEN 2 ELSE 3 END >= $4
ORDER BY id LIMIT $5 OFFSET $6;

-- name: count_logs
SELECT count(*) FROM collection_job_logs
WHERE job_id = $1 AND (CAST($2 AS INTEGER) IS NULL OR attempt = $2) AND (CAST($3 AS TEXT) IS NULL OR stage = $3)
  AND CASE level WHEN 'DEBUG' THEN 0 WHEN 'INFO' THEN 1 WHEN 'WARNING' THEN 2 ELSE 3 END >= $4;

-- name: stats
SELECT coalesce(sum(pending), 0), coalesce(sum(running), 0), coalesce(sum(completed), 0),
  coalesce(sum(failed), 0), coalesce(sum(cancelled), 0), coalesce(sum(timed), 0),
  coalesce(sum(duration_ms), 0), coalesce(sum(items_found), 0), coalesce(sum(changes_detected), 0)
FROM collection_totals;

-- name: oldest_pending
SELECT created_at FROM collection_jobs WHERE status = 'pending' ORDER BY created_at LIMIT 1;
