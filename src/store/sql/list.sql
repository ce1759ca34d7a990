-- Pieces of the list query. It is a merge of branches, one per status (and type): each branch walks an index
-- in the order wanted, so a page costs what it shows, whatever the size of the table. $? is numbered by
-- the composer, {} is where it puts what it has composed so far.

-- name: list_branch_by_status
SELECT id, created_at FROM collection_jobs INDEXED BY collection_jobs_by_status WHERE status = $?

-- name: list_branch_by_type
SELECT id, created_at FROM collection_jobs INDEXED BY collection_jobs_by_type WHERE entity_type = $? AND status = $?

-- name: list_branch_by_parent
SELECT id, created_at FROM collection_jobs INDEXED BY collection_jobs_children WHERE parent_job_id = $?

-- name: where_status
 AND status = $?

-- name: where_type
 AND entity_type = $?

-- name: where_job_type
 AND job_type = $?

-- name: where_parent
 AND parent_job_id = $?

-- name: where_created_after
 AND created_at >= $?

-- name: where_created_before
 AND created_at < $?

-- name: where_id_after
 AND id > $?

-- name: where_q
 AND (search_query LIKE $? ESCAPE '\' OR target_url LIKE $? ESCAPE '\' OR error_message LIKE $? ESCAPE '\')

-- name: where_before_cursor
 AND (created_at, id) < ($?, $?)

-- name: where_after_cursor
 AND (created_at, id) > ($?, $?)

-- name: where_any
 AND ({})

-- name: is_status
status = $?

-- name: or
 OR

-- name: newest_first
 ORDER BY created_at DESC, id DESC

-- name: oldest_first
 ORDER BY created_at, id

-- name: lowest_id_first
 ORDER BY id

-- name: limit
 LIMIT $?

-- name: offset
 OFFSET $?

-- name: branch
SELECT * FROM ({})

-- name: next_branch
 UNION ALL

-- name: count_rows
SELECT count(*) FROM (SELECT 1 FROM ({}) AS m LIMIT $?) AS c

-- The rows of a window with their sort key.
-- name: window_rows
SELECT j.id, {key} FROM ({}) AS w CROSS JOIN collection_jobs j ON j.id = w.id WHERE 1 = 1

-- name: walk
SELECT id FROM collection_jobs NOT INDEXED WHERE id > $? AND id <= $?

-- name: walk_end
SELECT max(id) FROM (SELECT id FROM collection_jobs NOT INDEXED WHERE id > $1 ORDER BY id LIMIT $2) AS w;

-- Sort keys as text, so that one comparison serves all.
-- name: key_created_at
coalesce(j.created_at, '')

-- name: key_started_at
coalesce(j.started_at, '')

-- name: key_completed_at
coalesce(j.completed_at, '')

-- name: key_updated_at
coalesce(j.updated_at, '')

-- name: key_priority
CASE WHEN j.priority < 10 THEN '0' ELSE '' END || j.priority

-- name: totals_of
SELECT coalesce(sum(pending), 0), coalesce(sum(running), 0), coalesce(sum(completed), 0),
  coalesce(sum(failed), 0), coalesce(sum(cancelled), 0)
FROM collection_totals WHERE $1 IS NULL OR entity_type = $1;

-- name: bulk_row
SELECT job_id, status, slot_held, unique_key, cancel_requested_at IS NOT NULL AND cancel_forced = 1
FROM collection_jobs WHERE id = $1;

-- name: row_id
SELECT id FROM collection_jobs WHERE job_id = $1;
