"""Every state a job can be in, every order that may be given to it there, and what follows."""
import pytest

from server import FINISHED


def pending(forager):
    return forager.submit()


def running(forager):
    return forager.working("ok", search_filters={"ms": 30_000})


def completed(forager):
    job_id = forager.finish("ok")["job_id"]
    forager.wait_released(job_id)
    return job_id


def failed(forager):
    job_id = forager.finish("fail")["job_id"]
    forager.wait_released(job_id)
    return job_id


def cancelled(forager):
    job_id = forager.submit()
    assert forager.post(f"/jobs/{job_id}/cancel").status_code == 200
    return job_id


STATES = {"pending": pending, "running": running, "completed": completed, "failed": failed, "cancelled": cancelled}
# (order, state it is given in) -> (answer, state afterwards)
TABLE = [
    ("start", "pending", 202, None), ("start", "running", 409, "running"), ("start", "completed", 409, "completed"),
    ("start", "failed", 409, "failed"), ("start", "cancelled", 409, "cancelled"),
    ("cancel", "pending", 200, "cancelled"), ("cancel", "running", 202, None), ("cancel", "completed", 409, "completed"),
    ("cancel", "failed", 409, "failed"), ("cancel", "cancelled", 409, "cancelled"),
    ("retry", "pending", 409, "pending"), ("retry", "running", 409, "running"), ("retry", "completed", 409, "completed"),
    ("retry", "failed", 200, "pending"), ("retry", "cancelled", 200, "pending"),
    ("delete", "pending", 200, "gone"), ("delete", "running", 409, "running"), ("delete", "completed", 200, "gone"),
    ("delete", "failed", 200, "gone"), ("delete", "cancelled", 200, "gone"),
]


@pytest.mark.parametrize("order,state,answer,after", TABLE, ids=[f"{row[0]}-{row[1]}" for row in TABLE])
def test_orders(wide, order, state, answer, after):
    job_id = STATES[state](wide)
    assert wide.job(job_id)["status"] == state
    path = f"/jobs/{job_id}" if order == "delete" else f"/jobs/{job_id}/{order}"
    given = wide.request("DELETE" if order == "delete" else "POST", path)
    assert given.status_code == answer, given.text
    if answer == 409:
        assert state in given.json()["detail"], given.json()
    if after == "gone":
        assert given.json()["job_id"] == job_id and given.json()["message"]
        for route in ("", "/attempts", "/logs", "/changes", "/explain"):
            assert wide.get(f"/jobs/{job_id}{route}").status_code == 404
    elif after:
        assert wide.job(job_id)["status"] == after


@pytest.mark.parametrize("order", ["start", "execute", "cancel", "retry"])
def test_orders_to_no_job(shared, order):
    answer = shared.post(f"/jobs/JOB-1700000000-ABCDEFGHIJ/{order}")
    assert answer.status_code == 404 and "JOB-1700000000-ABCDEFGHIJ" in answer.json()["detail"]


def test_a_completed_job_tells_all(wide):
    job = wide.finish("ok", search_filters={"ms": 300})
    assert job["status"] == "completed" and job["attempt"] == 1
    assert job["error_message"] is None and job["error_class"] is None
    assert job["created_at"] <= job["started_at"] <= job["completed_at"] <= job["updated_at"]
    assert job["next_run_at"] is None and job["cancel_requested_at"] is None
    (attempt,) = wide.wait_released(job["job_id"])
    assert (attempt["attempt"], attempt["outcome"], attempt["exit_code"], attempt["signal"]) == (1, "completed", 0, None)
    assert attempt["error_class"] is None and attempt["node"] and attempt["pid"] > 1
    assert attempt["started_at"] <= attempt["ended_at"] <= attempt["released_at"]
    assert attempt["cpu_user_ms"] >= 0 and attempt["cpu_system_ms"] >= 0 and attempt["max_rss_kb"] > 0 and attempt["survivors"] == 0


def test_records_become_pending_changes(wide):
    job = wide.finish("records", search_filters={"records": 7, "ms": 50})
    assert job["status"] == "completed"
    changes = wide.changes(job["job_id"])
    assert changes["total"] >= 7 and job["changes_detected"] == changes["total"] and job["items_found"] == 7
    assert {change["status"] for change in changes["changes"]} == {"pending"}
    assert wide.stats()["total_changes_detected"] == changes["total"]


def test_history_stays_when_a_job_is_retried_by_hand(wide):
    job_id = wide.finish("fail")["job_id"]
    wide.wait_released(job_id)
    again = wide.post(f"/jobs/{job_id}/retry").json()
    assert wide.job(job_id)["status"] == "pending" and again
    wide.post(f"/jobs/{job_id}/start")
    wide.wait_status(job_id, *FINISHED)
    assert [attempt["attempt"] for attempt in wide.wait_released(job_id)] == [1, 2]


def test_manual_retry_gives_all_tries_back(make):
    forager = make({"max_running": 5, "defaults": {"backoff": "50ms", "max_attempts": 2}})
    job_id = forager.begin("transient", search_filters={"times": 3})
    assert forager.wait_status(job_id, *FINISHED)["attempt"] == 2
    forager.wait_released(job_id)
    assert forager.post(f"/jobs/{job_id}/retry").status_code == 200
    assert forager.post(f"/jobs/{job_id}/start").status_code == 202
    job = forager.wait_status(job_id, *FINISHED)
    assert (job["status"], job["attempt"]) == ("completed", 4)


def test_counters_follow_every_way(wide):
    wide.submit(), running(wide), completed(wide), failed(wide), cancelled(wide)
    stats = wide.stats()
    assert {key: stats[f"{key}_jobs"] for key in ("total", "pending", "running", "completed", "failed", "cancelled")} == {
        "total": 5, "pending": 1, "running": 1, "completed": 1, "failed": 1, "cancelled": 1}
    assert stats["success_rate"] == 0.5 and stats["average_duration"] >= 0 and stats["stuck_running"] == 0
    assert stats["oldest_pending_seconds"] >= 0


def test_counters_follow_a_hand_at_the_shell(forager):
    jobs = [forager.submit() for _ in range(4)]
    forager.sql(f"UPDATE collection_jobs SET status='completed' WHERE job_id='{jobs[0]}'")
    forager.sql(f"UPDATE collection_jobs SET status='failed' WHERE job_id='{jobs[1]}'")
    forager.sql(f"DELETE FROM collection_jobs WHERE job_id='{jobs[2]}'")
    stats = forager.stats()
    assert (stats["total_jobs"], stats["pending_jobs"], stats["completed_jobs"], stats["failed_jobs"]) == (3, 1, 1, 1)


def test_a_shell_cannot_invent_states(forager):
    job_id = forager.submit()
    try:
        forager.sql(f"UPDATE collection_jobs SET status='stuck' WHERE job_id='{job_id}'")
    except AssertionError:
        pass
    assert forager.job(job_id)["status"] in ("pending",)


def test_figures_of_an_empty_server(forager):
    stats = forager.stats()
    assert stats["total_jobs"] == 0 and stats["success_rate"] is None and stats["average_duration"] is None
    assert stats["oldest_pending_seconds"] in (None, 0)
    assert set(stats) >= {"total_jobs", "pending_jobs", "running_jobs", "completed_jobs", "failed_jobs", "cancelled_jobs",
                          "success_rate", "average_duration", "total_entities_collected", "total_changes_detected",
                          "oldest_pending_seconds", "stuck_running"}
