"""Starts the real binary, talks to it as a user would, and always ends what it started."""
import datetime
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess

import requests

import processes
from openapi_check import Description
from polling import wait_until

ROOT = pathlib.Path(__file__).resolve().parents[2]
BINARY = (ROOT / os.environ.get("FORAGER_BINARY", "build/release/forager")).resolve()
BASE = "/v1/admin/collection"
# A busy test machine may be this much later than the contract's bounds; 0 holds it to the letter.
SLACK = float(os.environ.get("FLOW_SLACK", "1.0"))
# The folder of a PostgreSQL server (tests/support/postgres): every server of the tests is given a schema there.
POSTGRES = os.environ.get("FLOW_POSTGRES")
FINISHED = ("completed", "failed", "cancelled")

HEARTBEAT, STALL, GRACE, BACKOFF = 2.0, 3.0, 1.0, 0.2
QUICK = {"heartbeat_timeout": f"{HEARTBEAT:g}s", "stall_timeout": f"{STALL:g}s", "grace": f"{GRACE:g}s",
         "backoff": f"{int(BACKOFF * 1000)}ms"}


def toml(settings):
    """A nested dict as TOML: plain keys first, then its tables."""
    def tables(node, path):
        plain = [f"{key} = {json.dumps(value)}" for key, value in node.items() if not isinstance(value, dict)]
        text = ([f"[{'.'.join(path)}]"] if path else []) + plain
        for key, value in node.items():
            if isinstance(value, dict):
                text += tables(value, [*path, key])
        return text
    return "\n".join(tables(settings, [])) + "\n"


def moment(text):
    """An RFC 3339 time of an answer, in seconds."""
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", text), text
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


def plain_environment(**more):
    kept = {key: os.environ[key] for key in ("PATH", "HOME", "LANG", "ASAN_OPTIONS", "TSAN_OPTIONS") if key in os.environ}
    return {**kept, **more}


class Forager:
    """One data directory and the server on it, started and ended as often as a test likes."""

    def __init__(self, home, settings=None, args=(), env=None, self_test=True, wrap=(), data_dir=None):
        self.home = pathlib.Path(home)
        self.home.mkdir(parents=True, exist_ok=True)
        self.binary = self.home / "forager"
        if not self.binary.exists():
            try:
                os.link(BINARY, self.binary)  # a name of its own makes its processes tellable from others'
            except OSError:
                shutil.copy2(BINARY, self.binary)
        self.data = pathlib.Path(data_dir or self.home / "data")
        self.config = self.home / "forager.toml"
        merged = {"host_interval": "0s", "defaults": dict(QUICK)}  # tests of the pace of requests set their own
        self.postgres = None
        if POSTGRES and "database" not in (settings or {}) and data_dir is None:
            self.postgres = f"f{os.getpid()}_{abs(hash(str(self.home))) % 10**9}"
            self._psql(f"CREATE SCHEMA IF NOT EXISTS {self.postgres}")
            merged["database"] = f"postgres:///postgres?host={POSTGRES}&user=forager&options=-csearch_path%3D{self.postgres}"
        for key, value in (settings or {}).items():
            merged[key] = {**merged.get(key, {}), **value} if isinstance(value, dict) and key == "defaults" else value
        self.config.write_text(toml(merged))
        self.args, self.env, self.self_test, self.wrap = list(args), dict(env or {}), self_test, list(wrap)
        self.starts = 0
        self.process = self.url = None
        self._description = None
        self._session = requests.Session()
        self._session.trust_env = False

    # --- life

    def launch(self):
        self.starts += 1
        command = [*self.wrap, str(self.binary), "serve", "--data-dir", str(self.data), "--listen", "127.0.0.1:0",
                   "--config", str(self.config), *(["--self-test"] if self.self_test else []), *self.args]
        self.stdout_path, self.stderr_path = self.home / f"stdout.{self.starts}", self.home / f"stderr.{self.starts}"
        with open(self.stdout_path, "wb") as out, open(self.stderr_path, "wb") as err:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=err, cwd=self.home,
                                            env=plain_environment(**self.env))
        return self

    def start(self, seconds=20):
        self.launch()
        ready = wait_until(lambda: self.process.poll() is not None or
                           re.search(r"^forager listening on (https?://\S+)$", self.stdout, re.M), seconds, "the server to listen")
        assert ready is not True, f"the server ended with {self.process.returncode}: {self.stderr[-2000:]}"
        self.url = ready[1]
        return self

    @property
    def stdout(self):
        return self.stdout_path.read_text(errors="replace")

    @property
    def stderr(self):
        return self.stderr_path.read_text(errors="replace")

    @property
    def pid(self):
        return self.process.pid

    def server_pid(self):
        return json.loads((self.data / "server.json").read_text())["pid"]

    @property
    def token(self):
        return (self.data / "admin.token").read_text().strip()

    def terminate(self, seconds=35):
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=seconds)

    def kill(self):
        self.process.kill()
        self.process.wait(timeout=10)

    def restart(self):
        if self.process.poll() is None:
            self.terminate()
        return self.start()

    def close(self):
        """Ends the server, then whatever of it might be left, each by its pid."""
        self._session.close()
        if self.process and self.process.poll() is None:
            for pid in self.processes():
                _send(pid, signal.SIGCONT)
            self.process.terminate()
            try:
                self.process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                self.kill()
        for pid in self.processes():
            _send(pid, signal.SIGKILL)

    # --- requests

    def request(self, method, path, token=None, check=True, headers=None, timeout=30, session=None, **more):
        """One request; every JSON answer is held against /openapi.json. `token=False` sends none."""
        full = path if path.startswith(("/healthz", "/readyz", "/metrics", "/openapi", "/docs", BASE)) or path == "/" else BASE + path
        headers = dict(headers or {})
        if token is not False:
            headers.setdefault("Authorization", f"Bearer {token or self.token}")
        response = (session or self._session).request(method, self.url + full, headers=headers, timeout=timeout,
                                                      allow_redirects=False, **more)
        if check:
            self.description.check(method, full.split("?")[0], response)
        if response.status_code >= 400 and response.content and method != "HEAD":
            assert response.headers["Content-Type"].startswith("application/problem+json"), (full, response.headers)
            problem = response.json()
            assert isinstance(problem.get("detail"), str) and problem["detail"], problem
            assert problem.get("status") == response.status_code, problem
        return response

    @property
    def description(self):
        if self._description is None:
            self._description = Description(self._session.get(self.url + "/openapi.json", timeout=10).json())
        return self._description

    def get(self, path, **more):
        return self.request("GET", path, **more)

    def post(self, path, body=None, **more):
        return self.request("POST", path, json=body, **more) if body is not None else self.request("POST", path, **more)

    def delete(self, path, **more):
        return self.request("DELETE", path, **more)

    # --- verbs

    def submit(self, job_type="ok", entity_type="selftest", **fields):
        body = {"entity_type": entity_type, "job_type": job_type, **fields}
        response = self.post("/jobs", body)
        assert response.status_code == 201, (body, response.text)
        return response.json()["job_id"]

    def begin(self, job_type="ok", **fields):
        """Submits a job and starts it at once."""
        job_id = self.submit(job_type, **fields)
        response = self.post(f"/jobs/{job_id}/start")
        assert response.status_code == 202, response.text
        return job_id

    def working(self, job_type="sleep", **fields):
        """A job whose collector is at work: its attempt has a process."""
        job_id = self.begin(job_type, **fields)
        wait_until(lambda: self.attempts(job_id)[-1]["pid"], 5, f"a process of {job_id}")
        return job_id

    def execute_pending(self, **params):
        response = self.post("/jobs/execute-pending", params=params)
        assert response.status_code == 200, response.text
        return response.json()

    def reset_stuck(self, **params):
        response = self.post("/jobs/reset-stuck", params=params)
        assert response.status_code == 200, response.text
        return response.json()

    def job(self, job_id):
        response = self.get(f"/jobs/{job_id}")
        assert response.status_code == 200, response.text
        return response.json()

    def attempts(self, job_id):
        response = self.get(f"/jobs/{job_id}/attempts")
        assert response.status_code == 200, response.text
        return response.json()["attempts"]

    def logs(self, job_id, **params):
        response = self.get(f"/jobs/{job_id}/logs", params={"limit": 500, **params})
        assert response.status_code == 200, response.text
        return response.json()

    def changes(self, job_id):
        response = self.get(f"/jobs/{job_id}/changes")
        assert response.status_code == 200, response.text
        return response.json()

    def stats(self):
        return self.get("/stats").json()

    def wait_status(self, job_id, *statuses, seconds=15):
        return wait_until(lambda: (seen := self.job(job_id))["status"] in (statuses or FINISHED) and seen, seconds,
                          f"{job_id} to be {' or '.join(statuses or FINISHED)} (it is {self.job(job_id)['status']})")

    def wait_released(self, job_id, seconds=10):
        """All attempts of the job have their processes proven gone; returns the attempts."""
        return wait_until(lambda: (seen := self.attempts(job_id)) and all(a["released_at"] for a in seen) and seen, seconds,
                          f"the slot of {job_id} to be free")

    def finish(self, job_type="ok", seconds=15, **fields):
        """Runs one job to its end and returns it."""
        return self.wait_status(self.begin(job_type, **fields), seconds=seconds)

    # --- the world around it

    def log_text(self):
        return (self.data / "logs" / "app.log").read_text(errors="replace")

    def database(self):
        for path in sorted(self.data.iterdir()):
            if path.is_file() and path.stat().st_size > 100 and path.read_bytes()[:15] == b"SQLite format 3":
                return path
        raise AssertionError(f"no SQLite file among {[path.name for path in self.data.iterdir()]}")

    def sql(self, statement, seconds=10):
        """Runs a statement with the database's shell, as a person would; returns what it prints."""
        if self.postgres:
            return self._psql(self._for_postgres(statement), seconds)
        done = subprocess.run(["sqlite3", "-cmd", f".timeout {int(seconds * 1000)}", str(self.database()), statement],
                              capture_output=True, text=True, timeout=seconds + 10)
        assert done.returncode == 0 and not done.stderr, f"{statement}: {done.stderr}"
        return done.stdout.strip()

    def _psql(self, statement, seconds=10):
        done = subprocess.run(["psql", "-h", POSTGRES, "-U", "forager", "-d", "postgres", "-X", "-A", "-t", "-q", "-v", "ON_ERROR_STOP=1",
                               "-c", statement], capture_output=True, text=True, timeout=seconds + 10,
                              env={**os.environ, "PGOPTIONS": f"-csearch_path={self.postgres} -ctimezone=UTC"})
        assert done.returncode == 0, f"{statement}: {done.stderr}"
        return done.stdout.strip()

    @staticmethod
    def _for_postgres(statement):
        """datetime('now', '-1 hour') is NOW() - INTERVAL '1 hour' there."""
        statement = re.sub(r"datetime\('now', *'([+-])([^']+)'\)", r"(NOW() \1 INTERVAL '\2')", statement)
        return statement.replace("datetime('now')", "NOW()").replace("PRAGMA integrity_check", "SELECT 'ok'").replace(
            "length(CAST(message AS BLOB))", "octet_length(message)")

    def cli(self, *args, stdin=None, env=None, seconds=30):
        return subprocess.run([str(self.binary), *args], capture_output=True, text=True, input=stdin, timeout=seconds,
                              cwd=self.home, env=plain_environment(FORAGER_DATA_DIR=str(self.data), **(env or {})))

    def processes(self):
        return processes.belonging_to(self.home)

    def keeper(self):
        """The server's child that keeps the attempts: `forager keeper`."""
        server = self.server_pid()  # an attempt's first process is called so too, and may have a lower pid
        found = [pid for pid in processes.descendants(server)
                 if "keeper" in processes.arguments(pid)[1:2] and (processes.status(pid) or (0, 0))[1] == server]
        return found[0] if found else None

    def attempt_processes(self):
        """What runs below the first two levels: neither the server nor a process called keeper by its arguments."""
        return [pid for pid in processes.descendants(self.server_pid())]

    def metric(self, name):
        text = self.get("/metrics").text
        found = re.search(rf"^{re.escape(name)}(?:\{{[^}}]*\}})? (\S+)$", text, re.M)
        return float(found[1]) if found else None


def _send(pid, number):
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        pass
