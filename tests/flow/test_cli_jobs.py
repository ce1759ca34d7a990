"""The commands about jobs, on the real binary against the real server."""
import csv
import io
import json
import re
import signal
import subprocess

import pytest

from cli_fixtures import CANCELLED, DONE, FAILED, NOT_IN_TIME, REFUSED, USAGE, answer, background, good, refused, terminal  # noqa: F401
from polling import wait_until
from server import moment, plain_environment


# --- list and get

def test_list_shows_what_the_api_lists(shared):
    ids = [shared.submit("ok", search_query=f"list-{n}", priority=n) for n in range(3)]
    table = good(shared.cli("jobs", "list", "--query", "list-"))
    assert table.splitlines()[0].split() == ["JOB", "TYPE", "KIND", "STATUS", "DONE", "TRY", "AGE", "ABOUT"]
    assert [line.split()[0] for line in table.splitlines()[1:]] == ids[::-1]
    assert "\x1b" not in table
    listed = answer(shared.cli("jobs", "list", "-q", "list-", "-o", "json", "--sort", "priority"))
    assert [job["job_id"] for job in listed] == ids and listed[0] == shared.job(ids[0])
    lines = good(shared.cli("jobs", "list", "-q", "list-", "-o", "jsonl")).splitlines()
    assert [json.loads(line)["job_id"] for line in lines] == ids[::-1]
    rows = list(csv.DictReader(io.StringIO(good(shared.cli("jobs", "list", "-q", "list-", "-o", "csv")))))
    assert [(row["job_id"], row["search_query"]) for row in rows] == [(ids[n], f"list-{n}") for n in (2, 1, 0)]
    assert good(shared.cli("jobs", "list", "-q", "list-", "--ids")).split() == ids[::-1]


def test_list_walks_the_pages(shared):
    shared.post("/jobs/bulk", {"jobs": [{"entity_type": "selftest", "job_type": "ok", "search_query": "paged"}] * 230})
    assert len(answer(shared.cli("jobs", "list", "-q", "paged", "--limit", "0", "-o", "json"))) == 230
    assert len(answer(shared.cli("jobs", "list", "-q", "paged", "--limit", "101", "-o", "json"))) == 101
    assert len(good(shared.cli("jobs", "list", "-q", "paged")).splitlines()) == 31


def test_an_empty_list_is_no_error(shared):
    done = shared.cli("jobs", "list", "-q", "nothing-has-this")
    assert good(done) == "" and "No job fits" in done.stderr
    assert answer(shared.cli("jobs", "list", "-q", "nothing-has-this", "-o", "json")) == []


@pytest.mark.parametrize("args,words", [
    (["--status", "pendig"], ["status", "completed"]), (["--since", "yesterday"], ["yesterday", "2h"]), (["--sort", "beauty"], ["sort"])])
def test_a_wrong_filter_is_named(shared, args, words):
    done = shared.cli("jobs", "list", *args)
    assert done.returncode == REFUSED and all(word in done.stderr for word in words), done.stderr


def test_since_and_before(shared):
    job_id = shared.submit("ok", search_query="moment")
    assert good(shared.cli("jobs", "list", "-q", "moment", "--since", "1h", "--ids")).split() == [job_id]
    assert good(shared.cli("jobs", "list", "-q", "moment", "--before", "1h", "--ids")) == ""


def test_get_shows_the_job_and_its_attempts(shared):
    job = shared.finish("segfault", max_attempts=1)
    text = good(shared.cli("jobs", "get", job["job_id"]))
    for words in (job["job_id"], "selftest / segfault", "failed", "SIGSEGV", "crashed", "OUTCOME"):
        assert words in text, text
    assert answer(shared.cli("jobs", "get", job["job_id"], "-o", "json")) == job
    two = answer(shared.cli("jobs", "get", job["job_id"], job["job_id"], "-o", "json"))
    assert two == [job, job]
    (attempt,) = answer(shared.cli("jobs", "attempts", job["job_id"], "-o", "json"))
    assert attempt["signal"] == 11


def test_what_is_not_there(shared):
    for command in (["get"], ["attempts"], ["explain"], ["logs"], ["watch"], ["cancel"], ["retry"], ["delete"], ["start"]):
        done = shared.cli("jobs", *command, "JOB-1-AAAAAAAAAA")
        refused(done, "There is no job JOB-1-AAAAAAAAAA", "`forager jobs list`")
    assert shared.cli("jobs", "get", "../stats?x=1#y").returncode == REFUSED


def test_explain_ends_with_a_command(forager):
    job_id = forager.submit("ok")
    text = good(forager.cli("jobs", "explain", job_id))
    assert f"{job_id} is pending" in text and f"forager jobs start {job_id}" in text
    assert answer(forager.cli("jobs", "explain", job_id, "-o", "json"))["status"] == "pending"


# --- hostile words

HOSTILE = "\x1b]0;pwned\x07\x1b[2J\x9b31m\u202eevil\u2066\r\x08 end"


def test_what_a_server_says_is_shown_and_not_obeyed(shared):
    job_id = shared.submit("ok", search_query=HOSTILE, entity_id=HOSTILE)
    for args in (["list", "-q", "end"], ["get", job_id], ["get", job_id, "-o", "json"], ["list", "-q", "end", "-o", "jsonl"]):
        text = good(shared.cli("jobs", *args))
        assert "end" in text and not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", text), (args, text)
    assert answer(shared.cli("jobs", "get", job_id, "-o", "json"))["search_query"] == HOSTILE
    raw = subprocess.run([str(shared.binary), "jobs", "list", "-q", "end", "-o", "csv"], capture_output=True, timeout=30,
                         env=plain_environment(FORAGER_DATA_DIR=str(shared.data))).stdout.decode()
    rows = list(csv.DictReader(io.StringIO(raw, newline="")))
    assert rows[0]["search_query"] == HOSTILE


# --- create

def test_create_sends_every_option(shared):
    args = ["--type", "selftest", "--job-type", "ok", "--query", "all", "--target-url", "https://example.org/x", "--filter", "ms=5",
            "-F", "note=a=b", "-F", 'list=[1,2]', "--entity-id", "E1", "--location", "Austin", "--community-id", "C1", "--builder-id", "B1",
            "--priority", "9", "--max-attempts", "2", "--timeout-minutes", "1.5", "--run-at", "2h", "--unique-key", "only-once",
            "--initiated-by", "me"]
    job = answer(shared.cli("jobs", "create", *args, "-o", "json"))
    filters = {"ms": 5, "note": "a=b", "list": [1, 2], "location": "Austin", "community_id": "C1", "builder_id": "B1"}
    wanted = {"entity_type": "selftest", "search_query": "all", "target_url": "https://example.org/x", "priority": 9, "max_attempts": 2,
              "timeout_minutes": 1.5, "unique_key": "only-once", "initiated_by": "me", "entity_id": "E1", "status": "pending"}
    assert wanted.items() <= job.items() and filters.items() <= job["search_filters"].items()
    assert 7190 < moment(job["run_at"]) - moment(job["created_at"]) < 7210
    refused(shared.cli("jobs", "create", "-t", "selftest", "-j", "ok", "--unique-key", "only-once"), job["job_id"])
    child = good(shared.cli("jobs", "create", "-t", "selftest", "-j", "ok", "--parent", job["job_id"], "--ids")).strip()
    assert shared.job(child)["parent_job_id"] == job["job_id"]


def test_create_says_what_is_missing_or_wrong(shared):
    refused(shared.cli("jobs", "create", "--type", "selftest"), "--job-type", code=USAGE)
    refused(shared.cli("jobs", "create", "-t", "Not Good", "-j", "ok"), "entity_type")
    refused(shared.cli("jobs", "create", "-t", "selftest", "-j", "ok", "-p", "11"), "priority")
    refused(shared.cli("jobs", "create", "-t", "selftest", "-j", "ok", "-F", "novalue"), "KEY=VALUE")
    refused(shared.cli("jobs", "create", "-t", "selftest", "-j", "ok", "--run-at", "soon"), "soon")
    done = shared.cli("jobs", "create", "-t", "nobody_serves", "-j", "ok")
    assert good(done).endswith("created\n") and "warning" in done.stderr


def test_create_from_a_file(shared, tmp_path):
    jobs = [{"entity_type": "selftest", "job_type": "ok", "search_query": f"file-{n}"} for n in range(3)]
    texts = {"a.jsonl": "\n".join(json.dumps(job) for job in jobs) + "\n\n", "b.json": json.dumps(jobs), "c.json": json.dumps({"jobs": jobs})}
    for name, text in texts.items():
        (tmp_path / name).write_text(text)
        ids = good(shared.cli("jobs", "create", "--file", str(tmp_path / name))).split()
        assert [shared.job(job_id)["search_query"] for job_id in ids] == ["file-0", "file-1", "file-2"], name
    assert len(good(shared.cli("jobs", "create", "-f", "-", stdin=texts["a.jsonl"])).split()) == 3
    assert len(good(shared.cli("jobs", "create", "-f", "-", stdin=json.dumps(jobs[0]))).split()) == 1
    refused(shared.cli("jobs", "create", "-f", "-", stdin='{"entity_type":"x"}\nnonsense\n'), "line 2")
    refused(shared.cli("jobs", "create", "-f", "-", stdin=json.dumps([{"entity_type": "x"}])), "jobs[0].job_type")
    refused(shared.cli("jobs", "create", "-f", "/no/such/file"), "/no/such/file")


def test_a_large_file_goes_in_parts(shared, tmp_path):
    path = tmp_path / "many.jsonl"
    path.write_text('{"entity_type":"selftest","job_type":"ok","search_query":"large-file"}\n' * 12_000)
    assert len(set(good(shared.cli("jobs", "create", "-f", str(path))).split())) == 12_000


# --- run, watch and logs

def test_run_tells_by_its_exit_code(wide):
    done = wide.cli("jobs", "run", "-t", "selftest", "-j", "ok", "-F", "ms=300")
    assert "completed after" in good(done)
    done = wide.cli("jobs", "run", "-t", "selftest", "-j", "fail", "--quiet")
    assert "failed" in good(done, FAILED) and "forager jobs retry" in done.stderr
    job = answer(wide.cli("jobs", "run", "-t", "selftest", "-j", "records", "-F", "records=2", "-o", "json"))
    assert (job["status"], job["changes_detected"]) == ("completed", 2)


def test_run_follows_through_retries(wide):
    done = wide.cli("jobs", "run", "-t", "selftest", "-j", "transient", "-F", "times=1")
    assert "completed" in good(done) and "attempt 2" in done.stdout


def test_run_waits_for_its_slot(forager, background):
    blocker = forager.working("sleep", timeout_minutes=1)
    run = background(forager, "jobs", "run", "-t", "selftest", "-j", "ok")
    wait_until(lambda: "waits for a slot" in run.err, 10, "the word of waiting")
    assert run.process.poll() is None
    forager.post(f"/jobs/{blocker}/cancel", params={"force": "true"})
    assert run.wait() == DONE and "completed" in run.out


def test_watch_tells_how_it_ended(wide, background):
    for job_type, code in (("ok", DONE), ("fail", FAILED)):
        assert wide.finish(job_type) and wide.cli("jobs", "watch", wide.get("/jobs").json()["jobs"][0]["job_id"]).returncode == code
    job_id = wide.working("sleep")
    done = wide.cli("jobs", "watch", job_id, "--timeout", "500ms")
    assert done.returncode == NOT_IN_TIME and job_id in done.stderr and wide.job(job_id)["status"] == "running"
    watch = background(wide, "jobs", "watch", job_id)
    wide.post(f"/jobs/{job_id}/cancel", params={"force": "true"})
    assert watch.wait() == CANCELLED
    done = wide.cli("jobs", "watch", job_id, "--timeout", "never")
    assert done.returncode == REFUSED and "never" in done.stderr


def test_ctrl_c_ends_the_watching_and_not_the_job(wide, background):
    job_id = wide.working("sleep", timeout_minutes=1)
    for command in (["watch", job_id], ["logs", "-f", job_id]):
        one = background(wide, "jobs", *command)
        wait_until(one.watching, 10, "the command to watch")
        one.process.send_signal(signal.SIGINT)
        assert one.wait(5) == 130, (command, one.out, one.err)
        if command[0] == "watch":
            assert f"forager jobs watch {job_id}" in one.err
    assert wide.job(job_id)["status"] == "running"


def test_watch_outlives_a_restart_of_the_server(wide, background):
    job_id = wide.submit("ok")
    watch = background(wide, "jobs", "watch", job_id)
    wait_until(lambda: "pending" in watch.out, 10, "its first word")
    wide.kill()
    wide.start()
    wide.post(f"/jobs/{job_id}/start")
    assert watch.wait(20) == DONE, (watch.out, watch.err)
    assert "completed" in watch.out and "Connection lost" in watch.err, (watch.out, watch.err)


def test_logs(wide):
    job = wide.finish("flood", search_filters={"mb": 1}, seconds=30)
    total = wide.logs(job["job_id"])["total_logs"]
    assert total > 1
    lines = good(wide.cli("jobs", "logs", job["job_id"], "-o", "jsonl")).splitlines()
    ids = [json.loads(line)["id"] for line in lines]
    assert len(ids) == total and ids == sorted(set(ids))
    assert len(good(wide.cli("jobs", "logs", job["job_id"], "--tail", "3", "-o", "jsonl")).splitlines()) == 3
    rows = list(csv.DictReader(io.StringIO(good(wide.cli("jobs", "logs", job["job_id"], "-o", "csv", "--tail", "2")))))
    assert len(rows) == 2 and rows[0]["level"]
    refused(wide.cli("jobs", "logs", job["job_id"], "--level", "loud"), "level")


def test_logs_follow_to_the_end_without_gaps(wide, background):
    job_id = wide.submit("ok", search_filters={"ms": 1500})
    follow = background(wide, "jobs", "logs", "-f", job_id, "-o", "jsonl")
    wait_until(follow.watching, 10, "the command to follow")
    wide.post(f"/jobs/{job_id}/start")
    assert follow.wait() == DONE
    assert [json.loads(line)["id"] for line in follow.out.splitlines()] == [line["id"] for line in wide.logs(job_id)["logs"]]


# --- start, cancel, retry, delete

def test_steering_one_job(wide):
    job_id = wide.submit("sleep", timeout_minutes=1)
    assert good(wide.cli("jobs", "start", job_id)) == f"{job_id} started\n"
    refused(wide.cli("jobs", "delete", job_id), "running", "cancel")
    assert "is being cancelled" in good(wide.cli("jobs", "cancel", job_id, "--force"))
    wide.wait_status(job_id, "cancelled")
    wide.wait_released(job_id)
    refused(wide.cli("jobs", "cancel", job_id), "only jobs that are pending or running")
    assert "back to pending" in good(wide.cli("jobs", "retry", job_id))
    assert good(wide.cli("jobs", "cancel", job_id)) == f"{job_id} cancelled\n"
    assert good(wide.cli("jobs", "delete", job_id)) == f"{job_id} deleted\n"
    assert wide.get(f"/jobs/{job_id}").status_code == 404


def test_several_ids_go_on_after_one_that_fails(shared):
    one, two = shared.submit("ok"), shared.submit("ok")
    done = shared.cli("jobs", "cancel", one, "JOB-1-AAAAAAAAAA", two)
    assert done.returncode == REFUSED and done.stdout == f"{one} cancelled\n{two} cancelled\n" and "no job" in done.stderr


def test_many_are_asked_about(wide):
    ids = [wide.submit("ok", search_query="bulk-me") for _ in range(3)]
    assert "Would cancel 3 job(s)" in good(wide.cli("jobs", "cancel", "-q", "bulk-me", "--dry-run"))
    refused(wide.cli("jobs", "cancel", "-q", "bulk-me"), "would cancel 3 job(s)", "--yes")
    assert {wide.job(job_id)["status"] for job_id in ids} == {"pending"}
    assert "Cancelled 3 job(s)" in good(wide.cli("jobs", "cancel", "-q", "bulk-me", "--yes"))
    assert "Retried 3 job(s)" in good(wide.cli("jobs", "retry", "-s", "cancelled", "-q", "bulk-me", "-y"))
    assert answer(wide.cli("jobs", "delete", "-q", "bulk-me", "--yes", "-o", "json"))["affected_count"] == 3
    refused(wide.cli("jobs", "cancel"), "which jobs", code=USAGE)
    refused(wide.cli("jobs", "cancel", ids[0], "-s", "failed"), "not both", code=USAGE)


def test_many_are_confirmed_at_a_terminal(wide, terminal):
    job_id = wide.submit("ok", search_query="ask-me")
    no = terminal(wide, "jobs", "cancel", "-q", "ask-me")
    no.wait_for("Cancel 1 job(s)? [y/N]")
    no.press("n\n")
    assert no.wait() == REFUSED and wide.job(job_id)["status"] == "pending"
    yes = terminal(wide, "jobs", "cancel", "-q", "ask-me")
    yes.wait_for("[y/N]")
    yes.press("y\n")
    assert yes.wait() == DONE and wide.job(job_id)["status"] == "cancelled"


# --- terminals and pipes

def test_colours_and_bars_stand_on_a_terminal_only(wide, terminal):
    wide.finish("fail")
    shown = terminal(wide, "jobs", "list")
    assert shown.wait() == DONE and "\x1b[31mfailed" in shown.read()
    for env in ({"NO_COLOR": "1"}, {"TERM": "dumb"}):
        plain = terminal(wide, "jobs", "list", env=env)
        assert plain.wait() == DONE and "\x1b" not in plain.read()
    assert "\x1b[31m" in good(wide.cli("jobs", "list", "--color", "always"))
    watched = terminal(wide, "jobs", "run", "-t", "selftest", "-j", "ok", "-F", "ms=1500")
    assert watched.wait(20) == DONE
    assert "█" in watched.read() and "\r\x1b[K" in watched.read() and "completed" in watched.read()


def test_a_table_fits_the_terminal(wide, terminal):
    wide.submit("ok", search_query="wide " * 60)
    narrow = terminal(wide, "jobs", "list", env={"NO_COLOR": "1"}, columns=80)
    assert narrow.wait() == DONE
    assert all(len(line) <= 80 for line in narrow.read().splitlines()), narrow.read()
    assert "wide" in narrow.read() and "KIND" not in narrow.read(), "room is left for what it is about"
    roomy = terminal(wide, "jobs", "list", env={"NO_COLOR": "1"}, columns=140)
    assert roomy.wait() == DONE and "KIND" in roomy.read()


def test_a_reader_that_goes_away_ends_it_quietly(shared):
    shared.post("/jobs/bulk", {"jobs": [{"entity_type": "selftest", "job_type": "ok", "search_query": "piped " + "x" * 500}] * 1_000})
    command = f"'{shared.binary}' jobs list -q piped --limit 0 -o json | head -n 2; echo ${{PIPESTATUS[0]}}"
    done = subprocess.run(["/bin/bash", "-c", command], capture_output=True, text=True, timeout=30,
                          env=plain_environment(FORAGER_DATA_DIR=str(shared.data)))
    assert done.stdout.splitlines()[-1] == "141" and done.stderr == "", (done.stdout[-300:], done.stderr)


def test_a_full_disk_under_the_output_is_told(shared):
    shared.submit("ok")
    with open("/dev/full", "w") as full:
        done = subprocess.run([str(shared.binary), "jobs", "list"], stdout=full, stderr=subprocess.PIPE, text=True, timeout=30,
                              env=plain_environment(FORAGER_DATA_DIR=str(shared.data)))
    assert done.returncode == REFUSED and "No space left" in done.stderr
