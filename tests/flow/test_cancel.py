"""Cancel: at once where nothing runs, within the grace and a second where something does."""
import time

import pytest

import processes
from polling import wait_until
from server import GRACE, SLACK


def test_pending(forager):
    job_id = forager.submit()
    answer = forager.post(f"/jobs/{job_id}/cancel")
    assert answer.status_code == 200
    job = forager.job(job_id)
    assert job["status"] == "cancelled" and job["attempt"] == 0 and job["completed_at"]
    assert forager.execute_pending()["message"] == "No pending jobs to execute"


@pytest.mark.parametrize("job_type", ["ok", "sleep", "busy_loop", "stall", "ignore_term", "tree", "flood", "records"])
def test_running(make, job_type):
    forager = make({"defaults": {"heartbeat_timeout": "60s", "stall_timeout": "60s"}})
    job_id = forager.working(job_type, search_filters={"ms": 60_000, "records": 5})
    pid = forager.attempts(job_id)[0]["pid"]
    tree = [pid, *processes.descendants(pid)]
    begin = time.monotonic()
    answer = forager.post(f"/jobs/{job_id}/cancel")
    if answer.status_code == 409:  # it was quicker
        assert forager.job(job_id)["status"] in ("completed", "failed")
        return
    assert answer.status_code == 202
    assert forager.job(job_id)["cancel_requested_at"]
    forager.wait_status(job_id, "cancelled", seconds=GRACE + 1 + SLACK)
    assert time.monotonic() - begin <= GRACE + 1 + SLACK
    (attempt,) = forager.wait_released(job_id, 2)
    assert attempt["outcome"] == "cancelled"
    assert not [one for one in tree if processes.alive(one)], "cancelled only after its processes are gone"
    assert forager.finish("ok")["status"] == "completed"


def test_force_skips_the_grace(make):
    forager = make({"defaults": {"heartbeat_timeout": "60s", "grace": "30s"}})
    job_id = forager.working("ignore_term")
    assert forager.post(f"/jobs/{job_id}/cancel", params={"force": "true"}).status_code == 202
    forager.wait_status(job_id, "cancelled", seconds=1 + SLACK)


def test_force_hastens_an_earlier_cancel(make):
    forager = make({"defaults": {"heartbeat_timeout": "60s", "grace": "30s"}})
    job_id = forager.working("ignore_term")
    assert forager.post(f"/jobs/{job_id}/cancel").status_code == 202
    assert forager.job(job_id)["status"] == "running"
    assert forager.post(f"/jobs/{job_id}/cancel", params={"force": "true"}).status_code == 202
    forager.wait_status(job_id, "cancelled", seconds=1 + SLACK)


def test_cancel_wins_over_a_retry(make):
    forager = make({"defaults": {"backoff": "300ms"}})
    job_id = forager.begin("transient", search_filters={"times": 9})
    wait_until(lambda: forager.job(job_id)["status"] == "pending", 5, "the retry to wait")
    assert forager.post(f"/jobs/{job_id}/cancel").status_code in (200, 202)
    assert forager.wait_status(job_id, "cancelled", seconds=3)["status"] == "cancelled"


def test_changes_already_stored_stay(forager):
    job_id = forager.working("records", search_filters={"records": 4, "ms": 60_000})
    wait_until(lambda: forager.changes(job_id)["total"] >= 4, 5, "the changes")
    count = forager.changes(job_id)["total"]
    forager.post(f"/jobs/{job_id}/cancel")
    forager.wait_status(job_id, "cancelled", seconds=GRACE + 3)
    assert forager.changes(job_id)["total"] == count


def test_a_cancelled_job_is_never_shown_running_again(make):
    """Cancel and natural end race; whichever wins, the job ends once and in a legal state."""
    forager = make({"max_running": 30})
    for round_number in range(20):
        job_id = forager.begin("ok", search_filters={"ms": 20 + round_number * 5})
        answer = forager.post(f"/jobs/{job_id}/cancel")
        job = forager.wait_status(job_id, seconds=5)
        if answer.status_code == 202:
            assert job["status"] == "cancelled", "cancel wins once it is accepted"
        else:
            assert answer.status_code == 409 and job["status"] == "completed"
        assert len(forager.attempts(job_id)) == 1


def test_cancel_survives_a_killed_server(make):
    forager = make({"defaults": {"heartbeat_timeout": "60s", "grace": "20s"}})
    job_id = forager.working("ignore_term")
    assert forager.post(f"/jobs/{job_id}/cancel").status_code == 202
    forager.kill()
    forager.start()
    forager.wait_status(job_id, "cancelled", seconds=2 + SLACK)


@pytest.mark.parametrize("query", ["force=maybe", "forse=true"])
def test_wrong_parameters(forager, query):
    job_id = forager.submit()
    assert forager.post(f"/jobs/{job_id}/cancel?{query}").status_code == 422
    assert forager.job(job_id)["status"] == "pending"
