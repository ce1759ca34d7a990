"""The commands about the server, on the real one; and what the command line says of itself."""
import csv
import functools
import io
import json
import re
import subprocess

import pytest

from cli_fixtures import NO_SERVER, REFUSED, USAGE, answer, good, refused
from polling import wait_until
from server import ROOT, plain_environment
from terminal import Terminal


# --- the server as a whole

def test_execute_pending_and_reset_stuck(forager):
    assert good(forager.cli("execute-pending")) == "No pending jobs to execute\n"
    ids = [forager.submit("sleep", timeout_minutes=5) for _ in range(2)]
    assert f"Started job {ids[0]} in background" in good(forager.cli("execute-pending"))
    said = answer(forager.cli("execute-pending", "-o", "json"))
    assert (said["started"], said["total_pending"]) == (0, 1) and "already running" in said["message"]
    assert "No jobs have been running" in good(forager.cli("reset-stuck"))
    assert good(forager.cli("reset-stuck", "--timeout-minutes", "0")).splitlines() == ["Reset 1 stuck job(s)", ids[0]]
    forager.wait_status(ids[0], "failed")
    wait_until(lambda: "Started" in good(forager.cli("execute-pending")), 10, "the next start")
    assert answer(forager.cli("reset-stuck", "--timeout-minutes", "0", "--requeue", "-o", "json"))["job_ids"] == [ids[1]]
    assert forager.job(ids[1])["status"] == "pending"
    refused(forager.cli("reset-stuck", "--timeout-minutes", "x"), "timeout_minutes", advised=False)
    refused(forager.cli("execute-pending", "--limit", "-1"), "--limit", code=USAGE)


@pytest.mark.parametrize("command,route", [("stats", "/stats"), ("monitor", "/monitor"), ("dispatch show", "/dispatch"), ("types", "/types")])
def test_facts_are_those_of_the_api(shared, command, route):
    shared.finish("ok")
    said = answer(shared.cli(*command.split(), "-o", "json"))
    told = shared.get(route).json()
    if command == "types":
        assert said == told["types"]
    else:
        assert said.keys() == told.keys()
    text = good(shared.cli(*command.split()))
    assert len(text.splitlines()) >= 3 and "{" not in text and "\x1b" not in text
    rows = list(csv.DictReader(io.StringIO(good(shared.cli(*command.split(), "-o", "csv")))))
    assert len(rows) == (len(said) if command == "types" else 1)


def test_dispatch(forager):
    assert "builder" in good(forager.cli("dispatch", "pause", "--type", "builder"))
    assert forager.get("/dispatch").json()["paused_types"] == ["builder"]
    assert answer(forager.cli("dispatch", "pause", "-o", "json"))["paused"] is True
    job_id = forager.submit("ok")
    assert "Dispatch is paused" in good(forager.cli("jobs", "explain", job_id))
    good(forager.cli("dispatch", "resume"))
    assert answer(forager.cli("dispatch", "resume", "-t", "builder", "-o", "json"))["paused_types"] == []
    refused(forager.cli("dispatch", "pause", "--type", "Not Good"), "entity_type")


def test_changes(wide):
    first, second = (wide.finish("records", search_filters={"records": n})["job_id"] for n in (2, 3))
    listed = answer(wide.cli("changes", "list", "-o", "json"))
    assert [change["job_id"] for change in listed] == [second] * 3 + [first] * 2
    assert {change["job_id"] for change in answer(wide.cli("changes", "list", "--job", first, "-o", "json"))} == {first}
    assert len(answer(wide.cli("changes", "list", "--limit", "1", "-o", "json"))) == 1
    assert answer(wide.cli("changes", "list", "--status", "rejected", "-o", "json")) == []
    assert "new selftest" in good(wide.cli("changes", "list")) and "90%" in good(wide.cli("changes", "list"))
    rows = list(csv.DictReader(io.StringIO(good(wide.cli("changes", "list", "-o", "csv")))))
    assert len(rows) == 5 and json.loads(rows[0]["proposed_entity_data"])["name"]


def test_tokens(forager):
    secret = good(forager.cli("token", "create", "--role", "viewer", "--name", "robot\x1b[31m")).strip()
    assert re.fullmatch(r"fgr_\w+", secret)
    assert "robot\\x1b[31m" in good(forager.cli("token", "list"))
    made = next(token for token in answer(forager.cli("token", "list", "-o", "json")) if token["name"].startswith("robot"))
    reader = {"FORAGER_TOKEN": secret}
    good(forager.cli("stats", env=reader))
    refused(forager.cli("execute-pending", env=reader), "next: ask an admin")
    good(forager.cli("token", "revoke", str(made["id"])))
    refused(forager.cli("stats", env=reader), "forager token create")
    assert str(made["id"]) not in [line.split()[0] for line in good(forager.cli("token", "list")).splitlines()]
    assert made["name"] in [token["name"] for token in answer(forager.cli("token", "list", "--all", "-o", "json"))]
    refused(forager.cli("token", "revoke", "999"), "999", "forager token list")


def test_schedules(forager):
    made = good(forager.cli("schedules", "create", "nightly", "--cron", "30 2 * * *", "--zone", "Europe/Berlin", "-t", "selftest", "-j", "ok",
                            "-F", "ms=5", "--overlap", "queue", "--missed", "all", "--max-catch-up", "3"))
    assert made.startswith("nightly created") and "NEXT RUNS" in made and len(made.splitlines()) > 20
    schedule = answer(forager.cli("schedules", "get", "nightly", "-o", "json"))
    assert (schedule["overlap"], schedule["missed"], schedule["max_catch_up"], schedule["job"]["search_filters"]) == ("queue", "all", 3, {"ms": 5})
    assert len(schedule["next_runs"]) == 10
    assert "nightly" in good(forager.cli("schedules", "list")) and answer(forager.cli("schedules", "list", "-o", "json"))[0]["name"] == "nightly"
    job_id = good(forager.cli("schedules", "run", "nightly")).split()[0]
    assert forager.job(job_id)["entity_type"] == "selftest"
    assert answer(forager.cli("schedules", "runs", "nightly", "-o", "json"))[0]["job_id"] == job_id
    assert good(forager.cli("schedules", "pause", "nightly")) == "nightly paused\n"
    assert answer(forager.cli("schedules", "get", str(schedule["id"]), "-o", "json"))["paused"] is True
    assert good(forager.cli("schedules", "resume", "nightly")) == "nightly goes on\n"
    once = answer(forager.cli("schedules", "create", "once", "--at", "2h", "-t", "selftest", "-j", "ok", "-o", "json"))
    assert once["cron"] is None and once["run_at"]
    assert good(forager.cli("schedules", "delete", "nightly", "once")) == "nightly deleted\nonce deleted\n"
    refused(forager.cli("schedules", "get", "nightly"), "no such schedule", "forager schedules list")
    refused(forager.cli("schedules", "create", "x", "--cron", "61 * * * *", "-t", "a", "-j", "b"), "cron")
    refused(forager.cli("schedules", "create", "x", "-t", "a", "-j", "b"), "--cron or --at", code=USAGE)
    assert "02:30" in good(forager.cli("schedules", "preview", "30 2 * * *"))


def test_nodes(forager):
    (node,) = answer(forager.cli("nodes", "list", "-o", "json"))
    assert node["node_id"] in good(forager.cli("nodes", "list")) and node["this"] is True
    assert "draining" in good(forager.cli("nodes", "drain", node["node_id"]))
    assert forager.get("/nodes").json()["nodes"][0]["state"] == "draining"
    assert "live" in good(forager.cli("nodes", "resume", node["node_id"]))
    refused(forager.cli("nodes", "drain", "nobody"), "forager nodes list")


# --- where the server is, and when it is not

def test_a_server_that_is_not_there(make, tmp_path):
    forager = make()
    refused(forager.cli("stats", "--data-dir", str(tmp_path / "none")), "no server runs on", "forager serve", code=NO_SERVER)
    refused(forager.cli("stats", "--url", "http://127.0.0.1:1"), "cannot reach", code=NO_SERVER)
    refused(forager.cli("stats", "--url", "http://no-such-host.invalid"), "cannot reach", code=NO_SERVER)
    forager.kill()
    refused(forager.cli("jobs", "list"), "connection refused", "forager serve", "forager doctor", code=NO_SERVER)
    refused(forager.cli("jobs", "watch", "JOB-1-AAAAAAAAAA"), "connection refused", code=NO_SERVER)
    assert good(forager.cli("jobs", "--help")) and good(forager.cli("completion", "bash")) and good(forager.cli("man"))


def test_other_servers_are_not_taken_for_ours(shared, tmp_path):
    done = subprocess.run([str(shared.binary), "stats"], capture_output=True, text=True, timeout=30,
                          env=plain_environment(FORAGER_URL=shared.url + "/docs#", FORAGER_TOKEN=shared.token))
    assert done.returncode == REFUSED and "forager: " in done.stderr


def test_the_address_may_be_short(shared):
    host = shared.url.removeprefix("http://")
    good(shared.cli("stats", "--url", host + "/", env={"FORAGER_TOKEN": shared.token}))


# --- what the command line says of itself

@functools.cache
def commands(forager):
    return list(walk(forager))


def walk(forager, *path):
    """Every command of the tree, found by completion."""
    lines = forager.cli("__complete", "--", *path, "").stdout.splitlines()
    words = [line.split("\t")[0] for line in lines]
    for word in words:
        if f"{' '.join([forager.binary.name, *path])} COMMAND" in forager.cli(*path, "--help").stdout:
            yield (*path, word)
            yield from walk(forager, *path, word)


def test_every_command_explains_itself(shared):
    seen = commands(shared)
    assert len(seen) > 50 and ("jobs", "list") in seen and ("schedules", "create") in seen and ("serve",) in seen
    for path in seen:
        done = shared.cli(*path, "--help")
        text = good(done)
        assert f"Usage\n  forager {' '.join(path)}" in text and text.split("\n")[0].endswith("."), text
        assert "\n    -" not in text and "\x1b" not in text
        assert not [line for line in text.partition("\nExamples\n")[0].splitlines() if len(line) > 80], text


def understood(forager, line):
    """The command line parses, and where it goes: to a server that is not there. A wrong option would end with 2 and its help."""
    done = subprocess.run(["/bin/bash", "-c", line.replace("forager ", f"'{forager.binary}' ", 1)], capture_output=True, text=True, timeout=30,
                          cwd=forager.home, stdin=subprocess.DEVNULL, env=plain_environment(FORAGER_URL="http://127.0.0.1:1", FORAGER_TOKEN="x"))
    assert "--help` shows how" not in done.stderr and "command not found" not in done.stderr, (line, done.stderr)


def is_client_command(line):
    words = line.split()
    return words[:1] == ["forager"] and not re.search(r"[|<>$]", line) and words[1] not in ("top", "serve", "demo", "backup", "restore")


def test_examples_of_the_help_are_understood(shared):
    tried = [line.strip() for path in commands(shared) for line in shared.cli(*path, "--help").stdout.partition("Examples\n")[2].splitlines()
             if is_client_command(line.strip())]
    assert len(tried) > 30
    for line in tried:
        understood(shared, line)


def test_examples_of_the_page_are_understood(shared):
    text = (ROOT / "doc/cli.md").read_text()
    tried = [line for block in re.findall(r"```sh\n(.*?)```", text, re.S) for line in block.splitlines() if is_client_command(line)]
    assert len(tried) > 35
    for line in tried:
        understood(shared, line)


def test_the_page_tells_every_exit_code(shared):
    page, manual = (ROOT / "doc/cli.md").read_text(), good(shared.cli("man"))
    codes = re.findall(r"\.TP\n\\fB(\d+)\\fR", manual.partition("EXIT STATUS")[2].partition("ENVIRONMENT")[0])
    assert codes == ["0", "1", "2", "3", "4", "5", "6", "130", "141"]
    for code in codes:
        assert f"\n| {code} |" in page or code == "130" and "130 for Ctrl-C" in page, code


def test_help_as_a_word(shared):
    assert good(shared.cli("help", "jobs", "list")) == good(shared.cli("jobs", "list", "--help"))
    assert good(shared.cli("help")) == good(shared.cli("--help"))
    assert "forager jobs COMMAND" in good(shared.cli("help", "jobs", "lst"))


@pytest.mark.parametrize("args,words", [
    (["jbos"], "did you mean `forager jobs`?"), (["jobs", "lst"], "did you mean `forager jobs list`?"), (["banana"], "no command banana"),
    (["jobs", "list", "--stats", "x"], "did you mean --status?"), (["jobs", "list", "-o", "xml"], "xml"), (["jobs", "list", "extra"], "extra"),
    (["jobs", "get"], "JOB_ID is required"), (["jobs", "list", "--limit", "-3"], "no whole number"), (["jobs"], "COMMAND"), ([], "COMMAND")])
def test_a_wrong_command_line(shared, args, words):
    done = shared.cli(*args)
    assert done.returncode == USAGE and words in done.stderr and done.stdout == "", done.stderr


def complete(forager, *words, env=None):
    return [line.split("\t")[0] for line in good(forager.cli("__complete", "--", *words, env=env)).splitlines()]


def test_completion_candidates(wide):
    waiting, over = wide.submit("ok"), wide.finish("fail")["job_id"]
    assert complete(wide, "jobs", "li") == ["list"]
    assert {"jobs", "doctor", "top"} <= set(complete(wide, ""))
    assert complete(wide, "jobs", "list", "--sta") == ["--status"]
    assert complete(wide, "jobs", "list", "-o", "js") == ["json", "jsonl"]
    assert complete(wide, "jobs", "list", "--status", "failed,c") == ["failed,completed", "failed,cancelled"]
    assert complete(wide, "jobs", "list", "--output=c") == ["--output=csv"]
    assert complete(wide, "jobs", "get", "JOB-") == [over, waiting]
    assert complete(wide, "jobs", "get", over, "") == [over, waiting], "several may follow"
    assert complete(wide, "jobs", "cancel", "") == [waiting] and complete(wide, "jobs", "retry", "") == [over]
    assert "selftest" in complete(wide, "jobs", "create", "--type", "")
    assert complete(wide, "jobs", "create", "--file", "") == [":files"]
    assert complete(wide, "completion", "") == ["bash", "zsh", "fish"]
    assert complete(wide, "jobs", "list", "--", "") == []
    nowhere = {"FORAGER_URL": "http://127.0.0.1:1"}
    assert complete(wide, "jobs", "get", "", env=nowhere) == []
    assert complete(wide, "jobs", "get", "--url", wide.url, "", env={**nowhere, "FORAGER_TOKEN": wide.token}) == [over, waiting]


def shell_environment(forager):
    plain = plain_environment(FORAGER_DATA_DIR=str(forager.data), TERM="xterm", LANG="C.UTF-8", HOME=str(forager.home))
    return {**plain, "PATH": f"{forager.home}:{plain.get('PATH', '/usr/bin:/bin')}"}


def test_completion_in_bash(shared):
    script = ('source <(forager completion bash); try() { COMP_WORDS=("$@"); COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _forager; echo "${COMPREPLY[@]}"; }\n'
              "try forager jobs li; try forager jobs list --output = js; try forager jobs list --output =; try forager jobs list --sta; "
              "try forager extract ''; complete -p forager")
    done = subprocess.run(["/bin/bash", "-c", script], capture_output=True, text=True, timeout=30, env=shell_environment(shared), cwd=shared.home)
    lines = done.stdout.splitlines()
    assert lines[:5] == ["list", "json jsonl", "table json jsonl csv", "--status", ""] and "_forager" in lines[5], (done.stdout, done.stderr)


def test_completion_in_fish(shared):
    job_id = shared.submit("ok")
    script = ('forager completion fish | source; complete -C "forager jobs li"; complete -C "forager jobs get JOB"; complete -C "forager jobs list --output=c"; '
              'complete -C "forager extract forager.to"')
    done = subprocess.run(["/usr/bin/fish", "--no-config", "-c", script], capture_output=True, text=True, timeout=30, env=shell_environment(shared), cwd=shared.home)
    words = [line.split("\t")[0] for line in done.stdout.splitlines()]
    assert words[0] == "list" and job_id in words and "--output=csv" in words and words[-1] == "forager.toml", (done.stdout, done.stderr)


def test_completion_in_zsh(shared):
    shell = Terminal(["/usr/bin/zsh", "-f", "-i"], shell_environment(shared), shared.home, columns=120)
    try:
        shell.press('PS1="REA""DY> "; autoload -U compinit; compinit -u -D; source <(forager completion zsh)\n')
        shell.wait_for("READY> ")
        shell.press("forager jobs expl\t")
        shell.wait_for("jobs explain")
        shell.press("\x15forager jobs list --sta\t")
        shell.wait_for("list --status")
    finally:
        shell.close()


def test_the_manual_page(shared, tmp_path):
    page = good(shared.cli("man"))
    for words in (".TH FORAGER 1", "forager jobs list", "EXIT STATUS", "FORAGER_TOKEN", "forager doctor"):
        assert words in page.replace("\\-", "-"), words
    path = tmp_path / "forager.1"
    path.write_text(page)
    done = subprocess.run(["groff", "-man", "-Tutf8", "-ww", "-z", str(path)], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0 and done.stderr == "", done.stderr
    for command in commands(shared):
        done = shared.cli(*command, "--help").stdout
        if "COMMAND" not in done.split("Usage")[1].split("\n")[1]:
            assert f"forager {' '.join(command)}" in page.replace("\\-", "-"), command
