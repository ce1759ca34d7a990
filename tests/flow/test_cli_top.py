"""forager top at a pseudo-terminal: what it shows, what its keys do, and that the terminal is given back however it ends."""
import os
import signal

import pytest

from cli_fixtures import terminal  # noqa: F401
from polling import wait_until

ENTER_SCREEN, LEAVE_SCREEN, SHOW_CURSOR = "\x1b[?1049h", "\x1b[?1049l", "\x1b[?25h"


def given_back(screen):
    seen = screen.read()
    return (seen.count(ENTER_SCREEN) == seen.count(LEAVE_SCREEN) > 0 and seen.rindex(SHOW_CURSOR) > seen.rindex(ENTER_SCREEN) and
            screen.settings_are_back())


def test_it_shows_what_runs_and_follows_it(wide, terminal):  # noqa: F811
    job_id = wide.working("sleep", timeout_minutes=1)
    top = terminal(wide, "top")
    top.wait_for(job_id)
    assert not top.settings_are_back(), "keys are read one by one"
    other = wide.working("sleep", timeout_minutes=1)
    top.wait_for(other, 5)
    top.press("q")
    assert top.wait() == 0 and given_back(top)
    assert wide.job(job_id)["status"] == "running"


@pytest.mark.parametrize("how,code", [("key", 0), (signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129), (signal.SIGQUIT, 131)])
def test_the_terminal_is_given_back(shared, terminal, how, code):  # noqa: F811
    top = terminal(shared, "top")
    top.wait_for("q quit")
    top.press("\x03") if how == "key" else top.signal(how)
    assert top.wait() == code and given_back(top)


@pytest.mark.no_sanitizer
@pytest.mark.parametrize("how", [signal.SIGSEGV, signal.SIGABRT])
def test_a_crash_gives_the_terminal_back(shared, terminal, how):  # noqa: F811
    top = terminal(shared, "top")
    top.wait_for("q quit")
    top.signal(how)
    assert top.wait() == -how and given_back(top)


def test_keys_steer_jobs(make, terminal):  # noqa: F811
    forager = make()
    job_id = forager.submit("sleep", timeout_minutes=1)
    top = terminal(forager, "top", env={"NO_COLOR": "1"})
    top.wait_for("q quit")
    top.press("2")
    top.wait_for("> " + job_id)
    top.press("s")
    top.wait_for("started")
    forager.wait_status(job_id, "running")
    top.press("1")
    top.wait_for("[1 running]")
    wait_until(lambda: top.press("c") or "? y/n" in top.read(), 5, "the question")
    top.press("n")
    assert forager.job(job_id)["status"] == "running"
    top.press("\r")
    top.wait_for("Attempt 1 runs")
    top.press("c")
    top.press("y")
    assert forager.wait_status(job_id)["status"] == "cancelled"
    top.press("\x1b")
    top.press("p")
    top.wait_for("pause dispatch")
    top.press("y")
    wait_until(lambda: forager.get("/dispatch").json()["paused"], 5, "dispatch to pause")
    top.wait_for("PAUSED")
    top.press("?")
    top.wait_for("choose a job")
    top.press("q")
    assert top.wait() == 0 and given_back(top)


def test_it_outlives_the_server(make, terminal):  # noqa: F811
    forager = make()
    top = terminal(forager, "top")
    top.wait_for("q quit")
    forager.kill()
    top.wait_for("no answer", 10)
    forager.start()
    job_id = forager.working("sleep", timeout_minutes=1)
    top.wait_for(job_id, 15)
    top.press("q")
    assert top.wait() == 0 and given_back(top)


def test_ctrl_z_leaves_the_screen_and_comes_back(shared, terminal):  # noqa: F811
    top = terminal(shared, "top")
    top.wait_for("q quit")
    top.press("\x1a")
    wait_until(lambda: open(f"/proc/{top.process.pid}/stat").read().rpartition(")")[2].split()[0] == "T", 5, "it to stop")
    assert given_back(top)
    os.kill(top.process.pid, signal.SIGCONT)
    wait_until(lambda: top.read().count(ENTER_SCREEN) == 2, 5, "the screen again")
    top.press("q")
    assert top.wait() == 0 and given_back(top)


def test_it_follows_the_window(wide, terminal):  # noqa: F811
    job_id = wide.submit("ok", search_query="x" * 300)
    top = terminal(wide, "top", env={"NO_COLOR": "1"}, columns=80, rows=24)
    top.wait_for("q quit")
    top.press("2")
    top.wait_for(job_id)
    top.resize(120, 10)
    top.signal(signal.SIGWINCH)
    seen = len(top.read())
    wait_until(lambda: "x" * 50 in top.read()[seen:], 5, "the wider picture")
    frame = top.read().split("\x1b[H")[-1]
    assert frame.count("\n") <= 9
    top.press("q")
    assert top.wait() == 0


def test_without_a_terminal(shared):
    done = shared.cli("top")
    assert done.returncode == 2 and "--once" in done.stderr
    done = shared.cli("top", "--once")
    assert done.returncode == 0 and "\x1b" not in done.stdout and all(len(line) <= 80 for line in done.stdout.splitlines())


def test_a_wrong_token_is_told_before_the_screen_is_taken(shared, terminal):  # noqa: F811
    top = terminal(shared, "top", env={"FORAGER_TOKEN": "wrong"})
    assert top.wait() == 1 and ENTER_SCREEN not in top.read() and "FORAGER_TOKEN" in top.read()
