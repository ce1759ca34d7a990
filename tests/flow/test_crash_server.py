"""kill -9 of the server at random moments under load: nothing acknowledged is lost, nothing happens twice."""
import os
import random
import threading

import requests

from polling import wait_until
from server import SLACK

CRASHES = int(os.environ.get("FORAGER_CRASHES", "10"))
KINDS = (("ok", {"ms": 30}), ("ok", {"ms": 300}), ("records", {"records": 3, "ms": 20}), ("transient", {"times": 1}), ("fail", {}))


class Client(threading.Thread):
    """Submits until its server is gone and remembers what was acknowledged."""

    def __init__(self, forager, seed):
        super().__init__(daemon=True)
        self.forager, self.random, self.acknowledged, self.unsure = forager, random.Random(seed), {}, {}
        self.url, self.token = forager.url, forager.token

    def run(self):
        session = requests.Session()
        session.trust_env = False
        session.headers["Authorization"] = f"Bearer {self.token}"
        while True:
            kind, filters = self.random.choice(KINDS)
            key = f"key-{self.random.getrandbits(64):x}"
            body = {"entity_type": "selftest", "job_type": kind, "search_filters": filters}
            try:
                if self.random.random() < 0.2:
                    answer = session.post(self.url + "/v1/admin/collection/jobs/bulk", json={"jobs": [body] * 5}, timeout=10)
                    ids = answer.json().get("job_ids", []) if answer.status_code == 201 else []
                    self.acknowledged.update({job_id: kind for job_id in ids})
                else:
                    self.unsure[key] = body
                    answer = session.post(self.url + "/v1/admin/collection/jobs", json=body, headers={"Idempotency-Key": key}, timeout=10)
                    if answer.status_code == 201:
                        self.acknowledged[answer.json()["job_id"]] = kind
                        self.unsure[key] = (body, answer.json()["job_id"])
                assert answer.status_code in (201, 503), answer.text
            except requests.RequestException:
                return


def test_nothing_acknowledged_is_lost_and_nothing_happens_twice(make):
    seed = int(os.environ.get("FORAGER_SEED", random.randrange(1 << 32)))
    print(f"seed {seed}")
    dice = random.Random(seed)
    forager = make({"dispatch": "automatic", "max_running": 8})
    known, keys = {}, {}
    for crash in range(CRASHES):
        clients = [Client(forager, dice.getrandbits(32)) for _ in range(3)]
        for client in clients:
            client.start()
        wanted = dice.randrange(3, 60)
        wait_until(lambda: sum(len(client.acknowledged) for client in clients) >= wanted, 20, "some acknowledged jobs")
        threading.Event().wait(dice.random() * 0.15)  # anywhere in the work, not only between two requests
        forager.kill()
        for client in clients:
            client.join(15)
            known.update(client.acknowledged)
            keys.update(client.unsure)
        wait_until(lambda: not forager.processes(), 3, "everything below the server to be gone")
        running = set(forager.sql("SELECT job_id || '#' || attempt FROM collection_jobs WHERE status='running'").split())
        forager.start()
        wait_until(lambda: not running & set(forager.sql(
            "SELECT job_id || '#' || attempt FROM collection_jobs WHERE status='running'").split()), 1 + SLACK,
            "the rows that were running to leave it")
    assert forager.sql("PRAGMA integrity_check") == "ok"

    stored = dict(row.split("|") for row in forager.sql("SELECT job_id, job_type FROM collection_jobs").splitlines())
    lost = [job_id for job_id in known if job_id not in stored]
    assert not lost, f"{len(lost)} of {len(known)} acknowledged jobs are lost (seed {seed})"

    # What was never answered may be asked again with its key: it stands there once.
    for key, sent in list(keys.items())[-50:]:
        body, job_id = sent if isinstance(sent, tuple) else (sent, None)
        again = forager.post("/jobs", body, headers={"Idempotency-Key": key})
        assert again.status_code in (200, 201), again.text
        assert job_id is None or again.json()["job_id"] == job_id

    wait_until(lambda: forager.stats()["pending_jobs"] + forager.stats()["running_jobs"] == 0, 240, "the queue to drain")
    stats = forager.stats()
    assert stats["completed_jobs"] + stats["failed_jobs"] == stats["total_jobs"] and stats["stuck_running"] == 0
    wrong = forager.sql("SELECT job_type, status, count(*) FROM collection_jobs WHERE (job_type='fail') <> (status='failed') GROUP BY 1, 2")
    assert not wrong, f"{wrong} (seed {seed})"
    twice = forager.sql("SELECT job_id, count(*) FROM collection_attempts WHERE outcome='completed' GROUP BY 1 HAVING count(*) > 1")
    assert not twice, f"completed twice: {twice} (seed {seed})"
    assert not forager.sql("SELECT job_id, attempt FROM collection_attempts WHERE ended_at IS NULL OR released_at IS NULL OR outcome IS NULL")
    assert not forager.sql("SELECT job_id, attempt, count(*) FROM collection_attempts GROUP BY 1, 2 HAVING count(*) > 1")
    assert not forager.sql("SELECT a.job_id FROM collection_attempts a LEFT JOIN collection_jobs j USING (job_id) WHERE j.job_id IS NULL")


def test_a_power_cut_in_the_middle_of_a_bulk_is_all_or_nothing(make):
    forager = make()
    for round_number in range(3):
        jobs = [{"entity_type": "selftest", "job_type": "ok", "search_query": f"round {round_number}"}] * 5000
        thread = threading.Thread(target=lambda: _quietly(forager, jobs), daemon=True)
        thread.start()
        threading.Event().wait(0.05 + 0.1 * round_number)
        forager.kill()
        thread.join(15)
        forager.start()
        assert int(forager.sql(f"SELECT count(*) FROM collection_jobs WHERE search_query='round {round_number}'")) in (0, 5000)
        assert forager.stats()["total_jobs"] == int(forager.sql("SELECT count(*) FROM collection_jobs"))


def _quietly(forager, jobs):
    try:
        requests.post(forager.url + "/v1/admin/collection/jobs/bulk", json={"jobs": jobs}, timeout=10,
                      headers={"Authorization": f"Bearer {forager.token}"})
    except requests.RequestException:
        pass
