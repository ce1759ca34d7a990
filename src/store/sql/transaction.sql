-- Transactions and the schema's version, as every driver runs them.

-- name: commit
COMMIT;

-- name: rollback
ROLLBACK;

-- name: savepoint
SAVEPOINT unit;

-- name: release_savepoint
RELEASE SAVEPOINT unit;

-- name: rollback_savepoint
ROLLBACK TO SAVEPOINT unit;

-- name: probe
INSERT INTO collection_facts (name, value) VALUES ('probe', $1)
ON CONFLICT (name) DO UPDATE SET value = excluded.value;

-- name: schema_version
SELECT coalesce(max(version), 0) FROM collection_schema;
