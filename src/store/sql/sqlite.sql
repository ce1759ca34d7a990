-- What only SQLite says this way.

-- name: trim_logs
DELETE FROM collection_job_logs WHERE id IN (
  SELECT id FROM (
    SELECT id, sum(length(CAST(message AS BLOB)) + coalesce(length(CAST(log_data AS BLOB)), 0))
                 OVER (ORDER BY id DESC) AS bytes
    FROM collection_job_logs WHERE job_id = $1 AND attempt = $2)
  WHERE bytes > $3);

-- name: begin_write
BEGIN IMMEDIATE;

-- name: begin_read
BEGIN;

-- name: commit
COMMIT;

-- name: rollback
ROLLBACK;

-- name: savepoint
SAVEPOINT unit;

-- name: release_savepoint
RELEASE unit;

-- name: rollback_savepoint
ROLLBACK TO unit;

-- name: probe
INSERT INTO collection_facts (name, value) VALUES ('probe', $1)
ON CONFLICT (name) DO UPDATE SET value = excluded.value;

-- name: quick_check
PRAGMA quick_check(1);

-- name: use_write_ahead_log
PRAGMA journal_mode = WAL;

-- name: schema_is_ours
SELECT 1 FROM sqlite_schema WHERE name = 'collection_schema';

-- name: count_tables
SELECT count(*) FROM sqlite_schema;

-- name: create_schema_table
CREATE TABLE IF NOT EXISTS collection_schema (version INTEGER PRIMARY KEY, applied_at TEXT NOT NULL);

-- name: schema_version
SELECT coalesce(max(version), 0) FROM collection_schema;

-- name: record_version
INSERT INTO collection_schema (version, applied_at) VALUES ($1, strftime('%Y-%m-%d %H:%M:%f', 'now'));
