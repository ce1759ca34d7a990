-- Turns at web hosts, one budget for all servers.

-- Holds the host's row until the end of the transaction, and says what it held before.
-- name: hold_host
INSERT INTO collection_hosts (host, last_turn_at, interval_ms) VALUES ($1, $2, 0)
ON CONFLICT (host) DO UPDATE SET interval_ms = collection_hosts.interval_ms
RETURNING last_turn_at, interval_ms;

-- name: set_host_turn
UPDATE collection_hosts SET last_turn_at = $2, interval_ms = $3 WHERE host = $1;

-- name: prune_hosts
DELETE FROM collection_hosts WHERE host IN (
  SELECT host FROM collection_hosts WHERE last_turn_at < $1 LIMIT $2)
AND last_turn_at < $1;
