"""What an innocent program can do with files, and what a hostile one cannot do to the server: each attack is real code, run as an attempt."""
import os
import pathlib
import shutil
import subprocess
import tempfile

import pytest

import processes
from polling import wait_until
from server import BINARY
from test_tls import make_certificate

PYTHON = "/usr/bin/python3"
NOBODY = 65534
AS_NOBODY = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
# Nobody, and no namespace may be made: root of a user namespace that allows none, without its capabilities.
WITHOUT_NAMESPACES = [*AS_NOBODY, "unshare", "--user", "--map-root-user", "sh", "-c",
                      "for kind in user pid mnt ipc; do echo 0 > /proc/sys/user/max_${kind}_namespaces; done; "
                      "exec setpriv --bounding-set=-all --inh-caps=-all --no-new-privs \"$@\"", "sh"]
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root to be somebody else")


@pytest.fixture
def tmp_path():
    """A folder everybody may read: attempts of a server run by root are another user's."""
    with tempfile.TemporaryDirectory() as name:
        os.chmod(name, 0o755)
        yield pathlib.Path(name)


@pytest.fixture
def folder(tmp_path):
    return tmp_path


def output(forager, seconds=20, **fields):
    """Runs one job of the type `mine`; returns it and the lines it printed."""
    job = forager.wait_status(forager.begin("x", entity_type="mine", max_attempts=1, **fields), seconds=seconds)
    return job, [line["message"] for line in forager.logs(job["job_id"])["logs"]]


def shell(make, script, settings=None, **more):
    return make({"max_running": 20, "types": {"mine": {"command": ["sh", "-c", script]}}, **(settings or {})}, **more)


# --- innocent programs

@pytest.mark.parametrize("mask", [0o022, 0o027, 0o077])
def test_files_have_the_mode_of_the_umask_the_server_was_started_with(make, mask):
    forager = shell(make, "umask; touch f && mkdir d && stat -c %a f d", wrap=["sh", "-c", f"umask {mask:04o}; exec \"$@\"", "sh"])
    job, lines = output(forager)
    assert lines == [f"{mask:04o}", f"{0o666 & ~mask:o}", f"{0o777 & ~mask:o}"], (job, lines)


@pytest.mark.parametrize("closed", [False, True], ids=["open", "closed parent"])
def test_home_and_tmpdir_can_be_used(make, folder, closed):
    (folder / "parent").mkdir(mode=0o700 if closed else 0o755)
    forager = shell(make, 'cd "$HOME" && touch a && mktemp && cd "$TMPDIR" && touch b && python3 -c "import tempfile; tempfile.TemporaryFile()" && echo fine', data_dir=folder / "parent" / "data")
    job, lines = output(forager)
    assert job["status"] == "completed" and lines[-1] == "fine", (job, lines)


def test_a_project_around_the_data_directory_can_be_written(make, folder):
    """With ./forager-data of a server's own user: new files, renames and folders beside it, at every depth."""
    project = folder / "project"
    (project / "deep").mkdir(parents=True)
    script = f"cd {project} && echo 1 > new && mv new newer && mkdir made && echo 2 > made/x && cd deep && echo 3 > y && echo fine"
    forager = shell(make, script, start=False, data_dir=project / "deep" / "forager-data")
    for path in (project, project / "deep"):
        os.chown(path, NOBODY, NOBODY)
    job, lines = output(forager.start())
    assert lines == ["fine"], (job, lines)
    assert [(project / name).read_text() for name in ("newer", "made/x", "deep/y")] == ["1\n", "2\n", "3\n"]


def test_tmp_and_shared_memory_are_the_attempts_own(make, folder):
    mark = folder.name
    (folder / "kept").mkdir()
    (folder / "kept").chmod(0o777)
    script = (f"ls -d /tmp/mine-{mark} /dev/shm/mine-{mark} 2>/dev/null; echo > /tmp/mine-{mark}; echo > /dev/shm/mine-{mark}; echo > {folder}/kept/x; "
              "ipcmk -M 4096 | grep -c id; ipcs -m | grep -c nobody; ls -d /tmp/mine-* /dev/shm/mine-* | wc -l")
    forager = shell(make, script)
    before = subprocess.run(["ipcs", "-m"], capture_output=True, text=True).stdout
    for _ in range(2):
        job, lines = output(forager)
        assert lines == ["1", "1", "2"], (job, lines)
    assert not os.path.exists(f"/tmp/mine-{mark}") and not os.path.exists(f"/dev/shm/mine-{mark}")
    assert subprocess.run(["ipcs", "-m"], capture_output=True, text=True).stdout == before
    assert (folder / "kept" / "x").exists(), "what a command names is the machine's"


def test_shared_memory_has_the_size_of_the_memory_limit(make):
    forager = make({"types": {"mine": {"command": ["sh", "-c", "head -c 100M /dev/zero > /dev/shm/x; ls -l /dev/shm/x | cut -d' ' -f5"], "memory": "32MiB"}}})
    job, lines = output(forager)
    assert any("No space left" in line for line in lines) or job["status"] == "failed", (job, lines)


@pytest.mark.parametrize("words,place", [(["PATH"], "data"), ([PYTHON, "PATH"], "data"), (["sh", "-c", "cat PATH"], "data"), (["cat", "PATH"], "config"),
                                         pytest.param([PYTHON, "PATH"], "closed", marks=needs_root)])
def test_a_refused_path_is_named(make, folder, words, place):
    home = folder / "home0"
    path = {"data": home / "data" / "collectors" / "c.py", "config": home / "forager.toml", "closed": folder / "closed" / "c.py"}[place]
    forager = make({"types": {"mine": {"command": [word.replace("PATH", str(path)) for word in words]}}}, start=False)
    if place != "config":
        path.parent.mkdir(parents=True)
        path.write_text("#!/usr/bin/python3\nprint('hi')\n")
        path.chmod(0o755)
    path.parent.chmod(0o700 if place == "closed" else 0o755)
    job, lines = output(forager.start())
    said = f"{job['error_message']} {lines}"
    why = {"data": f"attempts may not read the data directory {home}/data", "config": "a file of the server's own", "closed": f"who may not enter {path.parent}"}[place]
    assert job["status"] == "failed" and why.lower() in said.lower() and str(path) in said, (job, lines)
    notices = [line for line in forager.logs(job["job_id"])["logs"] if line["stage"] == "sandbox"]
    assert len(notices) == (0 if job["error_class"] == "invalid" else 1), notices


@pytest.mark.parametrize("words,named", [(["cat", "data/forager.db"], "data directory"), (["cat", "forager.toml"], "forager.toml"),
                                         (["sh", "-c", "cat ./forager.toml"], "forager.toml"), (["sh", "-c", "echo x >> alert.sh"], "alert.sh")])
def test_a_refused_path_is_named_as_the_command_names_it(make, folder, words, named):
    home = folder / "home0"
    forager = make({"types": {"mine": {"command": words, "directory": "."}},
                    "alerts": {"receivers": {"page": {"kind": "command", "command": [str(home / "alert.sh")]}}}}, start=False)
    (home / "alert.sh").write_text("#!/bin/sh\n")
    (home / "alert.sh").chmod(0o777)
    job, lines = output(forager.start())
    notices = [line["message"] for line in forager.logs(job["job_id"])["logs"] if line["stage"] == "sandbox"]
    assert job["status"] == "failed" and len(notices) == 1 and named in notices[0], (job, lines, notices)
    assert (home / "alert.sh").read_text() == "#!/bin/sh\n"


# --- hostile programs

HOSTILE = [PYTHON, "-c", """
import ctypes, json, os, resource, shutil, signal, subprocess, sys
job = json.loads(sys.stdin.readline())
f = job["search_filters"]
home, data, server, keeper = f["home"], f["data"], f["server"], f["keeper"]
libc = ctypes.CDLL(None, use_errno=True)
def attempt(what, *args, **more):
    try:
        print(what.__name__, "did", what(*args, **more), flush=True)
    except Exception as error:
        print(what.__name__, "refused", error, flush=True)
def append(path, text="[alerts.receivers.evil]\\nkind = \\"command\\"\\n"):
    with open(path, "a") as file: file.write(text)
def read(path):
    return open(path, "rb").read(4096)
exec(f["code"])
print("done", flush=True)
"""]

ATTACKS = {
    "append to the configuration": "attempt(append, home + '/forager.toml')",
    "replace the configuration": "open('mine', 'w').write('x = 1'); attempt(shutil.copy, 'mine', home + '/other.toml'); attempt(os.replace, home + '/other.toml', home + '/forager.toml')",
    "remove the configuration": "attempt(os.unlink, home + '/forager.toml')",
    "put another folder in the place": "attempt(os.rename, home, home + '.old'); attempt(os.mkdir, home); attempt(append, home + '/forager.toml')",
    "link to the configuration": "attempt(os.link, home + '/forager.toml', 'config'); attempt(os.link, home + '/forager.toml', home + '/config')",
    "replace the program": "open('mine', 'w').write('x'); attempt(shutil.copy, 'mine', home + '/mine'); attempt(os.replace, home + '/mine', home + '/forager'); attempt(append, home + '/forager')",
    "change the alert program": "attempt(append, home + '/alert.sh'); attempt(os.unlink, home + '/alert.sh')",
    "read the keys": "[attempt(read, path) for path in (home + '/server.key', home + '/forager.toml', '/proc/self/root' + home + '/server.key', os.path.relpath(home + '/server.key'))]",
    "link to the keys": "attempt(os.link, home + '/server.key', 'key'); attempt(read, 'key'); attempt(os.symlink, home + '/server.key', 'soft'); attempt(read, 'soft')",
    "read the data directory": "[attempt(read, data + '/' + name) for name in ('admin.token', 'forager.db', 'forager.db-wal', 'server.json', 'attempts.lock')]; attempt(os.listdir, data + '/logs')",
    "climb out of the scratch": "fd = os.open('.', os.O_RDONLY); [attempt(os.open, up + 'admin.token', os.O_RDONLY, dir_fd=fd) for up in ('../../', '../../../data/')]; attempt(os.rename, os.getcwd(), '../other'); attempt(os.mkdir, '../JOB-9-9'); attempt(os.rename, data, data + '.old')",
    "write the log": "attempt(append, home + '/out.log', 'forged'); attempt(append, data + '/logs/app.log', 'forged'); attempt(os.truncate, home + '/out.log', 0)",
    "be the out-of-memory killer's guide": "[attempt(append, '/proc/%s/oom_score_adj' % pid, '1000') for pid in [server, keeper, *os.listdir('/proc')] if str(pid).isdigit() and pid != str(os.getpid())]",
    "limit the server": "[attempt(resource.prlimit, pid, resource.RLIMIT_NOFILE, (16, 16)) for pid in (server, keeper)]",
    "move the server to one processor": "[attempt(os.sched_setaffinity, pid, [0]) for pid in (server, keeper)]; [attempt(os.setpriority, os.PRIO_PROCESS, pid, 19) for pid in (server, keeper)]",
    "look into the server": "[attempt(read, '/proc/%d/%s' % (pid, name)) for pid in (server, keeper) for name in ('environ', 'maps', 'mem', 'auxv')]; "
                            "[attempt(os.readlink, '/proc/%d/%s' % (pid, name)) for pid in (server, keeper) for name in ('root', 'cwd', 'exe')]; [attempt(os.listdir, '/proc/%d/fd' % pid) for pid in (server, keeper)]",
    "signal the server": "[attempt(os.kill, pid, number) for pid in (server, keeper) for number in (signal.SIGSTOP, signal.SIGHUP, signal.SIGKILL)]; attempt(os.killpg, server, signal.SIGSTOP)",
    "enter the server's namespaces": "[attempt(os.open, '/proc/%s/ns/mnt' % pid, os.O_RDONLY) for pid in (server, keeper, 1)]; print(libc.unshare(0x10000000), libc.mount(b'x', b'/mnt', b'tmpfs', 0, None), libc.umount2(data.encode(), 2))",
    "set the system": "attempt(append, '/proc/sys/kernel/core_pattern', '|/bin/sh'); attempt(append, '/proc/sysrq-trigger', 'h'); attempt(append, '/sys/fs/cgroup/pids/x', '1')",
}


def hostile(make, wrap, more=None):
    """A server whose files all lie in a folder of its user's own, and the type `mine` that runs any code."""
    forager = make({"max_running": 20, "types": {"mine": {"command": HOSTILE, "heartbeat_timeout": "20s"}}, **(more or {})}, start=False, wrap=wrap)
    home = forager.home
    certificate, key = make_certificate(home)
    (home / "alert.sh").write_text("#!/bin/sh\n")
    (home / "alert.sh").chmod(0o755)
    settings = forager.config.read_text()
    forager.config.write_text(f'tls_certificate = "{certificate}"\ntls_key = "{key}"\nlog_file = "{home}/out.log"\n' + settings +
                              f'[alerts.receivers.first]\nkind = "command"\ncommand = ["{home}/alert.sh"]\n[alerts.receivers.second]\n'
                              'kind = "webhook"\nurl = "http://127.0.0.1:9/"\nsecret = "the-configured-secret"\n')
    forager.config.chmod(0o600)
    forager.binary.unlink()
    shutil.copy2(BINARY, forager.binary)  # a file of its own: attacks are on it
    if wrap:
        for path in [home, *home.iterdir()]:
            os.chown(path, NOBODY, NOBODY)
    forager._session.verify = str(certificate)
    return forager.start()


def attack(forager, code):
    filters = {"home": str(forager.home), "data": str(forager.data), "server": forager.server_pid(), "keeper": forager.keeper(), "code": code}
    job, _ = output(forager, search_filters=filters)
    return job, [line["message"] for line in forager.logs(job["job_id"])["logs"] if line["stage"] != "sandbox"]


def state(forager):
    """What no attempt may change."""
    files = {path: (path.stat().st_ino, path.read_bytes()) for path in
             (forager.config, forager.binary, forager.home / "alert.sh", forager.home / "server.key", forager.data / "admin.token")}
    kept = {}
    for pid in (forager.server_pid(), forager.keeper()):
        kept[pid] = (pathlib.Path(f"/proc/{pid}/oom_score_adj").read_text(), pathlib.Path(f"/proc/{pid}/limits").read_text(),
                     os.sched_getaffinity(pid), os.getpriority(os.PRIO_PROCESS, pid), (processes.status(pid) or "gone")[0] in "SRD")
    return files, kept


KINDS = {"root": [], "user": AS_NOBODY, "no namespaces": WITHOUT_NAMESPACES}


@needs_root
@pytest.mark.parametrize("kind", KINDS)
def test_attacks(make, kind):
    forager = hostile(make, KINDS[kind], {"run_as": ""} if kind == "no namespaces" else None)
    before, log_size = state(forager), (forager.home / "out.log").stat().st_size
    secrets = {"the key": (forager.home / "server.key").read_text().splitlines()[1], "the secret": "the-configured-secret", "the token": forager.token,
               "the database": "SQLite format 3"}
    for name, code in ATTACKS.items():
        job, lines = attack(forager, code)
        assert lines[-1] == "done" and job["status"] == "completed", (name, job, lines)
        said = "\n".join(lines)
        assert not [secret for secret, text in secrets.items() if text in said], (name, said)
        assert state(forager) == before, (name, said)
        if name not in ("be the out-of-memory killer's guide", "link to the keys"):
            harmless = ("copy", "symlink", *(["listdir"] if kind == "no namespaces" else []))  # Landlock hides no names
            allowed = [line for line in lines if " did " in line and not line.startswith(harmless)]
            assert not allowed, (name, allowed)
    assert "forged" not in (forager.home / "out.log").read_text() and (forager.home / "out.log").stat().st_size >= log_size
    assert forager.get("/healthz").status_code == 200


@needs_root
def test_a_server_of_the_same_user_cannot_be_looked_into(make):
    """Not even from outside of any sandbox: its memory and environment hold tokens and keys."""
    forager = hostile(make, AS_NOBODY)
    for pid in (forager.server_pid(), forager.keeper()):
        for name in ("environ", "maps", "mem", "fd"):
            done = subprocess.run([*AS_NOBODY, "ls" if name == "fd" else "cat", f"/proc/{pid}/{name}"], capture_output=True)
            assert done.returncode != 0, (pid, name, done.stdout[:200])


@needs_root
@pytest.mark.parametrize("kind", ["root", "user"])
def test_attempts_do_not_see_each_others_files(make, kind):
    forager = hostile(make, KINDS[kind])
    code = "open('secret', 'w').write('mine'); print(os.getcwd(), flush=True); sys.stdin.read(); import time; time.sleep(60)"
    filters = {"home": str(forager.home), "data": str(forager.data), "server": 1, "keeper": 1, "code": code}
    first = forager.begin("x", entity_type="mine", search_filters=filters)
    place = wait_until(lambda: [line["message"] for line in forager.logs(first)["logs"]], 10, "its folder")[0]
    assert (pathlib.Path(place) / "secret").exists()
    job, lines = attack(forager, f"attempt(read, '{place}/secret'); attempt(os.listdir, os.path.dirname('{place}')); attempt(append, '{place}/secret')")
    assert [line.split()[1] for line in lines[:3]] == ["refused", "did", "refused"] and place.split("/")[-1] not in "".join(lines[1:2]), lines
    forager.post(f"/jobs/{first}/cancel", params={"force": "true"})


@pytest.mark.sqlite
def test_a_job_id_is_checked_before_it_names_files(make):
    forager = make({"dispatch": "automatic", "types": {"mine": {"command": ["sh", "-c", "pwd"]}}})
    forager.sql("INSERT INTO collection_jobs (job_id, entity_type, job_type, status, created_at, updated_at) VALUES "
                "('../../escape', 'mine', 'x', 'pending', datetime('now'), datetime('now'))")
    row = wait_until(lambda: (seen := forager.sql("SELECT status, error_class, error_message FROM collection_jobs WHERE job_id = '../../escape'")).startswith("failed") and seen,
                     20, "the job to be refused")
    assert "invalid" in row and "id" in row, row
    assert not list(forager.home.rglob("escape*"))
