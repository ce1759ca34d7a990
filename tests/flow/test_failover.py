"""The primary of a replicated pair is killed: servers find the promoted standby by themselves, and nothing acknowledged is lost."""
import os
import pathlib
import shutil
import subprocess
import threading

import pytest
import requests

from polling import wait_until
from postgres import Postgres, ready
from server import SLACK

LEASE = 10.0
BASE = "/v1/admin/collection"


class Pair:
    """A primary and one synchronous standby fed by streaming replication."""

    def __init__(self):
        self.primary = Postgres("-c wal_level=replica -c max_wal_senders=4 -c hot_standby=on -c wal_keep_size=64MB").start()
        self.standby = Postgres(self.primary.options)
        self._clone()
        self.standby.start()
        # Each commit waits until the standby has it on its disk.
        self.primary.sql("ALTER SYSTEM SET synchronous_standby_names = 'ANY 1 (*)'")
        self.primary.sql("SELECT pg_reload_conf()")
        wait_until(lambda: self.primary.sql("SELECT sync_state FROM pg_stat_replication") == "quorum", 20, "the standby to be synchronous")

    def _clone(self):
        folder = self.standby.folder
        binaries = sorted(pathlib.Path("/usr/lib/postgresql").iterdir(), key=lambda path: int(path.name))[-1] / "bin"
        as_user = ["setpriv", "--reuid", "nobody", "--regid", "nogroup", "--clear-groups"] if os.geteuid() == 0 else []
        if as_user:
            shutil.chown(folder, "nobody", "nogroup")
        subprocess.run([*as_user, str(binaries / "pg_basebackup"), "-D", str(folder / "data"), "-R", "-X", "stream", "-c", "fast",
                        "-h", "127.0.0.1", "-p", str(self.primary.port), "-U", "forager"], check=True, capture_output=True, cwd=folder,
                       timeout=60)

    def url(self):
        return f"postgres://forager@127.0.0.1:{self.primary.port},127.0.0.1:{self.standby.port}/postgres"

    def fail_over(self):
        """SIGKILL to the primary, then the standby is made the primary, waiting for nobody."""
        self.primary.kill()
        self.standby.sql("ALTER SYSTEM SET synchronous_standby_names = ''")
        assert self.standby.sql("SELECT pg_promote(true, 30)") == "t"
        self.standby.sql("SELECT pg_reload_conf()")

    def close(self):
        for postgres in (self.primary, self.standby):
            postgres.close()


@pytest.fixture
def pair():
    made = Pair()
    yield made
    made.close()


class Client(threading.Thread):
    """Submits with keys until told to stop, trying again with the same key until it is answered."""

    def __init__(self, servers):
        super().__init__(daemon=True)
        self.servers, self.stopping, self.acknowledged, self.sent = servers, threading.Event(), {}, 0

    def run(self):
        session = requests.Session()
        session.trust_env = False
        while not self.stopping.is_set():
            self.sent += 1
            key, number = f"failover-{id(self)}-{self.sent}", self.sent
            body = {"entity_type": "selftest", "job_type": "ok", "search_query": key, "search_filters": {"ms": 50}}
            while not self.stopping.is_set():
                server = self.servers[number % len(self.servers)]
                try:
                    answer = session.post(server.url + BASE + "/jobs", json=body, timeout=60,
                                          headers={"Authorization": f"Bearer {server.token}", "Idempotency-Key": key})
                except requests.RequestException:
                    continue
                if answer.status_code == 201:
                    self.acknowledged[key] = answer.json()["job_id"]
                    break
                assert answer.status_code == 503, answer.text
                self.stopping.wait(0.2)
            self.stopping.wait(0.02)


@pytest.mark.timeout(240)
def test_nothing_acknowledged_is_lost_and_no_job_runs_twice(make, pair):
    settings = {"database": pair.url(), "lease": f"{LEASE:g}s", "dispatch": "automatic", "max_running": 6}
    servers = [make(settings, name=f"node{i}") for i in range(2)]
    pair.primary.watch()
    long_jobs = [servers[0].submit("ok", search_filters={"ms": 90_000}) for _ in range(2)]
    wait_until(lambda: all(servers[0].job(job_id)["status"] == "running" for job_id in long_jobs), 10, "long jobs to run")
    clients = [Client(servers) for _ in range(3)]
    for client in clients:
        client.start()
    wait_until(lambda: sum(len(client.acknowledged) for client in clients) > 60, 30, "acknowledged jobs")

    pair.fail_over()
    before = sum(len(client.acknowledged) for client in clients)
    wait_until(lambda: sum(len(client.acknowledged) for client in clients) > before + 60, 60, "work to go on at the new primary")
    for client in clients:
        client.stopping.set()
    for client in clients:
        client.join(60)

    # Every attempt that ran is accounted for within a minute: it goes on, or its job has another.
    wait_until(lambda: all(server.request("GET", "/stats", check=False).status_code == 200 for server in servers), 60, "both servers")
    for job_id in long_jobs:
        wait_until(lambda: servers[0].job(job_id)["status"] == "running", 60, "the long jobs to run again")
    acknowledged = {key: job_id for client in clients for key, job_id in client.acknowledged.items()}
    stored = pair.standby.sql("SELECT search_query, job_id FROM collection_jobs WHERE search_query LIKE 'failover-%'").split("\n")
    jobs = dict(row.split("|") for row in stored)
    lost = {key: job_id for key, job_id in acknowledged.items() if jobs.get(key) != job_id}
    assert not lost, f"{len(lost)} of {len(acknowledged)} acknowledged jobs are lost"
    assert len(stored) == len(jobs), "no key made two jobs"
    wait_until(lambda: pair.standby.sql("SELECT count(*) FROM collection_jobs WHERE search_query LIKE 'failover-%' AND "
                                        "status <> 'completed'") == "0", 60 + SLACK, "all of them to complete")
    assert pair.standby.overlaps() == "" and pair.standby.endings_twice() == ""
    assert pair.standby.most_held() <= 6
    completed = pair.standby.sql("SELECT count(*), count(DISTINCT job_id) FROM state_history WHERE is_now = 'completed'").split("|")
    assert completed[0] == completed[1], "no job completed twice"
