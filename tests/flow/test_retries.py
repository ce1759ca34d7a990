"""Which endings are tried again, how often, and when."""
import pytest

from polling import stays, wait_until
from server import BACKOFF, SLACK, moment


def gaps(attempts):
    """Seconds between the end of one attempt and the start of the next."""
    return [moment(after["started_at"]) - moment(before["ended_at"]) for before, after in zip(attempts, attempts[1:])]


@pytest.mark.parametrize("times", [1, 2])
def test_a_transient_error_is_tried_again_and_heals(wide, times):
    job = wide.finish("transient", search_filters={"times": times})
    assert (job["status"], job["attempt"], job["error_class"]) == ("completed", times + 1, None)
    attempts = wide.wait_released(job["job_id"])
    assert [attempt["outcome"] for attempt in attempts] == ["transient"] * times + ["completed"]


def test_a_transient_error_that_stays_fails_after_max_attempts(wide):
    job = wide.finish("transient", search_filters={"times": 99})
    assert (job["status"], job["attempt"], job["error_class"]) == ("failed", 3, "transient")
    once = wide.finish("transient", search_filters={"times": 99}, max_attempts=1)
    assert (once["status"], once["attempt"]) == ("failed", 1)


def test_backoff_doubles_with_jitter(make):
    forager = make({"max_running": 50, "defaults": {"backoff": "1s"}})
    jobs = [forager.begin("transient", search_filters={"times": 2}) for _ in range(5)]
    first, second = [], []
    for job_id in jobs:
        forager.wait_status(job_id, seconds=15)
        one, two = gaps(forager.attempts(job_id))
        first.append(one)
        second.append(two)
    assert all(0.88 <= gap <= 1.1 + 0.3 + SLACK for gap in first), first
    assert all(1.78 <= gap <= 2.2 + 0.3 + SLACK for gap in second), second
    assert len({round(gap, 3) for gap in first}) > 1, "no jitter"


def test_a_job_that_waits_for_its_retry_says_so(make):
    forager = make({"defaults": {"backoff": "60s"}})
    job_id = forager.begin("transient", search_filters={"times": 9})
    job = wait_until(lambda: (seen := forager.job(job_id))["status"] == "pending" and seen, 5, "the retry to wait")
    assert job["error_message"] and job["error_class"] == "transient"
    assert 53 <= moment(job["next_run_at"]) - moment(job["updated_at"]) <= 67
    assert f"🔁 Job {job_id} will be retried" in forager.log_text()
    assert f"Background job {job_id} failed" not in forager.log_text()
    # Not due: execute-pending skips it, explain names the time, start runs it all the same.
    answer = forager.execute_pending()
    assert (answer["started"], answer["total_pending"]) == (0, 1)
    assert any(job["next_run_at"][:16] in reason["message"] or "backoff" in reason["message"].lower() + reason["code"].lower()
               for reason in forager.get(f"/jobs/{job_id}/explain").json()["reasons"])
    assert forager.post(f"/jobs/{job_id}/start").status_code == 202
    assert forager.job(job_id)["attempt"] == 2


@pytest.mark.parametrize("job_type", ["segfault", "abort", "exit"])
def test_a_crash_is_tried_again_at_once_and_then_with_backoff(make, job_type):
    forager = make({"max_running": 5, "defaults": {"backoff": "1500ms"}})
    job = forager.finish(job_type)
    assert (job["status"], job["attempt"], job["error_class"]) == ("failed", 3, "crashed")
    one, two = gaps(forager.attempts(job["job_id"]))
    assert one <= 0.5 + SLACK / 2 and 1.3 <= two, (one, two)


def test_crashes_are_capped_whatever_max_attempts_says(make):
    forager = make({"max_running": 5, "defaults": {"backoff": "50ms"}})
    job = forager.finish("segfault", max_attempts=25, seconds=20)
    assert (job["status"], job["attempt"]) == ("failed", 3)
    more = forager.begin("transient", search_filters={"times": 5}, max_attempts=25)
    assert forager.wait_status(more, seconds=20)["status"] == "completed"


@pytest.mark.parametrize("job_type,error_class", [("sleep", "heartbeat_lost"), ("stall", "stalled")])
def test_hangs_are_tried_again(wide, job_type, error_class):
    job = wide.finish(job_type, max_attempts=2, seconds=25)
    assert (job["status"], job["attempt"], job["error_class"]) == ("failed", 2, error_class)
    one, = gaps(wide.attempts(job["job_id"]))
    assert one >= BACKOFF * 0.85


@pytest.mark.parametrize("job_type", ["fail", "throw"])
def test_permanent_errors_fail_at_once(wide, job_type):
    job = wide.finish(job_type)
    assert (job["status"], job["attempt"], job["error_class"]) == ("failed", 1, "permanent")


def test_timeouts_are_not_tried_again(wide):
    job = wide.finish("ok", timeout_minutes=0.02, search_filters={"ms": 30_000}, max_attempts=5)
    assert (job["status"], job["attempt"], job["error_class"]) == ("failed", 1, "timed_out")


def test_an_automatic_retry_waits_for_a_free_slot(make):
    forager = make({"defaults": {"backoff": "300ms"}})
    first = forager.begin("transient", search_filters={"times": 1})
    wait_until(lambda: forager.job(first)["status"] == "pending", 5, "the retry to wait")
    second = forager.begin("ok", search_filters={"ms": 1500})
    stays(lambda: forager.stats()["running_jobs"] <= 1, 1, "one at a time")
    assert forager.wait_status(second)["status"] == "completed"
    assert forager.wait_status(first)["status"] == "completed"


def test_paused_dispatch_holds_retries_too(make):
    forager = make({"defaults": {"backoff": "200ms"}})
    job_id = forager.begin("transient", search_filters={"times": 1})
    forager.post("/dispatch/pause")
    wait_until(lambda: forager.job(job_id)["status"] == "pending", 5, "the retry to wait")
    stays(lambda: forager.job(job_id)["status"] == "pending", 1.2, "pending")
    forager.post("/dispatch/resume")
    assert forager.wait_status(job_id)["status"] == "completed"


def test_settings_of_a_type_win_over_the_defaults(make):
    forager = make({"max_running": 5, "types": {"selftest": {"collector": "selftest", "max_attempts": 2, "backoff": "50ms", "priority": 8,
                                                             "heartbeat_timeout": "1s", "grace": "1s"}}})
    job = forager.finish("transient", search_filters={"times": 99})
    assert (job["attempt"], job["priority"]) == (2, 8)
    hung = forager.finish("sleep", max_attempts=1)
    assert moment(hung["completed_at"]) - moment(hung["started_at"]) <= 3 + SLACK
