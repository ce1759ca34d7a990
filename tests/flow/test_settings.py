"""Flag, environment, file, default: in that order; and a wrong value is one line that says all."""
import json
import re
import signal
import subprocess

import pytest

from polling import wait_until
from server import plain_environment, toml

SET = {"max_running": 3}


def shown(forager, args=(), env=None):
    """What `forager config` says of max_running with this file, environment and flags."""
    done = forager.cli("config", *args, env=env)
    assert done.returncode == 0, done.stderr
    line = [line for line in done.stdout.splitlines() if re.match(r"\W*max_running\b", line)]
    assert len(line) == 1, done.stdout
    return line[0]


def test_precedence(make):
    forager = make(SET, start=False)
    config = ["--config", str(forager.config)]
    assert re.search(r"\b1\b", shown(forager)) and "default" in shown(forager)
    assert re.search(r"\b3\b", shown(forager, config)) and "forager.toml" in shown(forager, config)
    line = shown(forager, config, {"FORAGER_MAX_RUNNING": "4"})
    assert re.search(r"\b4\b", line) and "FORAGER_MAX_RUNNING" in line
    line = shown(forager, [*config, "--max-running", "5"], {"FORAGER_MAX_RUNNING": "4"})
    assert re.search(r"\b5\b", line) and "--max-running" in line


def test_the_server_obeys_the_same_order(make):
    forager = make(SET, env={"FORAGER_MAX_RUNNING": "2"})
    for _ in range(3):
        forager.submit("sleep")
    assert forager.execute_pending(limit=10)["started"] == 2
    told = json.dumps(forager.get("/config").json())
    assert "FORAGER_MAX_RUNNING" in told


def test_the_file_is_found_where_it_is_promised(make):
    forager = make(start=False)
    forager.data.mkdir(parents=True)
    (forager.data / "forager.toml").write_text("max_running = 7\n")
    assert re.search(r"\b7\b", shown(forager))
    assert re.search(r"\b3\b", shown(make(SET, start=False), env={"FORAGER_CONFIG": str(make(SET, start=False).config)}))


WRONG_ENVIRONMENT = [
    ("ARTITEC_JOB_MONITOR_ENABLED", "maybe"), ("ARTITEC_JOB_MONITOR_INTERVAL", "0"), ("ARTITEC_JOB_MONITOR_INTERVAL", "-5"),
    ("ARTITEC_JOB_MONITOR_INTERVAL", "5 minutes"), ("ARTITEC_JOB_MONITOR_INTERVAL", "86401"), ("ARTITEC_JOB_MONITOR_INTERVAL", "nan"),
    ("ARTITEC_JOB_TIMEOUT_MINUTES", "0"), ("ARTITEC_JOB_TIMEOUT_MINUTES", "half an hour"), ("ARTITEC_JOB_TIMEOUT_MINUTES", "1e9"),
    ("FORAGER_LISTEN", "nonsense"), ("FORAGER_LISTEN", "127.0.0.1:99999"), ("FORAGER_LISTEN", "127.0.0.1:-1"), ("FORAGER_DISPATCH", "sometimes"),
    ("FORAGER_MAX_RUNNING", "0"), ("FORAGER_MAX_RUNNING", "-1"), ("FORAGER_MAX_RUNNING", "many"), ("FORAGER_MAX_RUNNING", "3.5"),
    ("FORAGER_MAX_RUNNING", "99999999999999999999"), ("FORAGER_LOG_FORMAT", "xml"), ("FORAGER_DATABASE", "mysql://x")]


def refused(forager, extra=(), env=None):
    """Starts it with something wrong in it; returns the one line it says."""
    done = subprocess.run([str(forager.binary), "serve", "--data-dir", str(forager.data), *([] if "--listen" in extra or (env and "FORAGER_LISTEN" in env)
                          else ["--listen", "127.0.0.1:0"]), *extra], env=plain_environment(**(env or {})), capture_output=True, text=True, timeout=20,
                          cwd=forager.home)
    assert done.returncode != 0, done.stdout
    lines = done.stderr.strip().splitlines()
    assert len(lines) == 1, lines
    return lines[0]


@pytest.mark.parametrize("name,value", WRONG_ENVIRONMENT)
def test_wrong_values_of_the_environment(make, name, value):
    line = refused(make(start=False), env={name: value})
    assert name in line and value in line, line
    if name.endswith(("INTERVAL", "MINUTES", "RUNNING")):
        assert re.search(r"\d+(\.\d+)?\D+\d+", line.replace(value, "")), f"no range in: {line}"
    if name == "FORAGER_DISPATCH":
        assert "on_request" in line and "automatic" in line


WRONG_FILES = [
    ("max_running = 0\n", "max_running", 1), ("\nmax_running = \"many\"\n", "max_running", 2), ("colour = \"red\"\n", "colour", 1),
    ("[defaults]\nheartbeat_timeout = \"fast\"\n", "heartbeat_timeout", 2), ("[defaults]\nheartbeat_timeout = 30\n", "heartbeat_timeout", 2),
    ("[defaults]\nmemory = \"lots\"\n", "memory", 2), ("[defaults]\ngrase = \"1s\"\n", "grase", 2), ("[defaults]\nmax_attempts = 26\n", "max_attempts", 2),
    ("[types.x]\ncollector = \"nothing\"\n", "collector", 2), ("[types.x]\ncollector = \"command\"\n", "command", None),
    ("[types.\"Bad Name\"]\ncollector = \"web\"\n", "Bad Name", None), ("[types.property]\npriority = 11\n", "priority", 2), ("max_running = \n", None, 1),
    ("dispatch = \"automatic\"\ndispatch = \"on_request\"\n", None, 2), ("max_running = 3\n\n[oops\n", None, 3), ("[defaults]\nbackoff = \"-5s\"\n", "backoff", 2)]


@pytest.mark.parametrize("text,setting,line_number", WRONG_FILES, ids=[row[0].strip().replace("\n", "; ")[:50] for row in WRONG_FILES])
def test_wrong_files(make, text, setting, line_number):
    forager = make(start=False)
    forager.config.write_text(text)
    line = refused(forager, ["--config", str(forager.config)])
    assert "forager.toml" in line and (setting is None or setting in line), line
    if line_number:
        assert re.search(rf"forager\.toml\D+{line_number}\b", line), line


def test_wrong_flags(make):
    forager = make(start=False)
    assert "--max-running" in refused(forager, ["--max-running", "0"])
    assert "--config" in refused(forager, ["--config", "/nowhere/at/all.toml"]) or "all.toml" in refused(forager, ["--config", "/nowhere/at/all.toml"])
    done = forager.cli("serve", "--no-such-flag")
    assert done.returncode != 0 and "--no-such-flag" in done.stderr
    done = forager.cli("no-such-command")
    assert done.returncode != 0 and "no-such-command" in done.stderr
    assert forager.cli("--version").stdout.strip()
    assert "serve" in forager.cli("--help").stdout


@pytest.mark.parametrize("listen", ["0.0.0.0:0", "127.0.0.1.example.org:0", "127.example.org:0"])
def test_no_auth_is_refused_off_loopback(make, listen):
    forager = make(start=False)
    line = refused(forager, ["--auth", "off", "--listen", listen])
    assert "auth" in line and "loopback" in line.lower()


def test_a_port_in_use_is_one_line(make):
    first = make()
    port = first.url.rpartition(":")[2]
    second = make(start=False)
    done = second.cli("serve", "--data-dir", str(second.data), "--listen", f"127.0.0.1:{port}")
    assert done.returncode != 0 and port in done.stderr.strip().splitlines()[-1]


def test_a_data_directory_that_cannot_be_one(make, tmp_path):
    forager = make(start=False)
    (tmp_path / "file").write_text("x")
    forager.data = tmp_path / "file"
    assert str(tmp_path / "file") in refused(forager)


@pytest.mark.sqlite
@pytest.mark.parametrize("content", [b"this is no database, but long enough to look at" * 100, b""])
def test_a_corrupt_database_is_one_line(make, content):
    forager = make()
    path = forager.database()
    forager.terminate()
    if content:
        for extra in ("-wal", "-shm"):
            (path.parent / (path.name + extra)).unlink(missing_ok=True)
        path.write_bytes(content)
        assert path.name in refused(forager)


@pytest.mark.sqlite
def test_a_newer_schema_is_refused(make):
    forager = make()
    forager.terminate()
    tables = forager.sql("SELECT name FROM sqlite_master WHERE type='table' AND (name LIKE '%migration%' OR name LIKE '%schema%')").split()
    version = int(forager.sql("PRAGMA user_version"))
    if version:
        forager.sql(f"PRAGMA user_version={version + 1000}")
    else:
        tables = [table for table in tables if "schema" in table or "migration" in table]
        assert tables, "the schema's version stands nowhere"
        column = forager.sql(f"SELECT name FROM pragma_table_info('{tables[0]}') WHERE name LIKE '%version%' OR name='id'").split()[0]
        forager.sql(f"UPDATE {tables[0]} SET {column}=9999 WHERE {column}=(SELECT max({column}) FROM {tables[0]})")
    assert "newer" in refused(forager).lower()


def test_sighup_reads_the_file_again(make):
    forager = make(SET)
    forager.config.write_text(forager.config.read_text().replace("max_running = 3", "max_running = 2"))
    forager.process.send_signal(signal.SIGHUP)
    wait_until(lambda: re.search(r'"max_running"[^}]*?\b2\b', json.dumps(forager.get("/config").json())), 3, "the new value")
    for _ in range(3):
        forager.submit("sleep")
    assert forager.execute_pending(limit=10)["started"] == 2


def test_sighup_changes_the_monitor_and_tells_what_has_to_wait(make):
    forager = make({**SET, "monitor_interval": 100})
    good = forager.config.read_text()
    forager.config.write_text('max_connections = 77\n' + good.replace("monitor_interval = 100", "monitor_interval = 0.5"))
    forager.process.send_signal(signal.SIGHUP)
    wait_until(lambda: forager.get("/monitor").json()["interval_seconds"] == 0.5, 3, "the new interval")
    wait_until(lambda: forager.get("/monitor").json()["last_run"], 3, "a look of the monitor")
    assert 'max_connections = "77" takes effect after a restart' in forager.log_text()
    shown = {setting["name"]: setting["value"] for setting in forager.get("/config").json()["settings"]}
    assert shown["max_connections"] == "3000" and shown["monitor_interval"] == "0.5"


def test_sighup_with_a_wrong_file_changes_nothing_and_says_why(make):
    forager = make(SET)
    good = forager.config.read_text()
    forager.config.write_text("max_running = 0\n" + toml({"defaults": {}}))
    forager.process.send_signal(signal.SIGHUP)
    wait_until(lambda: "max_running" in forager.log_text() and "forager.toml" in forager.log_text(), 3, "the reason in the log")
    assert forager.process.poll() is None
    assert re.search(r'"max_running"[^}]*?\b3\b', json.dumps(forager.get("/config").json()))
    forager.config.write_text(good)


def test_the_timeout_variable_is_the_default_of_every_job(make):
    forager = make(env={"ARTITEC_JOB_TIMEOUT_MINUTES": "0.03"})
    job = forager.finish("ok", search_filters={"ms": 30_000})
    assert job["error_message"].startswith("Job timed out after running for more than 0.03 minutes. ")


@pytest.mark.parametrize("word,enabled", [("0", False), ("1", True), ("false", False), ("true", True)])
def test_words_for_the_monitor(make, word, enabled):
    forager = make(env={"ARTITEC_JOB_MONITOR_ENABLED": word})
    assert forager.get("/monitor").json()["enabled"] is enabled
