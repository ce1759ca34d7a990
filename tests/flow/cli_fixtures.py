"""For the command line's tests: what a command answered, a pseudo-terminal, and commands that go on beside the test."""
import json

import pytest

from server import plain_environment
from terminal import Background, Terminal

DONE, REFUSED, USAGE, FAILED, CANCELLED, NOT_IN_TIME, NO_SERVER = 0, 1, 2, 3, 4, 5, 6


def good(done, code=DONE):
    assert done.returncode == code, (done.args[1:], done.returncode, done.stdout[-1000:], done.stderr[-1000:])
    return done.stdout


def answer(done, code=DONE):
    return json.loads(good(done, code))


def refused(done, *words, code=REFUSED, advised=True):
    """One line on what is wrong, then what to do next if it is known, and nothing on stdout."""
    assert done.returncode == code and done.stdout == "", (done.returncode, done.stdout, done.stderr)
    lines = done.stderr.strip().splitlines()
    assert lines[0].startswith("forager: ") and lines[-1].startswith("  next: ") == advised, done.stderr
    for word in words:
        assert word in done.stderr, (word, done.stderr)


@pytest.fixture
def terminal():
    opened = []

    def factory(forager, *args, env=None, **size):
        plain = plain_environment(**{"FORAGER_DATA_DIR": str(forager.data), "TERM": "xterm-256color", "LANG": "C.UTF-8", **(env or {})})
        opened.append(Terminal([str(forager.binary), *args], plain, forager.home, **size))
        return opened[-1]

    yield factory
    for one in opened:
        one.close()


@pytest.fixture
def background():
    started = []

    def factory(forager, *args, **more):
        started.append(Background(forager, *args, **more))
        return started[-1]

    yield factory
    for one in started:
        one.close()
