#!/usr/bin/python3
"""Kills at random, for as long as asked: the server, the keeper, attempts; by SIGKILL, SIGSTOP, SIGSEGV, SIGTERM.

Then crowds of 256 and 2,000 attempts that wait at a gate and end together, some of them hurt: who wrote down that it did
its work, and was not hurt, is never called anything else.

Prints its seed first; --seed repeats a run. Ends with 0 only if nothing acknowledged was lost, nothing completed
twice, nothing stayed stuck past its bound, and no process was left behind.
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
from server import Forager  # noqa: E402

KINDS = [("ok", {"ms": 20}), ("ok", {"ms": 400}), ("records", {"records": 3, "ms": 30}), ("transient", {"times": 1}), ("fail", {}), ("throw", {}),
         ("segfault", {}), ("abort", {}), ("exit", {}), ("sleep", {}), ("busy_loop", {}), ("stall", {}), ("ignore_term", {}), ("tree", {}), ("flood", {"mb": 2})]
SETTINGS = {"dispatch": "automatic", "max_running": 12, "monitor_interval": 1,
            "defaults": {"heartbeat_timeout": "2s", "stall_timeout": "3s", "grace": "500ms", "backoff": "200ms", "timeout_minutes": 0.2}}
CROWDS = [(256, 0.15), (2_000, 0.35)]  # attempts at once, and their part of the whole time
PATIENT = {"heartbeat_timeout": "60s", "stall_timeout": "5m", "grace": "500ms", "backoff": "200ms", "timeout_minutes": 10, "max_attempts": 9}
LONGEST = 30  # seconds any job may stay in one attempt: its limits, grace, a frozen keeper and a busy machine


class Chaos:
    def __init__(self, seed, home):
        self.dice, self.forager = random.Random(seed), Forager(home, SETTINGS)
        self.acknowledged, self.counts = set(), collections.Counter()

    def feed(self):
        """Submits a handful of jobs; a dead server is no error here."""
        body = {"jobs": [{"entity_type": "selftest", "job_type": kind, "search_filters": filters}
                         for kind, filters in self.dice.choices(KINDS, k=self.dice.randrange(1, 12))]}
        try:
            answer = self.forager.post("/jobs/bulk", body, timeout=10)
        except requests.RequestException:
            return
        if answer.status_code == 201:
            self.acknowledged.update(answer.json()["job_ids"])
            self.counts["jobs"] += answer.json()["created"]

    def victim(self):
        """(name, pid, signal) of what is hit next."""
        server, keeper = self.forager.server_pid(), self.forager.keeper()
        below = [pid for pid in processes.descendants(server) if pid != keeper]
        what = self.dice.choices(["attempt", "keeper", "server"], [12, 3, 2])[0]
        if what == "attempt" and below:
            return what, self.dice.choice(below), self.dice.choice([signal.SIGKILL, signal.SIGSTOP, signal.SIGSEGV, signal.SIGTERM])
        if what == "keeper" and keeper:
            return what, keeper, self.dice.choice([signal.SIGKILL, signal.SIGKILL, signal.SIGSTOP])
        if what == "server":
            return what, server, self.dice.choice([signal.SIGKILL, signal.SIGTERM])
        return None

    def strike(self):
        found = self.victim()
        if not found:
            return
        name, pid, number = found
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            return
        self.counts[f"{name} {number.name}"] += 1
        if name == "server":
            self.forager.process.wait(timeout=35)
            wait_until(lambda: not self.forager.processes(), 5, "everything below the ended server to be gone")
            self.forager.start()

    def check(self):
        """Nothing runs longer than any limit allows."""
        old = self.forager.sql("SELECT job_id, attempt, started_at FROM collection_jobs WHERE status='running' "
                               f"AND started_at < strftime('%Y-%m-%d %H:%M:%f','now','-{LONGEST} seconds')")
        assert not old, f"running for more than {LONGEST} s: {old}"

    def run(self, seconds):
        self.forager.start()
        end, told = time.monotonic() + seconds, time.monotonic()
        pause = threading.Event()
        while time.monotonic() < end:
            if self.forager.stats()["pending_jobs"] < 200:
                self.feed()
            pause.wait(self.dice.random() * 0.6)
            self.strike()
            self.check()
            if time.monotonic() - told > 60:
                told = time.monotonic()
                print(f"{int(end - told)} s left: {dict(self.counts)}", flush=True)
        self.settle()

    def crowds(self, seconds):
        self.forager.close()
        for count, part in CROWDS:
            with tempfile.TemporaryDirectory() as home:
                CrowdChaos(self.dice, pathlib.Path(home) / "crowd", count).run(seconds * part)

    def settle(self):
        wait_until(lambda: self.forager.stats()["pending_jobs"] + self.forager.stats()["running_jobs"] == 0, 600, "the queue to drain")
        sql = self.forager.sql
        stored = set(sql("SELECT job_id FROM collection_jobs").split())
        lost = self.acknowledged - stored
        assert not lost, f"lost: {sorted(lost)[:5]} and in all {len(lost)}"
        for sentence, query in {
            "completed twice": "SELECT job_id FROM collection_attempts WHERE outcome='completed' GROUP BY 1 HAVING count(*)>1",
            "an attempt without an end": "SELECT job_id, attempt FROM collection_attempts WHERE ended_at IS NULL OR released_at IS NULL OR outcome IS NULL",
            "an attempt number used twice": "SELECT job_id FROM collection_attempts GROUP BY job_id, attempt HAVING count(*)>1",
            "completed, though its collector cannot": "SELECT job_id FROM collection_jobs WHERE status='completed' AND job_type IN "
                                                      "('fail','throw','segfault','abort','exit','sleep','busy_loop','stall')",
        }.items():
            assert not sql(query), f"{sentence}: {sql(query)[:300]}"
        assert sql("PRAGMA integrity_check") == "ok"
        keeper = self.forager.keeper()
        left = [pid for pid in processes.descendants(self.forager.server_pid()) if pid != keeper and "keeper" not in processes.arguments(pid)]
        assert not left, f"left behind: {[(pid, processes.arguments(pid)) for pid in left]}"
        print(f"All well: {dict(self.counts)}, {self.forager.stats()}")


class CrowdChaos:
    """Rounds of one crowd: it gathers at the gate, a few are hurt (in each third round the keeper or the server), the gate opens."""

    def __init__(self, dice, home, count):
        self.dice, self.count, self.crowd = dice, count, Crowd()
        settings = {**SETTINGS, "max_running": count, "defaults": PATIENT, "types": {"crowd": self.crowd.type()}}
        self.forager, self.rounds, self.struck = Forager(home, settings), 0, collections.Counter()

    def run(self, seconds):
        try:
            self.forager.start()
            end = time.monotonic() + seconds
            while time.monotonic() < end or self.rounds == 0:
                self.round()
            print(f"A crowd of {self.count} was itself {self.rounds} times: {dict(self.struck)}, {len(self.crowd.finished())} finished", flush=True)
        except AssertionError:
            print(self.forager.stderr[-3000:])
            raise
        finally:
            self.crowd.open()
            self.forager.close()
            self.crowd.close()

    def round(self):
        self.rounds += 1
        self.crowd.shut()
        jobs = [{"entity_type": "crowd", "job_type": "wait"}] * self.count
        assert self.forager.post("/jobs/bulk", {"jobs": jobs}, timeout=60).status_code == 201
        self.gathered()
        hurt_some(self.crowd, self.dice, processes.descendants(self.forager.server_pid()))
        if self.rounds % 3 == 0:
            self.strike_at_its_root()
        self.crowd.open()
        wait_until(lambda: (stats := self.forager.stats())["pending_jobs"] + stats["running_jobs"] == 0, 300, "the crowd to end")
        self.judge()

    def gathered(self):
        wait_until(lambda: self.forager.stats()["running_jobs"] == self.count, 180, f"{self.count} jobs to run")

    def strike_at_its_root(self):
        what = self.dice.choice(["keeper", "server"])
        self.struck[what] += 1
        if what == "keeper":
            os.kill(self.forager.keeper(), self.dice.choice([signal.SIGKILL, signal.SIGSTOP]))
        else:
            self.forager.kill()
            wait_until(lambda: not self.forager.processes(), 20, "everything below the ended server to be gone")
            self.forager.start()

    def judge(self):
        wrong = self.crowd.misjudged(self.forager.sql, interrupted=bool(self.struck))
        assert not wrong, f"{len(wrong)} finished, unhurt, and are called something else: {list(wrong.items())[:3]}"
        outcomes = self.forager.sql("SELECT outcome, count(*) FROM collection_attempts GROUP BY 1").split()
        hurt = self.forager.sql("SELECT count(*) FROM collection_attempts WHERE outcome NOT IN ('completed', 'interrupted')")
        assert int(hurt) <= len(self.crowd.hit), f"{hurt} ended badly, {len(self.crowd.hit)} were hurt: {outcomes}"
        done, stats = self.rounds * self.count, self.forager.stats()
        assert stats["completed_jobs"] == done, f"{done} jobs were to complete: {stats}, {outcomes}"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 32))
    options = parser.parse_args()
    print(f"seed {options.seed} (repeat with --seed {options.seed})", flush=True)
    with tempfile.TemporaryDirectory() as home:
        chaos = Chaos(options.seed, pathlib.Path(home) / "chaos")
        try:
            chaos.run(options.minutes * 60 * (1 - sum(part for _, part in CROWDS)))
            chaos.crowds(options.minutes * 60)
        except AssertionError as error:
            print(f"FAILED with seed {options.seed}: {error}\n{chaos.forager.stderr[-3000:]}")
            return 1
        finally:
            chaos.forager.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
