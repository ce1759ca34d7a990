"""Fixtures of the flow tests: black-box tests of the built binary, written from what it promises."""
import os
import sys

import pytest

sys.path.insert(0, os.path.dirname(__file__))

from postgres import Postgres  # noqa: E402
from server import BINARY, POSTGRES, Forager  # noqa: E402


def pytest_configure(config):
    config.addinivalue_line("markers", "sqlite: of the database file, or of what only SQLite does; not run on PostgreSQL")
    config.addinivalue_line("markers", "no_sanitizer: measures memory, or preloads a library, which sanitizers do not bear")


def pytest_sessionstart(session):
    if not BINARY.exists():
        pytest.exit(f"There is no {BINARY}: build it first with .ci/build release", returncode=2)


def pytest_collection_modifyitems(items):
    for item in items:
        if POSTGRES and item.get_closest_marker("sqlite"):
            item.add_marker(pytest.mark.skip("of SQLite"))
        if not any(mark.name == "timeout" for mark in item.iter_markers()):
            item.add_marker(pytest.mark.timeout(120))


@pytest.fixture
def make(tmp_path):
    """Makes servers: make(settings, args=..., env=...); `start=False` leaves the start to the test."""
    made = []

    def factory(settings=None, start=True, name=None, **more):
        server = Forager(tmp_path / (name or f"home{len(made)}"), settings, **more)
        made.append(server)
        return server.start() if start else server

    yield factory
    for server in made:
        server.close()


@pytest.fixture
def forager(make):
    """A server with short limits, as it comes: one job at a time, on request."""
    return make()


@pytest.fixture
def wide(make):
    """A server that may run fifty jobs at once."""
    return make({"max_running": 50})


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    """One server for tests that leave nothing running and look only at what they made."""
    server = Forager(tmp_path_factory.mktemp("shared"), {"max_running": 50}).start()
    yield server
    server.close()


@pytest.fixture(scope="module")
def database():
    """A PostgreSQL server of the test's own file, which may stop it."""
    postgres = Postgres().start()
    yield postgres
    postgres.close()
