-- What only PostgreSQL says this way. Inserts of many rows take one text array per column.

-- name: begin_write
BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE;

-- name: begin_read
BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;

-- Settings of this transaction alone, so that a pooler between us and the database changes nothing: limits
-- in ms of a statement, of waiting for a lock, and of doing nothing inside a transaction (a server that is
-- stopped in the middle must not keep its locks). Every statement is made for an index.
-- name: transaction_settings
SELECT set_config('statement_timeout', $1, true), set_config('lock_timeout', $2, true),
  set_config('idle_in_transaction_session_timeout', $3, true), set_config('timezone', 'UTC', true),
  set_config('datestyle', 'ISO', true), set_config('enable_seqscan', 'off', true),
  set_config('enable_bitmapscan', 'off', true), set_config('jit', 'off', true), set_config('plan_cache_mode', 'force_generic_plan', true),
  set_config('synchronous_commit', CASE current_setting('synchronous_commit')
                                     WHEN 'off' THEN 'on' ELSE current_setting('synchronous_commit') END, true);

-- One row per writer tells which of its commits was the last.
-- name: mark_commit
INSERT INTO collection_writers (writer, number, marked_at) VALUES ($1, $2, clock_timestamp())
ON CONFLICT (writer) DO UPDATE SET number = excluded.number, marked_at = excluded.marked_at;

-- Waits for a commit that is still under way.
-- name: last_mark
SELECT number FROM collection_writers WHERE writer = $1 FOR UPDATE;

-- name: database_clock
SELECT clock_timestamp()::timestamptz(3);

-- name: server_facts
SELECT current_setting('server_version_num')::integer, current_setting('server_encoding'),
  pg_is_in_recovery(), coalesce(current_schema(), '');

-- Ten servers may start at once.
-- name: lock_migrations
SELECT pg_advisory_xact_lock(hashtextextended('forager migrations ' || current_schema(), 0));

-- name: schema_is_there
SELECT to_regclass('collection_schema') IS NOT NULL,
  coalesce(has_schema_privilege(current_schema(), 'CREATE'), false);

-- name: create_schema_table
CREATE TABLE IF NOT EXISTS collection_schema (
  version integer PRIMARY KEY, applied_at timestamptz(3) NOT NULL);

-- name: record_version
INSERT INTO collection_schema (version, applied_at) VALUES ($1, now());

-- For the rest of the transaction.
-- name: limit_lock_wait
SELECT set_config('lock_timeout', $1, true);

-- Exact limits need one place where claims take turns.
-- name: lock_claims
SELECT pg_advisory_xact_lock(hashtextextended('forager claims ' || current_schema(), 0));

-- name: fold_lanes
WITH offers AS (DELETE FROM collection_lane_offers RETURNING entity_type, host, auto_start, head)
INSERT INTO collection_lanes (entity_type, host, auto_start, head)
SELECT entity_type, host, auto_start, min(head) FROM offers GROUP BY entity_type, host, auto_start
ON CONFLICT (entity_type, host, auto_start) DO UPDATE SET head = excluded.head
WHERE excluded.head < collection_lanes.head;

-- name: fold_totals
WITH gone AS (DELETE FROM collection_total_deltas RETURNING *)
INSERT INTO collection_total_sums AS s (entity_type, pending, running, completed, failed, cancelled,
  timed, duration_ms, items_found, changes_detected)
SELECT entity_type, sum(pending), sum(running), sum(completed), sum(failed), sum(cancelled),
  sum(timed), sum(duration_ms), sum(items_found), sum(changes_detected)
FROM gone GROUP BY entity_type
ON CONFLICT (entity_type) DO UPDATE SET
  pending = s.pending + excluded.pending, running = s.running + excluded.running,
  completed = s.completed + excluded.completed, failed = s.failed + excluded.failed,
  cancelled = s.cancelled + excluded.cancelled, timed = s.timed + excluded.timed,
  duration_ms = s.duration_ms + excluded.duration_ms,
  items_found = s.items_found + excluded.items_found,
  changes_detected = s.changes_detected + excluded.changes_detected;

-- name: insert_job
INSERT INTO collection_jobs (job_id, entity_type, job_type, entity_id, search_query, target_url,
  search_filters, priority, run_at, max_attempts, timeout_minutes, parent_job_id, initiated_by,
  unique_key, created_at, updated_at, host, eligible_ms, waiting, child_digest, revision)
SELECT job_id, entity_type, job_type, entity_id, search_query, target_url,
  replace(search_filters, '\u0000', '\ufffd')::jsonb, priority::integer, run_at::timestamptz, max_attempts::integer,
  timeout_minutes::double precision, parent_job_id, initiated_by, unique_key, created_at::timestamptz,
  created_at::timestamptz, host, eligible_ms::bigint, waiting::integer, child_digest, 1
FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[],
  $8::text[], $9::text[], $10::text[], $11::text[], $12::text[], $13::text[], $14::text[],
  $15::text[], $16::text[], $17::text[], $18::text[], $19::text[])
  AS r (job_id, entity_type, job_type, entity_id, search_query, target_url, search_filters,
    priority, run_at, max_attempts, timeout_minutes, parent_job_id, initiated_by, unique_key,
    created_at, host, eligible_ms, waiting, child_digest);

-- name: count_new
INSERT INTO collection_total_deltas (entity_type, pending) VALUES ($1, $2);

-- name: offer_lane
INSERT INTO collection_lane_offers (entity_type, host, auto_start, head) VALUES ($1, $2, 0, $3);

-- name: insert_log
INSERT INTO collection_job_logs (job_id, attempt, timestamp, level, stage, message, log_data)
SELECT job_id, attempt::integer, at::timestamptz, level, stage, message,
  replace(log_data, '\u0000', '\ufffd')::jsonb
FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[])
  AS r (job_id, attempt, at, level, stage, message, log_data);

-- name: insert_change
INSERT INTO collection_changes (job_id, attempt, entity_type, entity_id, is_new_entity,
  proposed_entity_data, field_name, old_value, new_value, change_type, status, confidence,
  source_url, evidence, created_at)
SELECT job_id, attempt::integer, entity_type, entity_id, is_new::integer,
  replace(proposed, '\u0000', '\ufffd')::jsonb, field_name, old_value, new_value, change_type, status,
  confidence::double precision, source_url, replace(evidence, '\u0000', '\ufffd')::jsonb, at::timestamptz
FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[],
  $8::text[], $9::text[], $10::text[], $11::text[], $12::text[], $13::text[], $14::text[], $15::text[])
  AS r (job_id, attempt, entity_type, entity_id, is_new, proposed, field_name, old_value,
    new_value, change_type, status, confidence, source_url, evidence, at);

-- name: ready_before
SELECT count(*) FROM (
  SELECT 1 FROM (
      SELECT entity_type, host, auto_start FROM collection_lanes WHERE head < $1 UNION
      SELECT entity_type, host, auto_start FROM collection_lane_offers WHERE head < $1) AS l
    JOIN collection_jobs j ON j.entity_type = l.entity_type AND j.host = l.host
      AND j.auto_start = l.auto_start
  WHERE j.ready_key IS NOT NULL AND j.ready_key < $1 LIMIT $2) AS before;

-- name: list_branch_by_status
SELECT id, created_at FROM collection_jobs WHERE status = $?

-- name: list_branch_by_type
SELECT id, created_at FROM collection_jobs WHERE entity_type = $? AND status = $?

-- name: list_branch_by_parent
SELECT id, created_at FROM collection_jobs WHERE parent_job_id = $?

-- name: where_q
 AND (search_query ILIKE $? ESCAPE '\' OR target_url ILIKE $? ESCAPE '\' OR error_message ILIKE $? ESCAPE '\')

-- The rows of a window with their sort key.
-- name: window_rows
SELECT j.id, {key} FROM ({}) AS w JOIN collection_jobs j ON j.id = w.id WHERE 1 = 1

-- name: walk
SELECT id FROM collection_jobs WHERE id > $? AND id <= $?

-- name: walk_end
SELECT max(id) FROM (SELECT id FROM collection_jobs WHERE id > $1 ORDER BY id LIMIT $2) AS w;

-- Sort keys as text, so that one comparison serves all.
-- name: key_created_at
coalesce(j.created_at::text, '')

-- name: key_started_at
coalesce(j.started_at::text, '')

-- name: key_completed_at
coalesce(j.completed_at::text, '')

-- name: key_updated_at
coalesce(j.updated_at::text, '')

-- name: key_priority
lpad(j.priority::text, 2, '0')

-- name: listen
LISTEN forager;

-- name: notify
SELECT pg_notify('forager', $1);

-- name: ping
SELECT 1;

-- One at a time for each key, until the end of the transaction.
-- name: take_turns
SELECT pg_advisory_xact_lock(hashtextextended($1, 1));

-- name: transfer_columns
SELECT t.relname::text, c.attname::text, format_type(c.atttypid, NULL), c.attnotnull,
  coalesce(array_position(string_to_array(k.indkey::text, ' '), c.attnum::text), 0)
FROM pg_class t JOIN pg_attribute c ON c.attrelid = t.oid
  LEFT JOIN pg_index k ON k.indrelid = t.oid AND k.indisprimary
WHERE t.relnamespace = current_schema()::text::regnamespace AND t.relkind IN ('r', 'p')
  AND t.relname LIKE 'collection\_%' AND c.attnum > 0 AND NOT c.attisdropped AND c.attgenerated = ''
ORDER BY t.relname, c.attnum;

-- name: transfer_insert
INSERT INTO {table} ({columns}) SELECT {values} FROM unnest({arrays}) AS r ({columns})

-- name: transfer_clear
TRUNCATE {table}

-- name: transfer_clear_lanes
WITH offers AS (DELETE FROM collection_lane_offers)
DELETE FROM collection_lanes;

-- name: transfer_clear_totals
WITH deltas AS (DELETE FROM collection_total_deltas)
DELETE FROM collection_total_sums;

-- name: transfer_totals
INSERT INTO collection_total_sums (entity_type, pending, running, completed, failed, cancelled, timed,
  duration_ms, items_found, changes_detected)
SELECT entity_type, count(*) FILTER (WHERE status = 'pending'), count(*) FILTER (WHERE status = 'running'),
  count(*) FILTER (WHERE status = 'completed'), count(*) FILTER (WHERE status = 'failed'),
  count(*) FILTER (WHERE status = 'cancelled'), count(duration_ms), coalesce(sum(duration_ms), 0),
  sum(items_found), sum(changes_detected)
FROM collection_jobs GROUP BY entity_type;

-- The next id is one after the largest.
-- name: transfer_identity
SELECT setval(pg_get_serial_sequence('{table}', 'id'), greatest(1, (SELECT max(id) FROM {table})),
  EXISTS (SELECT 1 FROM {table}))

-- A session's own: it ends with its connection, however that ends.
-- name: transfer_lock
SELECT pg_try_advisory_lock(hashtextextended('forager transfer ' || current_schema(), 0));

-- name: transfer_analyze
ANALYZE collection_jobs, collection_attempts, collection_job_logs, collection_changes;

-- What a row is looked at with: held until the end of the transaction, or passed over while somebody else
-- holds it.
-- name: held
FOR NO KEY UPDATE
-- name: unheld
FOR UPDATE SKIP LOCKED

-- Attempts given as one JSON text: [[job_id, attempt, message], ...].
-- name: refs
(SELECT ordinality - 1 AS place, value ->> 0 AS job_id, (value ->> 1)::integer AS attempt, value ->> 2 AS message FROM json_array_elements($1::json) WITH ORDINALITY)

-- The wall clock was set by $1: the waits of retries, the starts of what runs, the ends of leases, turns and
-- keys move along.
-- name: move_waiting
UPDATE collection_jobs SET run_at = run_at + $1::interval,
  eligible_ms = eligible_ms + $2, revision = revision + 1 WHERE waiting = 1 AND status = 'pending' AND auto_start = 1;

-- name: move_running
UPDATE collection_jobs SET started_at = started_at + $1::interval, progress_updated_at = progress_updated_at + $1::interval, lease_expires_at = lease_expires_at + $1::interval,
  revision = revision + 1 WHERE status = 'running';

-- name: move_attempts
UPDATE collection_attempts SET started_at = started_at + $1::interval WHERE released_at IS NULL AND ended_at IS NULL;

-- name: move_hosts
UPDATE collection_hosts SET last_turn_at = last_turn_at + $1::interval;

-- name: move_messages
UPDATE collection_alert_messages SET not_before = not_before + $1::interval WHERE state = 'waiting';

-- name: move_answers
UPDATE collection_answers SET created_at = created_at + $1::interval;

-- name: move_sessions
UPDATE collection_sessions SET expires_at = expires_at + $1::interval;

-- name: move_login_codes
UPDATE collection_login_codes SET expires_at = expires_at + $1::interval;

-- name: move_nodes
UPDATE collection_nodes SET heartbeat_at = heartbeat_at + $1::interval;


-- Before a column whose index is not to be used: the planner knows better.
-- name: unindexed
