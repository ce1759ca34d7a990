"""A graceful stop: no new claims, a grace for what runs, then back to pending; always within thirty seconds."""
import signal
import time

import pytest

from polling import wait_until
from server import GRACE, SLACK


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_an_idle_server_ends_at_once(forager, number):
    begin = time.monotonic()
    forager.process.send_signal(number)
    assert forager.process.wait(timeout=10) == 0
    assert time.monotonic() - begin <= 2 + SLACK
    assert not forager.processes()


def test_a_job_that_ends_within_the_grace_is_completed(make):
    forager = make({"defaults": {"grace": "10s", "heartbeat_timeout": "30s"}})
    job_id = forager.working("ok", search_filters={"ms": 1500})
    assert forager.terminate() == 0
    forager.start()
    job = forager.wait_status(job_id, seconds=10)
    assert job["status"] == "completed"


@pytest.mark.parametrize("job_type", ["sleep", "ignore_term", "tree", "busy_loop"])
def test_what_does_not_end_is_interrupted_and_goes_back(make, job_type):
    forager = make({"dispatch": "on_request", "defaults": {"heartbeat_timeout": "60s", "max_attempts": 1}})
    job_id = forager.working(job_type)
    begin = time.monotonic()
    assert forager.terminate() == 0
    assert time.monotonic() - begin <= GRACE + 3 + SLACK
    assert not forager.processes()
    status = forager.sql(f"SELECT status || ' ' || attempt FROM collection_jobs WHERE job_id='{job_id}'")
    assert status == "pending 1"
    assert forager.sql("SELECT outcome FROM collection_attempts WHERE released_at IS NOT NULL") == "interrupted"
    forager.start()
    again = wait_until(lambda: (seen := forager.job(job_id))["attempt"] == 2 and seen, 5, "the second attempt")
    assert again["status"] == "running", "an interrupted job uses no try and runs again by itself"


def test_a_long_grace_is_bounded_by_thirty_seconds(make):
    forager = make({"defaults": {"heartbeat_timeout": "300s", "stall_timeout": "300s", "grace": "120s"}})
    forager.working("ignore_term")
    begin = time.monotonic()
    forager.process.send_signal(signal.SIGTERM)
    forager.process.wait(timeout=40)
    assert time.monotonic() - begin <= 30 + SLACK
    assert not forager.processes()


def test_a_second_signal_ends_it_at_once(make):
    forager = make({"defaults": {"heartbeat_timeout": "300s", "grace": "60s"}})
    job_id = forager.working("ignore_term")
    forager.process.send_signal(signal.SIGTERM)
    wait_until(lambda: forager.process.poll() is not None or "stop" in forager.stderr.lower() or "shut" in forager.stderr.lower(), 3,
               "the first signal to be noticed")
    begin = time.monotonic()
    forager.process.send_signal(signal.SIGTERM)
    forager.process.wait(timeout=5 + SLACK)
    assert time.monotonic() - begin <= 3 + SLACK
    wait_until(lambda: not forager.processes(), 3, "every process to be gone")
    forager.start()
    assert forager.job(job_id)["status"] in ("pending", "running") and forager.stats()["failed_jobs"] == 0


def test_nothing_is_claimed_while_it_stops(make):
    forager = make({"dispatch": "automatic", "max_running": 1, "defaults": {"grace": "3s", "heartbeat_timeout": "60s"}})
    running = forager.submit("ignore_term")
    wait_until(lambda: forager.job(running)["status"] == "running", 5, "the first job to run")
    waiting = [forager.submit("ok") for _ in range(3)]
    assert forager.terminate() == 0
    for job_id in waiting:
        assert forager.sql(f"SELECT status || ' ' || attempt FROM collection_jobs WHERE job_id='{job_id}'") == "pending 0"


def test_server_json_and_health(forager):
    assert forager.get("/healthz", token=False).status_code == 200
    assert forager.get("/readyz", token=False).status_code == 200
    assert forager.server_pid() == forager.pid
