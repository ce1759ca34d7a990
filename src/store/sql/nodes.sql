-- Servers of one database: who lives, whose leases have run out.

-- name: register_node
INSERT INTO collection_nodes (node_id, name, boot_id, version, started_at, heartbeat_at, capacity)
VALUES ($1, $2, $3, $4, $5, $6, $7)
ON CONFLICT (node_id) DO UPDATE SET name = excluded.name, boot_id = excluded.boot_id,
  version = excluded.version, started_at = excluded.started_at,
  heartbeat_at = excluded.heartbeat_at, capacity = excluded.capacity, draining = 0;

-- name: beat
UPDATE collection_nodes SET heartbeat_at = $3, capacity = $4
WHERE node_id = $1 AND boot_id = $2 RETURNING draining;

-- name: count_nodes
SELECT count(*) FROM collection_nodes WHERE heartbeat_at > $1 AND draining = 0;

-- name: leave_node
DELETE FROM collection_nodes WHERE node_id = $1 AND boot_id = $2;

-- name: forget_nodes
DELETE FROM collection_nodes WHERE heartbeat_at < $1 AND NOT EXISTS (
  SELECT 1 FROM collection_attempts a WHERE a.released_at IS NULL AND a.node = collection_nodes.node_id);

-- name: nodes
SELECT node_id, name, boot_id, version, started_at, heartbeat_at, draining, capacity,
  (SELECT count(*) FROM collection_attempts a
   WHERE a.released_at IS NULL AND a.node = collection_nodes.node_id)
FROM collection_nodes ORDER BY name, node_id;

-- name: drain_node
UPDATE collection_nodes SET draining = $2 WHERE node_id = $1;

-- Rows set to running by hand have no lease.
-- name: lost_slots
SELECT job_id, attempt FROM collection_attempts
WHERE released_at IS NULL
  AND NOT EXISTS (SELECT 1 FROM collection_jobs j WHERE j.job_id = collection_attempts.job_id
                    AND j.attempt = collection_attempts.attempt AND j.status = 'running')
  AND NOT EXISTS (SELECT 1 FROM collection_nodes n
                  WHERE n.node_id = collection_attempts.node AND n.heartbeat_at > $1)
ORDER BY id LIMIT $2;

-- A row that a person holds in a transaction of theirs keeps its old lease; the others do not wait for it.
-- name: renew_leases
UPDATE collection_jobs SET lease_expires_at = $2, revision = revision + 1
WHERE id IN (SELECT id FROM collection_jobs
             WHERE status = 'running' AND node = $1 {unheld});

-- name: lost_attempts
SELECT {running} FROM collection_jobs
WHERE status = 'running' AND node IS NOT NULL AND lease_expires_at < $1
ORDER BY lease_expires_at LIMIT $2 {unheld};

-- name: node_drains
SELECT draining FROM collection_nodes WHERE node_id = $1;

-- name: attempts_of_node
SELECT count(*) FROM collection_attempts WHERE released_at IS NULL AND node = $1;
