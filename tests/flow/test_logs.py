"""The log's exact lines, and the logs of a job that survive everything."""
import json
import re
import signal
import subprocess

import pytest

import processes
from polling import wait_until


def lines_with(forager, text):
    return [line for line in forager.log_text().splitlines() if text in line]


def test_the_way_of_a_good_job(forager):
    job = forager.finish("ok")
    wait_until(lambda: lines_with(forager, "🏁 Background thread finished processing 1 job(s)"), 3, "the last line")
    text = forager.log_text()
    first, second = text.index(f"🔵 Executing job {job['job_id']} in background"), text.index(f"✅ Job {job['job_id']} completed successfully")
    assert first < second < text.index("🏁 Background thread finished processing 1 job(s)")


def test_the_way_of_a_failed_job(forager):
    job = forager.finish("fail")
    wait_until(lambda: lines_with(forager, f"🔧 Marked job {job['job_id']} as failed in database"), 3, "the line")
    assert lines_with(forager, f"❌ Background job {job['job_id']} failed: {job['error_message']}")


def test_grep_of_the_requirement_counts_final_failures_only(forager):
    failed = forager.finish("segfault")["job_id"]
    forager.finish("transient", search_filters={"times": 2})
    wait_until(lambda: lines_with(forager, f"Marked job {failed} as failed"), 3, "the line")
    found = subprocess.run(["grep", "Background job.*failed", "logs/app.log"], cwd=forager.data, capture_output=True, text=True)
    assert found.stdout.count("\n") == 1 and failed in found.stdout, found.stdout
    assert len(lines_with(forager, "🔁 Job ")) == 4


def test_the_same_lines_go_to_stderr(forager):
    job = forager.finish("ok")
    wait_until(lambda: f"✅ Job {job['job_id']} completed successfully" in forager.stderr, 3, "the line")


def test_monitor_line_in_seconds_when_minutes_are_not_whole(make):
    forager = make(env={"ARTITEC_JOB_MONITOR_INTERVAL": "90"})
    line = wait_until(lambda: lines_with(forager, "🔍 Started background job monitor"), 3, "the line")[0]
    assert "(checks every 90 seconds)" in line


def test_json_log(make):
    forager = make(env={"FORAGER_LOG_FORMAT": "json"})
    job = forager.finish("ok")
    wait_until(lambda: lines_with(forager, "completed successfully"), 3, "the line")
    parsed = [json.loads(line) for line in forager.log_text().splitlines()]
    assert any(f"✅ Job {job['job_id']} completed successfully" in record.values() for record in parsed)
    assert all({"level", "message"} <= set(record) for record in parsed)


def test_log_file_setting_and_reopening(make, tmp_path):
    path = tmp_path / "elsewhere.log"
    forager = make(env={"FORAGER_LOG_FILE": str(path)})
    forager.finish("ok")
    wait_until(lambda: "completed successfully" in path.read_text(), 3, "the line")
    path.rename(tmp_path / "elsewhere.log.1")
    forager.process.send_signal(signal.SIGHUP)
    wait_until(path.exists, 3, "the new file")
    job = forager.finish("ok")
    wait_until(lambda: job["job_id"] in path.read_text(), 3, "the line in the new file")


def test_a_request_id_stands_in_the_answer_and_in_the_log(forager):
    seen = {forager.get("/stats").headers["X-Request-Id"] for _ in range(3)}
    assert len(seen) == 3
    answer = forager.post("/jobs", {"entity_type": "selftest", "job_type": "ok"})
    wait_until(lambda: answer.headers["X-Request-Id"] in forager.log_text(), 3, "the id in the log")


def test_secrets_never_stand_in_the_log(make):
    secret = "sk-ant-" + "x" * 30
    forager = make(env={"ANTHROPIC_API_KEY": secret})
    forager.finish("fail")
    forager.post("/jobs", {"entity_type": "selftest", "job_type": "ok"}, token="wrong-token-1234567890")
    for text in (forager.log_text(), forager.stderr, forager.get("/config").text, forager.get("/metrics").text):
        assert secret not in text and forager.token not in text and "wrong-token-1234567890" not in text
    assert forager.token not in forager.stdout
    job_id = forager.working("sleep")
    for pid in processes.descendants(forager.server_pid()):
        environment = open(f"/proc/{pid}/environ", "rb").read()
        assert secret.encode() not in environment
    forager.post(f"/jobs/{job_id}/cancel", params={"force": "true"})


def test_job_texts_cannot_forge_log_lines(forager):
    forager.submit("test", entity_type="invalid", search_query="x\n✅ Job JOB-1 completed successfully\x1b[31m")
    forager.execute_pending()
    assert not [line for line in forager.log_text().splitlines() if line.startswith("✅")]
    assert "\x1b" not in forager.log_text()


# --- the logs of a job

def test_logs_of_a_job(forager):
    job = forager.finish("fail")
    forager.wait_released(job["job_id"])
    told = wait_until(lambda: (seen := forager.logs(job["job_id"]))["total_logs"] and seen, 3, "a log line")
    assert told["job_id"] == job["job_id"] and told["total_logs"] == len(told["logs"])
    assert [line["id"] for line in told["logs"]] == sorted(line["id"] for line in told["logs"])
    assert {line["attempt"] for line in told["logs"]} == {1}
    assert all(line["level"] in ("DEBUG", "INFO", "WARNING", "ERROR") for line in told["logs"])


def test_paging_and_filters(forager):
    job_id = forager.finish("flood", search_filters={"mb": 1}, seconds=20)["job_id"]
    all_lines = forager.logs(job_id)
    assert all_lines["limit"] == 500 and all_lines["offset"] == 0 and 1 < all_lines["total_logs"]
    page = forager.logs(job_id, limit=2, offset=1)
    assert [line["id"] for line in page["logs"]] == [line["id"] for line in all_lines["logs"][1:3]]
    assert forager.get(f"/jobs/{job_id}/logs").json()["limit"] == 100
    assert forager.logs(job_id, attempt=2)["logs"] == []
    errors = forager.logs(job_id, level="ERROR")["logs"]
    assert all(line["level"] == "ERROR" for line in errors)
    for query in ("limit=501", "limit=0", "limit=x", "offset=-1", "level=LOUD", "attempt=x", "color=red"):
        assert forager.get(f"/jobs/{job_id}/logs?{query}").status_code == 422, query


@pytest.mark.no_sanitizer
@pytest.mark.parametrize("megabytes", [5, 100])
def test_a_flood_of_output_is_bounded_and_hurts_nobody(make, megabytes):
    forager = make({"max_running": 5})
    begin = processes.resident_kib(forager.server_pid())
    flood = forager.begin("flood", search_filters={"mb": megabytes})
    assert forager.finish("ok")["status"] == "completed"
    assert forager.wait_status(flood, seconds=60)["status"] == "completed"
    forager.wait_released(flood)
    stored = int(forager.sql(f"SELECT coalesce(sum(length(CAST(message AS BLOB))),0) FROM collection_job_logs WHERE job_id='{flood}'"))
    assert 0 < stored <= 1.5 * 1024 * 1024
    assert processes.resident_kib(forager.server_pid()) - begin < 64 * 1024
    text = json.dumps(forager.logs(flood, limit=500)) + json.dumps(forager.logs(flood, limit=500, offset=max(0, forager.logs(flood)["total_logs"] - 500)))
    assert re.search(r"drop|omit|cut|discard", text), "what was dropped is counted"


def test_output_survives_the_kill_of_the_server(make):
    talk = "while :; do echo line; echo '{\"type\":\"heartbeat\"}'; sleep 0.1; done"
    forager = make({"types": {"mine": {"collector": "command", "command": ["/bin/sh", "-c", talk]}}, "defaults": {"stall_timeout": "60s"}})
    job_id = forager.working("x", entity_type="mine")
    count = wait_until(lambda: forager.logs(job_id)["total_logs"], 5, "a first line of the attempt")
    forager.kill()
    forager.start()
    assert forager.logs(job_id, attempt=1)["total_logs"] >= count


def test_a_hang_leaves_a_snapshot(forager):
    job = forager.finish("sleep", max_attempts=1)
    forager.wait_released(job["job_id"])
    text = json.dumps(forager.logs(job["job_id"])) + json.dumps(forager.attempts(job["job_id"]))
    assert "wait_channel" in text or "wchan" in text or "stack" in text or "snapshot" in text.lower()
