-- What only SQLite says this way.

-- There are no locks of rows.
-- name: limit_lock_wait
SELECT $1;

-- name: begin_write
BEGIN IMMEDIATE;

-- name: begin_read
BEGIN;

-- name: quick_check
PRAGMA quick_check(1);

-- name: integrity_check
PRAGMA integrity_check(1);

-- name: leave_write_ahead_log
PRAGMA journal_mode = DELETE;

-- name: count_all_jobs
SELECT count(*) FROM collection_jobs;

-- name: use_write_ahead_log
PRAGMA journal_mode = WAL;

-- name: schema_is_ours
SELECT 1 FROM sqlite_schema WHERE name = 'collection_schema';

-- name: count_tables
SELECT count(*) FROM sqlite_schema;

-- name: create_schema_table
CREATE TABLE IF NOT EXISTS collection_schema (version INTEGER PRIMARY KEY, applied_at TEXT NOT NULL);

-- name: record_version
INSERT INTO collection_schema (version, applied_at) VALUES ($1, strftime('%Y-%m-%d %H:%M:%f', 'now'));

-- name: insert_job
INSERT INTO collection_jobs (job_id, entity_type, job_type, entity_id, search_query, target_url,
  search_filters, priority, run_at, max_attempts, timeout_minutes, parent_job_id, initiated_by,
  unique_key, created_at, updated_at, host, eligible_ms, waiting, child_digest, revision)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $15, $16, $17, $18, $19, 1);

-- name: count_new
INSERT INTO collection_totals (entity_type, pending) VALUES ($1, $2)
ON CONFLICT (entity_type) DO UPDATE SET pending = collection_totals.pending + excluded.pending;

-- name: offer_lane
INSERT INTO collection_lanes (entity_type, host, auto_start, head) VALUES ($1, $2, 0, $3)
ON CONFLICT (entity_type, host, auto_start) DO UPDATE SET head = excluded.head
WHERE excluded.head < collection_lanes.head;

-- name: insert_log
INSERT INTO collection_job_logs (job_id, attempt, timestamp, level, stage, message, log_data)
VALUES ($1, $2, $3, $4, $5, $6, $7);

-- name: insert_change
INSERT INTO collection_changes (job_id, attempt, entity_type, entity_id, is_new_entity,
  proposed_entity_data, field_name, old_value, new_value, change_type, status, confidence,
  source_url, evidence, created_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15);

-- name: ready_before
SELECT count(*) FROM (
  SELECT 1 FROM collection_totals t
  CROSS JOIN collection_lanes l ON l.entity_type = t.entity_type AND l.auto_start IN (0, 1)
    AND l.head < $1
  CROSS JOIN collection_jobs j ON j.entity_type = l.entity_type AND j.host = l.host
    AND j.auto_start = l.auto_start AND j.ready_key IS NOT NULL AND j.ready_key < $1
  WHERE t.pending > 0 LIMIT $2) AS before;

-- name: list_branch_by_status
SELECT id, created_at FROM collection_jobs INDEXED BY collection_jobs_by_status WHERE status = $?

-- name: list_branch_by_type
SELECT id, created_at FROM collection_jobs INDEXED BY collection_jobs_by_type WHERE entity_type = $? AND status = $?

-- name: list_branch_by_parent
SELECT id, created_at FROM collection_jobs INDEXED BY collection_jobs_children WHERE parent_job_id = $?

-- name: where_q
 AND (search_query LIKE $? ESCAPE '\' OR target_url LIKE $? ESCAPE '\' OR error_message LIKE $? ESCAPE '\')

-- The rows of a window with their sort key.
-- name: window_rows
SELECT j.id, {key} FROM ({}) AS w CROSS JOIN collection_jobs j ON j.id = w.id WHERE 1 = 1

-- name: walk
SELECT id FROM collection_jobs NOT INDEXED WHERE id > $? AND id <= $?

-- name: walk_end
SELECT max(id) FROM (SELECT id FROM collection_jobs NOT INDEXED WHERE id > $1 ORDER BY id LIMIT $2) AS w;

-- Sort keys as text, so that one comparison serves all.
-- name: key_created_at
coalesce(j.created_at, '')

-- name: key_started_at
coalesce(j.started_at, '')

-- name: key_completed_at
coalesce(j.completed_at, '')

-- name: key_updated_at
coalesce(j.updated_at, '')

-- name: key_priority
CASE WHEN j.priority < 10 THEN '0' ELSE '' END || j.priority

-- name: transfer_columns
SELECT t.name, c.name, c.type, c."notnull", c.pk
FROM sqlite_schema t JOIN pragma_table_info(t.name) c
WHERE t.type = 'table' AND t.name GLOB 'collection_*' ORDER BY t.name, c.cid;

-- name: transfer_insert
INSERT INTO {table} ({columns}) VALUES ({params})

-- name: transfer_clear
DELETE FROM {table}

-- name: transfer_clear_lanes
DELETE FROM collection_lanes;

-- name: transfer_clear_totals
DELETE FROM collection_totals;

-- name: transfer_totals
INSERT INTO collection_totals (entity_type, pending, running, completed, failed, cancelled, timed,
  duration_ms, items_found, changes_detected)
SELECT entity_type, sum(status = 'pending'), sum(status = 'running'), sum(status = 'completed'),
  sum(status = 'failed'), sum(status = 'cancelled'), count(duration_ms), coalesce(sum(duration_ms), 0),
  sum(items_found), sum(changes_detected)
FROM collection_jobs GROUP BY entity_type;

-- One writer: nobody else changes a row while it is looked at.
-- name: held
-- name: unheld

-- Attempts given as one JSON text: [[job_id, attempt, message], ...].
-- name: refs
(SELECT key AS place, value ->> 0 AS job_id, value ->> 1 AS attempt, value ->> 2 AS message FROM json_each($1))

-- The wall clock was set by $1: the waits of retries, the starts of what runs, the ends of leases, turns and
-- keys move along.
-- name: move_waiting
UPDATE collection_jobs SET run_at = 
  coalesce(strftime('%Y-%m-%d %H:%M:%f', run_at, $1), run_at),
  eligible_ms = eligible_ms + $2, revision = revision + 1 WHERE waiting = 1 AND status = 'pending' AND auto_start = 1;

-- name: move_running
UPDATE collection_jobs SET started_at = 
  coalesce(strftime('%Y-%m-%d %H:%M:%f', started_at, $1), started_at), progress_updated_at = 
  coalesce(strftime('%Y-%m-%d %H:%M:%f', progress_updated_at, $1), progress_updated_at), lease_expires_at = 
  coalesce(strftime('%Y-%m-%d %H:%M:%f', lease_expires_at, $1), lease_expires_at),
  revision = revision + 1 WHERE status = 'running';

-- name: move_attempts
UPDATE collection_attempts SET started_at = 
  coalesce(strftime('%Y-%m-%d %H:%M:%f', started_at, $1), started_at) WHERE released_at IS NULL AND ended_at IS NULL;

-- name: move_hosts
UPDATE collection_hosts SET last_turn_at = 
  coalesce(strftime('%Y-%m-%d %H:%M:%f', last_turn_at, $1), last_turn_at);

-- name: move_messages
UPDATE collection_alert_messages SET not_before = 
  coalesce(strftime('%Y-%m-%d %H:%M:%f', not_before, $1), not_before) WHERE state = 'waiting';

-- name: move_answers
UPDATE collection_answers SET created_at = 
  coalesce(strftime('%Y-%m-%d %H:%M:%f', created_at, $1), created_at);

-- name: move_sessions
UPDATE collection_sessions SET expires_at = 
  coalesce(strftime('%Y-%m-%d %H:%M:%f', expires_at, $1), expires_at);

-- name: move_login_codes
UPDATE collection_login_codes SET expires_at = 
  coalesce(strftime('%Y-%m-%d %H:%M:%f', expires_at, $1), expires_at);

-- name: move_nodes
UPDATE collection_nodes SET heartbeat_at = 
  coalesce(strftime('%Y-%m-%d %H:%M:%f', heartbeat_at, $1), heartbeat_at);


-- Before a column whose index is not to be used: the rows are found by another one.
-- name: unindexed
+
