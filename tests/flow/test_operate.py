"""What somebody who watches and steers many jobs asks for: limits of what lives, bulk runs, all changes, resets."""
from polling import wait_until


def test_running_tells_what_each_limit_leaves(wide):
    hung, works = wide.working("busy_loop"), wide.working("ok", search_filters={"ms": 60_000})

    def live():
        return {each["job_id"]: each for each in wide.get("/running").json()["attempts"]}

    wait_until(lambda: live().get(hung, {}).get("heartbeat", {"left_seconds": 9})["left_seconds"] < 1, 10, "a heartbeat to run out")
    seen = live()[works]
    assert seen["heartbeat"]["left_seconds"] > seen["heartbeat"]["limit_seconds"] - 1
    assert 0 < seen["deadline"]["left_seconds"] <= seen["deadline"]["limit_seconds"]
    wait_until(lambda: live().get(hung, {"stopping": True})["stopping"], 10, "the stop")
    wide.post(f"/jobs/{works}/cancel", {})
    wait_until(lambda: works not in live(), 10, "the end")


def test_bulk_start_runs_all_one_after_another(forager):
    jobs = [forager.submit("ok", search_filters={"ms": 50}) for _ in range(4)]
    later = forager.submit("ok", run_at="2199-01-01T00:00:00Z")
    trial = forager.post("/jobs/bulk-start", {"filter": {"status": ["pending"]}, "dry_run": True}).json()
    assert (trial["affected_count"], trial["message"]) == (5, "Would run 5 job(s)")
    assert forager.stats()["pending_jobs"] == 5
    answer = forager.post("/jobs/bulk-start", {"job_ids": [*jobs, later]}).json()
    assert (answer["affected_count"], answer["message"]) == (5, "Asked to run 5 job(s)")
    for job_id in [*jobs, later]:
        forager.wait_status(job_id, "completed", seconds=20)
    ends = [forager.attempts(job_id)[0] for job_id in jobs]
    for before, after in zip(ends, ends[1:]):
        assert before["ended_at"] <= after["started_at"], "one at a time"


def test_a_job_asked_for_says_what_it_waits_for(forager):
    forager.working("sleep")
    job_id = forager.submit()
    codes = lambda: [each["code"] for each in forager.get(f"/jobs/{job_id}/explain").json()["reasons"]]
    assert "on_request" in codes()
    forager.post("/jobs/bulk-start", {"job_ids": [job_id]})
    assert "on_request" not in codes() and "limit_reached" in codes()


def test_bulk_start_leaves_what_is_not_pending(forager):
    done = forager.finish("ok")["job_id"]
    answer = forager.post("/jobs/bulk-start", {"job_ids": [done]}).json()
    assert (answer["matched_count"], answer["affected_count"]) == (1, 0)


def test_all_changes_are_listed_newest_first(forager):
    first = forager.finish("records", search_filters={"records": 3})["job_id"]
    second = forager.finish("records", search_filters={"records": 2})["job_id"]
    page = forager.get("/changes").json()
    assert page["total"] == 5 and [each["job_id"] for each in page["changes"]] == [second] * 2 + [first] * 3
    assert forager.get("/changes", params={"job_id": first}).json()["total"] == 3
    assert forager.get("/changes", params={"status": "approved"}).json()["changes"] == []
    half = forager.get("/changes", params={"page_size": 2}).json()
    rest = forager.get("/changes", params={"cursor": half["next_cursor"], "page_size": 5}).json()
    assert [each["id"] for each in half["changes"] + rest["changes"]] == [each["id"] for each in page["changes"]]
    forager.delete(f"/jobs/{second}")
    assert forager.get("/changes").json()["total"] == 3


def test_the_monitor_remembers_what_was_reset(forager):
    job_id = forager.working("sleep")
    assert forager.get("/monitor").json()["recent_resets"] == []
    assert forager.reset_stuck(timeout_minutes=0)["job_ids"] == [job_id]
    wait_until(lambda: [each["job_id"] for each in forager.get("/monitor").json()["recent_resets"]] == [job_id], 5, "the reset to be told")
