"""A database some milliseconds away: what supervision asks does not take longer with the number of rows."""
import os

import pytest

from polling import wait_until
from postgres import Cable

ROWS = 2_500
DELAY = 0.002  # each way


@pytest.fixture
def far(make, database):
    schema = f"far{os.getpid()}"
    database.sql(f"DROP SCHEMA IF EXISTS {schema} CASCADE; CREATE SCHEMA {schema}")
    cable = Cable(database.port, DELAY)
    server = make({"database": database.url(schema, cable.port), "monitor_enabled": "0", "max_running": 4})
    server.sql = lambda statement: database.sql(statement, schema)
    yield server
    cable.close()


def put_running(server):
    server.sql(f"""INSERT INTO collection_jobs (entity_type, job_type, status, started_at)
                   SELECT 'selftest', 'ok', 'running', now() - interval '1 hour' FROM generate_series(1, {ROWS})""")


def test_thousands_of_stuck_rows_are_counted_and_reset(far):
    put_running(far)
    wait_until(lambda: far.stats()["stuck_running"] == ROWS, 15, "the census to see every row")
    answer = far.post("/jobs/reset-stuck")
    assert answer.status_code == 200, answer.text
    assert answer.json()["reset_count"] == ROWS and len(answer.json()["job_ids"]) == ROWS
    wait_until(lambda: far.stats()["stuck_running"] == 0, 15, "the census to see none")
    assert far.sql("SELECT count(*) FROM collection_jobs WHERE status = 'failed' AND error_class = 'reset'") == str(ROWS)


def test_a_bulk_cancel_of_many_waits_for_no_row_by_itself(far):
    far.sql(f"""INSERT INTO collection_jobs (entity_type, job_type) SELECT 'selftest', 'ok' FROM generate_series(1, {ROWS})""")
    tried = far.post("/jobs/bulk-cancel", json={"filter": {"status": "pending"}, "dry_run": True})
    assert tried.status_code == 200, tried.text
    assert tried.json()["affected_count"] == ROWS
    done = far.post("/jobs/bulk-cancel", json={"filter": {"status": "pending"}})
    assert done.json()["affected_count"] == ROWS and far.stats()["cancelled_jobs"] == ROWS


def test_a_count_that_cannot_be_made_is_shown_as_unknown(far):
    put_running(far)
    wait_until(lambda: far.stats()["stuck_running"] == ROWS, 15, "the census")
    # The rows cannot be read for a while; everything else can.
    far.sql("ALTER TABLE collection_attempts RENAME TO attempts_away")
    wait_until(lambda: far.stats()["stuck_running"] is None, 60, "the last count to be too old")
    assert "not known" in far.get("/monitor").json()["last_error"]
    assert "forager_stuck_running" not in far.get("/metrics").text
    far.sql("ALTER TABLE attempts_away RENAME TO collection_attempts")
    wait_until(lambda: far.stats()["stuck_running"] == ROWS, 15, "the count to be known again")
    assert far.get("/monitor").json()["last_error"] is None
