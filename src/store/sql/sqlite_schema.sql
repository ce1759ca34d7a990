-- The tables in SQLite, and the triggers that keep what is derived from them. A person with a database
-- shell is a supported user: triggers use built-in functions only, and every one of them reaches the
-- same end whether recursive triggers are on or off and in whatever order they fire. They use no conflict
-- policy (that of the firing statement would replace it) and no upsert (it needs a statement journal).
--
-- `revision` tells the server's own statements (which raise it and write every derived column
-- themselves) from an edit by hand (which leaves it, and is mended by the triggers called *_mend_*).

-- name: migration_1
CREATE TABLE collection_jobs (
  id INTEGER PRIMARY KEY,
  job_id TEXT NOT NULL UNIQUE
    DEFAULT ('JOB-' || strftime('%s', 'now') || '-' || hex(randomblob(6))),
  entity_type TEXT NOT NULL,
  job_type TEXT NOT NULL,
  entity_id TEXT,
  search_query TEXT,
  target_url TEXT,
  search_filters TEXT,
  priority INTEGER NOT NULL DEFAULT 5 CHECK (priority BETWEEN 0 AND 10),
  run_at TEXT,
  max_attempts INTEGER,
  timeout_minutes REAL,
  parent_job_id TEXT,
  initiated_by TEXT,
  unique_key TEXT,
  status TEXT NOT NULL DEFAULT 'pending'
    CHECK (status IN ('pending', 'running', 'completed', 'failed', 'cancelled')),
  attempt INTEGER NOT NULL DEFAULT 0 CHECK (typeof(attempt) = 'integer' AND attempt >= 0),
  tries_used INTEGER NOT NULL DEFAULT 0,
  crashes INTEGER NOT NULL DEFAULT 0,
  interruptions INTEGER NOT NULL DEFAULT 0,
  items_found INTEGER NOT NULL DEFAULT 0,
  changes_detected INTEGER NOT NULL DEFAULT 0,
  approved_changes INTEGER NOT NULL DEFAULT 0,
  new_entities_found INTEGER NOT NULL DEFAULT 0,
  progress_percent REAL,
  progress_stage TEXT,
  progress_message TEXT,
  progress_updated_at TEXT,
  error_message TEXT,
  error_class TEXT,
  created_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%d %H:%M:%f', 'now')),
  started_at TEXT,
  completed_at TEXT,
  updated_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%d %H:%M:%f', 'now')),
  node TEXT,
  lease_expires_at TEXT,
  cancel_requested_at TEXT,
  cancel_forced INTEGER NOT NULL DEFAULT 0,

  revision INTEGER NOT NULL DEFAULT 0,
  host TEXT NOT NULL DEFAULT '',
  -- 1: once started, it starts again without a new request
  auto_start INTEGER NOT NULL DEFAULT 0 CHECK (auto_start IN (0, 1)),
  -- 1: its run_at has not come yet; a claim turns the due ones to 0
  waiting INTEGER NOT NULL DEFAULT 0 CHECK (waiting IN (0, 1)),
  -- 1: running, or an attempt of it is not proven dead
  slot_held INTEGER NOT NULL DEFAULT 0 CHECK (slot_held IN (0, 1)),
  eligible_ms INTEGER NOT NULL DEFAULT 0,
  -- of completed jobs
  duration_ms INTEGER,
  -- the order of claims: an hour for each step of priority; null when it cannot be claimed
  ready_key INTEGER GENERATED ALWAYS AS (
    CASE WHEN status = 'pending' AND slot_held = 0 AND waiting = 0
         THEN eligible_ms - priority * 3600000 END) VIRTUAL
);
CREATE INDEX collection_jobs_by_status ON collection_jobs (status, created_at);
CREATE INDEX collection_jobs_by_type ON collection_jobs (entity_type, status, created_at);
CREATE INDEX collection_jobs_ready ON collection_jobs (entity_type, host, auto_start, ready_key)
  WHERE ready_key IS NOT NULL;
CREATE INDEX collection_jobs_waiting ON collection_jobs (auto_start, eligible_ms)
  WHERE waiting = 1 AND status = 'pending';
CREATE INDEX collection_jobs_slots ON collection_jobs (entity_type, host) WHERE slot_held = 1;
CREATE INDEX collection_jobs_finished ON collection_jobs (completed_at)
  WHERE completed_at IS NOT NULL;
CREATE INDEX collection_jobs_children ON collection_jobs (parent_job_id, created_at)
  WHERE parent_job_id IS NOT NULL;
CREATE UNIQUE INDEX collection_jobs_unique_key ON collection_jobs (unique_key)
  WHERE unique_key IS NOT NULL AND status IN ('pending', 'running');

CREATE TABLE collection_attempts (
  id INTEGER PRIMARY KEY,
  job_id TEXT NOT NULL,
  attempt INTEGER NOT NULL,
  node TEXT,
  pid INTEGER,
  started_at TEXT,
  ended_at TEXT,
  released_at TEXT,
  outcome TEXT,
  error_class TEXT,
  error_message TEXT,
  exit_code INTEGER,
  signal INTEGER,
  cpu_user_ms INTEGER,
  cpu_system_ms INTEGER,
  max_rss_kb INTEGER,
  survivors INTEGER,
  snapshot TEXT,
  UNIQUE (job_id, attempt)
);
CREATE INDEX collection_attempts_unreleased ON collection_attempts (job_id)
  WHERE released_at IS NULL;

CREATE TABLE collection_job_logs (
  id INTEGER PRIMARY KEY,
  job_id TEXT NOT NULL,
  attempt INTEGER NOT NULL DEFAULT 0,
  timestamp TEXT NOT NULL DEFAULT (strftime('%Y-%m-%d %H:%M:%f', 'now')),
  level TEXT NOT NULL DEFAULT 'INFO',
  stage TEXT,
  message TEXT NOT NULL,
  log_data TEXT
);
CREATE INDEX collection_job_logs_by_job ON collection_job_logs (job_id);

CREATE TABLE collection_changes (
  id INTEGER PRIMARY KEY,
  job_id TEXT NOT NULL,
  attempt INTEGER NOT NULL DEFAULT 0,
  entity_type TEXT NOT NULL,
  entity_id TEXT,
  is_new_entity INTEGER NOT NULL DEFAULT 0,
  proposed_entity_data TEXT,
  field_name TEXT,
  old_value TEXT,
  new_value TEXT,
  change_type TEXT NOT NULL DEFAULT 'added',
  status TEXT NOT NULL DEFAULT 'pending',
  confidence REAL NOT NULL DEFAULT 0,
  source_url TEXT,
  evidence TEXT,
  created_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%d %H:%M:%f', 'now'))
);
CREATE INDEX collection_changes_by_job ON collection_changes (job_id);

-- What can be claimed: one row per type, host and kind of start that has ready jobs; head is the
-- smallest ready_key of them.
CREATE TABLE collection_lanes (
  entity_type TEXT NOT NULL,
  host TEXT NOT NULL,
  auto_start INTEGER NOT NULL,
  head INTEGER NOT NULL,
  PRIMARY KEY (entity_type, host, auto_start)
) WITHOUT ROWID;
CREATE INDEX collection_lanes_by_head ON collection_lanes (entity_type, auto_start, head);

CREATE TABLE collection_totals (
  entity_type TEXT PRIMARY KEY,
  pending INTEGER NOT NULL DEFAULT 0,
  running INTEGER NOT NULL DEFAULT 0,
  completed INTEGER NOT NULL DEFAULT 0,
  failed INTEGER NOT NULL DEFAULT 0,
  cancelled INTEGER NOT NULL DEFAULT 0,
  timed INTEGER NOT NULL DEFAULT 0,         -- completed jobs whose duration is known
  duration_ms INTEGER NOT NULL DEFAULT 0,   -- their sum
  items_found INTEGER NOT NULL DEFAULT 0,
  changes_detected INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID;

CREATE TABLE collection_pauses (
  entity_type TEXT PRIMARY KEY,
  paused_at TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE collection_tokens (
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL,
  role TEXT NOT NULL CHECK (role IN ('viewer', 'operator', 'admin')),
  hash TEXT NOT NULL UNIQUE,
  created_at TEXT NOT NULL,
  last_used_at TEXT,
  revoked_at TEXT
);
CREATE TABLE collection_login_codes (
  hash TEXT PRIMARY KEY,
  expires_at TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX collection_login_codes_by_time ON collection_login_codes (expires_at);
CREATE TABLE collection_sessions (
  hash TEXT PRIMARY KEY,
  role TEXT NOT NULL,
  csrf TEXT NOT NULL,
  expires_at TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX collection_sessions_by_time ON collection_sessions (expires_at);
CREATE TABLE collection_answers (
  id INTEGER PRIMARY KEY,
  token TEXT NOT NULL,
  key TEXT NOT NULL,
  body_digest TEXT NOT NULL,
  status INTEGER NOT NULL,
  headers TEXT NOT NULL,
  body TEXT NOT NULL,
  created_at TEXT NOT NULL,
  UNIQUE (token, key)
);
CREATE INDEX collection_answers_by_time ON collection_answers (created_at);
CREATE TABLE collection_facts (
  name TEXT PRIMARY KEY,
  value TEXT NOT NULL
) WITHOUT ROWID;

-- Counters: each firing adds exactly the difference between its old and its new row. New jobs of the
-- server's own (revision 1) are counted, and shown to their lanes, once for many: see count_new, offer_lane.
CREATE TRIGGER collection_jobs_count_insert AFTER INSERT ON collection_jobs
WHEN NEW.revision = 0
BEGIN
  INSERT INTO collection_totals (entity_type) SELECT NEW.entity_type
  WHERE NOT EXISTS (SELECT 1 FROM collection_totals WHERE entity_type = NEW.entity_type);
  UPDATE collection_totals SET
    pending = pending + (NEW.status = 'pending'), running = running + (NEW.status = 'running'),
    completed = completed + (NEW.status = 'completed'), failed = failed + (NEW.status = 'failed'),
    cancelled = cancelled + (NEW.status = 'cancelled'),
    timed = timed + (NEW.duration_ms IS NOT NULL),
    duration_ms = duration_ms + coalesce(NEW.duration_ms, 0),
    items_found = items_found + NEW.items_found,
    changes_detected = changes_detected + NEW.changes_detected
  WHERE entity_type = NEW.entity_type;
END;
CREATE TRIGGER collection_jobs_count_update
AFTER UPDATE OF status, duration_ms, items_found, changes_detected ON collection_jobs
WHEN NEW.entity_type = OLD.entity_type
BEGIN
  UPDATE collection_totals SET
    pending = pending + (NEW.status = 'pending') - (OLD.status = 'pending'),
    running = running + (NEW.status = 'running') - (OLD.status = 'running'),
    completed = completed + (NEW.status = 'completed') - (OLD.status = 'completed'),
    failed = failed + (NEW.status = 'failed') - (OLD.status = 'failed'),
    cancelled = cancelled + (NEW.status = 'cancelled') - (OLD.status = 'cancelled'),
    timed = timed + (NEW.duration_ms IS NOT NULL) - (OLD.duration_ms IS NOT NULL),
    duration_ms = duration_ms + coalesce(NEW.duration_ms, 0) - coalesce(OLD.duration_ms, 0),
    items_found = items_found + NEW.items_found - OLD.items_found,
    changes_detected = changes_detected + NEW.changes_detected - OLD.changes_detected
  WHERE entity_type = NEW.entity_type;
END;
CREATE TRIGGER collection_jobs_count_retype AFTER UPDATE OF entity_type ON collection_jobs
WHEN NEW.entity_type <> OLD.entity_type
BEGIN
  UPDATE collection_totals SET
    pending = pending - (OLD.status = 'pending'), running = running - (OLD.status = 'running'),
    completed = completed - (OLD.status = 'completed'), failed = failed - (OLD.status = 'failed'),
    cancelled = cancelled - (OLD.status = 'cancelled'),
    timed = timed - (OLD.duration_ms IS NOT NULL),
    duration_ms = duration_ms - coalesce(OLD.duration_ms, 0),
    items_found = items_found - OLD.items_found,
    changes_detected = changes_detected - OLD.changes_detected
  WHERE entity_type = OLD.entity_type;
  INSERT INTO collection_totals (entity_type) SELECT NEW.entity_type
  WHERE NOT EXISTS (SELECT 1 FROM collection_totals WHERE entity_type = NEW.entity_type);
  UPDATE collection_totals SET
    pending = pending + (NEW.status = 'pending'), running = running + (NEW.status = 'running'),
    completed = completed + (NEW.status = 'completed'), failed = failed + (NEW.status = 'failed'),
    cancelled = cancelled + (NEW.status = 'cancelled'),
    timed = timed + (NEW.duration_ms IS NOT NULL),
    duration_ms = duration_ms + coalesce(NEW.duration_ms, 0),
    items_found = items_found + NEW.items_found,
    changes_detected = changes_detected + NEW.changes_detected
  WHERE entity_type = NEW.entity_type;
END;
CREATE TRIGGER collection_jobs_count_delete AFTER DELETE ON collection_jobs
BEGIN
  UPDATE collection_totals SET
    pending = pending - (OLD.status = 'pending'), running = running - (OLD.status = 'running'),
    completed = completed - (OLD.status = 'completed'), failed = failed - (OLD.status = 'failed'),
    cancelled = cancelled - (OLD.status = 'cancelled'),
    timed = timed - (OLD.duration_ms IS NOT NULL),
    duration_ms = duration_ms - coalesce(OLD.duration_ms, 0),
    items_found = items_found - OLD.items_found,
    changes_detected = changes_detected - OLD.changes_detected
  WHERE entity_type = OLD.entity_type;
END;

-- Lanes: heads are read again from the jobs, never computed, so that the order of firing is no matter.
CREATE TRIGGER collection_jobs_lane_insert AFTER INSERT ON collection_jobs
WHEN NEW.revision = 0 AND NEW.ready_key IS NOT NULL
  AND NOT EXISTS (SELECT 1 FROM collection_lanes l
                  WHERE l.entity_type = NEW.entity_type AND l.host = NEW.host
                    AND l.auto_start = NEW.auto_start AND l.head <= NEW.ready_key)
BEGIN
  INSERT INTO collection_lanes (entity_type, host, auto_start, head)
  SELECT j.entity_type, j.host, j.auto_start, j.ready_key FROM collection_jobs j
  WHERE j.entity_type = NEW.entity_type AND j.host = NEW.host
    AND j.auto_start = NEW.auto_start AND j.ready_key IS NOT NULL
    AND NOT EXISTS (SELECT 1 FROM collection_lanes
                    WHERE entity_type = NEW.entity_type AND host = NEW.host
                      AND auto_start = NEW.auto_start)
  ORDER BY j.ready_key LIMIT 1;
  UPDATE collection_lanes SET head = coalesce((
    SELECT min(j.ready_key) FROM collection_jobs j
    WHERE j.entity_type = NEW.entity_type AND j.host = NEW.host
      AND j.auto_start = NEW.auto_start AND j.ready_key IS NOT NULL), head)
  WHERE entity_type = NEW.entity_type AND host = NEW.host AND auto_start = NEW.auto_start;
END;
CREATE TRIGGER collection_jobs_lane_leave
AFTER UPDATE OF status, slot_held, waiting, eligible_ms, priority, entity_type, host, auto_start
ON collection_jobs
WHEN OLD.ready_key IS NOT NULL
  AND (NEW.ready_key IS NOT OLD.ready_key OR NEW.entity_type <> OLD.entity_type
       OR NEW.host <> OLD.host OR NEW.auto_start <> OLD.auto_start)
BEGIN
  DELETE FROM collection_lanes
  WHERE entity_type = OLD.entity_type AND host = OLD.host AND auto_start = OLD.auto_start
    AND NOT EXISTS (SELECT 1 FROM collection_jobs j
                    WHERE j.entity_type = OLD.entity_type AND j.host = OLD.host
                      AND j.auto_start = OLD.auto_start AND j.ready_key IS NOT NULL);
  UPDATE collection_lanes SET head = (
    SELECT min(j.ready_key) FROM collection_jobs j
    WHERE j.entity_type = OLD.entity_type AND j.host = OLD.host
      AND j.auto_start = OLD.auto_start AND j.ready_key IS NOT NULL)
  WHERE entity_type = OLD.entity_type AND host = OLD.host AND auto_start = OLD.auto_start
    AND head = OLD.ready_key;
END;
CREATE TRIGGER collection_jobs_lane_enter
AFTER UPDATE OF status, slot_held, waiting, eligible_ms, priority, entity_type, host, auto_start
ON collection_jobs
WHEN NEW.ready_key IS NOT NULL
  AND (NEW.ready_key IS NOT OLD.ready_key OR NEW.entity_type <> OLD.entity_type
       OR NEW.host <> OLD.host OR NEW.auto_start <> OLD.auto_start)
BEGIN
  INSERT INTO collection_lanes (entity_type, host, auto_start, head)
  SELECT j.entity_type, j.host, j.auto_start, j.ready_key FROM collection_jobs j
  WHERE j.entity_type = NEW.entity_type AND j.host = NEW.host
    AND j.auto_start = NEW.auto_start AND j.ready_key IS NOT NULL
    AND NOT EXISTS (SELECT 1 FROM collection_lanes
                    WHERE entity_type = NEW.entity_type AND host = NEW.host
                      AND auto_start = NEW.auto_start)
  ORDER BY j.ready_key LIMIT 1;
  UPDATE collection_lanes SET head = coalesce((
    SELECT min(j.ready_key) FROM collection_jobs j
    WHERE j.entity_type = NEW.entity_type AND j.host = NEW.host
      AND j.auto_start = NEW.auto_start AND j.ready_key IS NOT NULL), head)
  WHERE entity_type = NEW.entity_type AND host = NEW.host AND auto_start = NEW.auto_start;
END;
CREATE TRIGGER collection_jobs_lane_delete AFTER DELETE ON collection_jobs
WHEN OLD.ready_key IS NOT NULL
BEGIN
  DELETE FROM collection_lanes
  WHERE entity_type = OLD.entity_type AND host = OLD.host AND auto_start = OLD.auto_start
    AND NOT EXISTS (SELECT 1 FROM collection_jobs j
                    WHERE j.entity_type = OLD.entity_type AND j.host = OLD.host
                      AND j.auto_start = OLD.auto_start AND j.ready_key IS NOT NULL);
  UPDATE collection_lanes SET head = (
    SELECT min(j.ready_key) FROM collection_jobs j
    WHERE j.entity_type = OLD.entity_type AND j.host = OLD.host
      AND j.auto_start = OLD.auto_start AND j.ready_key IS NOT NULL)
  WHERE entity_type = OLD.entity_type AND host = OLD.host AND auto_start = OLD.auto_start
    AND head = OLD.ready_key;
END;

CREATE TRIGGER collection_jobs_cascade AFTER DELETE ON collection_jobs
BEGIN
  DELETE FROM collection_changes WHERE job_id = OLD.job_id;
  DELETE FROM collection_job_logs WHERE job_id = OLD.job_id;
  DELETE FROM collection_attempts WHERE job_id = OLD.job_id;
END;

-- Slots follow the attempts.
CREATE TRIGGER collection_attempts_slot_insert AFTER INSERT ON collection_attempts
WHEN NEW.released_at IS NULL
BEGIN
  UPDATE collection_jobs SET slot_held = 1, revision = revision + 1
  WHERE job_id = NEW.job_id AND slot_held = 0;
END;
CREATE TRIGGER collection_attempts_slot_update AFTER UPDATE OF released_at ON collection_attempts
WHEN (OLD.released_at IS NULL) <> (NEW.released_at IS NULL)
BEGIN
  UPDATE collection_jobs SET revision = revision + 1,
    slot_held = EXISTS (SELECT 1 FROM collection_attempts a
                        WHERE a.job_id = NEW.job_id AND a.released_at IS NULL)
  WHERE job_id = NEW.job_id AND status <> 'running'
    AND slot_held <> EXISTS (SELECT 1 FROM collection_attempts a
                             WHERE a.job_id = NEW.job_id AND a.released_at IS NULL);
END;
CREATE TRIGGER collection_attempts_slot_delete AFTER DELETE ON collection_attempts
WHEN OLD.released_at IS NULL
BEGIN
  UPDATE collection_jobs SET slot_held = 0, revision = revision + 1
  WHERE job_id = OLD.job_id AND status <> 'running' AND slot_held = 1
    AND NOT EXISTS (SELECT 1 FROM collection_attempts a
                    WHERE a.job_id = OLD.job_id AND a.released_at IS NULL);
END;

-- Edits by hand: times get their one form, and what is derived follows.
CREATE TRIGGER collection_jobs_mend_insert AFTER INSERT ON collection_jobs
WHEN NEW.revision = 0
BEGIN
  UPDATE collection_jobs SET status = status, waiting = NEW.run_at IS NOT NULL,
    completed_at = CASE WHEN NEW.status IN ('completed', 'failed', 'cancelled')
                        THEN coalesce(completed_at, strftime('%Y-%m-%d %H:%M:%f', 'now'))
                        ELSE completed_at END
  WHERE id = NEW.id;
END;
CREATE TRIGGER collection_jobs_mend_update
AFTER UPDATE OF status, target_url, run_at, created_at, started_at, completed_at, updated_at,
  progress_updated_at, lease_expires_at, cancel_requested_at, host, waiting, slot_held, eligible_ms,
  duration_ms ON collection_jobs
WHEN NEW.revision = OLD.revision
BEGIN
  UPDATE collection_jobs SET
    completed_at = CASE WHEN NEW.status IN ('completed', 'failed', 'cancelled')
                        THEN coalesce(completed_at, strftime('%Y-%m-%d %H:%M:%f', 'now'))
                        ELSE NULL END,
    updated_at = CASE WHEN NEW.updated_at = OLD.updated_at
                      THEN strftime('%Y-%m-%d %H:%M:%f', 'now') ELSE updated_at END,
    waiting = run_at IS NOT NULL,
    auto_start = CASE WHEN NEW.status = 'pending' THEN 0 ELSE auto_start END
  WHERE id = NEW.id AND NEW.status <> OLD.status;
  UPDATE collection_jobs SET waiting = run_at IS NOT NULL
  WHERE id = NEW.id AND NEW.run_at IS NOT OLD.run_at;
  UPDATE collection_jobs SET
    created_at = m.created_at, started_at = m.started_at, completed_at = m.completed_at,
    updated_at = m.updated_at, run_at = m.run_at, progress_updated_at = m.progress_updated_at,
    lease_expires_at = m.lease_expires_at, cancel_requested_at = m.cancel_requested_at
  FROM (SELECT
      coalesce(CASE WHEN created_at GLOB '[0-9][0-9][0-9][0-9]-[0-9]*' THEN strftime('%Y-%m-%d %H:%M:%f', created_at) END, created_at) AS created_at,
      coalesce(CASE WHEN started_at GLOB '[0-9][0-9][0-9][0-9]-[0-9]*' THEN strftime('%Y-%m-%d %H:%M:%f', started_at) END, started_at) AS started_at,
      coalesce(CASE WHEN completed_at GLOB '[0-9][0-9][0-9][0-9]-[0-9]*' THEN strftime('%Y-%m-%d %H:%M:%f', completed_at) END, completed_at) AS completed_at,
      coalesce(CASE WHEN updated_at GLOB '[0-9][0-9][0-9][0-9]-[0-9]*' THEN strftime('%Y-%m-%d %H:%M:%f', updated_at) END, updated_at) AS updated_at,
      coalesce(CASE WHEN run_at GLOB '[0-9][0-9][0-9][0-9]-[0-9]*' THEN strftime('%Y-%m-%d %H:%M:%f', run_at) END, run_at) AS run_at,
      coalesce(CASE WHEN progress_updated_at GLOB '[0-9][0-9][0-9][0-9]-[0-9]*' THEN strftime('%Y-%m-%d %H:%M:%f', progress_updated_at) END, progress_updated_at) AS progress_updated_at,
      coalesce(CASE WHEN lease_expires_at GLOB '[0-9][0-9][0-9][0-9]-[0-9]*' THEN strftime('%Y-%m-%d %H:%M:%f', lease_expires_at) END, lease_expires_at) AS lease_expires_at,
      coalesce(CASE WHEN cancel_requested_at GLOB '[0-9][0-9][0-9][0-9]-[0-9]*' THEN strftime('%Y-%m-%d %H:%M:%f', cancel_requested_at) END, cancel_requested_at) AS cancel_requested_at
    FROM collection_jobs WHERE id = NEW.id) AS m
  WHERE collection_jobs.id = NEW.id
    AND (collection_jobs.created_at, collection_jobs.started_at, collection_jobs.completed_at,
         collection_jobs.updated_at, collection_jobs.run_at, collection_jobs.progress_updated_at,
         collection_jobs.lease_expires_at, collection_jobs.cancel_requested_at)
      IS NOT (m.created_at, m.started_at, m.completed_at, m.updated_at, m.run_at,
              m.progress_updated_at, m.lease_expires_at, m.cancel_requested_at);
  UPDATE collection_jobs SET
    host = m.host, eligible_ms = m.eligible_ms, slot_held = m.slot_held, duration_ms = m.duration_ms
  FROM (SELECT
      coalesce((SELECT lower(substr(authority, instr(authority, '@') + 1)) FROM (
          SELECT substr(rest, 1, min(instr(rest || '/', '/'), instr(rest || '?', '?'),
                                     instr(rest || '#', '#')) - 1) AS authority
          FROM (SELECT substr(target_url, instr(target_url, '://') + 3) AS rest)
        ) WHERE instr(target_url, '://') > 0), '') AS host,
      coalesce(
        CAST(round((julianday(CASE WHEN run_at GLOB '[0-9][0-9][0-9][0-9]-[0-9]*' THEN run_at END) - 2440587.5) * 86400000.0) AS INTEGER),
        CAST(round((julianday(CASE WHEN created_at GLOB '[0-9][0-9][0-9][0-9]-[0-9]*' THEN created_at END) - 2440587.5) * 86400000.0) AS INTEGER),
        0) AS eligible_ms,
      (status = 'running' OR EXISTS (SELECT 1 FROM collection_attempts a
                                     WHERE a.job_id = collection_jobs.job_id
                                       AND a.released_at IS NULL)) AS slot_held,
      CASE WHEN status = 'completed' AND started_at GLOB '[0-9][0-9][0-9][0-9]-[0-9]*'
             AND completed_at GLOB '[0-9][0-9][0-9][0-9]-[0-9]*'
           THEN max(0, CAST(round((julianday(completed_at) - julianday(started_at)) * 86400000.0) AS INTEGER))
           END AS duration_ms
    FROM collection_jobs WHERE id = NEW.id) AS m
  WHERE collection_jobs.id = NEW.id
    AND (collection_jobs.host, collection_jobs.eligible_ms, collection_jobs.slot_held,
         collection_jobs.duration_ms)
      IS NOT (m.host, m.eligible_ms, m.slot_held, m.duration_ms);
END;
CREATE TRIGGER collection_attempts_mend AFTER UPDATE OF started_at, ended_at, released_at
ON collection_attempts
WHEN length(NEW.started_at) <> 23 OR substr(NEW.started_at, 11, 1) <> ' '
  OR length(NEW.ended_at) <> 23 OR substr(NEW.ended_at, 11, 1) <> ' '
  OR length(NEW.released_at) <> 23 OR substr(NEW.released_at, 11, 1) <> ' '
BEGIN
  UPDATE collection_attempts SET
    started_at = m.started_at, ended_at = m.ended_at, released_at = m.released_at
  FROM (SELECT
      coalesce(CASE WHEN started_at GLOB '[0-9][0-9][0-9][0-9]-[0-9]*' THEN strftime('%Y-%m-%d %H:%M:%f', started_at) END, started_at) AS started_at,
      coalesce(CASE WHEN ended_at GLOB '[0-9][0-9][0-9][0-9]-[0-9]*' THEN strftime('%Y-%m-%d %H:%M:%f', ended_at) END, ended_at) AS ended_at,
      coalesce(CASE WHEN released_at GLOB '[0-9][0-9][0-9][0-9]-[0-9]*' THEN strftime('%Y-%m-%d %H:%M:%f', released_at) END, released_at) AS released_at
    FROM collection_attempts WHERE id = NEW.id) AS m
  WHERE collection_attempts.id = NEW.id
    AND (collection_attempts.started_at, collection_attempts.ended_at,
         collection_attempts.released_at) IS NOT (m.started_at, m.ended_at, m.released_at);
END;

-- The list of all changes walks one of these; the row id is the rest of their order.
-- name: migration_2
CREATE INDEX collection_changes_by_type ON collection_changes (entity_type);
CREATE INDEX collection_changes_by_status ON collection_changes (status);

-- name: migration_3
-- next_run_at is what a run is claimed by: it moves from one due time to the next in the transaction
-- that submits the job.
CREATE TABLE collection_schedules (
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  cron TEXT,
  run_at TEXT,
  time_zone TEXT NOT NULL DEFAULT 'UTC',
  overlap TEXT NOT NULL DEFAULT 'skip' CHECK (overlap IN ('skip', 'queue', 'cancel_old')),
  missed TEXT NOT NULL DEFAULT 'once' CHECK (missed IN ('none', 'once', 'all')),
  max_catch_up INTEGER NOT NULL DEFAULT 10,
  paused INTEGER NOT NULL DEFAULT 0 CHECK (paused IN (0, 1)),
  job TEXT NOT NULL,
  next_run_at TEXT,
  last_due_at TEXT,
  last_result TEXT,
  last_job_id TEXT,
  submitted INTEGER NOT NULL DEFAULT 0,
  skipped INTEGER NOT NULL DEFAULT 0,
  missed_runs INTEGER NOT NULL DEFAULT 0,
  revision INTEGER NOT NULL DEFAULT 1,
  created_at TEXT NOT NULL,
  updated_at TEXT NOT NULL
);
CREATE INDEX collection_schedules_due ON collection_schedules (next_run_at)
  WHERE next_run_at IS NOT NULL AND paused = 0;
-- By hand: a time in another form would never equal what the server read.
CREATE TRIGGER collection_schedules_mend AFTER UPDATE OF next_run_at, run_at ON collection_schedules
WHEN NEW.revision = OLD.revision
BEGIN
  UPDATE collection_schedules SET
    next_run_at = coalesce(strftime('%Y-%m-%d %H:%M:%f', NEW.next_run_at), NEW.next_run_at),
    run_at = coalesce(strftime('%Y-%m-%d %H:%M:%f', NEW.run_at), NEW.run_at)
  WHERE id = NEW.id
    AND (next_run_at IS NOT coalesce(strftime('%Y-%m-%d %H:%M:%f', NEW.next_run_at), NEW.next_run_at)
         OR run_at IS NOT coalesce(strftime('%Y-%m-%d %H:%M:%f', NEW.run_at), NEW.run_at));
END;

CREATE TABLE collection_schedule_runs (
  id INTEGER PRIMARY KEY,
  schedule_id INTEGER NOT NULL,
  due_at TEXT NOT NULL,
  decided_at TEXT NOT NULL,
  kind TEXT NOT NULL CHECK (kind IN ('due', 'catch_up', 'manual')),
  result TEXT NOT NULL CHECK (result IN ('submitted', 'skipped', 'missed')),
  job_id TEXT,
  message TEXT
);
CREATE INDEX collection_schedule_runs_newest ON collection_schedule_runs (schedule_id, id);
CREATE UNIQUE INDEX collection_schedule_runs_once ON collection_schedule_runs (schedule_id, due_at)
  WHERE kind <> 'manual';

-- What happened, per minute (step 60) and per hour (step 3600). The two lists of times are histograms.
CREATE TABLE collection_history (
  step INTEGER NOT NULL,
  began_at TEXT NOT NULL,
  entity_type TEXT NOT NULL,
  submitted INTEGER NOT NULL DEFAULT 0,
  completed INTEGER NOT NULL DEFAULT 0,
  failed INTEGER NOT NULL DEFAULT 0,
  cancelled INTEGER NOT NULL DEFAULT 0,
  retried INTEGER NOT NULL DEFAULT 0,
  reset INTEGER NOT NULL DEFAULT 0,
  run_times TEXT NOT NULL DEFAULT '',
  waits TEXT NOT NULL DEFAULT '',
  PRIMARY KEY (step, began_at, entity_type)
) WITHOUT ROWID;

-- The servers of this database.
-- name: migration_4
CREATE TABLE collection_nodes (
  node_id TEXT PRIMARY KEY,
  name TEXT NOT NULL,
  boot_id TEXT NOT NULL,
  version TEXT NOT NULL,
  started_at TEXT NOT NULL,
  heartbeat_at TEXT NOT NULL,
  draining INTEGER NOT NULL DEFAULT 0,
  capacity INTEGER NOT NULL DEFAULT 0
);

-- Nothing was ever written into the first form of this table. Each writer has rows of its own (`shard`).
-- name: migration_5
DROP TABLE collection_history;
CREATE TABLE collection_history (
  step INTEGER NOT NULL,
  began_at TEXT NOT NULL,
  entity_type TEXT NOT NULL,
  shard TEXT NOT NULL,
  submitted INTEGER NOT NULL DEFAULT 0,
  completed INTEGER NOT NULL DEFAULT 0,
  failed INTEGER NOT NULL DEFAULT 0,
  cancelled INTEGER NOT NULL DEFAULT 0,
  retried INTEGER NOT NULL DEFAULT 0,
  reset INTEGER NOT NULL DEFAULT 0,
  run_times TEXT NOT NULL DEFAULT '',
  waits TEXT NOT NULL DEFAULT '',
  PRIMARY KEY (step, began_at, entity_type, shard)
) WITHOUT ROWID;

-- Alerts, and the outbox of their messages. One alert of a key is open at a time.
-- name: migration_6
CREATE TABLE collection_alerts (
  id INTEGER PRIMARY KEY,
  alert_key TEXT NOT NULL,
  rule TEXT NOT NULL,
  kind TEXT NOT NULL,
  subject TEXT NOT NULL,
  severity TEXT NOT NULL,
  summary TEXT NOT NULL,
  detail TEXT NOT NULL DEFAULT '',
  occurrences INTEGER NOT NULL DEFAULT 1,
  started_at TEXT NOT NULL,
  last_seen_at TEXT NOT NULL,
  last_told_at TEXT NOT NULL,
  resolved_at TEXT
);
CREATE UNIQUE INDEX collection_alerts_open ON collection_alerts (alert_key)
  WHERE resolved_at IS NULL;
CREATE TABLE collection_alert_messages (
  id INTEGER PRIMARY KEY,
  alert_id INTEGER,
  receiver TEXT NOT NULL,
  event TEXT NOT NULL,
  body TEXT NOT NULL,
  state TEXT NOT NULL DEFAULT 'waiting'
    CHECK (state IN ('waiting', 'delivered', 'given_up', 'dropped')),
  created_at TEXT NOT NULL,
  not_before TEXT NOT NULL,
  tries INTEGER NOT NULL DEFAULT 0,
  last_error TEXT,
  done_at TEXT
);
CREATE INDEX collection_alert_messages_waiting ON collection_alert_messages (receiver, not_before)
  WHERE state = 'waiting';
CREATE INDEX collection_alert_messages_by_alert ON collection_alert_messages (alert_id);
-- A check cannot be changed; the role metrics is new.
CREATE TABLE collection_tokens_next (
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL,
  role TEXT NOT NULL CHECK (role IN ('metrics', 'viewer', 'operator', 'admin')),
  hash TEXT NOT NULL UNIQUE,
  created_at TEXT NOT NULL,
  last_used_at TEXT,
  revoked_at TEXT
);
INSERT INTO collection_tokens_next (id, name, role, hash, created_at, last_used_at, revoked_at)
SELECT id, name, role, hash, created_at, last_used_at, revoked_at FROM collection_tokens;
DROP TABLE collection_tokens;
ALTER TABLE collection_tokens_next RENAME TO collection_tokens;

-- The last turn of each web host (it may lie ahead), and the gap it was last known to need.
-- name: migration_7
CREATE TABLE collection_hosts (
  host TEXT PRIMARY KEY,
  last_turn_at TEXT NOT NULL,
  interval_ms INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID;

-- Events of a job's attempts that could not be read.
-- name: migration_8
ALTER TABLE collection_jobs ADD COLUMN unreadable_events INTEGER NOT NULL DEFAULT 0;

-- What makes a child job the same as another of its parent.
-- name: migration_9
ALTER TABLE collection_jobs ADD COLUMN child_digest TEXT;
CREATE INDEX collection_jobs_child ON collection_jobs (parent_job_id, child_digest)
  WHERE child_digest IS NOT NULL;
