"""The two test procedures of the requirement, step by step, and the examples of its answers."""
import re

from polling import wait_until

BASE = "/v1/admin/collection"


def test_stuck_job_detection_by_hand(forager):
    # 1. Create a job
    job_id = forager.post(f"{BASE}/jobs", {"entity_type": "selftest", "job_type": "ok"}).json()["job_id"]
    # 2. Manually mark it as running in database
    forager.sql(f"UPDATE collection_jobs SET status='running', started_at=datetime('now','-1 hour') WHERE job_id='{job_id}';")
    assert forager.job(job_id)["status"] == "running"
    # 3. Trigger manual cleanup
    answer = forager.post(f"{BASE}/jobs/reset-stuck?timeout_minutes=30")
    assert answer.status_code == 200
    assert answer.json() == {"success": True, "reset_count": 1, "job_ids": [job_id], "message": "Reset 1 stuck job(s)"}
    # 4. Verify job is marked as failed
    job = forager.get(f"{BASE}/jobs/{job_id}").json()
    assert job["status"] == "failed"
    assert job["error_message"].startswith("Job timed out after running for more than 30 minutes. ")
    assert job["completed_at"]


def test_stuck_job_detection_by_the_monitor(make):
    forager = make(env={"ARTITEC_JOB_MONITOR_INTERVAL": "1"})
    job_id = forager.submit()
    forager.sql(f"UPDATE collection_jobs SET status='running', started_at=datetime('now','-1 hour') WHERE job_id='{job_id}';")
    job = forager.wait_status(job_id, "failed", seconds=4)
    assert job["error_message"].startswith("Job timed out after running for more than 30 minutes. ")
    assert "🔧 Found 1 stuck job(s), marking as failed" in forager.log_text()
    wait_until(lambda: "✅ Reset 1 stuck job(s)" in forager.log_text(), 2, "the monitor's last line")


def test_background_error_handling(forager):
    # 1. Create a job with invalid data
    created = forager.post(f"{BASE}/jobs", {"entity_type": "invalid", "job_type": "test"})
    assert created.status_code == 201 and created.json()["warnings"]
    job_id = created.json()["job_id"]
    # 2. Execute the job
    assert forager.post(f"{BASE}/jobs/execute-pending").json()["job_ids"] == [job_id]
    # 4. Verify job status
    job = forager.wait_status(job_id)
    assert (job["status"], job["error_message"]) == ("failed", "Unknown entity type: invalid")
    assert job["error_class"] == "unknown_entity_type"
    # 3. Check logs for error handling
    wait_until(lambda: f"🔧 Marked job {job_id} as failed in database" in forager.log_text(), 3, "the line of the log")
    assert f"❌ Background job {job_id} failed: Unknown entity type: invalid" in forager.log_text()
    assert re.search(r"Background job.*failed", forager.log_text())


def test_answers_of_execute_pending_word_for_word(forager):
    jobs = [forager.submit("sleep") for _ in range(5)]
    assert forager.execute_pending() == {
        "total_pending": 4, "started": 1, "job_ids": [jobs[0]],
        "message": f"Started job {jobs[0]} in background (sequential mode: 1 job at a time). 4 job(s) remaining in queue."}
    forager.submit("sleep")
    assert forager.execute_pending() == {
        "total_pending": 5, "started": 0, "job_ids": [],
        "message": "Cannot start new job: 1 job(s) already running. Only one job can run at a time."}


def test_reset_stuck_with_ten_minutes(forager):
    old, young = forager.submit(), forager.submit()
    for job_id, age in ((old, "-11 minutes"), (young, "-9 minutes")):
        forager.sql(f"UPDATE collection_jobs SET status='running', started_at=datetime('now','{age}') WHERE job_id='{job_id}'")
    assert forager.reset_stuck(timeout_minutes=10)["job_ids"] == [old]
    assert forager.job(young)["status"] == "running"
    assert forager.get("/jobs", params={"status": "failed"}).json()["jobs"][0]["job_id"] == old


def test_delete_of_any_job_but_a_running_one(forager):
    running, failed = forager.working("sleep"), forager.submit()
    forager.sql(f"UPDATE collection_jobs SET status='failed' WHERE job_id='{failed}'")
    refused = forager.delete(f"/jobs/{running}")
    assert refused.status_code == 409 and "running" in refused.json()["detail"]
    assert forager.delete(f"/jobs/{failed}").json()["job_id"] == failed
    assert forager.get(f"/jobs/{failed}").status_code == 404


def test_monitor_says_that_it_started(forager):
    assert "🔍 Started background job monitor (checks every 5 minutes)" in forager.log_text()


def test_monitor_can_be_disabled(make):
    forager = make(env={"ARTITEC_JOB_MONITOR_ENABLED": "0"})
    assert forager.get("/monitor").json()["enabled"] is False
    assert "Started background job monitor" not in forager.log_text()
    # Its limits hold all the same: they are the supervisor's.
    job = forager.finish("sleep", max_attempts=1)
    assert (job["status"], job["error_class"]) == ("failed", "heartbeat_lost")
