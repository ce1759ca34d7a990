-- Tokens, login codes, sessions, kept answers, facts.

-- name: create_token
INSERT INTO collection_tokens (name, role, hash, created_at) VALUES ($1, $2, $3, $4)
RETURNING id;

-- name: tokens
SELECT id, name, role, created_at, last_used_at, revoked_at FROM collection_tokens ORDER BY id;

-- name: find_token
SELECT id, name, role, created_at, last_used_at, revoked_at FROM collection_tokens
WHERE hash = $1 AND revoked_at IS NULL;

-- name: revoke_token
UPDATE collection_tokens SET revoked_at = coalesce(revoked_at, $2) WHERE id = $1;

-- name: token_used
UPDATE collection_tokens SET last_used_at = $2
WHERE id = $1 AND (last_used_at IS NULL OR last_used_at < $2);

-- name: create_login_code
INSERT INTO collection_login_codes (hash, expires_at) VALUES ($1, $2);

-- name: find_login_code
SELECT hash FROM collection_login_codes WHERE hash = $1 AND expires_at > $2;

-- name: use_login_code
DELETE FROM collection_login_codes WHERE hash = $1 AND expires_at > $2;

-- name: create_session
INSERT INTO collection_sessions (hash, role, csrf, expires_at) VALUES ($1, $2, $3, $4);

-- name: find_session
SELECT role, csrf, expires_at FROM collection_sessions WHERE hash = $1 AND expires_at > $2;

-- name: end_session
DELETE FROM collection_sessions WHERE hash = $1;

-- name: find_answer
SELECT body_digest, status, headers, body FROM collection_answers
WHERE token = $1 AND key = $2 AND created_at > $3;

-- name: keep_answer
INSERT INTO collection_answers (token, key, body_digest, status, headers, body, created_at)
VALUES ($1, $2, $3, $4, $5, $6, $7)
ON CONFLICT (token, key) DO UPDATE SET body_digest = excluded.body_digest,
  status = excluded.status, headers = excluded.headers, body = excluded.body,
  created_at = excluded.created_at;

-- name: prune_answers
DELETE FROM collection_answers WHERE id IN (
  SELECT id FROM collection_answers WHERE created_at <= $1 ORDER BY created_at LIMIT $2);

-- name: prune_login_codes
DELETE FROM collection_login_codes WHERE hash IN (
  SELECT hash FROM collection_login_codes WHERE expires_at <= $1 LIMIT $2);

-- name: prune_sessions
DELETE FROM collection_sessions WHERE hash IN (
  SELECT hash FROM collection_sessions WHERE expires_at <= $1 LIMIT $2);

-- name: fact
SELECT value FROM collection_facts WHERE name = $1;

-- name: set_fact
INSERT INTO collection_facts (name, value) VALUES ($1, $2)
ON CONFLICT (name) DO UPDATE SET value = excluded.value;
