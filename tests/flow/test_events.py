"""GET /events: what happens, as it happens, and what was missed after a lost connection."""
import json
import queue
import threading

import pytest
import requests

from polling import wait_until
from server import BASE


class Stream:
    def __init__(self, forager, last=None, path="/events", token=None):
        headers = {"Authorization": f"Bearer {token or forager.token}", **({"Last-Event-ID": last} if last else {})}
        self.answer = requests.get(forager.url + BASE + path, headers=headers, stream=True, timeout=30)
        self.events, self.seen = queue.Queue(), []
        self.thread = threading.Thread(target=self._read, daemon=True)
        self.thread.start()

    def _read(self):
        event = {}
        try:
            for line in self.answer.iter_lines(chunk_size=1, decode_unicode=True):
                if not line:
                    if event:
                        self.events.put(event)
                    event = {}
                elif not line.startswith(":"):
                    name, _, value = line.partition(":")
                    event[name] = event.get(name, "") + value.removeprefix(" ")
        except (requests.RequestException, AttributeError, ValueError):
            pass
        self.events.put(None)

    def take(self):
        while not self.events.empty():
            event = self.events.get()
            if event:
                self.seen.append(event)
        return self.seen

    def of_job(self, job_id, kind="job"):
        return [event for event in self.take() if event.get("event") == kind and job_id in event.get("data", "")]

    def close(self):
        self.answer.close()


def test_a_job_is_seen_on_its_way(forager):
    stream = Stream(forager)
    assert stream.answer.status_code == 200 and stream.answer.headers["Content-Type"].startswith("text/event-stream")
    job_id = forager.begin("ok", search_filters={"ms": 300})
    wait_until(lambda: any('"completed"' in event["data"] for event in stream.of_job(job_id)), 8, "the end of the job")
    for event in stream.seen:
        assert event["event"] in ("job", "log", "stats", "monitor", "node"), event
        json.loads(event["data"])
        assert event["id"]
    assert any('"running"' in event["data"] for event in stream.of_job(job_id))
    stream.close()


def test_what_was_missed_is_sent_again(forager):
    stream = Stream(forager)
    first = forager.finish("ok")["job_id"]
    wait_until(lambda: any('"completed"' in event["data"] for event in stream.of_job(first)), 8, "the first job")
    last = stream.take()[-1]["id"]
    stream.close()
    missed = forager.finish("ok")["job_id"]
    again = Stream(forager, last)
    wait_until(lambda: any('"completed"' in event["data"] for event in again.of_job(missed)), 8, "the missed job")
    assert not again.of_job(first), "what was seen is not sent twice"
    assert last not in [event["id"] for event in again.seen]
    again.close()


@pytest.mark.parametrize("last", ["nonsense", "0", "-1", "999999999999999999999"])
def test_an_unknown_last_id_is_no_error(forager, last):
    stream = Stream(forager, last)
    assert stream.answer.status_code == 200
    job_id = forager.finish("ok")["job_id"]
    wait_until(lambda: stream.of_job(job_id), 8, "news of the job")
    stream.close()


def test_a_reader_that_does_not_read_hurts_nobody(make):
    forager = make({"max_running": 10})
    lazy = [requests.get(forager.url + BASE + "/events", headers={"Authorization": f"Bearer {forager.token}"}, stream=True, timeout=30) for _ in range(5)]
    for _ in range(20):
        forager.finish("records", search_filters={"records": 20})
    assert forager.stats()["completed_jobs"] == 20
    for answer in lazy:
        answer.close()


def test_two_hundred_readers(make):
    forager = make()
    readers = [requests.get(forager.url + BASE + "/events", headers={"Authorization": f"Bearer {forager.token}"}, stream=True, timeout=30) for _ in range(200)]
    assert {answer.status_code for answer in readers} <= {200, 503}
    assert sum(answer.status_code == 200 for answer in readers) >= 100
    assert forager.finish("ok")["status"] == "completed"
    for answer in readers:
        answer.close()


def test_a_revoked_token_hears_no_more(forager):
    token = forager.post("/tokens", {"name": "reader", "role": "viewer"}).json()
    stream, other = Stream(forager, token=token["token"]), Stream(forager)
    job_id = forager.finish("ok")["job_id"]
    wait_until(lambda: stream.of_job(job_id), 8, "news of the job")
    assert forager.delete(f"/tokens/{token['id']}").status_code == 200
    stream.thread.join(5)
    assert not stream.thread.is_alive()
    assert other.thread.is_alive()
    other.close()


def test_a_stop_ends_the_streams(forager):
    stream = Stream(forager)
    assert forager.terminate() == 0
    stream.thread.join(5)
    assert not stream.thread.is_alive()
