"""POST /jobs/reset-stuck and the monitor: what counts as stuck, and that its processes are gone."""
import pytest

import processes
from polling import wait_until
from server import moment

NONE_30 = {"success": True, "reset_count": 0, "job_ids": [], "message": "No jobs have been running for more than 30 minutes"}


def set_running(forager, job_id, started_at, updated_at=None):
    more = f", updated_at={updated_at}" if updated_at else ""
    forager.sql(f"UPDATE collection_jobs SET status='running', started_at={started_at}{more} WHERE job_id='{job_id}'")


def test_none_found(forager):
    assert forager.reset_stuck() == NONE_30


def test_fresh_jobs_are_left_alone(forager):
    job_id = forager.working("ok", search_filters={"ms": 20_000})
    assert forager.reset_stuck() == NONE_30
    assert forager.reset_stuck(timeout_minutes=0.5)["message"] == "No jobs have been running for more than 0.5 minutes"
    assert forager.job(job_id)["status"] == "running"


@pytest.mark.parametrize("started_at", [
    "datetime('now','-1 hour')", "strftime('%Y-%m-%dT%H:%M:%SZ','now','-1 hour')",
    "strftime('%Y-%m-%dT%H:%M:%fZ','now','-1 hour')", "strftime('%Y-%m-%d %H:%M:%f','now','-1 hour')"])
@pytest.mark.sqlite
def test_times_as_a_person_writes_them(forager, started_at):
    job_id = forager.submit()
    set_running(forager, job_id, started_at)
    assert forager.reset_stuck()["job_ids"] == [job_id]
    assert forager.stats()["running_jobs"] == 0 and forager.stats()["failed_jobs"] == 1


@pytest.mark.sqlite
@pytest.mark.parametrize("started_at", ["NULL", "'soon'", "''", "datetime('now','+3 hours')", "12345"])
def test_an_unreadable_start_counts_from_the_last_update(forager, started_at):
    job_id, young = forager.submit(), forager.submit()
    set_running(forager, job_id, started_at, "datetime('now','-1 hour')")
    set_running(forager, young, started_at, "datetime('now')")
    assert forager.reset_stuck()["job_ids"] == [job_id]
    assert forager.job(young)["status"] == "running"
    assert forager.get("/jobs").status_code == 200


def test_several_at_once(make):
    forager = make({"max_running": 9})
    jobs = [forager.submit() for _ in range(5)]
    for job_id in jobs:
        set_running(forager, job_id, "datetime('now','-1 hour')")
    answer = forager.reset_stuck()
    assert answer["message"] == "Reset 5 stuck job(s)" and sorted(answer["job_ids"]) == sorted(jobs)
    assert forager.reset_stuck() == NONE_30


@pytest.mark.parametrize("job_type", ["sleep", "busy_loop", "ignore_term", "tree", "stall"])
def test_a_live_attempt_is_killed_with_its_whole_tree(make, job_type):
    forager = make({"defaults": {"heartbeat_timeout": "60s", "stall_timeout": "60s", "grace": "30s"}})
    job_id = forager.working(job_type)
    pid = forager.attempts(job_id)[0]["pid"]
    below = [pid, *processes.descendants(pid)]
    answer = forager.reset_stuck(timeout_minutes=0)
    assert answer["job_ids"] == [job_id] and answer["message"] == "Reset 1 stuck job(s)"
    job = forager.job(job_id)
    assert (job["status"], job["error_class"]) == ("failed", "reset")
    assert job["error_message"].startswith("Job timed out after running for more than 0 minutes. ")
    (attempt,) = forager.wait_released(job_id, 3)
    assert attempt["outcome"] == "reset"
    assert not any(processes.alive(one) for one in below)
    assert forager.begin()  # the slot is free


def test_requeue_needs_a_new_request(forager):
    job_id = forager.working("sleep")
    assert forager.reset_stuck(timeout_minutes=0, requeue="true")["job_ids"] == [job_id]
    job = forager.job(job_id)
    assert (job["status"], job["attempt"]) == ("pending", 1)
    forager.wait_released(job_id)
    assert forager.execute_pending()["job_ids"] == [job_id]
    assert forager.job(job_id)["attempt"] == 2


@pytest.mark.parametrize("value", ["-1", "10081", "abc", "", "nan", "inf", "1e400", "0x10"])
def test_wrong_timeouts_are_refused(forager, value):
    job_id = forager.submit()
    set_running(forager, job_id, "datetime('now','-99 days')")
    answer = forager.post("/jobs/reset-stuck", params={"timeout_minutes": value})
    assert answer.status_code == 422 and "timeout_minutes" in answer.text
    assert forager.job(job_id)["status"] == "running"


def test_unknown_parameters_and_bodies_do_not_reset(forager):
    job_id = forager.working("ok", search_filters={"ms": 20_000})
    assert forager.post("/jobs/reset-stuck?timeout=0").status_code == 422
    assert forager.post("/jobs/reset-stuck", {"timeout_minutes": 0}).status_code in (200, 400, 422)
    assert forager.job(job_id)["status"] == "running"


def test_fractions_and_bounds(forager):
    for text, shown in (("0.25", "0.25"), ("10080", "10080"), ("30.0", "30"), ("2.50", "2.5")):
        assert forager.reset_stuck(timeout_minutes=text)["message"] == f"No jobs have been running for more than {shown} minutes"


def test_the_monitor_repairs_rows_without_a_living_attempt(make):
    forager = make({"monitor_interval": 0.3})
    job_id = forager.submit()
    set_running(forager, job_id, "datetime('now','-1 hour')")
    assert forager.wait_status(job_id, "failed", seconds=3)["error_class"] == "reset"
    monitor = forager.get("/monitor").json()
    assert monitor["enabled"] and monitor["last_run"] and monitor["next_run"] and monitor["last_error"] is None
    assert moment(monitor["next_run"]) >= moment(monitor["last_run"])


def test_the_monitor_uses_the_rows_own_limit(make):
    forager = make({"monitor_interval": 0.3})
    short, long = forager.submit(timeout_minutes=1), forager.submit(timeout_minutes=600)
    for job_id in (short, long):
        set_running(forager, job_id, "datetime('now','-5 minutes')")
    job = forager.wait_status(short, "failed", seconds=3)
    assert job["error_message"].startswith("Job timed out after running for more than 1 minutes. ")
    assert forager.job(long)["status"] == "running"


def test_the_monitor_kills_an_attempt_whose_row_no_longer_says_so(make):
    forager = make({"monitor_interval": 0.3, "defaults": {"heartbeat_timeout": "60s"}})
    job_id = forager.working("sleep")
    pid = forager.attempts(job_id)[0]["pid"]
    forager.sql(f"UPDATE collection_jobs SET status='failed', error_message='by hand' WHERE job_id='{job_id}'")
    wait_until(lambda: not processes.alive(pid), 4, "the process to be killed")
    forager.wait_released(job_id)
    assert (forager.job(job_id)["status"], forager.job(job_id)["error_message"]) == ("failed", "by hand")
    assert forager.begin()


def test_a_row_edited_to_be_old_does_not_hide_a_live_attempt(make):
    """Edited by hand, the wall clock counts: the attempt is killed and the job fails."""
    forager = make({"monitor_interval": 0.3, "defaults": {"heartbeat_timeout": "60s"}})
    job_id = forager.working("sleep")
    pid = forager.attempts(job_id)[0]["pid"]
    forager.sql(f"UPDATE collection_jobs SET started_at=datetime('now','-1 hour') WHERE job_id='{job_id}'")
    assert forager.wait_status(job_id, "failed", seconds=4)["error_class"] == "reset"
    wait_until(lambda: not processes.alive(pid), 3, "the process to be killed")


def test_late_words_of_a_reset_attempt_change_nothing(make):
    forager = make({"max_running": 5, "monitor_interval": 60, "defaults": {"heartbeat_timeout": "60s"}})
    job_id = forager.working("records", search_filters={"records": 3, "ms": 2500})
    forager.sql(f"UPDATE collection_jobs SET status='failed', error_message='by hand' WHERE job_id='{job_id}'")
    forager.wait_released(job_id, 8)
    job = forager.job(job_id)
    assert (job["status"], job["error_message"]) == ("failed", "by hand")
    assert forager.stats()["completed_jobs"] == 0
