"""The command line with several servers on one PostgreSQL database."""
import json
import re

import pytest

from cli_fixtures import background  # noqa: F401
from polling import wait_until


@pytest.fixture
def pair(make, database):
    schema = "cli_doctor"
    database.sql(f"DROP SCHEMA IF EXISTS {schema} CASCADE")
    database.sql(f"CREATE SCHEMA {schema}")
    settings = {"database": database.url(schema), "dispatch": "automatic", "max_running": 2, "capacity": 1}
    return [make(settings, name=name) for name in ("one", "two")]


def node_of(server):
    return (server.data / "node.id").read_text().split()[0]


def examine(server):
    done = server.cli("doctor", "--config", str(server.config), "-o", "json", seconds=60)
    return json.loads(done.stdout)["findings"]


def test_nodes_watching_and_doctor_across_servers(pair, background, database):  # noqa: F811
    one, two = pair
    jobs = [one.submit("sleep", timeout_minutes=1) for _ in range(2)]
    for job_id in jobs:
        one.wait_status(job_id, "running")
    nodes = json.loads(one.cli("nodes", "list", "-o", "json").stdout)
    assert {node["node_id"] for node in nodes} == {node_of(one), node_of(two)}
    wait_until(lambda: {one.job(job_id)["node"] for job_id in jobs} == {node_of(one), node_of(two)}, 10, "a job on each")
    for server in pair:
        findings = wait_until(lambda: (seen := examine(server)) and not [f for f in seen if f["health"] == "FAULT"] and seen, 20, "no fault")
        assert any(f["check"] == "running" and "all 2 running" in f["message"] for f in findings), findings
        assert any(f["check"] == "database" and f["health"] == "ok" for f in findings)
        assert not re.search(r"password|postgres://", json.dumps(findings))
    # Followed at one server, run by the other, cancelled at either.
    there = next(job_id for job_id in jobs if one.job(job_id)["node"] == node_of(two))
    watch = background(one, "jobs", "watch", there)
    wait_until(lambda: "running" in watch.out, 10, "its first word")
    assert one.cli("jobs", "cancel", there, "--force").returncode == 0
    assert watch.wait(20) == 4 and "cancelled" in watch.out
    assert "draining" in one.cli("nodes", "drain", node_of(two)).stdout


def test_a_database_that_is_away(pair, database):
    one, _ = pair
    database.stop()
    try:
        findings = wait_until(lambda: (seen := examine(one)) and any(f["check"] == "server" and f["health"] == "FAULT" for f in seen) and seen,
                              30, "the server to say that it is not ready")
        assert any(f["check"] == "database" and f["health"] == "FAULT" and "PostgreSQL" in f["advice"] for f in findings), findings
    finally:
        database.start()
