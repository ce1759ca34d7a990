"""GET /metrics: what Prometheus' own tools think of it, what it counts, who may read it; and what ships for it."""
import json
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import urllib.parse

import pytest
import requests

from polling import wait_until
from server import ROOT

RULES = ROOT / "deploy" / "prometheus" / "forager.rules.yml"
DASHBOARD = ROOT / "deploy" / "grafana" / "forager.json"
PROMTOOL = shutil.which("promtool", path="/usr/bin:/bin")


def series(forager):
    """{name: {frozenset of labels: value}} of one scrape."""
    found = {}
    for line in forager.get("/metrics").text.splitlines():
        if line.startswith("#"):
            continue
        name, labels, value = re.fullmatch(r"(\w+)(?:\{(.*)\})? (\S+)", line).groups()
        pairs = frozenset(re.findall(r'(\w+)="((?:[^"\\]|\\.)*)"', labels or ""))
        assert pairs not in found.setdefault(name, {}), f"{line} stands there twice"
        found[name][pairs] = float(value)
    return found


def value(forager, name, **labels):
    """The sum of the series that have these labels."""
    return sum(number for pairs, number in series(forager).get(name, {}).items() if set(labels.items()) <= pairs)


def promtool(*args, stdin=None, cwd=None):
    return subprocess.run([PROMTOOL, *args], input=stdin, capture_output=True, text=True, timeout=60, cwd=cwd)


def test_promtool_finds_nothing_to_say(shared):
    shared.finish("ok")
    shared.finish("fail")
    done = promtool("check", "metrics", stdin=shared.get("/metrics").text)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_every_family_has_help_and_type_once(shared):
    text = shared.get("/metrics").text
    helps, types = re.findall(r"^# HELP (\w+) \S", text, re.M), re.findall(r"^# TYPE (\w+) (?:counter|gauge|histogram)$", text, re.M)
    assert helps == types and len(set(types)) == len(types) > 40


def test_outcomes_are_counted_by_type(wide):
    wide.finish("ok")
    wide.finish("fail")
    wide.finish("segfault", max_attempts=1)
    wide.wait_status(wide.begin("ok", entity_type="never_heard_of"), "failed")
    count = lambda **labels: value(wide, "forager_attempts_ended_total", **labels)  # noqa: E731
    assert count(entity_type="selftest", outcome="completed") == 1
    assert count(entity_type="selftest", outcome="permanent") == 1
    assert count(entity_type="selftest", outcome="crashed") == 1
    assert count(entity_type="other", outcome="unknown_entity_type") == 1
    assert value(wide, "forager_attempt_duration_seconds_count", entity_type="selftest") == 3
    assert value(wide, "forager_job_pickup_seconds_count", entity_type="selftest") == 3
    wait_until(lambda: value(wide, "forager_attempt_start_seconds_count") == 3, 5, "three processes to be counted")
    assert value(wide, "forager_jobs", entity_type="selftest", status="failed") == 2
    assert value(wide, "forager_jobs", entity_type="other", status="failed") == 1
    assert value(wide, "forager_store_write_seconds_count") > 0 and value(wide, "forager_store_read_seconds_count") > 0


def test_retries_kills_and_stops_are_counted(wide):
    wide.finish("transient", search_filters={"times": 1})
    assert value(wide, "forager_retries_total", entity_type="selftest") == 1
    job = wide.working("ignore_term")
    wide.post(f"/jobs/{job}/cancel", params={"force": "true"})
    wide.wait_status(job, "cancelled")
    assert value(wide, "forager_attempts_stopped_total", reason="cancel") == 1
    wide.finish("busy_loop", max_attempts=1)
    assert value(wide, "forager_attempts_stopped_total", reason="heartbeat_lost") == 1
    wait_until(lambda: value(wide, "forager_attempts_killed_total") >= 1, 10, "the kills to be shown")
    assert value(wide, "forager_attempts_ended_total", outcome="heartbeat_lost") == 1


def test_resets_are_counted_by_what_was_behind_them(wide):
    row = wide.submit("ok")
    wide.sql(f"UPDATE collection_jobs SET status='running', started_at=datetime('now','-1 hour') WHERE job_id='{row}'")
    wide.working("sleep")
    wait_until(lambda: value(wide, "forager_stuck_running") == 1, 10, "the census to see the row")
    assert wide.reset_stuck(timeout_minutes=0)["reset_count"] == 2
    wait_until(lambda: value(wide, "forager_resets_total", by="request", reason="no_process") == 1, 10, "the reset to be counted")
    assert value(wide, "forager_resets_total", by="request", reason="process_alive") == 1
    assert value(wide, "forager_resets_total", by="monitor") == 0
    wait_until(lambda: value(wide, "forager_stuck_running") == 0, 10, "the gauge to read 0 again")
    assert value(wide, "forager_attempts_ended_total", outcome="reset") >= 0


def test_a_thousand_unknown_types_are_one_label(make):
    forager = make()
    jobs = [{"entity_type": f"made_up_{i}", "job_type": "x"} for i in range(1000)]
    assert forager.post("/jobs/bulk", {"jobs": jobs}).status_code == 201
    seen = series(forager)
    assert seen["forager_jobs"][frozenset({("entity_type", "other"), ("status", "pending")})] == 1000
    assert sum(len(rows) for rows in seen.values()) < 500
    assert "made_up" not in forager.get("/metrics").text


def test_metrics_are_there_while_the_database_cannot_be_read(make):
    forager = make()
    forager.submit("ok")
    forager.sql("ALTER TABLE collection_totals RENAME TO away")
    seen = series(forager)
    assert "forager_jobs" not in seen and "forager_stuck_running" in seen
    forager.sql("ALTER TABLE away RENAME TO collection_totals")
    assert value(forager, "forager_jobs", status="pending") == 1


def test_figures_of_the_process(shared):
    seen = {name: sum(rows.values()) for name, rows in series(shared).items()}
    assert seen["process_resident_memory_bytes"] > 5e6 and seen["process_virtual_memory_bytes"] > seen["process_resident_memory_bytes"]
    assert 5 < seen["process_open_fds"] < seen["process_max_fds"] and seen["process_threads"] > 3
    assert seen["process_cpu_seconds_total"] >= 0 and seen["process_start_time_seconds"] > 1.6e9
    assert seen["forager_disk_free_bytes"] > 0


# --- who may read it

def test_open_on_loopback_only_when_set_and_never_behind_a_proxy(make):
    forager = make({"metrics_on_loopback": True})
    assert "forager_stuck_running" in forager.get("/metrics", token=False).text
    assert forager.get("/stats", token=False).status_code == 401
    for header in ("X-Forwarded-For", "Forwarded", "X-Real-IP", "Via"):
        assert forager.get("/metrics", token=False, headers={header: "192.0.2.1"}).status_code == 401, header
    assert forager.get("/metrics").status_code == 200
    assert make().get("/metrics", token=False).status_code == 401


def test_a_token_for_metrics_reads_nothing_else(make):
    forager = make()
    made = forager.post("/tokens", {"role": "metrics", "name": "prometheus"})
    assert made.status_code == 201 and made.json()["role"] == "metrics"
    token = made.json()["token"]
    assert "forager_stuck_running" in forager.get("/metrics", token=token).text
    for path in ("/jobs", "/stats", "/me", "/config", "/events", "/alerts", "/tokens"):
        assert forager.get(path, token=token).status_code == 403, path
    assert forager.post("/jobs", {"entity_type": "selftest", "job_type": "ok"}, token=token).status_code == 403
    assert forager.get("/metrics", token=forager.cli("token", "create", "--role", "metrics", "--name", "x").stdout.strip().split()[-1]).status_code == 200


# --- what ships

def test_the_rules_are_good():
    done = promtool("check", "rules", RULES.name, cwd=RULES.parent)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_alerts_fire_when_they_should():
    done = promtool("test", "rules", "forager.rules.test.yml", cwd=RULES.parent)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_example_configuration_is_good(tmp_path):
    text = (RULES.parent / "prometheus.yml").read_text().replace("/etc/prometheus/forager.token", str(tmp_path / "token"))
    (tmp_path / "token").write_text("x")
    (tmp_path / "prometheus.yml").write_text(text)
    shutil.copy(RULES, tmp_path)
    done = promtool("check", "config", str(tmp_path / "prometheus.yml"))
    assert done.returncode == 0, done.stdout + done.stderr


def dashboard_queries():
    board = json.loads(DASHBOARD.read_text())
    queries = [target["expr"] for panel in board["panels"] for target in panel.get("targets", [])]
    return queries + [note["expr"] for note in board["annotations"]["list"]]


def test_rules_and_dashboard_ask_for_what_there_is(shared):
    shared.finish("transient", search_filters={"times": 1})
    recorded = set(re.findall(r"record: (\S+)", RULES.read_text()))
    there = set(series(shared)) | recorded | {"up"}
    queries = dashboard_queries()
    assert len(queries) > 30
    for text in [RULES.read_text(), *queries]:
        for name in re.findall(r"\b(?:forager|process)[_:][\w:]+\b", re.sub(r"alert: .*|summary: .*|description: .*|#.*", "", text)):
            assert name in there, f"{name} is asked for and not told"


def test_dashboard_panels_fit_their_grid():
    panels = json.loads(DASHBOARD.read_text())["panels"]
    taken = set()
    for panel in panels:
        grid = panel["gridPos"]
        assert grid["x"] + grid["w"] <= 24
        cells = {(x, y) for x in range(grid["x"], grid["x"] + grid["w"]) for y in range(grid["y"], grid["y"] + grid["h"])}
        assert not cells & taken, f"{panel['title']} lies over another panel"
        taken |= cells
    assert len({panel["id"] for panel in panels}) == len(panels)


class Prometheus:
    """The real one, on a port of its own, with the rules that ship."""

    def __init__(self, folder, forager, token):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        (folder / "token").write_text(token)
        shutil.copy(RULES, folder)
        text = (RULES.parent / "prometheus.yml").read_text()
        text = text.replace("/etc/prometheus/forager.token", str(folder / "token")).replace("scrape_interval: 15s", "scrape_interval: 1s\n  evaluation_interval: 1s")
        (folder / "prometheus.yml").write_text(text.replace("127.0.0.1:8080", urllib.parse.urlsplit(forager.url).netloc))
        self.url = f"http://127.0.0.1:{port}"
        with open(folder / "prometheus.log", "wb") as log:
            self.process = subprocess.Popen(
                ["/usr/bin/prometheus", f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/data",
                 f"--web.listen-address=127.0.0.1:{port}"], stdout=log, stderr=log, cwd=folder)

    def ask(self, path, **params):
        try:
            answer = requests.get(f"{self.url}/api/v1/{path}", params=params, timeout=10)
        except requests.ConnectionError:
            return None
        return None if answer.status_code == 503 else answer.json()  # 503: it is still starting

    def query(self, expression):
        answer = self.ask("query", query=expression)
        if answer is None:
            return []
        assert answer["status"] == "success", (expression, answer)
        return answer["data"]["result"]

    def close(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(timeout=20)


@pytest.fixture
def watch(tmp_path):
    made = []

    def factory(forager, token):
        folder = pathlib.Path(tmp_path / f"prometheus{len(made)}")
        folder.mkdir()
        made.append(Prometheus(folder, forager, token))
        return made[-1]

    yield factory
    for prometheus in made:
        prometheus.close()


def test_a_real_prometheus_scrapes_and_alerts(wide, watch):
    prometheus = watch(wide, wide.post("/tokens", {"role": "metrics", "name": "prometheus"}).json()["token"])
    wait_until(lambda: [row["value"][1] for row in prometheus.query("up")] == ["1"], 30, "the first good scrape")
    wide.finish("ok")
    wide.finish("fail")
    wait_until(lambda: [row["value"][1] for row in prometheus.query('forager_attempts_ended_total{entity_type="selftest",outcome="completed"}')] == ["1"],
               20, "the completed job to be scraped")
    target = prometheus.ask("targets")["data"]["activeTargets"][0]
    assert target["health"] == "up" and target["lastError"] == ""
    rules = [rule for group in prometheus.ask("rules")["data"]["groups"] for rule in group["rules"]]
    assert len(rules) == len(re.findall(r"^\s*- (?:alert|record):", RULES.read_text(), re.M))
    wait_until(lambda: all(rule["health"] == "ok" for group in prometheus.ask("rules")["data"]["groups"] for rule in group["rules"]),
               20, "every rule to be evaluated")
    for query in dashboard_queries():
        for name, chosen in (("$job", "forager"), ("$instance", ".*"), ("$entity_type", ".*"), ("$__rate_interval", "1m")):
            query = query.replace(name, chosen)
        prometheus.query(query)
    # One increase over two scrapes is enough for the reset alert.
    wide.working("sleep")
    assert wide.reset_stuck(timeout_minutes=0)["reset_count"] == 1
    wait_until(lambda: prometheus.query('ALERTS{alertname="ForagerJobsReset",alertstate="firing"}'), 20, "the alert for the reset job")


def test_a_wrong_token_is_a_failed_scrape(wide, watch):
    prometheus = watch(wide, "fgr_wrong")
    wait_until(lambda: [row["value"][1] for row in prometheus.query("up")] == ["0"], 30, "the refused scrape")
    assert "401" in prometheus.ask("targets")["data"]["activeTargets"][0]["lastError"]
