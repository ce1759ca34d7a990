-- Schedules and their runs. A step from one due time to the next is guarded by the due time it began
-- from: with several servers only one of them takes it.

-- name: schedule_columns
s.id, s.name, s.cron, s.run_at, s.time_zone, s.overlap, s.missed, s.max_catch_up, s.paused, s.job, s.next_run_at, s.last_due_at, s.last_result, s.last_job_id, s.submitted, s.skipped, s.missed_runs, s.revision, s.created_at, s.updated_at, (SELECT count(*) FROM collection_schedule_runs r JOIN collection_jobs j ON j.job_id = r.job_id WHERE r.schedule_id = s.id AND j.status IN ('pending', 'running'))

-- name: insert_schedule
INSERT INTO collection_schedules (name, cron, run_at, time_zone, overlap, missed, max_catch_up,
  paused, job, next_run_at, created_at, updated_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $11)
ON CONFLICT (name) DO NOTHING
RETURNING id;

-- name: count_schedules
SELECT count(*) FROM collection_schedules;

-- name: schedule_by_id
SELECT {schedule} FROM collection_schedules s WHERE s.id = $1;

-- name: schedule_by_name
SELECT {schedule} FROM collection_schedules s WHERE s.name = $1;

-- name: schedules
SELECT {schedule} FROM collection_schedules s ORDER BY s.name LIMIT $1 OFFSET $2;

-- name: schedule_name_taken
SELECT 1 FROM collection_schedules WHERE name = $1 AND id <> $2;

-- name: change_schedule
UPDATE collection_schedules SET name = $3, cron = $4, run_at = $5, time_zone = $6, overlap = $7,
  missed = $8, max_catch_up = $9, paused = $10, job = $11, next_run_at = $12, updated_at = $13,
  revision = revision + 1
WHERE id = $1 AND revision = $2;

-- name: delete_schedule
DELETE FROM collection_schedules WHERE id = $1;

-- name: delete_schedule_runs
DELETE FROM collection_schedule_runs WHERE schedule_id = $1;

-- name: due_schedules
SELECT {schedule} FROM collection_schedules s
WHERE s.next_run_at <= $1 AND s.next_run_at IS NOT NULL AND s.paused = 0
ORDER BY s.next_run_at, s.id LIMIT $2;

-- name: next_schedule_due
SELECT next_run_at FROM collection_schedules
WHERE next_run_at IS NOT NULL AND paused = 0 ORDER BY next_run_at LIMIT 1;

-- The compare-and-set that makes a due time one run.
-- name: step_schedule
UPDATE collection_schedules SET next_run_at = $4, last_due_at = $5, updated_at = $6,
  revision = revision + 1
WHERE id = $1 AND next_run_at = $2 AND revision = $3 AND paused = 0;

-- name: count_schedule_runs
UPDATE collection_schedules SET submitted = submitted + $2, skipped = skipped + $3,
  missed_runs = missed_runs + $4, last_result = coalesce($5, last_result),
  last_job_id = coalesce($6, last_job_id), updated_at = $7, revision = revision + 1
WHERE id = $1;

-- name: active_schedule_jobs
SELECT j.job_id, j.status FROM collection_schedule_runs r
JOIN collection_jobs j ON j.job_id = r.job_id
WHERE r.schedule_id = $1 AND j.status IN ('pending', 'running') ORDER BY r.id;

-- name: schedule_run_decided
SELECT 1 FROM collection_schedule_runs WHERE schedule_id = $1 AND due_at = $2 AND kind <> 'manual';

-- name: insert_schedule_run
INSERT INTO collection_schedule_runs (schedule_id, due_at, decided_at, kind, result, job_id, message)
VALUES ($1, $2, $3, $4, $5, $6, $7);

-- name: schedule_runs
SELECT due_at, decided_at, kind, result, job_id, message FROM collection_schedule_runs
WHERE schedule_id = $1 ORDER BY id DESC LIMIT $2;

-- Those whose job is not over are what the overlap rule looks at.
-- name: trim_schedule_runs
DELETE FROM collection_schedule_runs WHERE schedule_id = $1
  AND id <= (SELECT r.id FROM collection_schedule_runs r WHERE r.schedule_id = $1
             ORDER BY r.id DESC LIMIT 1 OFFSET $2)
  AND NOT EXISTS (SELECT 1 FROM collection_jobs j
                  WHERE j.job_id = collection_schedule_runs.job_id
                    AND j.status IN ('pending', 'running'));
