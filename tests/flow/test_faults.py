"""Each row of the fault table, injected for real, several times, and held to its bound."""
import os
import shutil
import signal
import statistics
import subprocess
import time

import pytest

import processes
from polling import stays, wait_until
from server import GRACE, HEARTBEAT, SLACK, STALL, moment

TIMES = int(os.environ.get("FAULT_TIMES", "3"))


def lasted(attempt):
    return moment(attempt["ended_at"]) - moment(attempt["started_at"])


def first_attempt_ended(forager, job_id, seconds):
    return wait_until(lambda: (seen := forager.attempts(job_id)[0])["ended_at"] and seen, seconds, f"the first attempt of {job_id} to end")


def nothing_left(forager, job_id, tree):
    forager.wait_released(job_id)
    assert not [pid for pid in tree if processes.alive(pid)]
    assert forager.stats()["stuck_running"] == 0


# --- the process ends by itself

@pytest.mark.parametrize("job_type,error_class,final", [
    ("fail", "permanent", True), ("throw", "permanent", True), ("exit", "crashed", False), ("abort", "crashed", False),
    ("segfault", "crashed", False)])
def test_a_collector_that_dies_is_noticed_at_once(wide, job_type, error_class, final):
    took = []
    for _ in range(TIMES):
        job = wide.finish(job_type, max_attempts=1)
        assert (job["status"], job["error_class"]) == ("failed", error_class), job
        assert job["error_message"]
        (attempt,) = wide.wait_released(job["job_id"])
        assert attempt["outcome"] == error_class and attempt["error_message"]
        took.append(lasted(attempt))
    assert min(took) <= 0.2 + SLACK / 2 and max(took) <= 1 + SLACK, took


@pytest.mark.parametrize("job_type,number", [("segfault", signal.SIGSEGV), ("abort", signal.SIGABRT)])
def test_the_signal_is_on_the_row(wide, job_type, number):
    job = wide.finish(job_type, max_attempts=1)
    (attempt,) = wide.wait_released(job["job_id"])
    assert attempt["signal"] == number and attempt["exit_code"] is None
    assert number.name in job["error_message"] or str(int(number)) in job["error_message"]


@pytest.mark.parametrize("victim", ["first", "last"])
def test_kill_9_of_an_attempt_is_noticed_at_once(wide, victim):
    """The attempt's first process, or the collector under it, is killed from outside, again and again."""
    took = []
    for _ in range(10):
        job_id = wide.working("ok", search_filters={"ms": 30_000}, max_attempts=1)
        pid = wide.attempts(job_id)[0]["pid"]
        tree = [pid, *processes.descendants(pid)]
        begin = time.monotonic()
        os.kill(tree[0] if victim == "first" else tree[-1], signal.SIGKILL)
        job = wide.wait_status(job_id, "failed", seconds=5)
        took.append(time.monotonic() - begin)
        assert job["error_class"] == "crashed", job
        nothing_left(wide, job_id, tree)
    assert statistics.median(took) <= 0.2 + SLACK / 5 and max(took) <= 1 + SLACK, took


@pytest.mark.no_sanitizer
def test_memory_without_end_is_stopped(make):
    forager = make({"defaults": {"memory": "128MiB"}})
    job = forager.finish("memory", max_attempts=1, seconds=20)
    assert (job["status"], job["error_class"]) == ("failed", "crashed")
    assert "memory" in job["error_message"].lower()
    (attempt,) = forager.wait_released(job["job_id"])
    assert attempt["max_rss_kb"] < 512 * 1024


def test_two_hundred_crashes_under_load(make):
    forager = make({"dispatch": "automatic", "max_running": 40, "defaults": {"max_attempts": 1}})
    body = [{"entity_type": "selftest", "job_type": kind} for kind in ("segfault", "abort", "exit", "fail") * 50]
    jobs = forager.post("/jobs/bulk", {"jobs": body}).json()["job_ids"]
    wait_until(lambda: forager.stats()["failed_jobs"] == 200, 60, "all to fail")
    took = sorted(lasted(forager.attempts(job_id)[0]) for job_id in jobs)
    assert took[197] <= 1 + SLACK, took[-5:]
    assert forager.stats()["stuck_running"] == 0


# --- it lives, but does nothing

@pytest.mark.parametrize("job_type", ["sleep", "busy_loop"])
def test_a_hang_is_ended(wide, job_type):
    jobs = [wide.begin(job_type, max_attempts=1) for _ in range(TIMES)]
    for job_id in jobs:
        job = wide.wait_status(job_id, seconds=HEARTBEAT + GRACE + 5)
        assert (job["status"], job["error_class"]) == ("failed", "heartbeat_lost"), job
        (attempt,) = wide.wait_released(job_id)
        assert HEARTBEAT - 0.1 <= lasted(attempt) <= HEARTBEAT + GRACE + 1 + SLACK


@pytest.mark.parametrize("victim", ["first", "last", "all"])
def test_sigstop_of_an_attempt_is_a_hang(wide, victim):
    for _ in range(TIMES):
        job_id = wide.working("ok", search_filters={"ms": 60_000}, max_attempts=1)
        pid = wide.attempts(job_id)[0]["pid"]
        tree = [pid, *processes.descendants(pid)]
        for one in {"first": tree[:1], "last": tree[-1:], "all": tree}[victim]:
            os.kill(one, signal.SIGSTOP)
        begin = time.monotonic()
        if victim == "first" and len(tree) > 1:
            # The collector under it still works: either it is let finish, or it is ended in time.
            stays(lambda: wide.job(job_id)["status"] in ("running", "failed"), HEARTBEAT + GRACE + 1, "a known state")
            wide.post(f"/jobs/{job_id}/cancel", params={"force": "true"})
            wide.wait_status(job_id, seconds=GRACE + 2)
        else:
            job = wide.wait_status(job_id, seconds=HEARTBEAT + GRACE + 1 + SLACK)
            assert job["error_class"] == "heartbeat_lost", job
            assert time.monotonic() - begin <= HEARTBEAT + GRACE + 1 + SLACK
        nothing_left(wide, job_id, tree)


def test_no_progress_at_ten_percent_is_ended(wide):
    jobs = [wide.begin("stall", max_attempts=1) for _ in range(TIMES)]
    wait_until(lambda: wide.job(jobs[0])["progress"]["percent"] == 10, 3, "ten percent")
    for job_id in jobs:
        job = wide.wait_status(job_id, seconds=STALL + GRACE + 5)
        assert (job["status"], job["error_class"]) == ("failed", "stalled"), job
        assert job["progress"]["percent"] == 10
        (attempt,) = wide.wait_released(job_id)
        assert STALL - 0.1 <= lasted(attempt) <= STALL + GRACE + 1 + SLACK + 0.5


def test_work_without_end_meets_the_timeout(wide):
    jobs = [wide.begin("ok", timeout_minutes=0.05, search_filters={"ms": 60_000}) for _ in range(TIMES)]
    for job_id in jobs:
        job = wide.wait_status(job_id, seconds=3 + GRACE + 5)
        assert (job["status"], job["error_class"]) == ("failed", "timed_out"), job
        assert job["error_message"].startswith("Job timed out after running for more than 0.05 minutes. ")
        assert job["attempt"] == 1
        (attempt,) = wide.wait_released(job_id)
        assert 2.9 <= lasted(attempt) <= 3 + GRACE + 1 + SLACK


# --- it does not want to go

@pytest.mark.parametrize("job_type", ["ignore_term", "tree"])
def test_what_ignores_sigterm_is_killed_with_all_it_left(wide, job_type):
    jobs = [wide.working(job_type, max_attempts=1, timeout_minutes=0.05) for _ in range(TIMES)]
    wait_until(lambda: len(processes.descendants(wide.attempts(jobs[0])[0]["pid"])) >= (3 if job_type == "tree" else 0), 5, "its children")
    trees = {job_id: [wide.attempts(job_id)[0]["pid"], *processes.descendants(wide.attempts(job_id)[0]["pid"])] for job_id in jobs}
    for job_id in jobs:
        job = wide.wait_status(job_id, "failed", seconds=3 + HEARTBEAT + GRACE + 5)
        nothing_left(wide, job_id, trees[job_id])
        (attempt,) = wide.attempts(job_id)
        assert lasted(attempt) <= 3 + GRACE + 1 + SLACK, job
        if job_type == "tree":
            assert attempt["survivors"] >= 1


def test_nothing_of_any_attempt_is_left(wide):
    before = len(wide.processes())
    jobs = [wide.begin(kind, max_attempts=1, search_filters={"ms": 200}) for kind in ("ok", "tree", "segfault", "throw", "ignore_term", "sleep")]
    for job_id in jobs:
        wide.wait_status(job_id, seconds=15)
        wide.wait_released(job_id)
    wait_until(lambda: len(wide.processes()) <= before, 3, "no more processes than before")


# --- the keeper

@pytest.mark.parametrize("number,bound", [(signal.SIGKILL, 7), (signal.SIGSTOP, 7), (signal.SIGSEGV, 7)])
def test_the_keeper_may_die_or_freeze(make, number, bound):
    forager = make({"max_running": 10, "defaults": {"heartbeat_timeout": "60s", "stall_timeout": "60s"}})
    for _ in range(2):
        jobs = [forager.working(kind) for kind in ("sleep", "tree")]
        pids = {job_id: forager.attempts(job_id)[-1]["pid"] for job_id in jobs}
        trees = [one for pid in pids.values() for one in (pid, *processes.descendants(pid))]
        numbers = {job_id: forager.job(job_id)["attempt"] for job_id in jobs}
        keeper = forager.keeper()
        assert keeper, "the server has a child called `forager keeper`"
        os.kill(keeper, number)
        for job_id in jobs:
            ended = wait_until(lambda: (seen := forager.attempts(job_id)[numbers[job_id] - 1])["ended_at"] and seen, bound + SLACK,
                               f"attempt {numbers[job_id]} of {job_id} to end")
            assert ended["outcome"] == "interrupted", ended
        wait_until(lambda: not any(processes.alive(pid) for pid in trees), 3, "its attempts to be gone")
        # Given back: they run again by themselves, under a new keeper, and no try is used.
        for job_id in jobs:
            wait_until(lambda: forager.job(job_id)["attempt"] > numbers[job_id] and forager.job(job_id)["status"] == "running",
                       8, f"{job_id} to run again")
            forager.post(f"/jobs/{job_id}/cancel", params={"force": "true"})
            forager.wait_status(job_id, "cancelled", seconds=5)
            forager.wait_released(job_id)
        assert forager.keeper() not in (None, keeper)
    assert forager.finish("ok")["status"] == "completed"


def test_kill_9_of_the_keeper_uses_no_try(make):
    forager = make({"max_running": 2, "defaults": {"heartbeat_timeout": "60s", "stall_timeout": "60s", "max_attempts": 1}})
    job_id = forager.working("ok", search_filters={"ms": 1500})
    os.kill(forager.keeper(), signal.SIGKILL)
    job = forager.wait_status(job_id, seconds=20)
    assert (job["status"], job["attempt"]) == ("completed", 2)


# --- a process cannot be started

@pytest.mark.skipif(not shutil.which("prlimit"), reason="needs prlimit")
def test_what_cannot_be_started_is_given_back(make):
    forager = make({"dispatch": "automatic", "max_running": 5})
    keeper = forager.keeper()
    subprocess.run(["prlimit", "--pid", str(keeper), "--nofile=4:"], check=True)
    jobs = [forager.submit("ok", search_filters={"ms": 100}) for _ in range(3)]
    stays(lambda: forager.stats()["failed_jobs"] == 0, 3, "no failure")
    assert sum(len(forager.attempts(job_id)) for job_id in jobs) < 60, "dispatch must not start in a loop what cannot be started"
    if processes.alive(keeper):
        subprocess.run(["prlimit", "--pid", str(keeper), "--nofile=1024:"], check=True)
    for job_id in jobs:
        job = forager.wait_status(job_id, seconds=30)
        assert job["status"] == "completed", job
        assert not [attempt for attempt in forager.attempts(job_id) if attempt["outcome"] == "crashed"]


# --- the server

def test_a_killed_server_leaves_nothing_running(make):
    forager = make({"max_running": 10, "defaults": {"heartbeat_timeout": "60s", "stall_timeout": "60s"}})
    for _ in range(TIMES):
        jobs = [forager.working(kind) for kind in ("sleep", "tree", "busy_loop", "ignore_term")]
        numbers = {job_id: forager.job(job_id)["attempt"] for job_id in jobs}
        forager.kill()
        wait_until(lambda: not forager.processes(), 3, "every process below the server to be gone")
        forager.start()
        begin = time.monotonic()
        for job_id in jobs:
            ended = first = wait_until(lambda: (seen := forager.attempts(job_id)[numbers[job_id] - 1])["ended_at"] and seen,
                                       1 + SLACK, f"{job_id} to leave running")
            assert first["outcome"] in ("interrupted", "node_lost") and ended["released_at"]
        assert time.monotonic() - begin <= 1 + SLACK
        for job_id in jobs:
            forager.post(f"/jobs/{job_id}/cancel", params={"force": "true"})
            forager.wait_status(job_id, "cancelled", seconds=8)
            forager.wait_released(job_id)


def test_a_frozen_server_killed_leaves_nothing_running(make):
    forager = make({"max_running": 3})
    for kind in ("ok", "tree"):
        forager.working(kind, search_filters={"ms": 60_000})
    os.kill(forager.server_pid(), signal.SIGSTOP)
    forager.kill()
    wait_until(lambda: not forager.processes(), 3, "every process below the server to be gone")


def test_one_data_directory_one_server(make):
    first = make()
    second = make(start=False, data_dir=first.data).launch()
    assert wait_until(lambda: second.process.poll() is not None, 10, "the second server to end")
    assert second.process.returncode != 0
    told = second.stderr.strip().splitlines()
    assert told and str(first.server_pid()) in second.stderr, "the line says who has it"
    assert first.finish("ok")["status"] == "completed"


# --- the disk

@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to mount a small disk")
def test_a_full_disk_loses_nothing(make, tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=120m", "tmpfs", str(disk)], capture_output=True)
    if mounted.returncode:
        pytest.skip("may not mount here")
    forager = None
    try:
        forager = make({"max_running": 5}, data_dir=disk / "data")
        jobs = [forager.working("ok", search_filters={"ms": 2000}) for _ in range(3)]
        known = list(jobs)
        with open(disk / "filler", "wb") as filler:
            try:
                while True:
                    filler.write(b"x" * 65536)
                    filler.flush()
            except OSError:
                pass
        refused = 0
        for _ in range(300):
            answer = forager.post("/jobs", {"entity_type": "selftest", "job_type": "ok", "search_query": "q" * 1900})
            assert answer.status_code in (201, 503, 507), answer.text
            if answer.status_code == 201:
                known.append(answer.json()["job_id"])
            else:
                refused += 1
        assert forager.process.poll() is None
        assert forager.get("/healthz").status_code in (200, 503)
        os.unlink(disk / "filler")
        for job_id in jobs:
            assert forager.wait_status(job_id, seconds=20)["status"] == "completed"
            forager.wait_released(job_id)
        wait_until(lambda: forager.get("/readyz").status_code == 200, 15, "the server to be ready again")
        for job_id in known:
            assert forager.job(job_id)["job_id"] == job_id
        assert forager.finish("ok")["status"] == "completed"
        assert forager.sql("PRAGMA integrity_check") == "ok"
    finally:
        if forager:
            forager.close()
        subprocess.run(["umount", "-l", str(disk)], check=False)


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to mount a small disk")
def test_a_full_disk_stops_no_order(make, tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=120m", "tmpfs", str(disk)], capture_output=True)
    if mounted.returncode:
        pytest.skip("may not mount here")
    forager = None
    try:
        forager = make({"max_running": 5}, data_dir=disk / "data")
        cancelled, reset = (forager.working("ignore_term") for _ in range(2))
        fill(disk)
        wait_until(lambda: forager.post("/jobs", {"entity_type": "selftest", "job_type": "ok"}).status_code == 503, 10, "nothing to be stored")
        answer = forager.post(f"/jobs/{cancelled}/cancel?force=true")
        assert answer.status_code == 202 and "cannot be stored yet" in answer.json()["warnings"][0], answer.text
        wait_until(lambda: forager.job(cancelled)["status"] == "cancelled", 20, "the reserve to make room for the end")
        assert forager.job(reset)["status"] in ("running", "failed")
        os.unlink(disk / "filler")
        wait_until(lambda: forager.get("/readyz").status_code == 200, 15, "the server to be ready again")
    finally:
        if forager:
            forager.close()
        subprocess.run(["umount", "-l", str(disk)], check=False)


def fill(disk):
    with open(disk / "filler", "wb", buffering=0) as filler:
        try:
            while True:
                filler.write(b"x" * 65536)
        except OSError:
            pass


# --- clocks

@pytest.mark.no_sanitizer
@pytest.mark.skipif(not shutil.which("faketime"), reason="needs faketime")
@pytest.mark.parametrize("jump", ["+2h", "-2h"])
def test_a_clock_that_jumps_hurts_nobody(make, tmp_path, jump):
    stamp = tmp_path / "clock"
    stamp.write_text("+0")
    library = next(iter(sorted(__import__("glob").glob("/usr/lib/*/faketime/libfaketimeMT.so.1"))))
    forager = make({"max_running": 5, "monitor_interval": 0.3},
                   env={"LD_PRELOAD": library, "FAKETIME_TIMESTAMP_FILE": str(stamp), "FAKETIME_NO_CACHE": "1",
                        "DONT_FAKE_MONOTONIC": "1", "FAKETIME_DONT_FAKE_MONOTONIC": "1"})
    job_id = forager.working("ok", search_filters={"ms": 4000})
    stamp.write_text(jump)
    stays(lambda: forager.job(job_id)["status"] in ("running", "completed"), 1.5, "untouched")
    assert forager.reset_stuck()["reset_count"] == 0
    job = forager.wait_status(job_id)
    assert (job["status"], job["attempt"]) == ("completed", 1)
    assert forager.finish("ok")["status"] == "completed"
    hung = forager.finish("sleep", max_attempts=1)
    assert hung["error_class"] == "heartbeat_lost"


def moving_clock(tmp_path):
    stamp = tmp_path / "clock"
    stamp.write_text("+0")
    library = next(iter(sorted(__import__("glob").glob("/usr/lib/*/faketime/libfaketimeMT.so.1"))))
    return stamp, {"LD_PRELOAD": library, "FAKETIME_TIMESTAMP_FILE": str(stamp), "FAKETIME_NO_CACHE": "1",
                   "DONT_FAKE_MONOTONIC": "1", "FAKETIME_DONT_FAKE_MONOTONIC": "1"}


@pytest.mark.no_sanitizer
@pytest.mark.skipif(not shutil.which("faketime"), reason="needs faketime")
def test_a_clock_set_back_makes_no_retry_wait(make, tmp_path):
    stamp, env = moving_clock(tmp_path)
    forager = make({"max_running": 5, "defaults": {"backoff": "6s"}}, env=env)
    job_id = forager.submit("transient", search_filters={"times": 1})
    forager.post(f"/jobs/{job_id}/start")
    wait_until(lambda: forager.job(job_id)["attempt"] == 1 and forager.job(job_id)["status"] == "pending", 10, "the backoff")
    stamp.write_text("-2h")
    assert forager.wait_status(job_id, seconds=15)["status"] == "completed"


@pytest.mark.no_sanitizer
@pytest.mark.skipif(not shutil.which("faketime"), reason="needs faketime")
@pytest.mark.parametrize("jump", ["+10d", "-2h"])
def test_a_clock_that_is_set_changes_no_duration(make, tmp_path, jump):
    stamp, env = moving_clock(tmp_path)
    forager = make({"max_running": 5}, env=env)
    job_id = forager.working("ok", search_filters={"ms": 4000})
    stamp.write_text(jump)
    job = forager.wait_status(job_id)
    took = moment(job["completed_at"]) - moment(job["started_at"])
    assert 3 <= took <= 4 + 2 * SLACK
    attempt = forager.get(f"/jobs/{job_id}/attempts").json()["attempts"][0]
    assert 3 <= moment(attempt["ended_at"]) - moment(attempt["started_at"]) <= 4 + 2 * SLACK
    assert forager.stats()["average_duration"] <= 4 + 2 * SLACK


# --- another program holds the database

@pytest.mark.sqlite
def test_a_shell_that_holds_the_lock_makes_writers_wait_not_hang(forager):
    job_id = forager.submit()
    holder = subprocess.Popen(["sqlite3", str(forager.database())], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        holder.stdin.write("BEGIN IMMEDIATE; SELECT 'held';\n")
        holder.stdin.flush()
        assert holder.stdout.readline().strip() == "held"
        begin = time.monotonic()
        answer = forager.post("/jobs", {"entity_type": "selftest", "job_type": "ok"})
        assert answer.status_code == 503 and int(answer.headers["Retry-After"]) >= 1
        assert time.monotonic() - begin <= 6 + SLACK
        assert forager.job(job_id)["status"] == "pending", "readers go on"
    finally:
        holder.stdin.close()
        holder.wait(timeout=5)
    wait_until(lambda: forager.post("/jobs", {"entity_type": "selftest", "job_type": "ok"}).status_code == 201, 8, "writers to go on")


@pytest.mark.sqlite
def test_an_outcome_waits_for_a_held_lock(forager):
    job_id = forager.working("ok", search_filters={"ms": 800})
    holder = subprocess.Popen(["sqlite3", str(forager.database())], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        holder.stdin.write("BEGIN IMMEDIATE; SELECT 'held';\n")
        holder.stdin.flush()
        assert holder.stdout.readline().strip() == "held"
        pid = forager.attempts(job_id)[0]["pid"]
        wait_until(lambda: not processes.alive(pid), 8, "the attempt to end")
        stays(lambda: forager.job(job_id)["status"] == "running", 6, "its outcome waits")
    finally:
        holder.stdin.close()
        holder.wait(timeout=5)
    assert forager.wait_status(job_id, seconds=10)["status"] == "completed"
    forager.wait_released(job_id)
    assert forager.finish("ok")["status"] == "completed"
