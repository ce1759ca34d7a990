"""Collectors that are programs of the user's own, in any language."""
import json
import os
import pathlib
import tempfile

import pytest

import processes
from polling import wait_until
from server import GRACE, HEARTBEAT, ROOT, SLACK, STALL, moment

PYTHON = "/usr/bin/python3"
EXAMPLES = {"python": [PYTHON, str(ROOT / "examples/collector.py")], "node": ["/usr/bin/node", str(ROOT / "examples/collector.js")],
            "shell": ["/bin/sh", str(ROOT / "examples/collector.sh")]}


@pytest.fixture
def command(make):
    """Makes a server whose entity type `mine` is this command."""
    def factory(argv, **settings):
        return make({"max_running": 20, "types": {"mine": {"collector": "command", "command": argv, **settings}}})
    return factory


@pytest.fixture
def tmp_path():
    """A folder everybody may read: attempts of a server run by root are another user's."""
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        yield pathlib.Path(folder)


def script(forager_home, text):
    """A Python collector with `text` as its body; `job` and `say` are at hand."""
    path = pathlib.Path(forager_home) / f"collector{abs(hash(text))}.py"
    path.write_text("import json, os, sys, time, signal, subprocess\n"
                    "job = json.loads(sys.stdin.readline())\n"
                    "def say(**event): print(json.dumps(event), flush=True)\n" + text)
    return [PYTHON, str(path)]


def run(forager, seconds=15, **fields):
    return forager.wait_status(forager.begin("discovery", entity_type="mine", **fields), seconds=seconds)


@pytest.mark.parametrize("language", EXAMPLES)
def test_examples(command, language):
    if not os.path.exists(EXAMPLES[language][0]):
        pytest.skip(f"{EXAMPLES[language][0]} is not installed")
    forager = command(EXAMPLES[language])
    job = run(forager, search_query="alpha beta gamma")
    assert job["status"] == "completed", job
    assert job["items_found"] == 3 and job["progress"]["stage"] == "reading"
    found = {change["proposed_entity_data"]["name"].lower() for change in forager.changes(job["job_id"])["changes"] if change.get("proposed_entity_data")}
    assert found == {"alpha", "beta", "gamma"}
    assert forager.logs(job["job_id"])["total_logs"] >= 1
    poor = run(forager)
    assert (poor["status"], poor["error_message"], poor["attempt"]) == ("failed", "A search_query is needed", 1)


def test_the_job_it_gets(command, tmp_path):
    forager = command(script(tmp_path, "say(type='log', level='INFO', message='got', data=job)\nsay(type='log', level='INFO', message='env', data=dict(os.environ))"))
    job_id = forager.begin("discovery", entity_type="mine", search_query="q", target_url="https://example.org/", search_filters={"beds": 3}, entity_id="E-1")
    assert forager.wait_status(job_id)["status"] == "completed"
    lines = {line["message"]: line["log_data"] for line in forager.logs(job_id)["logs"]}
    got = lines["got"]
    assert (got["job_id"], got["search_query"], got["target_url"], got["search_filters"]["beds"], got["entity_id"]) == (
        job_id, "q", "https://example.org/", 3, "E-1")
    assert not [name for name in lines["env"] if "TOKEN" in name or "KEY" in name]


def test_where_it_runs_and_what_it_is_given(make, tmp_path):
    folder = tmp_path / "scraper"
    folder.mkdir()
    script(tmp_path, "say(type='log', message='seen', data={'env': dict(os.environ), 'cwd': os.getcwd(), 'job': job, 'words': sys.argv[1:],\n"
                     "    'scratch': [os.stat(os.environ[name]).st_uid == os.getuid() for name in ('HOME', 'TMPDIR')]})\n"
                     "open(os.environ['TMPDIR'] + '/made', 'w').write('x')\n")
    (written,) = tmp_path.glob("collector*.py")
    written.rename(folder / "run.py")
    (folder / "run.py").chmod(0o644)
    forager = make({"types": {"mine": {"command": [PYTHON, "run.py", "data"], "directory": str(folder), "pass_env": ["SHOP"],
                                       "env": {"LANG": "de_DE.UTF-8", "PORT": 8080}}}}, env={"SHOP": "north", "FORAGER_USER_AGENT": "x/1"})
    job_id = forager.begin("discovery", entity_type="mine", search_query="q")
    assert forager.wait_status(job_id)["status"] == "completed", forager.job(job_id)
    (seen,) = [line["log_data"] for line in forager.logs(job_id)["logs"] if line["message"] == "seen"]
    env = seen["env"]
    assert (seen["cwd"], seen["words"], seen["scratch"]) == (str(folder), ["data"], [True, True])
    assert (env["LANG"], env["PORT"], env["SHOP"], env["FORAGER_JOB_ID"], env["FORAGER_ATTEMPT"]) == ("de_DE.UTF-8", "8080", "north", job_id, "1")
    assert json.loads(env["FORAGER_JOB"]) == seen["job"]
    assert not [name for name in env if name.startswith("FORAGER_USER")]
    (mine,) = [one for one in forager.get("/types").json()["types"] if one["entity_type"] == "mine"]
    assert (mine["environment"], mine["directory"], mine["output"]) == (["LANG", "PORT", "SHOP"], str(folder), "events")


def test_a_word_that_is_also_a_file_stays_a_word(make, tmp_path):
    script(tmp_path, "say(type='log', message=' '.join(sys.argv[1:]))\n")
    (written,) = tmp_path.glob("collector*.py")
    forager = make({"types": {"mine": {"command": [PYTHON, str(written), "quotes", "data", "words/list.txt"]}}}, start=False)
    (forager.home / "words").mkdir()
    for name in ("quotes", "words/list.txt"):
        (forager.home / name).write_text("x")
    forager.start()
    job_id = forager.begin("discovery", entity_type="mine")
    assert forager.wait_status(job_id)["status"] == "completed"
    assert "quotes data words/list.txt" in [line["message"] for line in forager.logs(job_id)["logs"]]
    assert "words/list.txt will not be found" in forager.log_text()


def test_a_directory_it_may_not_enter_is_said_on_the_job(make, tmp_path):
    (tmp_path / "closed").mkdir(mode=0o700)
    forager = make({"types": {"mine": {"command": ["true"], "directory": str(tmp_path / "closed")}}})
    if os.geteuid() != 0:
        (tmp_path / "closed").chmod(0)
    job = run(forager)
    assert (job["status"], job["error_class"]) == ("failed", "invalid"), job
    assert f"its directory {tmp_path / 'closed'} cannot be read: Permission denied" in job["error_message"]


ENDINGS = [
    ("", "completed", None), ("say(type='result', status='completed')", "completed", None),
    ("sys.exit(3)", "failed", "crashed"), ("say(type='result', status='completed'); sys.exit(3)", "failed", "crashed"),
    ("os.kill(os.getpid(), 9)", "failed", "crashed"), ("say(type='result', status='completed'); os.kill(os.getpid(), 11)", "failed", "crashed"),
    ("say(type='result', status='failed', error='no such page', retryable=False)", "failed", "permanent"),
    ("say(type='result', status='failed', error='try later', retryable=True)", "failed", "transient"),
    ("raise ValueError('odd')", "failed", "crashed"), ("say(type='result', status='maybe')", None, None), ("say(type='result')", None, None)]


@pytest.mark.parametrize("text,status,error_class", ENDINGS, ids=[row[0][:50] or "exit 0" for row in ENDINGS])
def test_endings(command, tmp_path, text, status, error_class):
    forager = command(script(tmp_path, text))
    job = run(forager, max_attempts=1)
    assert job["status"] == (status or job["status"]) and job["error_class"] == (error_class or job["error_class"]), job
    if error_class:
        assert job["error_message"]
    if "no such page" in text:
        assert job["error_message"] == "no such page"


def test_output_that_is_no_event_becomes_log_lines(command, tmp_path):
    text = ("print('plain words')\nprint('on stderr', file=sys.stderr)\nprint('{broken')\nprint(json.dumps({'type': 'unheard-of'}))\n"
            "sys.stdout.buffer.write(b'\\xff\\xfe bytes\\n'); sys.stdout.write('no newline at the end')")
    forager = command(script(tmp_path, text))
    job = run(forager)
    assert job["status"] == "completed"
    messages = [line["message"] for line in forager.logs(job["job_id"])["logs"]]
    for wanted in ("plain words", "on stderr", "{broken", "no newline at the end"):
        assert any(wanted in message for message in messages), (wanted, messages)


@pytest.mark.parametrize("line", ['{"type":"progress","percent":1e999}', '{"type":"progress","percent":"x"}', '{"type":"progress","percent":-5}',
                                  '{"type":"record"}', '{"type":"record","entity":7}', '{"type":"log"}', '{"type":"record","entity":{"a":1},"confidence":9}',
                                  '{"type":5}', "[]", "null", "[" * 3000, '{"type":"progress","stage":"' + "x" * 100_000 + '"}', '{"type":"job"}',
                                  '{"type":"result","status":"failed","error":5}', "\\u0000"])
def test_odd_events_hurt_nobody(command, tmp_path, line):
    forager = command(script(tmp_path, f"print({line!r}, flush=True)"))
    job = run(forager, max_attempts=1)
    assert job["status"] in ("completed", "failed")
    forager.logs(job["job_id"])
    assert forager.get("/healthz").status_code == 200 and forager.stats()["stuck_running"] == 0


def test_any_output_is_a_heartbeat(command, tmp_path):
    forager = command(script(tmp_path, "for n in range(30):\n    print('still here', n, file=sys.stderr, flush=True)\n    time.sleep(0.1)\n"),
                      heartbeat_timeout="1s", stall_timeout="30s")
    assert run(forager)["status"] == "completed"
    silent = command(script(tmp_path, "time.sleep(60)"), heartbeat_timeout="1s")
    assert run(silent, max_attempts=1)["error_class"] == "heartbeat_lost"


def test_heartbeats_and_log_lines_are_no_progress(command, tmp_path):
    forager = command(script(tmp_path, "say(type='progress', percent=10)\nwhile True:\n    say(type='heartbeat'); say(type='log', level='INFO', message=str(time.time()))\n"
                                       "    say(type='progress', percent=10)\n    time.sleep(0.1)\n"))
    job = run(forager, max_attempts=1, seconds=STALL + GRACE + 4)
    assert job["error_class"] == "stalled"
    (attempt,) = forager.wait_released(job["job_id"])
    assert moment(attempt["ended_at"]) - moment(attempt["started_at"]) <= STALL + GRACE + 1 + SLACK + 0.5


def test_a_daemon_is_not_left_behind(command, tmp_path):
    mark = f"mark-{os.getpid()}-{tmp_path.name}"
    text = (f"code = 'import signal,time; signal.signal(15, signal.SIG_IGN); time.sleep(600)'\n"
            f"subprocess.Popen([sys.executable, '-c', code, '{mark}'], start_new_session=True)\n"
            "if os.fork() == 0:\n    os.setsid()\n    if os.fork() == 0:\n"
            f"        os.execv(sys.executable, [sys.executable, '-c', code, '{mark}'])\n    os._exit(0)\n"
            "say(type='result', status='completed')\n")
    forager = command(script(tmp_path, text))
    job = run(forager)
    assert job["status"] == "completed", job
    (attempt,) = forager.wait_released(job["job_id"])
    assert attempt["survivors"] >= 1

    def left():
        return [pid for pid in os.listdir("/proc") if pid.isdigit() and mark in " ".join(processes.arguments(pid)) and processes.alive(pid)]

    wait_until(lambda: not left(), 2, "the daemons to be gone")


def test_a_daemon_that_holds_the_pipes_does_not_hold_the_job(command, tmp_path):
    forager = command(script(tmp_path, "if os.fork() == 0:\n    os.setsid(); time.sleep(600)\n"))
    job = run(forager, seconds=5)
    assert job["status"] == "completed"


@pytest.mark.parametrize("argv", [["/no/such/program"], ["/etc/passwd"], ["/"]])
def test_a_command_that_cannot_be_run(command, argv):
    forager = command(argv)
    job = run(forager, max_attempts=1)
    assert job["status"] == "failed" and job["error_message"], job
    assert argv[0] in job["error_message"] + json.dumps(forager.logs(job["job_id"]))


def test_retry_after_is_kept(command, tmp_path):
    forager = command(script(tmp_path, "say(type='result', status='failed', error='busy', retryable=True, retry_after=40)"))
    job_id = forager.begin("discovery", entity_type="mine")
    job = forager.wait_status(job_id, "pending")
    wait_until(lambda: forager.job(job_id)["error_class"] == "transient", 5, "the retry to wait")
    job = forager.job(job_id)
    assert moment(job["next_run_at"]) - moment(job["updated_at"]) >= 39


def test_child_jobs(command, tmp_path):
    forager = command(script(tmp_path, "if job['job_type'] == 'discovery':\n    say(type='job', entity_type='mine', job_type='update', search_query='child')\n"))
    job = run(forager)
    assert job["status"] == "completed"
    children = wait_until(lambda: forager.get("/jobs", params={"parent_job_id": job["job_id"]}).json()["jobs"], 3, "the child")
    assert [(child["job_type"], child["search_query"], child["status"]) for child in children] == [("update", "child", "pending")]


# --- what an attempt can and cannot do

def probe(command, tmp_path, text, **settings):
    forager = command(script(tmp_path, text), **settings)
    job = run(forager, max_attempts=1)
    return {line["message"]: line["log_data"] for line in forager.logs(job["job_id"])["logs"]}, job, forager


def test_it_is_poor(command, tmp_path):
    lines, job, forager = probe(command, tmp_path, """
fds = []
for name in os.listdir('/proc/self/fd'):
    try: fds.append(os.readlink('/proc/self/fd/' + name))
    except OSError: pass
say(type='log', level='INFO', message='fds', data={'fds': fds})
import ctypes
say(type='log', level='INFO', message='me', data={'nice': os.nice(0), 'cwd': os.getcwd(), 'pid': os.getpid(),
    'oom': open('/proc/self/oom_score_adj').read().strip(), 'no_new_privs': [l for l in open('/proc/self/status') if l.startswith('NoNewPrivs')],
    'mask': [l.split()[1] for l in open('/proc/self/status') if l.startswith(('SigBlk', 'SigIgn'))]})
open('scratch-file', 'w').write('x')
""")
    assert job["status"] == "completed", job
    assert all(name.startswith("pipe:") or name == "/dev/null" or "/proc/" in name for name in lines["fds"]["fds"]), lines["fds"]
    me = lines["me"]
    assert me["nice"] == 10 and int(me["oom"]) == 500 and me["no_new_privs"][0].split()[1] == "1"
    assert int(me["mask"][0], 16) == 0
    forager.wait_released(job["job_id"])
    assert not os.path.exists(me["cwd"]) or not os.path.exists(os.path.join(me["cwd"], "scratch-file")), "the scratch directory is removed"


def test_it_cannot_reach_the_server(command, tmp_path):
    lines, job, forager = probe(command, tmp_path, f"""
out = {{}}
try: out['token'] = open({str(tmp_path)!r} + '/home0/data/admin.token').read()
except Exception as error: out['token'] = 'refused: ' + type(error).__name__
out['token_path_exists'] = os.path.exists({str(tmp_path)!r})
for pid in os.listdir('/proc'):
    if pid.isdigit() and int(pid) not in (os.getpid(), 1):
        try: os.kill(int(pid), 0); out.setdefault('signalled', []).append(int(pid))
        except OSError: pass
say(type='log', level='INFO', message='out', data=out)
""")
    assert job["status"] == "completed", job
    assert lines["out"]["token"].startswith("refused"), "an attempt can read the admin token"
    assert len(lines["out"].get("signalled", [])) <= 1, lines
    assert forager.get("/healthz").status_code == 200


def test_memory_of_a_command_is_bounded(command, tmp_path):
    forager = command(script(tmp_path, "hold = []\nwhile True:\n    hold.append(bytearray(b'x' * 1048576)); say(type='heartbeat')\n"), memory="150MiB")
    job = run(forager, max_attempts=1, seconds=20)
    assert (job["status"], job["error_class"], job["error_message"]) == ("failed", "crashed", "Out of memory: limit 150 MiB"), job


def test_a_fork_bomb_is_contained(command, tmp_path):
    forager = command(script(tmp_path, "signal.signal(15, signal.SIG_IGN)\nfor n in range(300):\n    if os.fork() == 0:\n        while True: time.sleep(1)\nwhile True: time.sleep(1)\n"))
    job_id = forager.working("discovery", entity_type="mine", max_attempts=1)
    job = forager.wait_status(job_id, seconds=HEARTBEAT + GRACE + 4 + SLACK)
    assert job["status"] == "failed"
    forager.wait_released(job_id)
    assert not [pid for pid in forager.processes() if str(tmp_path / "collector") in " ".join(processes.arguments(pid))]


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to run attempts as somebody else")
def test_run_as_another_user(make):
    forager = make({"run_as": "nobody", "max_running": 5})
    job_id = forager.working("tree")
    pid = forager.attempts(job_id)[0]["pid"]
    wait_until(lambda: len(processes.descendants(pid)) >= 2, 5, "its children")
    for one in processes.descendants(pid):
        status = pathlib.Path(f"/proc/{one}/status").read_text()
        uids = next(line for line in status.splitlines() if line.startswith("Uid:")).split()[1:]
        groups = next(line for line in status.splitlines() if line.startswith("Groups:")).split()[1:]
        assert set(uids) == {"65534"} and "0" not in groups, status
    forager.post(f"/jobs/{job_id}/cancel", params={"force": "true"})
    assert forager.wait_status(job_id, seconds=5)["status"] == "cancelled"
    assert forager.finish("records", search_filters={"records": 2})["status"] == "completed"
    assert forager.finish("segfault", max_attempts=1)["error_class"] == "crashed"


def test_run_as_nobody_known_is_refused(make):
    forager = make({"run_as": "no-such-user"}, start=False).launch()
    assert wait_until(lambda: forager.process.poll() is not None, 10, "the server to end")
    assert forager.process.returncode != 0 and "no-such-user" in forager.stderr


def test_state_stays_between_attempts_and_goes_with_the_job(command, tmp_path):
    forager = command(script(tmp_path, "path = os.environ['FORAGER_STATE'] + '/at'\n"
                                       "if not os.path.exists(path):\n    open(path, 'w').write('page 3'); os.kill(os.getpid(), 9)\n"
                                       "say(type='log', message='found ' + open(path).read())\n"))
    job_id = forager.begin("discovery", entity_type="mine")
    assert forager.wait_status(job_id, seconds=20)["status"] == "completed", forager.job(job_id)
    assert "found page 3" in [line["message"] for line in forager.logs(job_id)["logs"]]
    other = forager.begin("discovery", entity_type="mine", search_query="kept", max_attempts=1)
    assert forager.wait_status(other)["status"] == "failed"
    forager.restart()
    wait_until(lambda: os.listdir(forager.data / "state") == [other], 5, "the state of the completed job to be gone")


@pytest.mark.parametrize("output,items", [("jsonl", 2), ("text", 0)])
def test_what_standard_output_means(command, tmp_path, output, items):
    forager = command(script(tmp_path, "print('plain'); say(name='a', type='result', status='failed'); say(name='b')\n"), output=output)
    job = run(forager)
    assert (job["status"], job["items_found"]) == ("completed", items), job
    assert "plain" in [line["message"] for line in forager.logs(job["job_id"])["logs"]]
