"""forager doctor finds each fault that is planted here, says what to do, and finds none where none is."""
import json
import os
import pathlib
import signal
import subprocess
import tempfile

import pytest

from polling import wait_until
from server import Forager, plain_environment

FINE, WARNINGS, FAULTS = 0, 1, 2
root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")


def examine(forager, *args, code=None, env=None, wrap=(), data=None):
    done = subprocess.run([*wrap, str(forager.binary), "doctor", "-o", "json", "--config", str(forager.config), *args], capture_output=True,
                          text=True, timeout=60, cwd=forager.home,
                          env=plain_environment(FORAGER_DATA_DIR=str(data or forager.data), **(env or {})))
    assert done.stdout, (done.returncode, done.stderr)
    report = json.loads(done.stdout)
    assert done.returncode == {"fine": FINE, "warnings": WARNINGS, "faults": FAULTS}[report["verdict"]]
    for one in report["findings"]:
        assert bool(one["advice"]) or one["health"] in ("ok", "note"), f"no advice: {one}"
    if code is not None:
        assert done.returncode == code, report
    return report["findings"]


def found(findings, check, health, *words):
    """The finding is there, and it is the only fault unless it is none."""
    hits = [one for one in findings if one["check"] == check and one["health"] == health and
            all(word in one["message"] + (one["advice"] or "") for word in words)]
    assert hits, (check, health, words, [one for one in findings if one["health"] != "ok"])
    return hits[0]


def faults(findings):
    return [(one["check"], one["message"]) for one in findings if one["health"] == "FAULT"]


def test_a_sound_server(wide):
    wide.working("sleep", timeout_minutes=1)
    wide.working("tree", timeout_minutes=1)
    findings = examine(wide)
    assert faults(findings) == [], findings
    for check, words in (("settings", "valid"), ("files", "ours alone"), ("server", "ready"), ("access", "admin"), ("database", "whole"),
                         ("monitor", ""), ("dispatch", ""), ("limits", "may open"), ("running", "all 2 running job(s) have their process")):
        found(findings, check, "ok", words)
    thorough = examine(wide, "--thorough")
    found(thorough, "database", "ok", "every index")


def test_it_says_so_to_people(wide):
    done = wide.cli("doctor", "--config", str(wide.config))
    assert "database" in done.stdout and "\x1b" not in done.stdout
    assert done.stdout.rstrip().endswith(("All is well.", "warning(s)."))


def test_a_place_without_a_server(make):
    forager = make(start=False)
    findings = examine(forager, code=WARNINGS)
    found(findings, "files", "warning", "is not there", "forager serve")
    found(findings, "server", "warning", "no server runs")


def test_a_server_that_was_stopped(wide):
    wide.terminate()
    findings = examine(wide, code=WARNINGS)
    found(findings, "server", "warning", "no server runs")
    found(findings, "database", "ok", "whole")
    found(findings, "running", "ok", "nothing runs")


def test_a_server_that_was_killed(wide):
    job_id = wide.working("sleep", timeout_minutes=1)
    wide.kill()
    wait_until(lambda: not wide.processes(), 10, "its attempts to end")
    findings = examine(wide, code=WARNINGS)
    found(findings, "server", "warning", "ended without stopping")
    found(findings, "running", "warning", "were running when the server ended", job_id)


def test_a_frozen_server(wide):
    os.kill(wide.pid, signal.SIGSTOP)
    try:
        findings = examine(wide, code=FAULTS)
    finally:
        os.kill(wide.pid, signal.SIGCONT)
    found(findings, "server", "FAULT", f"process {wide.pid} lives and does not answer", "kill")


def test_a_row_set_running_by_hand(wide):
    job_id, good = wide.submit("ok"), wide.working("sleep", timeout_minutes=1)
    wide.sql(f"UPDATE collection_jobs SET status='running', started_at=datetime('now','-1 hour') WHERE job_id='{job_id}'")
    findings = examine(wide, code=FAULTS)
    advice = found(findings, "running", "FAULT", "set to running by hand", job_id)["advice"]
    assert good not in json.dumps(findings)
    # What it says to do helps.
    assert wide.cli(*advice.split("`")[1].split()[1:]).returncode == 0
    wide.wait_status(job_id, "cancelled", "failed")
    assert faults(examine(wide)) == []


def test_a_row_set_running_by_hand_while_no_server_runs(wide):
    job_id = wide.submit("ok")
    wide.terminate()
    wide.sql(f"UPDATE collection_jobs SET status='running' WHERE job_id='{job_id}'")
    found(examine(wide, code=WARNINGS), "running", "warning", "by hand", job_id)


def test_a_running_row_whose_process_is_gone(wide):
    job_id = wide.submit("ok")
    # Claimed, as the server writes it, with a process that ended long ago.
    wide.sql("UPDATE collection_jobs SET status='running', attempt=1, node='x', started_at=datetime('now'), "
             f"lease_expires_at=datetime('now','+1 hour') WHERE job_id='{job_id}'")
    wide.sql(f"INSERT INTO collection_attempts (job_id, attempt, node, pid, started_at) VALUES ('{job_id}', 1, 'x', 1, datetime('now'))")
    found(examine(wide, code=FAULTS), "running", "FAULT", job_id)


@root
def test_processes_that_no_server_stands_above(wide):
    stray = subprocess.Popen(["/bin/sleep", "60"], env={"FORAGER_KEEPER": str(wide.data.resolve())})
    try:
        found(examine(wide, code=FAULTS), "running", "FAULT", "no server above them", str(stray.pid))
    finally:
        stray.kill()
        stray.wait()
    assert faults(examine(wide)) == []


def test_a_damaged_database(wide):
    for n in range(300):
        wide.submit("ok", search_query="x" * 500)
    wide.terminate()
    path = wide.database()
    size = path.stat().st_size
    with open(path, "r+b") as file:
        for at in range(8192, size - 4096, 3 * 4096):
            file.seek(at)
            file.write(os.urandom(2048))
    found(examine(wide, code=FAULTS), "database", "FAULT", "damaged", "backup")


def test_a_file_that_is_no_database(wide):
    wide.terminate()
    wide.database().write_bytes(b"this is no database" * 1000)
    found(examine(wide, code=FAULTS), "database", "FAULT")


def test_a_database_removed_under_the_server(wide):
    wide.database().rename(wide.home / "elsewhere.db")
    found(examine(wide, code=FAULTS), "database", "FAULT", "is not there", "removed under a running server")


def test_a_newer_database(wide):
    wide.terminate()
    wide.sql("INSERT INTO collection_schema (version, applied_at) VALUES (9999, 'x')")
    found(examine(wide, code=FAULTS), "database", "FAULT", "9999", "newer")


@pytest.mark.parametrize("text,words", [("max_running = 0\n", "max_running"), ("max_runing = 3\n", "max_runing"), ("= x\n", "forager.toml"),
                                        ('[types.x]\ncollector = "command"\ncommand = ["/no/such/program"]\n', "/no/such/program")])
def test_wrong_settings(wide, text, words):
    wide.config.write_text(text)
    found(examine(wide, code=FAULTS), "settings", "FAULT", words)


def test_a_token_that_others_may_read(wide):
    os.chmod(wide.data / "admin.token", 0o644)
    found(examine(wide, code=FAULTS), "files", "FAULT", "admin.token", "chmod 600")


def test_a_folder_that_others_may_read(wide):
    os.chmod(wide.data, 0o755)
    found(examine(wide), "files", "warning", "others may look", "chmod")


@root
def test_a_full_disk(make, tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=48m", "tmpfs", str(disk)], capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"a file system cannot be mounted here: {done.stderr}")
    try:
        forager = make({"max_running": 5}, data_dir=disk / "data")
        assert not [one for one in examine(forager) if one["check"] == "disk" and one["health"] == "FAULT"]
        with open(disk / "filler", "wb") as filler:
            try:
                while True:
                    filler.write(b"x" * 65536)
                    filler.flush()
            except OSError:
                pass
        found(examine(forager, code=FAULTS), "disk", "FAULT", "full", "free space")
        (disk / "filler").unlink()
        forager.terminate()
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=True)


@root
def test_a_disk_without_inodes_and_one_read_only(make, tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64m,nr_inodes=20", "tmpfs", str(disk)], capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"a file system cannot be mounted here: {done.stderr}")
    try:
        forager = make(start=False, data_dir=disk / "data")
        forager.data.mkdir(mode=0o700)
        found(examine(forager, code=WARNINGS), "disk", "warning", "inodes")
        subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
        found(examine(forager, code=FAULTS), "disk", "FAULT", "read-only")
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=True)


def test_a_low_file_limit(make):
    forager = make(start=False)
    limited = ["/bin/sh", "-c", 'ulimit -n "$0"; exec "$@"']
    found(examine(forager, wrap=[*limited, "600"], code=WARNINGS), "limits", "warning", "600", "LimitNOFILE")
    found(examine(forager, wrap=[*limited, "100"], code=FAULTS), "limits", "FAULT", "far too few")
    # Without the right of root to raise it again.
    forager.wrap = [*(["setpriv", "--bounding-set", "-sys_resource"] if os.geteuid() == 0 else []), *limited, "700"]
    forager.start()
    found(examine(forager, code=WARNINGS), "limits", "warning", "the server may open 700 files")


@pytest.mark.no_sanitizer
@pytest.mark.skipif(not os.path.exists("/usr/bin/faketime"), reason="faketime is not installed")
def test_clocks_that_differ(wide):
    found(examine(wide, wrap=["/usr/bin/faketime", "-f", "+1h"], code=FAULTS), "clock", "FAULT", "behind")
    wide.submit("ok")
    wide.terminate()
    found(examine(wide, wrap=["/usr/bin/faketime", "-f", "-2h"], code=FAULTS), "clock", "FAULT", "in the future")
    found(examine(wide, wrap=["/usr/bin/faketime", "-f", "@2001-01-01 00:00:00"], code=FAULTS), "clock", "FAULT", "before 2025")


def test_dispatch_that_was_paused_and_a_monitor_that_is_off(make):
    forager = make(env={"ARTITEC_JOB_MONITOR_ENABLED": "0"})
    forager.submit("ok")
    forager.post("/dispatch/pause", {})
    findings = examine(forager, code=WARNINGS)
    found(findings, "dispatch", "warning", "paused", "forager dispatch resume")
    found(findings, "monitor", "warning", "off")


def test_a_wrong_token(wide):
    findings = examine(wide, env={"FORAGER_TOKEN": "wrong"}, code=WARNINGS)
    found(findings, "access", "warning", "FORAGER_TOKEN")


def test_a_server_elsewhere(wide, tmp_path):
    env = {"FORAGER_URL": wide.url, "FORAGER_TOKEN": wide.token}
    findings = examine(wide, env=env, data=tmp_path / "none", code=FINE)
    assert {one["check"] for one in findings} == {"server", "access", "clock", "monitor", "dispatch", "running"}
    findings = examine(wide, env={**env, "FORAGER_URL": "http://127.0.0.1:1"}, data=tmp_path / "none", code=FAULTS)
    found(findings, "server", "FAULT", "cannot reach")


def test_the_token_of_a_folder_goes_to_its_own_server_only(make, tmp_path):
    """A wrong FORAGER_URL must not be told the secret of the local server."""
    one, other = make(), make()
    done = one.cli("stats", env={"FORAGER_URL": other.url})
    assert done.returncode == 1 and "FORAGER_TOKEN" in done.stderr
    assert one.cli("stats", env={"FORAGER_URL": one.url}).returncode == 0


@root
def test_somebody_else_looks():
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        forager = Forager(pathlib.Path(folder) / "home")
        try:
            forager.start()
            done = subprocess.run(["/usr/sbin/runuser", "-u", "nobody", "--", str(forager.binary), "doctor"], capture_output=True, text=True,
                                  timeout=30, env=plain_environment(FORAGER_DATA_DIR=str(forager.data)))
        finally:
            forager.close()
    assert done.returncode in (WARNINGS, FAULTS) and "another user's" in done.stdout, done.stdout + done.stderr
