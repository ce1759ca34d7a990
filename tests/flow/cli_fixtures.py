"""Fixtures of the command line's tests: a pseudo-terminal, and commands that go on beside the test."""
import pytest

from server import plain_environment
from terminal import Background, Terminal


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
