"""A person with a database shell: what rows that no process stands behind do to the rest."""
import pytest

from polling import wait_until


def run_by_hand(forager, started_at="datetime('now')"):
    job_id = forager.submit()
    forager.sql(f"UPDATE collection_jobs SET status='running', started_at={started_at} WHERE job_id='{job_id}'")
    return job_id


@pytest.mark.parametrize("force", [None, "true"])
def test_a_row_without_a_process_is_cancelled_at_once(forager, force):
    job_id = run_by_hand(forager)
    answer = forager.post(f"/jobs/{job_id}/cancel", params={"force": force} if force else {})
    assert (answer.status_code, answer.json()["status"]) == (200, "cancelled")
    assert answer.json()["cancel_requested_at"] and answer.json()["completed_at"]
    assert forager.stats()["running_jobs"] == 0
    assert forager.finish("ok")["status"] == "completed"  # its slot is free
    assert forager.delete(f"/jobs/{job_id}").status_code == 200


def test_bulk_cancel_reaches_rows_without_a_process(make):
    forager = make({"max_running": 9})
    jobs = [run_by_hand(forager) for _ in range(3)]
    answer = forager.post("/jobs/bulk-cancel", {"filter": {"status": "running"}})
    assert answer.json()["affected_count"] == 3
    assert {forager.job(job_id)["status"] for job_id in jobs} == {"cancelled"}


def test_a_process_without_its_attempt_row_ends_with_its_cancelled_job(forager):
    job_id = forager.working("ok", search_filters={"ms": 60_000})
    pid = forager.attempts(job_id)[-1]["pid"]
    forager.sql(f"DELETE FROM collection_attempts WHERE job_id='{job_id}'")
    assert forager.post(f"/jobs/{job_id}/cancel").json()["status"] == "cancelled"
    wait_until(lambda: pid not in forager.processes(), 3, "the end of its process")
    assert forager.finish("ok")["status"] == "completed"


def test_explain_says_that_nothing_is_behind_a_row(forager):
    job_id = run_by_hand(forager)
    reasons = forager.get(f"/jobs/{job_id}/explain").json()["reasons"]
    assert [reason["code"] for reason in reasons] == ["no_process"]


def test_what_was_reset_is_not_stuck_any_more(make):
    forager = make({"max_running": 9})
    for _ in range(3):
        run_by_hand(forager, "datetime('now','-1 hour')")
    wait_until(lambda: forager.stats()["stuck_running"] == 3, 6, "the census")
    assert forager.reset_stuck()["reset_count"] == 3
    assert forager.stats()["stuck_running"] == 0
