"""forager migrate: a real server's database into PostgreSQL and back, killed on the way."""
import os
import signal
import subprocess

import pytest

from polling import wait_until
from server import plain_environment

_schemas = iter(range(1_000_000))


@pytest.fixture
def schema(database):
    name = f"m{os.getpid()}_{next(_schemas)}"
    database.sql(f"CREATE SCHEMA {name}")
    return name


def command(server, *args):
    return [str(server.binary), "migrate", *args]


def migrate(server, source, target, *args, seconds=100):
    return subprocess.run(command(server, "--from", source, "--to", target, *args), capture_output=True, text=True, timeout=seconds,
                          cwd=server.home, env=plain_environment())


def everything(server):
    """All that the API tells of every job; attempts, logs and changes of those that have run, and of some others."""
    told = {}
    cursor = None
    while True:
        page = server.get("/jobs", params={"page_size": 100, **({"cursor": cursor} if cursor else {})}).json()
        for number, job in enumerate(page["jobs"]):
            job_id = job["job_id"]
            told[job_id] = [job]
            if job["attempt"] > 0 or number == 0:
                told[job_id] += [server.job(job_id), server.attempts(job_id), server.logs(job_id), server.changes(job_id)]
        cursor = page.get("next_cursor")
        if not cursor:
            break
    told["schedules"] = server.get("/schedules").json()
    return told


def fill(server):
    for _ in range(6):
        server.post("/jobs/bulk", {"jobs": [{"entity_type": "property", "job_type": "discovery", "target_url": f"https://h{n % 7}.example/{n}",
                                             "search_filters": {"b": [1.5, "\u00fc"], "a": None}, "priority": n % 10,
                                             "run_at": "2035-01-01T00:00:00Z"} for n in range(500)]})
    for job_id in [server.begin(job_type) for job_type in ("ok", "records", "fail", "segfault", "throw", "ok")]:
        server.wait_status(job_id, seconds=30)
        server.wait_released(job_id)
    made = server.post("/schedules", {"name": "nightly", "cron": "0 3 * * *", "time_zone": "Europe/Berlin",
                                      "job": {"entity_type": "property", "job_type": "discovery"}})
    assert made.status_code == 201, made.text
    made = server.post("/tokens", {"name": "reader", "role": "viewer"})
    assert made.status_code == 201, made.text
    return made.json()["token"]


def kill_on_the_way(server, source, target, ready):
    """SIGKILL once `ready()` says that it is in the middle."""
    with open(server.home / "migrate.out", "ab") as out:
        process = subprocess.Popen(command(server, "--from", source, "--to", target), stdout=out, stderr=out, stdin=subprocess.DEVNULL,
                                   cwd=server.home, env=plain_environment())
        try:
            wait_until(lambda: process.poll() is not None or ready(), 60, "the migration to be on its way")
            died = process.poll() is None
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGKILL)
            process.wait(timeout=10)
    return died


def test_killed_twice_and_resumed_everything_is_the_same_to_the_api(make, database, schema):
    old = make({"max_running": 50}, name="old")
    reader = fill(old)
    before = everything(old)
    assert len(before) > 3000
    admin = old.token
    refused = migrate(old, f"sqlite:{old.database()}", database.url(schema))
    assert refused.returncode == 1 and f"pid {old.pid}" in refused.stderr, refused.stderr
    old.terminate()
    source, target = f"sqlite:{old.database()}", database.url(schema)

    def rows():
        return int(database.sql("SELECT count(*) FROM collection_jobs", schema, check=False) or 0)

    begun = lambda: "1" in database.sql("SELECT 1 FROM collection_facts WHERE name = 'transfer'", schema, check=False)
    assert kill_on_the_way(old, source, target, begun), "it was done before it could be killed"
    first = rows()
    # Slow enough to be hit in the middle of a batch.
    database.sql("CREATE FUNCTION linger() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(0.4); RETURN NULL; END';"
                 "CREATE TRIGGER linger AFTER INSERT ON collection_jobs EXECUTE FUNCTION linger()", schema)
    assert kill_on_the_way(old, source, target, lambda: rows() > first)
    second = rows()
    assert first < second < len(before) - 1, "it was killed too late to prove anything"
    database.sql("DROP TRIGGER linger ON collection_jobs; DROP FUNCTION linger", schema)
    server = make({"database": target, "max_running": 50}, name="early", start=False)
    server.launch()
    assert server.process.wait(timeout=20) != 0 and "not finished" in server.stderr

    done = migrate(old, source, target)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Went on" in done.stdout and "Both databases hold the same rows" in done.stdout
    new = make({"database": target, "max_running": 50}, name="new")
    for token in (admin, reader):
        assert new.get("/stats", token=token).status_code == 200
    after = everything(new)
    assert after.keys() == before.keys()
    for job_id, told in before.items():
        assert after[job_id] == told, job_id
    assert new.stats()["total_jobs"] == len(before) - 1
    assert new.finish("ok")["status"] == "completed"


def test_a_job_that_ran_when_the_old_server_died_runs_again_on_the_new_one(make, database, schema):
    old = make(name="old")
    job_id = old.working("ok", search_filters={"ms": 4000})
    old.kill()
    source, target = f"sqlite:{old.database()}", database.url(schema)
    done = migrate(old, source, target)
    assert done.returncode == 0, done.stdout + done.stderr
    new = make({"database": target, "lease": "10s", "dispatch": "automatic"}, name="new")
    assert new.job(job_id)["status"] == "running", "until its lease has run out"
    ended = new.wait_status(job_id, "completed", seconds=60)
    assert ended["attempt"] == 2
    assert [attempt["error_class"] for attempt in new.attempts(job_id)] == ["node_lost", None]


def test_and_back_to_a_file(make, database, schema):
    old = make({"max_running": 50}, name="old")
    jobs = [old.finish(job_type)["job_id"] for job_type in ("ok", "fail")]
    before = {job_id: (old.job(job_id), old.attempts(job_id), old.logs(job_id)) for job_id in jobs}
    admin = old.token
    old.terminate()
    assert migrate(old, f"sqlite:{old.database()}", database.url(schema)).returncode == 0
    back = old.home / "back.db"
    served = make({"database": database.url(schema)}, name="between")
    refused = migrate(old, database.url(schema), f"sqlite:{back}")
    assert refused.returncode == 1 and "is served" in refused.stderr and not back.exists()
    served.terminate()
    done = migrate(old, database.url(schema), f"sqlite:{back}")
    assert done.returncode == 0, done.stdout + done.stderr
    new = make({"database": f"sqlite:{back}"}, name="new")
    for job_id, told in before.items():
        assert (new.job(job_id), new.attempts(job_id), new.logs(job_id)) == told
    assert new.get("/stats", token=admin).status_code == 200


def test_verifying_finds_one_changed_value(make, database, schema):
    old = make(name="old")
    old.finish("ok")
    old.terminate()
    source, target = f"sqlite:{old.database()}", database.url(schema)
    assert migrate(old, source, target).returncode == 0
    assert migrate(old, source, target, "--verify-only").returncode == 0
    database.sql("UPDATE collection_jobs SET search_query = 'forged', revision = revision + 1", schema)
    found = migrate(old, source, target, "--verify-only")
    assert found.returncode == 1
    assert "collection_jobs 1 differs in search_query, revision" in found.stdout


@pytest.mark.parametrize("args", [("--from", "sqlite:a.db"), ("--from", "sqlite:a.db", "--to", "sqlite:b.db"), ("--from", "a.db", "--to", "postgres://x/y"),
                                  ("--from", "sqlite:a.db", "--to", "postgres://x/y", "--dry-run", "--verify-only")])
def test_what_makes_no_sense_is_refused(make, args):
    server = make(start=False)
    done = subprocess.run(command(server, *args), capture_output=True, text=True, timeout=20, cwd=server.home, env=plain_environment())
    assert done.returncode in (1, 2) and done.stderr.startswith("forager: ")


def test_a_password_is_not_shown(make):
    server = make(start=False)
    (server.home / "a.db").write_bytes(b"")
    done = migrate(server, "sqlite:a.db", "postgres://me:secret@127.0.0.1:1/x")
    assert done.returncode == 1 and "secret" not in done.stdout + done.stderr
