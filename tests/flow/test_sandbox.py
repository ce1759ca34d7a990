"""What an innocent program can do with files, and what a hostile one cannot do to the server: each attack is real code, run as an attempt."""
import os
import pathlib
import tempfile

import pytest

PYTHON = "/usr/bin/python3"


@pytest.fixture
def folder():
    """A folder everybody may read: attempts of a server run by root are another user's."""
    with tempfile.TemporaryDirectory() as name:
        os.chmod(name, 0o755)
        yield pathlib.Path(name)


def output(forager, seconds=20, **fields):
    """Runs one job of the type `mine`; returns it and the lines it printed."""
    job = forager.wait_status(forager.begin("x", entity_type="mine", max_attempts=1, **fields), seconds=seconds)
    return job, [line["message"] for line in forager.logs(job["job_id"])["logs"]]


def shell(make, script, settings=None, **more):
    return make({"max_running": 20, "types": {"mine": {"command": ["sh", "-c", script]}}, **(settings or {})}, **more)


# --- innocent programs

@pytest.mark.parametrize("mask", [0o022, 0o027, 0o077])
def test_files_have_the_mode_of_the_umask_the_server_was_started_with(make, mask):
    forager = shell(make, "umask; touch f && mkdir d && stat -c %a f d", wrap=["sh", "-c", f"umask {mask:04o}; exec \"$@\"", "sh"])
    job, lines = output(forager)
    assert lines == [f"{mask:04o}", f"{0o666 & ~mask:o}", f"{0o777 & ~mask:o}"], (job, lines)


def test_home_and_tmpdir_can_be_used(make, folder):
    forager = shell(make, 'cd "$HOME" && touch a && mktemp && cd "$TMPDIR" && touch b && python3 -c "import tempfile; tempfile.TemporaryFile()" && echo fine', data_dir=folder / "data")
    job, lines = output(forager)
    assert job["status"] == "completed" and lines[-1] == "fine", (job, lines)
