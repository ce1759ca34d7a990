"""How often requests go to one web host: one budget for jobs, attempts, restarts and servers."""
import http.server
import os
import threading
import time

import pytest

from polling import wait_until
from postgres import Postgres
from server import GRACE, SLACK

INTERVAL = 0.3
# A request may be this much late on its way, and the next one not.
JITTER = 0.05
PAGE = b'<html><script type=application/ld+json>{"@type":"ApartmentComplex","name":"Willow Bend"}</script></html>'


class Site(http.server.BaseHTTPRequestHandler):
    """Notes when it is asked for what; `/slow` takes its time, `/broken` fails, robots.txt is the test's."""
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        with self.server.lock:
            self.server.asked.append((time.monotonic(), self.path))
        status, body = 200, PAGE
        if self.path == "/robots.txt":
            status, body = (200, self.server.robots.encode()) if self.server.robots else (404, b"")
        elif self.path.startswith("/broken"):
            status, body = 503, b""
        if self.server.takes:
            self.server.closing.wait(self.server.takes)
        self.send_response(status)
        self.send_header("Content-Type", "text/plain" if self.path == "/robots.txt" else "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


@pytest.fixture
def site():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Site)
    server.daemon_threads = True
    server.asked, server.robots, server.takes, server.lock = [], "", 0, threading.Lock()
    server.closing = threading.Event()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    server.host = f"127.0.0.1:{server.server_port}"
    yield server
    server.closing.set()
    server.shutdown()
    server.server_close()


def settings(site, **more):
    return {"max_running": 10, "dispatch": "automatic", "allow_private_hosts": [site.host], "host_interval": f"{int(INTERVAL * 1000)}ms", **more}


def submit(forager, site, path="/page", **fields):
    return forager.submit("discovery", entity_type="community", target_url=f"http://{site.host}{path}", **fields)


def gaps(site):
    times = sorted(at for at, _ in site.asked)
    return [later - earlier for earlier, later in zip(times, times[1:])]


def assert_polite(site, requests, interval=INTERVAL):
    assert len(site.asked) == requests, site.asked
    assert min(gaps(site)) >= interval - JITTER, gaps(site)


def host_reasons(forager, job_id):
    return [reason["message"] for reason in forager.get(f"/jobs/{job_id}/explain").json()["reasons"] if reason["code"] == "host_budget"]


def test_jobs_share_the_budget_of_a_host(make, site):
    forager = make(settings(site))
    for job_id in [submit(forager, site, f"/{i}") for i in range(4)]:
        assert forager.wait_status(job_id, seconds=20)["status"] == "completed"
    assert_polite(site, 8)
    assert max(gaps(site)) < INTERVAL + 1, "the budget is used as it comes"


def test_retries_are_of_the_same_budget(make, site):
    forager = make(settings(site))
    jobs = [submit(forager, site, "/broken", max_attempts=3), submit(forager, site, "/page")]
    assert forager.wait_status(jobs[0], seconds=30)["status"] == "failed"
    assert forager.wait_status(jobs[1], seconds=20)["status"] == "completed"
    assert_polite(site, 8)


def test_the_budget_outlives_the_server(make, site):
    forager = make(settings(site, host_interval="3s"))
    first = submit(forager, site)
    wait_until(lambda: site.asked, 10, "the first request")
    forager.kill()
    forager.start()
    assert forager.wait_status(first, seconds=30)["status"] == "completed"
    assert len(site.asked) >= 3 and min(gaps(site)) >= 3 - JITTER, gaps(site)


def test_waiting_for_a_turn_is_no_stall_and_is_explained(make, site):
    forager = make(settings(site, host_interval="5s"))  # longer than the stall limit, and than the heartbeat's
    first, second = submit(forager, site), submit(forager, site)
    message = wait_until(lambda: host_reasons(forager, first) or host_reasons(forager, second), 10, "the reason")[0]
    assert f"for its turn at {site.host} (1 request per 5s, shared by all servers)" in message, message
    for job_id in (first, second):
        assert forager.wait_status(job_id, seconds=40)["status"] == "completed"
        assert len(forager.attempts(job_id)) == 1
        assert not host_reasons(forager, job_id)
    assert_polite(site, 4, 5)


def test_a_job_that_waits_is_cancelled_as_any_other(make, site):
    forager = make(settings(site, host_interval="60s"))
    job_id = submit(forager, site)
    wait_until(lambda: host_reasons(forager, job_id), 10, "the wait")
    began = time.monotonic()
    assert forager.post(f"/jobs/{job_id}/cancel").status_code == 202
    assert forager.wait_status(job_id)["status"] == "cancelled"
    assert time.monotonic() - began < GRACE + 1 + SLACK
    forager.wait_released(job_id)
    assert len(site.asked) == 1


def test_who_gets_no_turn_before_its_deadline_waits_without_a_slot_and_a_try(make, site):
    forager = make(settings(site, host_interval="2s"))
    others = [submit(forager, site) for _ in range(4)]
    wait_until(lambda: all(host_reasons(forager, job_id) for job_id in others), 10, "all to wait")
    late = submit(forager, site, timeout_minutes=0.1, max_attempts=1)  # six seconds: the next turn is farther
    waiting = wait_until(lambda: (seen := forager.job(late))["status"] == "pending" and seen["attempt"] == 1 and seen, 10, "it to go back")
    assert waiting["error_class"] == "transient" and "have all turns" in waiting["error_message"], waiting
    assert forager.wait_released(late)[0]["outcome"] == "transient"
    for job_id in others:
        forager.post(f"/jobs/{job_id}/cancel")
    assert forager.wait_status(late, seconds=60)["status"] == "completed", "its only try was not used"


def test_crawl_delay_is_kept_between_jobs(make, site):
    site.robots = "User-agent: *\nCrawl-delay: 0.8\n"
    forager = make(settings(site, host_interval="0s"))
    for job_id in [submit(forager, site, f"/{i}") for i in range(2)]:
        assert forager.wait_status(job_id, seconds=20)["status"] == "completed"
    pages = sorted(at for at, path in site.asked if path != "/robots.txt")
    assert pages[1] - pages[0] >= 0.8 - JITTER
    third = submit(forager, site, "/3")
    assert forager.wait_status(third, seconds=20)["status"] == "completed"
    assert min(gaps(site)[-2:]) >= 0.8 - JITTER, "also for its robots.txt: what the host asks is remembered"


def test_a_slow_host_is_asked_less_often(make, site):
    forager = make(settings(site, host_interval="100ms"))
    site.takes = 0.6
    assert forager.wait_status(submit(forager, site), seconds=20)["status"] == "completed"
    for job_id in [submit(forager, site, f"/{i}") for i in range(3)]:
        assert forager.wait_status(job_id, seconds=30)["status"] == "completed"
    assert_polite(site, 8, 0.6)
    site.takes = 0
    for job_id in [submit(forager, site, f"/quick{i}") for i in range(3)]:
        assert forager.wait_status(job_id, seconds=20)["status"] == "completed"
    assert min(gaps(site)[-5:]) < 0.5, "and more often again when it is quick"
    assert min(gaps(site)) >= 0.1 - JITTER


@pytest.fixture(scope="module")
def database():
    postgres = Postgres().start()
    yield postgres
    postgres.close()


def test_servers_of_one_database_share_the_budget(make, site, database):
    schema = f"p{os.getpid()}"
    database.sql(f"CREATE SCHEMA {schema}")
    servers = [make(settings(site, database=database.url(schema), lease="10s", capacity=3, max_running=6), name=f"node{i}") for i in range(2)]
    jobs = [submit(servers[i % 2], site, f"/{i}") for i in range(12)]
    for job_id in jobs:
        assert servers[0].wait_status(job_id, seconds=60)["status"] == "completed"
    assert_polite(site, 24)
    ran_on = database.sql("SELECT count(DISTINCT node) FROM collection_attempts", schema)
    assert ran_on == "2", "both servers fetched"
