"""Many attempts at once, without a fault: each runs once, and is called what it was."""
import os

import pytest

import processes
from crowd import Crowd
from polling import wait_until

SETTINGS = {"dispatch": "automatic", "defaults": {"heartbeat_timeout": "30s", "stall_timeout": "5m", "grace": "1s", "backoff": "200ms",
                                                  "max_attempts": 3}}


@pytest.fixture
def crowd():
    made = Crowd()
    yield made
    made.open()
    made.close()


def submit(forager, count):
    assert forager.post("/jobs/bulk", {"jobs": [{"entity_type": "crowd", "job_type": "wait"}] * count}).status_code == 201


def all_started(forager, count, seconds):
    wait_until(lambda: forager.metric("forager_attempts_started_total") == count, seconds, f"{count} attempts to have a process")


def all_ended(forager, seconds):
    def ended():
        stats = forager.stats()
        return stats["pending_jobs"] + stats["running_jobs"] == 0 and stats
    return wait_until(ended, seconds, "every job to end")


def outcomes(forager):
    return forager.sql("SELECT outcome, error_message, count(*) FROM collection_attempts GROUP BY 1, 2").splitlines()


@pytest.mark.timeout(180)
def test_commands_that_end_together_are_each_taken_at_their_word(make, crowd):
    forager = make({**SETTINGS, "max_running": 600, "types": {"crowd": crowd.type()}})
    submit(forager, 600)
    all_started(forager, 600, 60)
    crowd.open()
    assert all_ended(forager, 60)["completed_jobs"] == 600, outcomes(forager)
    assert outcomes(forager) == ["completed||600"]
    assert sorted(crowd.finished().values()) == [1] * 600
    assert crowd.misjudged(forager.sql) == {}


@pytest.mark.no_sanitizer
@pytest.mark.timeout(240)
def test_fifteen_hundred_attempts_run_at_once(make, crowd):
    forager = make({**SETTINGS, "max_running": 1500, "types": {"crowd": crowd.type()}})
    forager.post("/dispatch/pause")
    submit(forager, 1500)
    before = processes.resident_kib(forager.server_pid())
    forager.post("/dispatch/resume")
    all_started(forager, 1500, 120)
    each = (processes.resident_kib(forager.server_pid()) - before) / 1500
    assert each < 20, f"the server takes {each} KiB for each attempt"
    assert forager.get("/readyz").json() == {"status": "ready"}
    crowd.open()
    all_ended(forager, 90)
    assert outcomes(forager) == ["completed||1500"]
    assert crowd.misjudged(forager.sql) == {}


@pytest.mark.no_sanitizer
def test_attempts_beyond_the_open_files_wait_and_are_named(make, crowd):
    limited = [*(["setpriv", "--bounding-set", "-sys_resource"] if os.geteuid() == 0 else []), "/bin/sh", "-c", 'ulimit -n 260; exec "$@"', "sh"]
    forager = make({**SETTINGS, "max_running": 100, "types": {"crowd": crowd.type()}}, wrap=limited)
    submit(forager, 100)
    detail = wait_until(lambda: forager.get("/readyz").json().get("detail"), 30, "/readyz to name the limit")
    assert "Too many open files" in detail and "LimitNOFILE" in detail, detail
    running = forager.stats()["running_jobs"]
    assert 20 <= running < 100
    done = forager.cli("doctor", "--config", str(forager.config))
    assert "open files suffice for" in done.stdout and "Too many open files" in done.stdout, done.stdout
    crowd.open()
    all_ended(forager, 60)
    assert outcomes(forager) == ["completed||100"]
    wait_until(lambda: "detail" not in forager.get("/readyz").json(), 70, "/readyz to be silent again")
