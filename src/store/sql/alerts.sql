-- Alerts and their outbox. A message that is taken waits again from the end of its taker's time, so one
-- that was lost with its server is sent by another.

-- name: open_alert
INSERT INTO collection_alerts (alert_key, rule, kind, subject, severity, summary, detail, started_at,
  last_seen_at, last_told_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $8, $8)
ON CONFLICT (alert_key) WHERE resolved_at IS NULL DO NOTHING
RETURNING id;

-- name: see_alert_again
UPDATE collection_alerts SET occurrences = occurrences + 1, last_seen_at = $2, summary = $3,
  detail = $4
WHERE alert_key = $1 AND resolved_at IS NULL
RETURNING id, last_told_at;

-- name: told_alert
UPDATE collection_alerts SET last_told_at = $2 WHERE id = $1;

-- name: resolve_alert
UPDATE collection_alerts SET resolved_at = $2 WHERE alert_key = $1 AND resolved_at IS NULL
RETURNING id;

-- name: alert_columns
id, alert_key, rule, kind, subject, severity, summary, detail, occurrences, started_at, last_seen_at, resolved_at

-- name: alert_by_id
SELECT {alert} FROM collection_alerts WHERE id = $1;

-- name: open_alerts
SELECT {alert} FROM collection_alerts WHERE resolved_at IS NULL ORDER BY id LIMIT $1;

-- name: newest_alerts
SELECT {alert} FROM collection_alerts ORDER BY id DESC LIMIT $1;

-- name: queue_message
INSERT INTO collection_alert_messages (alert_id, receiver, event, body, created_at, not_before)
VALUES ($1, $2, $3, $4, $5, $6)
RETURNING id;

-- Nobody has heard of it yet, and now nobody needs to.
-- name: drop_held_messages
UPDATE collection_alert_messages SET state = 'dropped', done_at = $2
WHERE alert_id = $1 AND state = 'waiting' AND tries = 0 AND not_before > $2
RETURNING receiver, event;

-- name: message_columns
id, alert_id, receiver, event, body, state, created_at, not_before, tries, last_error, done_at

-- Messages of one alert reach a receiver in their order.
-- name: take_message
UPDATE collection_alert_messages SET not_before = $3
WHERE state = 'waiting' AND not_before <= $2 AND id = (
  SELECT m.id FROM collection_alert_messages m
  WHERE m.receiver = $1 AND m.state = 'waiting' AND m.not_before <= $2
    AND NOT EXISTS (SELECT 1 FROM collection_alert_messages e
                    WHERE e.receiver = m.receiver AND e.state = 'waiting'
                      AND e.alert_id = m.alert_id AND e.id < m.id)
  ORDER BY m.id LIMIT 1)
RETURNING {message};

-- name: message_due
SELECT min(not_before) FROM collection_alert_messages WHERE receiver = $1 AND state = 'waiting';

-- name: message_delivered
UPDATE collection_alert_messages SET state = 'delivered', tries = tries + 1, done_at = $2,
  last_error = NULL
WHERE id = $1 AND state = 'waiting';

-- name: message_failed
UPDATE collection_alert_messages SET tries = tries + 1, last_error = $2, not_before = $3
WHERE id = $1 AND state = 'waiting';

-- name: message_given_up
UPDATE collection_alert_messages SET state = 'given_up', tries = tries + 1, last_error = $2,
  done_at = $3
WHERE id = $1 AND state = 'waiting';

-- name: newest_messages
SELECT {message} FROM collection_alert_messages ORDER BY id DESC LIMIT $1;

-- name: prune_messages
DELETE FROM collection_alert_messages WHERE id IN (
  SELECT id FROM collection_alert_messages WHERE created_at < $1 ORDER BY id LIMIT $2);

-- name: prune_alerts
DELETE FROM collection_alerts WHERE id IN (
  SELECT id FROM collection_alerts WHERE resolved_at < $1 ORDER BY id LIMIT $2);

-- The newest completion among the last jobs that ended.
-- name: last_completion
SELECT max(completed_at) FROM (
  SELECT completed_at, status FROM collection_jobs WHERE completed_at IS NOT NULL
  ORDER BY completed_at DESC LIMIT 1000) AS ended
WHERE status = 'completed';
