"""Several servers on one PostgreSQL database: shared limits, orders from anywhere, lost, frozen and cut off servers."""
import os
import pathlib
import re
import shutil
import signal
import tempfile
import threading

import pytest
import requests

import processes
from polling import stays, wait_until
from postgres import Cable
from server import SLACK, moment

LEASE = 10.0  # seconds; the shortest
KILLED_BEFORE = 5.0
# Notes ten times a second that it runs: two attempts of one job must never note at the same time.
WITNESS = ["/bin/sh", "-c",
           'read -r job; id=$(printf %s "$job" | sed -n \'s/.*"job_id":"\\([^"]*\\)".*/\\1/p\'); '
           'n=$(printf %s "$job" | sed -n \'s/.*"attempt":\\([0-9]*\\).*/\\1/p\'); '
           'i=0; while [ $i -lt "${WITNESS_TICKS:-300}" ]; do echo "$id $n $(date +%s.%N)" >> "NOTES/$id"; '
           'echo \'{"type":"progress","percent":\'$((i % 100))\'}\'; sleep 0.1; i=$((i + 1)); done']


_schemas = iter(range(1_000_000))


@pytest.fixture
def cluster(make, database):
    """cluster(3): that many servers on one new schema."""
    class Cluster:
        def __init__(self):
            self.schema = f"c{os.getpid()}_{next(_schemas)}"
            database.sql(f"CREATE SCHEMA {self.schema}")
            self.servers, self.cables = [], []
            self.notes = pathlib.Path(tempfile.mkdtemp(prefix="forager-notes-"))  # attempts may run as another user
            os.chmod(self.notes, 0o777)

        def add(self, count=1, cable=False, start=True, **settings):
            for _ in range(count):
                port = None
                if cable:
                    self.cables.append(Cable(database.port))
                    port = self.cables[-1].port
                more = {key: settings.pop(key) for key in ("env", "wrap", "args") if key in settings}
                merged = {"database": database.url(self.schema, port), "lease": f"{LEASE:g}s", "dispatch": "automatic", "max_running": 4,
                          "types": {"witness": {"collector": "command", "command": self.witness()}}, **settings}
                self.servers.append(make(merged, name=f"node{len(self.servers)}", start=start, **more))
            return self.servers[-1]

        def witness(self):
            return [part.replace("NOTES", str(self.notes)) for part in WITNESS]

        def sql(self, statement):
            return database.sql(statement, self.schema)

        def node(self, server):
            return (server.data / "node.id").read_text().split()[0]

        def holder(self, job_id):
            return self.sql(f"SELECT node FROM collection_jobs WHERE job_id = '{job_id}' AND status = 'running'")

        def runs_on(self, server, job_id):
            return wait_until(lambda: self.holder(job_id) == self.node(server), 10, f"{job_id} to run on that server")

        def server_of(self, job_id):
            node = wait_until(lambda: self.holder(job_id), 10, f"{job_id} to run")
            return next(server for server in self.servers if self.node(server) == node)

        def finish(self, server):
            return server.wait_status(server.submit("ok"), seconds=15)

        def heard_of_each_other(self, beats):
            shown = lambda: self.servers[0].get("/nodes").json()["nodes"]
            wait_until(lambda: all(new["heartbeat_at"] > old["heartbeat_at"] for new, old in zip(shown(), beats)), LEASE, "two heartbeats")

        def notes_of(self, job_id):
            path = self.notes / job_id
            rows = path.read_text().split("\n")[:-1] if path.exists() else []
            return [(int(row.split()[1]), float(row.split()[2])) for row in rows if len(row.split()) == 3]

        def expect_alone(self, job_id):
            """No process of an older attempt was seen after the first sign of a newer one."""
            newest, notes = 0, sorted(self.notes_of(job_id), key=lambda note: note[1])
            for attempt, at in notes:
                assert attempt >= newest, f"attempt {attempt} of {job_id} still ran at {at}, after attempt {newest} had begun"
                newest = attempt
            return notes

    made = Cluster()
    yield made
    for cable in made.cables:
        cable.close()
    shutil.rmtree(made.notes, ignore_errors=True)


def freeze(server):
    os.kill(server.pid, signal.SIGSTOP)


def thaw(server):
    os.kill(server.pid, signal.SIGCONT)


def test_sequential_mode_is_one_job_in_the_whole_cluster(cluster, database):
    first = cluster.add(3, max_running=1)
    database.watch(cluster.schema)
    ids = [cluster.servers[i % 3].submit("ok", search_filters={"ms": 20}) for i in range(12)]
    for job_id in ids:
        first.wait_status(job_id, "completed", seconds=30)
    assert database.most_held(cluster.schema) == 1
    assert database.overlaps(cluster.schema) == ""


def test_servers_share_the_work(cluster):
    one = cluster.add(2, max_running=8)
    beats = one.get("/nodes").json()["nodes"]
    cluster.heard_of_each_other(beats)
    for _ in range(8):
        cluster.servers[0].submit("ok", search_filters={"ms": 3000})
    wait_until(lambda: cluster.sql("SELECT count(*) FROM collection_jobs WHERE status = 'running'") == "8", 5, "eight jobs to run")
    per_node = cluster.sql("SELECT count(*) FROM collection_jobs WHERE status = 'running' GROUP BY node ORDER BY 1").split()
    assert len(per_node) == 2 and int(per_node[0]) >= 2, per_node


def test_nodes_are_shown_drained_and_resumed(cluster):
    one = cluster.add(2, max_running=4)
    nodes = {node["node_id"]: node for node in one.get("/nodes").json()["nodes"]}
    assert set(nodes) == {cluster.node(server) for server in cluster.servers}
    assert [node["this"] for node_id, node in nodes.items() if node_id == cluster.node(one)] == [True]
    assert all(node["state"] == "live" and node["capacity"] == 4 for node in nodes.values())
    other = cluster.servers[0]
    assert one.post(f"/nodes/{cluster.node(other)}/drain").json()["state"] == "draining"
    # Nor by a request, from the moment on that the drain is written.
    held = one.submit("ok", entity_type="selftest", run_at="2100-01-01T00:00:00Z")
    for route in ("/jobs/execute-pending", f"/jobs/{held}/start", f"/jobs/{held}/execute?wait=0"):
        refused = other.post(route)
        assert refused.status_code == 409 and "being drained" in refused.json()["detail"], (route, refused.text)
    assert "draining" in [reason["code"] for reason in other.get(f"/jobs/{held}/explain").json()["reasons"]]
    assert "draining" not in [reason["code"] for reason in one.get(f"/jobs/{held}/explain").json()["reasons"]]
    wait_until(lambda: "takes no more jobs" in other.log_text(), LEASE / 5 + 1 + SLACK, "the server to hear of its drain")
    ids = [other.submit("ok", search_filters={"ms": 500}) for _ in range(6)]
    for job_id in ids:
        one.wait_status(job_id, "completed")
        assert {attempt["node"] for attempt in one.attempts(job_id)} == {cluster.node(one)}
    one.post(f"/nodes/{cluster.node(other)}/resume")
    wait_until(lambda: "takes jobs again" in other.log_text(), LEASE / 5 + 1 + SLACK, "the server to hear of it")
    assert one.post("/nodes/nobody/drain").status_code == 404


def test_cancel_logs_and_reset_work_from_any_node(cluster):
    cluster.add(2)
    job_id = cluster.servers[0].submit("sleep")
    holder = cluster.server_of(job_id)
    other = next(server for server in cluster.servers if server is not holder)
    wait_until(lambda: other.attempts(job_id)[-1]["pid"], 5, "a process")
    assert other.post(f"/jobs/{job_id}/cancel?force=true").status_code == 202
    other.wait_status(job_id, "cancelled", seconds=1 + SLACK)
    job_id = cluster.servers[0].submit("sleep")
    holder = cluster.server_of(job_id)
    other = next(server for server in cluster.servers if server is not holder)
    pid = wait_until(lambda: other.attempts(job_id)[-1]["pid"], 5, "a process")
    answer = other.reset_stuck(timeout_minutes=0)
    assert answer["job_ids"] == [job_id]
    assert cluster.node(holder) in other.job(job_id)["error_message"]
    assert other.attempts(job_id)[-1]["released_at"] and not processes.alive(pid)
    assert other.logs(job_id)["job_id"] == job_id


def test_events_reach_dashboards_on_every_node(cluster):
    cluster.add(2, dispatch="on_request")
    one, two = cluster.servers
    lines = []

    def listen():
        with requests.get(two.url + "/v1/admin/collection/events", headers={"Authorization": f"Bearer {two.token}"},
                          stream=True, timeout=20) as stream:
            for line in stream.iter_lines(chunk_size=1):
                lines.append(line.decode())
                if "stop-listening" in lines[-1]:
                    return

    thread = threading.Thread(target=listen, daemon=True)
    thread.start()
    wait_until(lambda: lines, 5, "the stream to open")
    job_id = one.submit("ok")
    wait_until(lambda: any(job_id in line for line in lines), 3, "the other node's stream to tell of the job")


def test_a_stream_ends_with_its_token_on_every_node(cluster):
    cluster.add(2, dispatch="on_request")
    one, two = cluster.servers
    made = one.post("/tokens", {"name": "reader", "role": "viewer"}).json()
    ended = threading.Event()

    def listen():
        with requests.get(two.url + "/v1/admin/collection/events", headers={"Authorization": f"Bearer {made['token']}"},
                          stream=True, timeout=60) as stream:
            assert stream.status_code == 200
            opened.set()
            for _ in stream.iter_lines(chunk_size=1):
                pass
        ended.set()

    opened = threading.Event()
    threading.Thread(target=listen, daemon=True).start()
    wait_until(opened.is_set, 10, "the stream to open")
    assert one.delete(f"/tokens/{made['id']}").status_code == 200
    wait_until(ended.is_set, 5 + SLACK, "the stream of the other server to end")
    assert two.get("/me", token=made["token"]).status_code == 401


def test_a_killed_server_loses_its_attempts_to_another_within_its_lease(cluster, database):
    cluster.add(2, max_running=2)
    database.watch(cluster.schema)
    ids = [cluster.servers[0].submit("any", entity_type="witness") for _ in range(2)]
    for job_id in ids:
        wait_until(lambda: cluster.notes_of(job_id), 10, "the witness to write")
    victim = cluster.server_of(ids[0])
    survivor = next(server for server in cluster.servers if server is not victim)
    mine = [job_id for job_id in ids if cluster.holder(job_id) == cluster.node(victim)]
    victim.kill()
    for job_id in mine:
        wait_until(lambda: len(survivor.attempts(job_id)) == 2, 2 * LEASE + SLACK, "a second attempt")
        attempt = survivor.attempts(job_id)[0]
        assert attempt["outcome"] == "node_lost" and attempt["released_at"]
        cluster.expect_alone(job_id)
    assert database.overlaps(cluster.schema) == ""
    assert survivor.job(mine[0])["status"] == "running"


def test_a_frozen_server_is_dead_before_its_lease_ends(cluster, database):
    cluster.add(2, max_running=1)
    database.watch(cluster.schema)
    job_id = cluster.servers[0].submit("any", entity_type="witness")
    wait_until(lambda: cluster.notes_of(job_id), 10, "the witness to write")
    frozen = cluster.server_of(job_id)
    other = next(server for server in cluster.servers if server is not frozen)
    freeze(frozen)
    try:
        # The keeper alone keeps the promise.
        last = wait_until(lambda: not [pid for pid in frozen.processes() if "date" in str(processes.arguments(pid))
                                       or "/bin/sh" in processes.arguments(pid)] and cluster.notes_of(job_id)[-1][1],
                          LEASE - KILLED_BEFORE + 3 + SLACK, "its processes to be gone")
        lease_end = moment_of(cluster.sql(f"SELECT extract(epoch FROM lease_expires_at) FROM collection_jobs WHERE job_id = '{job_id}'"))
        assert last < lease_end - KILLED_BEFORE + 0.5
        wait_until(lambda: len(other.attempts(job_id)) == 2, 2 * LEASE + SLACK, "a second attempt")
        wait_until(lambda: cluster.notes_of(job_id)[-1][0] == 2, 5, "it to work")
    finally:
        thaw(frozen)
    late = wait_until(lambda: "executing" in frozen.log_text().lower(), 5, "the log")
    assert late
    stays(lambda: other.job(job_id)["status"] == "running" and other.job(job_id)["attempt"] == 2, 3,
          "the second attempt, undisturbed by the first server's late words")
    cluster.expect_alone(job_id)
    assert database.overlaps(cluster.schema) == "" and database.endings_twice(cluster.schema) == ""
    # And it is a good server again.
    wait_until(lambda: {node["state"] for node in other.get("/nodes").json()["nodes"]} == {"live"}, LEASE, "both to live")


def moment_of(text):
    return float(text)


def test_a_server_cut_off_from_the_database_ends_its_attempts_in_time(cluster, database):
    one = cluster.add(cable=True, max_running=1)
    two = cluster.add(max_running=1)
    two.post(f"/nodes/{cluster.node(two)}/drain")
    wait_until(lambda: "takes no more jobs" in two.log_text(), LEASE, "the drain")
    database.watch(cluster.schema)
    job_id = two.submit("any", entity_type="witness")
    wait_until(lambda: cluster.notes_of(job_id), 10, "the witness to write")
    two.post(f"/nodes/{cluster.node(two)}/resume")
    cluster.cables[0].cut()
    wait_until(lambda: len(two.attempts(job_id)) == 2, 2 * LEASE + SLACK, "a second attempt")
    wait_until(lambda: cluster.notes_of(job_id)[-1][0] == 2, 5, "it to work")
    answer = one.request("GET", "/stats", check=False, timeout=15)
    assert answer.status_code == 503, answer.text
    cluster.cables[0].mend()
    wait_until(lambda: one.request("GET", "/stats", check=False).status_code == 200, 15, "the cut off server to come back")
    stays(lambda: two.job(job_id)["attempt"] == 2 and two.job(job_id)["status"] == "running", 2, "the second attempt")
    cluster.expect_alone(job_id)
    assert database.overlaps(cluster.schema) == "" and database.endings_twice(cluster.schema) == ""


@pytest.mark.no_sanitizer
def test_servers_with_clocks_ten_minutes_apart_agree(cluster, database):
    one = cluster.add(max_running=1)
    two = cluster.add(max_running=1, wrap=["faketime", "-f", "+10m"], env={"FAKETIME_DONT_FAKE_MONOTONIC": "1"})
    database.watch(cluster.schema)
    created = moment(two.job(two.submit("ok", run_at="2999-01-01T00:00:00Z"))["created_at"])
    assert abs(created - moment(one.job(one.submit("ok", run_at="2999-01-01T00:00:00Z"))["created_at"])) < 5
    ids = [server.submit("any", entity_type="witness") for server in (one, two)]
    first = wait_until(lambda: next((job_id for job_id in ids if cluster.holder(job_id)), None), 10, "one to run")
    holder = cluster.server_of(first)
    stays(lambda: cluster.holder(first) == cluster.node(holder), LEASE + 4, "the lease, by the database's clock")
    assert len(one.attempts(first)) == 1
    assert database.overlaps(cluster.schema) == "" and database.most_held(cluster.schema) == 1


def test_a_restarted_server_gives_back_only_what_was_its_own(cluster):
    cluster.add(2, max_running=2, capacity=1)
    ids = [cluster.servers[0].submit("ok", search_filters={"ms": 60000}) for _ in range(2)]
    wait_until(lambda: cluster.sql("SELECT count(DISTINCT node) FROM collection_jobs WHERE status = 'running'") == "2", 10,
               "one job on each server")
    victim = cluster.server_of(ids[0])
    other = next(server for server in cluster.servers if server is not victim)
    victim.kill()
    victim.start()
    wait_until(lambda: len(other.attempts(ids[0])) == 2, 2 + SLACK, "its own job to go back at once")
    assert len(other.attempts(ids[1])) == 1
    assert other.attempts(ids[0])[0]["outcome"] == "interrupted"


def test_a_copied_data_directory_is_another_server(cluster, make, database):
    one = cluster.add()
    one.terminate()
    shutil.copytree(one.data, one.home / "copy")
    one.start()
    copy = make({"database": database.url(cluster.schema), "lease": f"{LEASE:g}s"}, name="copy", data_dir=one.home / "copy")
    assert (copy.data / "node.id").read_text() != (one.data / "node.id").read_text()
    assert len(copy.get("/nodes").json()["nodes"]) == 2


def test_ten_servers_may_start_at_once_on_an_empty_database(cluster):
    cluster.add(10, start=False, max_running=1)
    for server in cluster.servers:
        server.launch()
    for server in cluster.servers:
        found = wait_until(lambda: server.process.poll() is not None or re.search(r"listening on (\S+)", server.stdout), 60, "a start")
        assert found is not True, server.stderr
        server.url = found[1]
    assert len(cluster.servers[0].get("/nodes").json()["nodes"]) == 10
    assert cluster.sql("SELECT count(*) = count(DISTINCT version) FROM collection_schema") == "t"


def test_a_database_that_stops_and_starts_again_is_found_again(cluster, database):
    one = cluster.add(2, max_running=2)
    database.watch(cluster.schema)
    ids = [one.submit("any", entity_type="witness") for _ in range(2)]
    for job_id in ids:
        wait_until(lambda: cluster.notes_of(job_id), 10, "the witness to write")
    database.stop()
    refused = one.request("POST", "/jobs", json={"entity_type": "selftest", "job_type": "ok"}, check=False, timeout=20)
    assert refused.status_code == 503 and "Retry-After" in refused.headers
    wait_until(lambda: not [pid for server in cluster.servers for pid in server.processes() if "/bin/sh" in processes.arguments(pid)],
               LEASE + 2 + SLACK, "attempts to end before others may start them")
    database.start()
    for job_id in ids:
        wait_until(lambda: one.request("GET", f"/jobs/{job_id}", check=False).status_code == 200 and
                   len(one.attempts(job_id)) > 1 and one.job(job_id)["status"] == "running", 60, "a second attempt")
        assert len(one.attempts(job_id)) == 2, one.attempts(job_id)
        cluster.expect_alone(job_id)
    assert database.overlaps(cluster.schema) == "" and database.endings_twice(cluster.schema) == ""


def test_a_paused_database_hangs_nobody(cluster, database):
    one = cluster.add()
    done = cluster.finish(one)
    database.pause()
    try:
        refused = one.request("GET", "/stats", check=False, timeout=30)
        assert refused.status_code == 503
        assert one.request("GET", "/healthz", check=False, timeout=5).status_code in (200, 503)
    finally:
        database.resume()
    wait_until(lambda: one.request("GET", "/stats", check=False).status_code == 200, 20, "answers")
    assert one.job(done["job_id"])["status"] == "completed"


def test_older_and_newer_servers_stand_side_by_side_for_one_schema_version(cluster):
    one = cluster.add()
    newest = int(cluster.sql("SELECT max(version) FROM collection_schema"))
    cluster.sql(f"INSERT INTO collection_schema VALUES ({newest + 1}, now())")
    two = cluster.add()
    assert cluster.finish(two)["status"] == "completed" and cluster.finish(one)["status"] == "completed"
    cluster.sql(f"INSERT INTO collection_schema VALUES ({newest + 2}, now())")
    three = cluster.add(start=False).launch()
    assert three.process.wait(timeout=20) != 0
    assert f"schema version {newest + 2}" in three.stderr


@pytest.mark.parametrize("url, words", [
    ("postgres://forager@127.0.0.1:1/postgres", "cannot be used"),
    ("postgres://nobody_here@127.0.0.1:PORT/postgres", "nobody_here"),
    ("postgres://forager@127.0.0.1:PORT/no_such_database", "no_such_database"),
    ("postgres://forager@127.0.0.1:PORT/postgres?options=-csearch_path%3Dnowhere", "search_path"),
    ("postgres://forager:sesame@127.0.0.1:1/postgres", "postgres://forager:...@"),
    ("postgres://forager@h/db?nonsense=1", "nonsense"),
])
def test_a_database_that_cannot_be_used_is_one_clear_line(make, database, url, words):
    server = make({"database": url.replace("PORT", str(database.port))}, start=False).launch()
    assert server.process.wait(timeout=30) != 0
    assert words in server.stderr and "sesame" not in server.stderr, server.stderr
    assert len(server.stderr.strip().splitlines()) == 1, server.stderr


def test_a_role_without_rights_is_told_what_to_grant(make, database):
    database.sql("CREATE ROLE poor LOGIN; CREATE SCHEMA rich; GRANT USAGE ON SCHEMA rich TO poor")
    url = f"postgres://poor@127.0.0.1:{database.port}/postgres?options=-csearch_path%3Drich"
    server = make({"database": url}, start=False).launch()
    assert server.process.wait(timeout=30) != 0
    assert "GRANT CREATE" in server.stderr


def test_a_person_at_the_database_shell_is_followed(cluster):
    one = cluster.add(dispatch="on_request")
    job_id = one.submit("ok")
    cluster.sql(f"UPDATE collection_jobs SET status='running', started_at=NOW() - INTERVAL '1 hour' WHERE job_id='{job_id}'")
    assert one.stats()["running_jobs"] == 1
    assert one.reset_stuck(timeout_minutes=30)["reset_count"] == 1
    assert one.job(job_id)["status"] == "failed"
