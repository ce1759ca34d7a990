"""The web collector on pages served on loopback: what it finds, and where it refuses to go."""
import http.server
import json
import threading
import time

import pytest

PAGE = """<!doctype html><html><head><title>Willow Bend</title>
<meta property="og:title" content="Willow Bend"><meta property="og:url" content="https://example.org/willow-bend">
<script type="application/ld+json">{"@context":"https://schema.org","@type":"Place","name":"Willow Bend","telephone":"(281) 555-0100",
"address":{"@type":"PostalAddress","streetAddress":"1 Main St","addressLocality":"Katy","addressRegion":"TX","postalCode":"77494"}}</script>
</head><body><h1>Willow Bend</h1></body></html>"""


class Site(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.0"

    def do_GET(self):  # noqa: N802
        name = self.path.strip("/").split("?")[0]
        self.server.asked.append((self.path, dict(self.headers)))
        if name == "robots.txt":
            return self.answer(200, "User-agent: *\nDisallow: /private\n", "text/plain")
        if name == "slow":
            self.server.release.wait(60)
            return None
        if name == "loop":
            return self.answer(302, "", "text/html", Location="/loop")
        if name == "away":
            return self.answer(302, "", "text/html", Location="http://169.254.169.254/latest/meta-data/")
        if name == "huge":
            self.send_response(200)
            self.end_headers()
            try:
                for _ in range(64):
                    self.wfile.write(b"x" * 1024 * 1024)
            except OSError:
                pass
            return None
        if name == "once":
            self.server.count += 1
            if self.server.count == 1:
                return self.answer(503, "busy", "text/plain", **{"Retry-After": "1"})
            return self.answer(200, PAGE)
        if name.isdigit():
            return self.answer(int(name), "no", "text/plain")
        return self.answer(200, PAGE)

    def answer(self, code, text, kind="text/html; charset=utf-8", **headers):
        body = text.encode()
        self.send_response(code)
        for key, value in {"Content-Type": kind, "Content-Length": str(len(body)), **headers}.items():
            self.send_header(key, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.fixture
def site():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Site)
    server.daemon_threads = True
    server.asked, server.count, server.release = [], 0, threading.Event()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    server.base = f"http://127.0.0.1:{server.server_port}"
    yield server
    server.release.set()
    server.shutdown()
    server.server_close()


def collect(make, site, path, allow=True, seconds=30, settings=None, **fields):
    forager = make({"max_running": 5, **({"allow_private_hosts": [site.base.removeprefix("http://")]} if allow else {}), **(settings or {})})
    job_id = forager.begin("discovery", entity_type="community", target_url=site.base + path if path.startswith("/") else path, **fields)
    return forager, forager.wait_status(job_id, seconds=seconds)


def test_a_page_becomes_a_proposal(make, site):
    forager, job = collect(make, site, "/willow-bend")
    assert job["status"] == "completed" and job["items_found"] >= 1, job
    changes = forager.changes(job["job_id"])["changes"]
    text = json.dumps(changes)
    assert "Willow Bend" in text and "77494" in text
    assert all(change["status"] == "pending" and change["source_url"] == site.base + "/willow-bend" and 0 < change["confidence"] <= 1 for change in changes)
    agents = {headers.get("User-Agent", "") for _, headers in site.asked}
    assert all("forager" in agent.lower() for agent in agents)


@pytest.mark.parametrize("url", ["http://127.0.0.1:{port}/", "http://localhost:{port}/", "http://[::1]:{port}/", "http://0.0.0.0:{port}/", "http://2130706433:{port}/",
                                 "http://169.254.169.254/latest/", "http://10.0.0.1/", "http://[::ffff:127.0.0.1]:{port}/", "http://0x7f.1:{port}/", "http://127.1:{port}/"])
def test_private_addresses_are_refused(make, site, url):
    _, job = collect(make, site, url.format(port=site.server_port), allow=False, max_attempts=1)
    assert job["status"] == "failed" and job["error_message"]
    assert not site.asked, "it asked all the same"


def test_a_redirect_to_a_private_address_is_refused(make, site):
    _, job = collect(make, site, "/away", max_attempts=1)
    assert job["status"] == "failed", job


@pytest.mark.parametrize("path,error_class", [("/404", None), ("/500", "transient"), ("/429", "transient"), ("/loop", None), ("/huge", None)])
def test_bad_answers(make, site, path, error_class):
    _, job = collect(make, site, path, max_attempts=1)
    assert job["status"] == "failed" and job["error_message"], job
    assert error_class in (None, job["error_class"])


def test_a_page_that_never_answers(make, site):
    _, job = collect(make, site, "/slow", max_attempts=1, settings={"defaults": {"heartbeat_timeout": "60s"}})
    assert job["status"] == "failed" and job["error_class"] in ("stalled", "transient")


def test_a_busy_page_is_asked_again_not_before_retry_after(make, site):
    begin = time.monotonic()
    _, job = collect(make, site, "/once")
    assert job["status"] == "completed" and time.monotonic() - begin >= 1 - 0.05


def test_no_such_host_is_permanent(make, site):
    _, job = collect(make, site, "http://no-such-host.invalid/")
    assert (job["status"], job["error_class"], job["attempt"]) == ("failed", "permanent", 1), job


def test_nobody_listens_is_transient(make, site):
    site.shutdown()
    site.server_close()
    _, job = collect(make, site, "/", max_attempts=1)
    assert (job["status"], job["error_class"]) == ("failed", "transient"), job


def test_a_job_without_what_it_needs_is_invalid(make):
    forager = make({"max_running": 5})
    job = forager.wait_status(forager.begin("update", entity_type="community"))
    assert (job["status"], job["error_class"], job["attempt"]) == ("failed", "invalid", 1), job


def test_one_job_per_host_where_the_settings_say_so(make, site):
    host = site.base.removeprefix("http://")
    forager = make({"max_running": 5, "max_running_per_host": 1, "allow_private_hosts": [host], "defaults": {"heartbeat_timeout": "60s"}})
    first, second = (forager.submit("discovery", entity_type="community", target_url=f"{site.base}/slow?{n}") for n in (1, 2))
    assert forager.execute_pending()["job_ids"] == [first]
    assert forager.execute_pending()["started"] == 0
    assert any("host" in reason["message"].lower() for reason in forager.get(f"/jobs/{second}/explain").json()["reasons"])
    other = forager.submit("ok")
    assert forager.execute_pending()["job_ids"] == [other], "another host does not wait behind a full one"
