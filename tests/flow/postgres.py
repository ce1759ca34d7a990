"""A real PostgreSQL of the test's own: started, stopped, paused, cut off, promoted; and what it has seen itself."""
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import tempfile
import threading

from polling import wait_until

SCRIPT = pathlib.Path(__file__).resolve().parents[1] / "support" / "postgres"


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Postgres:
    """One server in a temporary folder, run as an unprivileged user, listening on loopback and on a socket."""

    def __init__(self, options="", fsync=True):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="forager-pg-"))
        self.port, self.options, self.fsync = free_port(), options, fsync

    def _script(self, verb):
        env = {**os.environ, "PG_PORT": str(self.port), "PG_FSYNC": "on" if self.fsync else "off", "PG_OPTIONS": self.options}
        done = subprocess.run([str(SCRIPT), verb, str(self.folder)], env=env, capture_output=True, text=True, timeout=90)
        assert done.returncode == 0, done.stderr

    def start(self):
        self._script("start")
        return self

    def stop(self):
        self._script("stop")

    def close(self):
        try:
            if self.pid():
                self.resume()
        finally:
            self._script("stop")
            shutil.rmtree(self.folder, ignore_errors=True)

    def pid(self):
        path = self.folder / "data" / "postmaster.pid"
        return int(path.read_text().split()[0]) if path.exists() else 0

    def processes(self):
        listed = subprocess.run(["pgrep", "-P", str(self.pid())], capture_output=True, text=True).stdout.split()
        return [self.pid(), *map(int, listed)]

    def pause(self):
        """SIGSTOP to the postmaster and every backend: nothing answers, nothing is closed."""
        for pid in self.processes():
            os.kill(pid, signal.SIGSTOP)

    def resume(self):
        for pid in self.processes():
            try:
                os.kill(pid, signal.SIGCONT)
            except ProcessLookupError:
                pass

    def kill(self):
        """SIGKILL to the postmaster: its backends follow."""
        os.kill(self.pid(), signal.SIGKILL)

    def url(self, schema=None, port=None):
        options = f"?options=-csearch_path%3D{schema}" if schema else ""
        return f"postgres://forager@127.0.0.1:{port or self.port}/postgres{options}"

    def sql(self, statement, schema=None, check=True, seconds=30):
        env = {**os.environ, "PGOPTIONS": f"-csearch_path={schema} -ctimezone=UTC" if schema else "-ctimezone=UTC"}
        done = subprocess.run(["psql", "-h", str(self.folder), "-p", str(self.port), "-U", "forager", "-d", "postgres", "-X", "-A", "-t",
                               "-q", "-v", "ON_ERROR_STOP=1", "-c", statement], env=env, capture_output=True, text=True, timeout=seconds)
        assert not check or done.returncode == 0, f"{statement}: {done.stderr}"
        return done.stdout.strip()

    def watch(self, schema=None):
        """From now on the database itself notes, by its own clock, when slots are taken and given back."""
        self.sql("""
            CREATE TABLE slot_history (at timestamptz NOT NULL, job_id text NOT NULL, attempt int NOT NULL, held boolean NOT NULL);
            CREATE FUNCTION note_slot() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN
              IF TG_OP = 'INSERT' THEN
                INSERT INTO slot_history VALUES (clock_timestamp(), NEW.job_id, NEW.attempt, true);
              ELSE
                INSERT INTO slot_history VALUES (clock_timestamp(), NEW.job_id, NEW.attempt, false);
              END IF;
              RETURN NULL;
            END $$;
            CREATE TRIGGER note_taken AFTER INSERT ON collection_attempts FOR EACH ROW EXECUTE FUNCTION note_slot();
            CREATE TRIGGER note_given AFTER UPDATE ON collection_attempts FOR EACH ROW
              WHEN (OLD.released_at IS NULL AND NEW.released_at IS NOT NULL) EXECUTE FUNCTION note_slot();
            CREATE TABLE state_history (at timestamptz NOT NULL, job_id text NOT NULL, attempt int NOT NULL, was text, is_now text);
            CREATE FUNCTION note_state() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN
              INSERT INTO state_history VALUES (clock_timestamp(), NEW.job_id, NEW.attempt, OLD.status, NEW.status);
              RETURN NULL;
            END $$;
            CREATE TRIGGER note_move AFTER UPDATE ON collection_jobs FOR EACH ROW
              WHEN (OLD.status <> NEW.status) EXECUTE FUNCTION note_state();
        """, schema)

    def overlaps(self, schema=None):
        """Pairs of attempts of one job that held its slot at the same time."""
        return self.sql("""
            WITH spans AS (
              SELECT t.job_id, t.attempt, t.at AS began, coalesce(g.at, 'infinity') AS ended
              FROM slot_history t LEFT JOIN slot_history g ON g.job_id = t.job_id AND g.attempt = t.attempt AND NOT g.held
              WHERE t.held)
            SELECT a.job_id, a.attempt, b.attempt FROM spans a JOIN spans b
              ON b.job_id = a.job_id AND b.attempt > a.attempt AND b.began < a.ended
        """, schema)

    def most_held(self, schema=None):
        """The largest number of slots that were ever held at once."""
        return int(self.sql("""
            SELECT coalesce(max(held), 0) FROM (
              SELECT sum(CASE WHEN held THEN 1 ELSE -1 END) OVER (ORDER BY at, held) AS held FROM slot_history) AS s
        """, schema))

    def endings_twice(self, schema=None):
        """Jobs that left `running` more than once with one attempt, or finished twice without a request in between."""
        return self.sql("""
            SELECT job_id, attempt, count(*) FROM state_history WHERE was = 'running' GROUP BY job_id, attempt HAVING count(*) > 1
        """, schema)


class Cable:
    """A TCP proxy between one server and the database: it can stop forwarding without closing anything, and be long (`delay`)."""

    def __init__(self, port, delay=0.0):
        self.target, self.forwarding, self.closing = port, threading.Event(), False
        self.delay, self.never = delay, threading.Event()
        self.forwarding.set()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.sockets = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while not self.closing:
            try:
                near, _ = self.listener.accept()
                far = socket.create_connection(("127.0.0.1", self.target), timeout=5)
            except OSError:
                continue
            far.settimeout(None)
            self.sockets += [near, far]
            for one, other in ((near, far), (far, near)):
                threading.Thread(target=self._pump, args=(one, other), daemon=True).start()

    def _pump(self, one, other):
        try:
            while data := one.recv(65536):
                if self.delay:
                    self.never.wait(self.delay)
                self.forwarding.wait()
                other.sendall(data)
        except OSError:
            pass
        for end in (one, other):
            try:
                end.close()
            except OSError:
                pass

    def cut(self):
        self.forwarding.clear()

    def mend(self):
        """What was under way on the old wires is lost with them."""
        for end in self.sockets:
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        self.sockets.clear()
        self.forwarding.set()

    def close(self):
        self.closing = True
        self.mend()
        self.listener.close()


def ready(postgres):
    wait_until(lambda: postgres.sql("SELECT 1", check=False) == "1", 30, "the database to answer")
