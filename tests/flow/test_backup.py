"""forager backup and forager restore: consistent under load, checked, and never a loss."""
import os
import shutil
import sqlite3
import stat
import subprocess
import threading
import time

import pytest

from polling import wait_until
from server import Forager, plain_environment

pytestmark = pytest.mark.sqlite


def run(forager, *args, **more):
    return subprocess.run([str(forager.binary), *args, "--data-dir", str(forager.data)], capture_output=True, text=True, timeout=60, cwd=forager.home,
                          env=plain_environment(), **more)


def rows(path, statement):
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as database:
        return database.execute(statement).fetchall()


def leftovers(folder):
    return [path.name for path in folder.iterdir() if ".part-" in path.name]


def test_a_backup_of_a_running_server_is_one_moment_of_it(wide):
    """Jobs are made in groups of ten while it is copied: whole groups are in the copy, and counters that fit them."""
    stop, made, slowest = threading.Event(), [0], [0.0]

    def write():
        while not stop.is_set():
            began = time.monotonic()
            assert wide.post("/jobs/bulk", {"jobs": [{"entity_type": "selftest", "job_type": "ok", "search_query": "q" * 500}] * 10}).status_code == 201
            made[0] += 10
            slowest[0] = max(slowest[0], time.monotonic() - began)

    writer = threading.Thread(target=write)
    writer.start()
    wait_until(lambda: made[0] >= 500, 20, "some jobs")
    slowest[0] = 0
    for number in range(5):
        before = made[0]
        done = run(wide, "backup", f"copy{number}.db")
        assert done.returncode == 0, done.stderr
        copy = wide.home / f"copy{number}.db"
        [(jobs,)] = rows(copy, "SELECT count(*) FROM collection_jobs")
        assert jobs >= before and jobs % 10 == 0
        assert rows(copy, "SELECT sum(pending + running + completed + failed + cancelled) FROM collection_totals") == [(jobs,)]
        assert rows(copy, "PRAGMA integrity_check") == [("ok",)]
        assert f"Backed up {jobs} job(s)" in done.stdout
        assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    stop.set()
    writer.join()
    assert slowest[0] < 2, "a writer was held up"
    assert leftovers(wide.home) == [] and not (wide.home / "copy0.db-wal").exists()


def test_a_backup_comes_back(make):
    forager = make()
    job = forager.finish("records", search_filters={"records": 3})["job_id"]
    token = forager.token
    assert run(forager, "backup", "copy.db").returncode == 0
    later = forager.submit("ok")
    forager.terminate()
    done = run(forager, "restore", "copy.db")
    assert done.returncode == 0, done.stderr
    forager.start()
    assert forager.job(job)["status"] == "completed" and len(forager.changes(job)["changes"]) == 3
    assert forager.get(f"/jobs/{later}").status_code == 404
    assert forager.get("/me", token=token).status_code == 200
    kept = [path for path in forager.data.iterdir() if ".before-restore-" in path.name]
    assert len(kept) == 1 and str(kept[0]) in done.stdout
    assert rows(kept[0], f"SELECT count(*) FROM collection_jobs WHERE job_id = '{later}'") == [(1,)]
    assert leftovers(forager.data) == []


def test_a_backup_starts_a_new_machine(make, tmp_path):
    forager = make()
    job = forager.finish("ok")["job_id"]
    assert run(forager, "backup", str(tmp_path / "copy.db")).returncode == 0
    other = make(name="other", start=False)
    assert run(other, "restore", str(tmp_path / "copy.db")).returncode == 0
    other.start()
    assert other.get(f"/jobs/{job}", token=forager.token).json()["status"] == "completed"


def test_what_ran_is_given_back_after_a_restore(make):
    forager = make()
    job = forager.working("sleep")
    wait_until(lambda: forager.job(job)["status"] == "running", 5, "the job to run")
    assert run(forager, "backup", "copy.db").returncode == 0
    forager.kill()
    wait_until(lambda: not forager.processes(), 10, "all of it to be gone")
    assert run(forager, "restore", "copy.db").returncode == 0
    forager.start()
    assert forager.attempts(job)[0]["outcome"] == "interrupted"
    forager.wait_status(job, "running", "pending")


def test_restore_refuses_while_a_server_runs(make):
    forager = make()
    job = forager.submit("ok")
    assert run(forager, "backup", "copy.db").returncode == 0
    done = run(forager, "restore", "copy.db")
    assert done.returncode == 1 and str(forager.pid) in done.stderr and len(done.stderr.splitlines()) == 1
    assert forager.job(job)["status"] == "pending"


def test_an_older_backup_is_replaced_only_by_force(make):
    forager = make()
    copy = forager.home / "copy.db"
    copy.write_text("precious")
    done = run(forager, "backup", "copy.db")
    assert done.returncode == 1 and "--force" in done.stderr and copy.read_text() == "precious"
    done = run(forager, "backup", "--force", "copy.db")
    assert done.returncode == 0 and rows(copy, "SELECT count(*) FROM collection_jobs") == [(0,)]
    assert leftovers(forager.home) == []


@pytest.mark.parametrize("harm", ["zeros", "short", "text", "other", "newer", "gone", "folder", "tokens"])
def test_a_bad_file_is_refused_and_nothing_changes(make, harm):
    forager = make()
    for _ in range(50):
        forager.submit("ok", search_query="x" * 2000)
    assert run(forager, "backup", "copy.db").returncode == 0
    forager.terminate()
    copy, before = forager.home / "copy.db", forager.database().read_bytes()
    if harm == "zeros":
        with open(copy, "r+b") as file:
            file.seek(copy.stat().st_size // 2 // 4096 * 4096)
            file.write(b"\0" * 16384)
    elif harm == "short":
        os.truncate(copy, copy.stat().st_size // 2)
    elif harm == "text":
        copy.write_text("not a database\n" * 1000)
    elif harm == "other":
        copy.unlink()
        with sqlite3.connect(copy) as database:
            database.execute("CREATE TABLE theirs (x)")
    elif harm == "newer":
        with sqlite3.connect(copy) as database:
            database.execute("INSERT INTO collection_schema VALUES (999, '2030-01-01 00:00:00.000')")
    elif harm == "tokens":  # an index that does not fit its table
        with sqlite3.connect(copy) as database:
            database.execute("PRAGMA writable_schema = ON")
            database.execute("UPDATE sqlite_schema SET rootpage = (SELECT rootpage FROM sqlite_schema WHERE name = 'collection_jobs_by_type') "
                             "WHERE name = 'collection_jobs_by_status'")
    else:
        copy.unlink()
        if harm == "folder":
            copy.mkdir()
    done = run(forager, "restore", "copy.db")
    assert done.returncode == 1 and done.stderr.startswith("forager: ") and len(done.stderr.splitlines()) == 1, done.stderr
    assert "copy.db" in done.stderr
    assert forager.database().read_bytes() == before
    assert leftovers(forager.data) == [] and not [path for path in forager.data.iterdir() if "before-restore" in path.name]
    forager.start()
    assert forager.stats()["pending_jobs"] == 50


def test_a_damaged_database_gives_way_to_its_backup(make):
    forager = make()
    job = forager.submit("ok")
    assert run(forager, "backup", "copy.db").returncode == 0
    forager.terminate()
    forager.database().write_bytes(b"SQLite format 3\0" + b"\xff" * 20000)
    (forager.data / "forager.db-wal").write_bytes(b"\x37\x7f\x06\x82" + b"\0" * 5000)
    assert run(forager, "restore", "copy.db").returncode == 0
    forager.start()
    assert forager.job(job)["status"] == "pending"


def test_a_backup_that_has_no_room_leaves_nothing(make, tmp_path):
    if os.geteuid() != 0:
        pytest.skip("needs a file system of its own")
    forager = make()
    for _ in range(20):
        forager.post("/jobs/bulk", {"jobs": [{"entity_type": "selftest", "job_type": "ok", "search_query": "q" * 1500}] * 200})
    small = tmp_path / "small"
    small.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", small], capture_output=True).returncode != 0:
        pytest.skip("may not mount")
    try:
        done = run(forager, "backup", str(small / "copy.db"))
        assert done.returncode == 1 and "full" in done.stderr.lower(), done.stderr
        assert list(small.iterdir()) == []
    finally:
        subprocess.run(["umount", small], check=True)
    assert forager.submit("ok")


def test_nothing_to_back_up(tmp_path):
    forager = Forager(tmp_path / "empty")
    done = run(forager, "backup", "copy.db")
    assert done.returncode == 1 and "forager.db" in done.stderr
    assert not (forager.home / "copy.db").exists() and not (forager.data / "forager.db").exists()


def test_the_database_is_not_backed_up_onto_itself(make):
    forager = make()
    done = run(forager, "backup", "--force", str(forager.database()))
    assert done.returncode == 1 and "itself" in done.stderr
    shutil.copy(forager.database(), forager.home / "raw")
    assert forager.get("/stats").status_code == 200
