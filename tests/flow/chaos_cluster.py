#!/usr/bin/python3
"""Three servers on one PostgreSQL database, hit at random: servers, keepers, attempts, the database, the cable between.

Prints its seed first; --seed repeats a run. What is true is asked of the database's own history: no two attempts of a job
ever hold its slot at once, no attempt leaves `running` twice, limits are never exceeded, nothing acknowledged is lost,
nothing stays stuck. At the end a crowd that all three share: who wrote down that it did its work, and was not hurt, is never
called anything else.
"""
import argparse
import collections
import os
import pathlib
import random
import signal
import sys
import tempfile
import threading
import time

import requests

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import processes  # noqa: E402
from crowd import Crowd, hurt_some  # noqa: E402
from polling import wait_until  # noqa: E402
from postgres import Cable, Postgres, ready  # noqa: E402
from server import Forager, toml  # noqa: E402

KINDS = [("ok", {"ms": 20}), ("ok", {"ms": 800}), ("records", {"records": 3, "ms": 30}), ("transient", {"times": 1}), ("fail", {}),
         ("segfault", {}), ("exit", {}), ("sleep", {}), ("tree", {})]
LEASE, LIMIT = 10, 9
SETTINGS = {"dispatch": "automatic", "max_running": LIMIT, "monitor_interval": 1, "lease": f"{LEASE}s",
            "defaults": {"heartbeat_timeout": "2s", "stall_timeout": "3s", "grace": "500ms", "backoff": "200ms", "timeout_minutes": 0.2,
                         "max_attempts": 3}}
CROWD = 256  # attempts at once, at the end
PATIENT = {"heartbeat_timeout": "60s", "stall_timeout": "5m", "grace": "500ms", "backoff": "200ms", "timeout_minutes": 10, "max_attempts": 9}
LONGEST = 90  # seconds in one attempt: its limits, a lease, a database that was away, a busy machine


class Chaos:
    def __init__(self, seed, home):
        self.dice = random.Random(seed)
        self.database = Postgres().start()
        self.servers, self.cables, self.frozen = [], [], {}
        for i in range(3):
            self.cables.append(Cable(self.database.port))
            self.servers.append(Forager(home / f"node{i}", {**SETTINGS, "database": self.database.url(port=self.cables[i].port)}))
        self.acknowledged, self.counts, self.limit = set(), collections.Counter(), LIMIT

    def feed(self, count):
        body = {"jobs": [{"entity_type": "selftest", "job_type": kind, "search_filters": filters}
                         for kind, filters in self.dice.choices(KINDS, k=count)]}
        server = self.dice.choice(self.servers)
        if not server.process or server.process.poll() is not None or server in self.frozen:
            return
        try:
            answer = server.request("POST", "/jobs/bulk", json=body, timeout=15, check=False)
        except requests.RequestException:
            return
        if answer.status_code == 201:
            self.acknowledged.update(answer.json()["job_ids"])
            self.counts["jobs"] += answer.json()["created"]

    # --- what can be hit

    def hit_attempt(self, server):
        keeper = server.keeper()
        below = [pid for pid in processes.descendants(server.pid) if pid != keeper]
        if below:
            os.kill(self.dice.choice(below), self.dice.choice([signal.SIGKILL, signal.SIGSTOP, signal.SIGSEGV]))

    def hit_keeper(self, server):
        if keeper := server.keeper():
            os.kill(keeper, self.dice.choice([signal.SIGKILL, signal.SIGSTOP]))

    def kill_server(self, server):
        server.kill()
        server.start(60)

    def stop_server(self, server):
        server.terminate()
        server.start(60)

    def freeze_server(self, server):
        os.kill(server.pid, signal.SIGSTOP)
        self.frozen[server] = time.monotonic() + self.dice.uniform(2, 2 * LEASE)

    def cut_cable(self, server):
        cable = self.cables[self.servers.index(server)]
        cable.cut()
        self.frozen[cable] = time.monotonic() + self.dice.uniform(2, 2 * LEASE)

    def pause_database(self, _):
        self.database.pause()
        threading.Event().wait(self.dice.uniform(1, LEASE))
        self.database.resume()

    def restart_database(self, _):
        self.database.stop()
        threading.Event().wait(self.dice.uniform(0, 3))
        self.database.start()
        ready(self.database)

    def strike(self):
        name, weight = zip(*{"hit_attempt": 30, "hit_keeper": 6, "kill_server": 4, "stop_server": 2, "freeze_server": 3, "cut_cable": 3,
                             "pause_database": 2, "restart_database": 1}.items())
        what = self.dice.choices(name, weight)[0]
        server = self.dice.choice(self.servers)
        if server in self.frozen or self.cables[self.servers.index(server)] in self.frozen:
            return
        try:
            getattr(self, what)(server)
        except (ProcessLookupError, FileNotFoundError):
            return
        self.counts[what] += 1

    def thaw(self, all_of_them=False):
        for thing, until in list(self.frozen.items()):
            if all_of_them or time.monotonic() > until:
                del self.frozen[thing]
                thing.mend() if isinstance(thing, Cable) else os.kill(thing.pid, signal.SIGCONT)

    def check(self):
        old = self.database.sql("SELECT job_id, attempt, node, now() - started_at FROM collection_jobs WHERE status = 'running' "
                                f"AND started_at < now() - interval '{LONGEST} s'")
        assert not old, f"running for more than {LONGEST} s: {old}"
        for sentence, found in {"attempts that overlapped": self.database.overlaps(), "left running twice": self.database.endings_twice()}.items():
            assert not found, f"{sentence}: {found}"
        assert self.database.most_held() <= self.limit, f"{self.database.most_held()} slots were held; {self.limit} are allowed"

    def run(self, seconds):
        for server in self.servers:
            server.start(60)
        self.database.watch()
        for _ in range(6):
            self.feed(100)
        end, told = time.monotonic() + seconds, time.monotonic()
        while time.monotonic() < end:
            if int(self.database.sql("SELECT count(*) FROM collection_jobs WHERE status = 'pending'")) < 200:
                self.feed(50)
            threading.Event().wait(self.dice.random())
            self.thaw()
            self.strike()
            if time.monotonic() - told > 20:
                told = time.monotonic()
                self.check()
                print(f"{int(end - told)} s left: {dict(self.counts)}", flush=True)
        self.settle()

    def settle(self):
        self.thaw(all_of_them=True)
        sql = self.database.sql
        wait_until(lambda: sql("SELECT count(*) FROM collection_jobs WHERE status IN ('pending', 'running')") == "0", 900, "the queue to drain")
        wait_until(lambda: sql("SELECT count(*) FROM collection_attempts WHERE released_at IS NULL") == "0", 60, "every slot to be free")
        self.check()
        lost = self.acknowledged - set(sql("SELECT job_id FROM collection_jobs").split())
        assert not lost, f"{len(lost)} acknowledged jobs are lost: {sorted(lost)[:5]}"
        for sentence, query in {
            "completed twice": "SELECT job_id FROM collection_attempts WHERE outcome = 'completed' GROUP BY 1 HAVING count(*) > 1",
            "an attempt without an end": "SELECT job_id, attempt FROM collection_attempts WHERE ended_at IS NULL OR outcome IS NULL",
            "completed, though its collector cannot": "SELECT job_id FROM collection_jobs WHERE status = 'completed' AND job_type IN "
                                                      "('fail', 'segfault', 'exit', 'sleep')",
            "counters that do not count": "SELECT 1 FROM (SELECT sum(completed) AS c, sum(failed) AS f FROM collection_totals) AS t WHERE "
                                          "t.c <> (SELECT count(*) FROM collection_jobs WHERE status = 'completed') OR "
                                          "t.f <> (SELECT count(*) FROM collection_jobs WHERE status = 'failed')",
        }.items():
            assert not sql(query), f"{sentence}: {sql(query)[:300]}"
        print(f"All well: {dict(self.counts)}; {sql('SELECT status, count(*) FROM collection_jobs GROUP BY 1').split()}; "
              f"at most {self.database.most_held()} slots held of {self.limit}")

    def gather_crowds(self, rounds=3):
        crowd, self.limit = Crowd(), CROWD
        try:
            for server, cable in zip(self.servers, self.cables):
                server.config.write_text(toml({**SETTINGS, "database": self.database.url(port=cable.port), "max_running": CROWD,
                                               "defaults": PATIENT, "types": {"crowd": crowd.type()}}))
                server.restart()
            for _ in range(rounds):
                self.gather(crowd)
        finally:
            crowd.open()
            crowd.close()

    def gather(self, crowd):
        crowd.shut()
        jobs = {"jobs": [{"entity_type": "crowd", "job_type": "wait"}] * CROWD}
        self.acknowledged.update(self.servers[0].post("/jobs/bulk", jobs, timeout=60).json()["job_ids"])
        count = "SELECT count(*) FROM collection_jobs WHERE status = "
        wait_until(lambda: self.database.sql(f"{count}'running'") == str(CROWD), 120, f"{CROWD} jobs to run")
        for server in self.servers:
            hurt_some(crowd, self.dice, processes.descendants(server.pid))
        crowd.open()
        wait_until(lambda: self.database.sql(f"{count}'running'") == self.database.sql(f"{count}'pending'") == "0", 180, "the crowd to end")
        wrong = crowd.misjudged(self.database.sql)
        assert not wrong, f"{len(wrong)} finished, unhurt, and are called something else: {list(wrong.items())[:3]}"
        self.counts["crowds"] += 1

    def close(self):
        self.thaw(all_of_them=True)
        for server in self.servers:
            server.close()
        for cable in self.cables:
            cable.close()
        self.database.close()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=20)
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 32))
    options = parser.parse_args()
    print(f"seed {options.seed} (repeat with --seed {options.seed})", flush=True)
    with tempfile.TemporaryDirectory() as home:
        chaos = Chaos(options.seed, pathlib.Path(home))
        try:
            chaos.run(options.minutes * 60)
            chaos.gather_crowds()
            chaos.settle()
        except AssertionError as error:
            print(f"FAILED with seed {options.seed}: {error}")
            for server in chaos.servers:
                print(server.stderr[-1500:])
            return 1
        finally:
            chaos.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
