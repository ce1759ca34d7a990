-- Pieces of the list query. It is a merge of branches, one per status (and type): each branch walks an index
-- in the order wanted, so a page costs what it shows, whatever the size of the table. $? is numbered by
-- the composer, {} is where it puts what it has composed so far.

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
SELECT * FROM ({}) AS b

-- name: next_branch
 UNION ALL

-- name: count_rows
SELECT count(*) FROM (SELECT 1 FROM ({}) AS m LIMIT $?) AS c

-- name: totals_of
SELECT coalesce(sum(pending), 0), coalesce(sum(running), 0), coalesce(sum(completed), 0),
  coalesce(sum(failed), 0), coalesce(sum(cancelled), 0)
FROM collection_totals WHERE CAST($1 AS TEXT) IS NULL OR entity_type = $1;

-- name: bulk_row
SELECT {bulk} FROM collection_jobs WHERE id = $1;

-- name: bulk_row_to_change
SELECT {bulk} FROM collection_jobs WHERE id = $1 {held};

-- name: bulk_columns
job_id, status, slot_held, unique_key, entity_type, EXISTS (SELECT 1 FROM collection_attempts a WHERE a.job_id = collection_jobs.job_id AND a.released_at IS NULL)

-- name: row_id
SELECT id FROM collection_jobs WHERE job_id = $1;
