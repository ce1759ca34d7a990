"""Programs that know nothing of forager: those that work are left alone, those that hang are ended."""
import http.server
import json
import os
import pathlib
import socket
import tempfile
import threading

import pytest

from polling import wait_until
from server import GRACE, SLACK, moment

PYTHON = "/usr/bin/python3"
SCRAPY = "/usr/bin/scrapy"
HEARTBEAT, STALL = 4.0, 6.0
SPIDER = """
import scrapy
class Pages(scrapy.Spider):
    name = "pages"
    custom_settings = {"LOG_LEVEL": "INFO", "LOGSTATS_INTERVAL": 1.0, "TELNETCONSOLE_ENABLED": False, "DOWNLOAD_DELAY": @DELAY@}
    start_urls = [@URL@]
    def parse(self, response):
        follow = response.css("a::attr(href)").get()
        if follow: yield response.follow(follow)
"""


class Site(http.server.BaseHTTPRequestHandler):
    """/N leads to /N-1, and /0 nowhere."""

    def do_GET(self):
        number = int(self.path.strip("/") or 0) if self.path.strip("/").isdigit() else 0
        body = f'<a href="/{number - 1}">next</a>'.encode() if number else b"the end"
        self.send_response(404 if self.path == "/robots.txt" else 200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def site():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Site)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


@pytest.fixture(scope="module")
def silence():
    """The address of a web server that takes requests and never answers."""
    listener, kept = socket.create_server(("127.0.0.1", 0), backlog=64), []

    def take():
        while True:
            try:
                kept.append(listener.accept()[0])
            except OSError:
                return
    threading.Thread(target=take, daemon=True).start()
    yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    listener.close()


@pytest.fixture
def folder():
    with tempfile.TemporaryDirectory() as path:
        os.chmod(path, 0o755)
        yield pathlib.Path(path)


def python(text):
    return [PYTHON, "-c", "import time\nend = time.monotonic() + 14\n" + text]


def spider(folder, name, url, delay):
    path = folder / f"{name}.py"
    path.write_text(SPIDER.replace("@URL@", json.dumps(url)).replace("@DELAY@", str(delay)))
    return [SCRAPY, "runspider", str(path)]


def test_what_works_lives_and_what_hangs_is_ended(make, site, silence, folder):
    works = {
        "pages": python(f"import requests\nwhile time.monotonic() < end:\n    requests.get('{site}/1').text; time.sleep(1.7)"),
        "urllib": python(f"import urllib.request\nwhile time.monotonic() < end:\n    urllib.request.urlopen('{site}/1').read(); time.sleep(1.7)"),
        "curl": ["/bin/sh", "-c", f"for i in 1 2 3 4 5 6; do curl -s -o /dev/null {site}/1; sleep 2; done"],
        "lines": ["/bin/sh", "-c", "for i in 1 2 3 4 5 6; do echo page $i; sleep 2; done"],
        "buffered": [PYTHON, "-c", "import time\nfor i in range(12):\n    print('page', i); time.sleep(1)"],
    }
    hangs = {
        "loop": python("while True: pass"),
        "sleep": python("time.sleep(600)"),
        "deadlock": python("import threading\nlock = threading.Lock(); lock.acquire(); lock.acquire()"),
        "page": python(f"import urllib.request\nurllib.request.urlopen('{silence}/').read()"),
        "same": ["/bin/sh", "-c", "while :; do echo waiting; sleep 1; done"],
        "clock": ["/bin/sh", "-c", "while :; do echo \"$(date +'%F %T') waiting\"; sleep 1; done"],
    }
    if os.path.exists(SCRAPY):
        works["scrapy"] = spider(folder, "works", f"{site}/9", 1.5)
        hangs["scrapy_page"] = spider(folder, "hangs", f"{silence}/", 0)
    types = {name: {"collector": "command", "command": argv, "stall_timeout": f"{STALL:g}s"} for name, argv in {**works, **hangs}.items()}
    types["computes"] = {"collector": "command", "command": python("while time.monotonic() < end: pass"), "stall_timeout": "60s"}
    forager = make({"dispatch": "automatic", "max_running": 20, "types": types,
                    "defaults": {"heartbeat_timeout": f"{HEARTBEAT:g}s", "max_attempts": 1}})
    jobs = {name: forager.submit("any", entity_type=name) for name in types}
    ended = {name: forager.wait_status(job_id, seconds=60) for name, job_id in jobs.items()}
    healthy = {name: ended[name]["error_message"] for name in [*works, "computes"] if ended[name]["status"] != "completed"}
    assert not healthy
    for name in hangs:
        assert ended[name]["error_class"] in ("stalled", "heartbeat_lost"), (name, ended[name])
    for name in ("sleep", "deadlock"):
        assert ended[name]["error_message"] == "No heartbeat: no output, no CPU time used and no bytes moved for 4 s"
    assert ended["loop"]["error_message"] == "No progress: no new output and no bytes moved for 6 s"
    for name in ("loop", "sleep", "deadlock"):  # the others have a start of their own that counts
        (attempt,) = forager.wait_released(jobs[name])
        assert moment(attempt["ended_at"]) - moment(attempt["started_at"]) <= STALL + GRACE + 1 + SLACK + 0.5, name


def test_the_heartbeat_rests_until_it_is_set_or_the_program_speaks(make):
    silent = {"collector": "command", "command": python("time.sleep(600)")}
    speaks = python("print('{\"type\":\"heartbeat\"}', flush=True)\ntime.sleep(600)")
    forager = make({"dispatch": "automatic", "max_running": 5, "defaults": {"stall_timeout": "60s", "max_attempts": 1}, "types": {
        "silent": silent, "chosen": {**silent, "heartbeat_timeout": "2s"}, "speaks": {"collector": "command", "command": speaks}}}, start=False)
    forager.config.write_text(forager.config.read_text().replace('heartbeat_timeout = "2s"', "", 1))  # the tests' own default
    forager.start()
    jobs = {name: forager.submit("any", entity_type=name) for name in ("silent", "chosen", "speaks")}
    assert forager.wait_status(jobs["chosen"], "failed", seconds=20)["error_class"] == "heartbeat_lost"

    def live(name):
        attempts = forager.get("/running").json()["attempts"]
        return next((each for each in attempts if each["job_id"] == jobs[name]), None)

    wait_until(lambda: live("speaks") and live("speaks")["speaks"], 10, "the program to speak")
    assert live("speaks")["heartbeat"]["left_seconds"] <= 30
    seen = live("silent")
    assert not seen["speaks"] and seen["heartbeat"] == {"limit_seconds": 30, "left_seconds": None}
    reasons = {each["code"]: each["message"] for each in forager.get(f"/jobs/{jobs['silent']}/explain").json()["reasons"]}
    assert reasons["signs_of_life"].startswith("Signs of life: no output yet") and "heartbeat clock rests" in reasons["signs_of_life"]
    sets = {each["entity_type"]: each["heartbeat_set"] for each in forager.get("/types").json()["types"]}
    assert sets["chosen"] and not sets["silent"]
