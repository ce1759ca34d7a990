"""A crowd of commands that wait at a gate, end together when it opens, and write down themselves that they did their work."""
import collections
import fcntl
import os
import pathlib
import shutil
import signal
import tempfile


class Crowd:
    """Its folder lies outside of the server's, where attempts of another user may write."""

    def __init__(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="forager-crowd-"))
        self.folder.chmod(0o755)
        self.notes = self.folder / "notes"
        self.gate = self.folder / "gate"
        for path in (self.notes, self.gate):
            path.touch()
            path.chmod(0o666)
        self.lock = None
        self.hit = set()  # attempts that the test itself hurt
        self.shut()

    def shut(self):
        self.lock = self.lock or open(self.gate, "r+b")
        fcntl.flock(self.lock, fcntl.LOCK_EX)

    def open(self):
        fcntl.flock(self.lock, fcntl.LOCK_UN)

    def type(self, **more):
        """The settings of an entity type whose jobs wait at the gate."""
        note = f'echo "$FORAGER_JOB_ID $FORAGER_ATTEMPT" >> {self.notes}'
        return {"collector": "command", "command": ["/usr/bin/flock", "-s", str(self.gate), "/bin/sh", "-c", note], **more}

    def finished(self):
        """How often each (job, attempt) says that it did its work."""
        lines = self.notes.read_text().splitlines()
        return collections.Counter((job, int(attempt)) for job, attempt in (line.split() for line in lines))

    def strike(self, pid, number):
        """Hurts a process; its attempt is exempt. False when it is none of the crowd's, or gone."""
        try:
            entries = pathlib.Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
            known = dict(entry.split(b"=", 1) for entry in entries if b"=" in entry)
            self.hit.add((known[b"FORAGER_JOB_ID"].decode(), int(known[b"FORAGER_ATTEMPT"])))
            os.kill(pid, number)
        except (OSError, KeyError):
            return False
        return True

    def misjudged(self, sql, interrupted=False):
        """Who finished unhurt and is called something else; `interrupted`: its server or keeper was hurt."""
        allowed = {"completed"} | ({"interrupted", "node_lost"} if interrupted else set())
        rows = (line.split("|") for line in sql("SELECT job_id, attempt, outcome FROM collection_attempts").splitlines())
        outcomes = {(job, int(attempt)): outcome for job, attempt, outcome in rows}
        return {who: outcomes.get(who, "unknown") for who in self.finished().keys() - self.hit if outcomes.get(who) not in allowed}

    def close(self):
        if self.lock:
            self.lock.close()
        shutil.rmtree(self.folder, ignore_errors=True)


def hurt_some(crowd, dice, pids, share=0.02):
    """Strikes a few of the processes by chance."""
    for pid in pids:
        if dice.random() < share:
            crowd.strike(pid, dice.choice([signal.SIGKILL, signal.SIGSEGV, signal.SIGTERM]))
