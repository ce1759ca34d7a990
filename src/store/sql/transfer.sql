-- Moving everything from one database into another. Texts without a semicolon are templates: the names of
-- a table and its columns are filled in. How far a transfer has come stands among the facts of its target,
-- and nowhere once it is finished.

-- name: transfer_first_page
SELECT {columns} FROM {table} ORDER BY {key} LIMIT {rows}

-- name: transfer_page
SELECT {columns} FROM {table} WHERE ({key}) > ({key_params}) ORDER BY {key} LIMIT {rows}

-- name: transfer_count
SELECT count(*) FROM {table}

-- name: transfer_advance
UPDATE collection_facts SET value = $3 WHERE name = $1 AND value = $2;

-- name: transfer_forget
DELETE FROM collection_facts WHERE name = 'transfer' OR name LIKE 'transfer %';

-- name: transfer_nodes
SELECT name FROM collection_nodes WHERE heartbeat_at > $1 ORDER BY heartbeat_at DESC;

-- name: transfer_lanes
INSERT INTO collection_lanes (entity_type, host, auto_start, head)
SELECT entity_type, host, auto_start, min(ready_key) FROM collection_jobs
WHERE ready_key IS NOT NULL GROUP BY entity_type, host, auto_start;
