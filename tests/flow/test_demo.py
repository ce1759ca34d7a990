"""The demo: six jobs, four of them sabotaged, all ended as they must."""
import os
import re
import signal
import subprocess

import pytest

import processes
from polling import wait_until
from server import Forager, plain_environment


@pytest.fixture
def home(tmp_path):
    forager = Forager(tmp_path / "demo")  # only for its binary of a name of its own
    yield forager
    for pid in forager.processes():
        os.kill(pid, signal.SIGKILL)


@pytest.mark.timeout(240)
def test_once(home):
    done = subprocess.run([str(home.binary), "demo", "--once"], cwd=home.home, capture_output=True, text=True, timeout=200, env=plain_environment())
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert len(set(re.findall(r"JOB-\d+-[0-9A-Z]+", done.stdout))) == 6
    for word in ("segfault", "stalls", "daemon", "never answers"):
        assert word in done.stdout.lower(), f"the table does not speak of {word}"
    wait_until(lambda: not home.processes(), 3, "everything to be gone")


@pytest.mark.timeout(240)
def test_it_goes_on_serving(home):
    with open(home.home / "out", "wb") as out:
        process = subprocess.Popen([str(home.binary), "demo"], cwd=home.home, stdout=out, stderr=out, stdin=subprocess.DEVNULL, env=plain_environment())
    try:
        wait_until(lambda: process.poll() is not None or len(re.findall(r"http://127\.0\.0\.1:\d+/\S+", (home.home / "out").read_text())) >= 1, 200, "the login link")
        assert process.poll() is None, (home.home / "out").read_text()[-2000:]
    finally:
        process.terminate()
        assert process.wait(timeout=35) == 0
    assert not [pid for pid in home.processes() if processes.alive(pid)]


def test_a_url_that_cannot_be_one(home):
    done = subprocess.run([str(home.binary), "demo", "not a url"], cwd=home.home, capture_output=True, text=True, timeout=60, env=plain_environment())
    assert done.returncode != 0 and "not a url" in done.stdout + done.stderr
