"""Files of a running server that somebody removes, replaces or leaves open to others, and limits on files."""
import os
import resource
import signal
import stat
import subprocess

import pytest

from polling import wait_until
from server import plain_environment

root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")


def refused(forager, words):
    for _ in range(3):
        answer = forager.post("/jobs", {"entity_type": "selftest", "job_type": "ok"})
        assert answer.status_code == 503 and words in answer.json()["detail"], answer.text
    ready = forager.get("/readyz", token=False)
    assert ready.status_code == 503 and words in ready.json()["detail"]


@pytest.mark.sqlite
def test_a_database_removed_under_the_server_takes_nothing_more(make):
    forager = make({"max_running": 5})
    working = forager.working("sleep", search_filters={"ms": 100_000})
    forager.database().unlink()
    refused(forager, "removed or replaced")
    assert forager.post(f"/jobs/{working}/cancel").status_code == 202, "an order to end needs no database"
    assert forager.terminate(15) == 0, "what can never be written is not waited for"
    assert "forager.db is not there any more" in forager.log_text()
    forager.start()
    assert forager.stats()["total_jobs"] == 0
    forager.finish("ok")


@pytest.mark.sqlite
def test_a_loss_is_noticed_while_nobody_writes(make):
    forager = make()
    forager.data.rename(forager.home / "moved")
    wait_until(lambda: "removed or replaced" in forager.get("/readyz", token=False).text, 10, "the server to notice")


@pytest.mark.sqlite
def test_a_copied_over_database_is_damage(make):
    forager = make()
    forager.submit("ok")
    forager.database().write_bytes(b"")
    refused(forager, "damaged")


def test_scratch_that_was_removed_is_made_again(make):
    forager = make({"dispatch": "automatic"})
    forager.wait_status(forager.submit("ok"))
    os.rmdir(forager.data / "scratch")
    assert forager.wait_status(forager.submit("ok"))["status"] == "completed"


def test_the_mode_of_a_directory_that_was_there_is_left_alone(make):
    forager = make(start=False)
    forager.data.mkdir()
    forager.data.chmod(0o2775)
    forager.start()
    forager.finish("ok")
    assert stat.S_IMODE(forager.data.stat().st_mode) == 0o2775
    assert "Others may change what is in the data directory" in forager.log_text()
    for path in forager.data.iterdir():
        if path.is_file():
            assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path


def test_a_new_directory_is_its_owners_alone(make):
    forager = make()
    assert stat.S_IMODE(forager.data.stat().st_mode) & 0o066 == 0
    assert "Others may" not in forager.log_text()


def test_a_lost_admin_token_is_made_anew(make):
    forager = make()
    old = forager.token
    (forager.data / "admin.token").unlink()
    forager.restart()
    assert forager.token != old and forager.get("/me").json()["role"] == "admin"
    assert forager.get("/me", token=old).status_code == 200, "who holds another keeps it"
    assert "a new admin token was made" in forager.log_text()
    again = forager.token
    (forager.data / "admin.token").write_text("fgr_of_another_database\n")
    forager.restart()
    assert forager.token not in (old, again, "fgr_of_another_database") and forager.get("/me").status_code == 200


def test_a_revoked_admin_token_stays_revoked(make):
    forager = make()
    mine = forager.post("/tokens", {"name": "mine", "role": "admin"}).json()["token"]
    [own] = [one for one in forager.get("/tokens").json()["tokens"] if one["name"] == "admin"]
    assert forager.delete(f"/tokens/{own['id']}", token=mine).status_code == 200
    (forager.data / "admin.token").unlink()
    forager.terminate()
    forager.start()
    assert not (forager.data / "admin.token").exists()


@pytest.mark.parametrize("number", [signal.SIGUSR1, signal.SIGUSR2, signal.SIGALRM, signal.SIGPWR, signal.SIGIO, signal.SIGXFSZ, signal.SIGRTMIN])
def test_stray_signals_end_nobody(shared, number):
    before = shared.processes()
    for pid in before:
        os.kill(pid, number)
    shared.finish("ok")
    assert shared.process.poll() is None and set(before) <= set(shared.processes())


def limited(what, bytes_):
    return lambda: resource.setrlimit(what, (bytes_, bytes_))


def test_a_limit_on_the_size_of_files_is_said(make):
    forager = make(start=False)
    done = subprocess.run([str(forager.binary), "serve", "--data-dir", str(forager.data), "--listen", "127.0.0.1:0"], capture_output=True, text=True,
                          timeout=30, env=plain_environment(), preexec_fn=limited(resource.RLIMIT_FSIZE, 200 << 10))
    assert done.returncode == 1 and "no file may grow beyond 200 KiB (ulimit -f" in done.stderr
    told = subprocess.run([str(forager.binary), "doctor", "--data-dir", str(forager.data)], capture_output=True, text=True, timeout=30,
                          env=plain_environment(), preexec_fn=limited(resource.RLIMIT_FSIZE, 200 << 10))
    assert told.returncode == 2 and "may grow beyond 200 KiB" in told.stdout and "ulimit -Hf" in told.stdout


def test_line_ends_and_byte_order_marks_of_secrets_and_files(make):
    forager = make()
    for env in ({"FORAGER_URL": forager.url + "\n", "FORAGER_TOKEN": forager.token}, {"FORAGER_URL": forager.url, "FORAGER_TOKEN": forager.token + "\r\n"},
                {"FORAGER_URL": "", "FORAGER_TOKEN": "", "FORAGER_DATA_DIR": str(forager.data)}):
        done = subprocess.run([str(forager.binary), "stats"], capture_output=True, text=True, timeout=30, cwd=forager.home, env=plain_environment(**env))
        assert done.returncode == 0, (env, done.stderr)
    jobs = forager.home / "jobs.jsonl"
    jobs.write_bytes(b'\xef\xbb\xbf{"entity_type":"selftest","job_type":"ok"}\r\n{"entity_type":"selftest","job_type":"ok"}\r\n')
    create = [str(forager.binary), "jobs", "create", "--file", str(jobs), "--data-dir", str(forager.data)]
    done = subprocess.run(create, capture_output=True, text=True, timeout=30, env=plain_environment())
    assert done.returncode == 0 and forager.stats()["total_jobs"] == 2, done.stderr
    jobs.write_bytes('{"entity_type":"selftest","job_type":"ok"}'.encode("utf-16"))
    done = subprocess.run(create, capture_output=True, text=True, timeout=30, env=plain_environment())
    assert done.returncode != 0 and "UTF-16" in done.stderr and forager.stats()["total_jobs"] == 2
    sent = forager.post("/jobs", data=b'\xef\xbb\xbf{"entity_type":"selftest","job_type":"ok"}\r\n', headers={"Content-Type": "application/json"})
    assert sent.status_code == 201, sent.text


def test_what_a_running_server_needs_is_made_again(make):
    forager = make()
    names = ("server.json", "server.lock", "logs/app.log")
    for name in names:
        (forager.data / name).unlink()
    wait_until(lambda: all((forager.data / name).exists() for name in names), 10, "the files to be there again")
    assert forager.cli("stats").returncode == 0
    wait_until(lambda: "server.json was removed" in forager.log_text(), 10, "the log to be written again")
    second = subprocess.run([str(forager.binary), "serve", "--data-dir", str(forager.data), "--listen", "127.0.0.1:0"], capture_output=True, text=True,
                            timeout=30, env=plain_environment())
    assert second.returncode == 1 and f"pid {forager.server_pid()}" in second.stderr


@pytest.mark.parametrize("harm,words", [(lambda path: path.write_text(""), "is empty"), (lambda path: path.unlink(), "No such file")])
def test_a_configuration_that_is_half_written_is_not_read(make, harm, words):
    forager = make({"max_running": 7})
    harm(forager.config)
    os.kill(forager.server_pid(), signal.SIGHUP)
    wait_until(lambda: "The configuration was not read again" in forager.log_text(), 10, "the refusal")
    assert words in forager.log_text() and '"max_running":7' in forager.get("/dispatch").text
