"""Alerts without Prometheus: what raises them, who is told and how, and that a bad receiver slows nothing."""
import datetime
import email.header
import email.utils
import hashlib
import hmac
import json
import os
import re
import signal
import socket
import time

import pytest

import processes
from polling import stays, wait_until
from receivers import Hook, Mailbox

QUICK = {"check_interval": "200ms", "retry": "100ms", "timeout": "2s"}


@pytest.fixture
def hooks():
    made = []

    def factory(*args, **more):
        made.append(Hook(*args, **more))
        return made[-1]

    yield factory
    for hook in made:
        hook.close()


@pytest.fixture
def mailboxes():
    made = []

    def factory(*args, **more):
        made.append(Mailbox(*args, **more))
        return made[-1]

    yield factory
    for box in made:
        box.close()


def watched(make, receivers, rules=None, alerts=None, **settings):
    table = {**QUICK, **(alerts or {}), "receivers": receivers}
    if rules:
        table["rules"] = rules
    return make({"max_running": 20, **settings, "alerts": table})


def events(hook):
    return [(json.loads(one["body"])["event"], json.loads(one["body"])["alert"]["kind"]) for one in hook.got]


def deliveries(forager, **match):
    return [one for one in forager.get("/alerts").json()["deliveries"] if all(one[key] == value for key, value in match.items())]


def stuck_row(forager):
    job = forager.submit("ok")
    forager.sql(f"UPDATE collection_jobs SET status='running', started_at=datetime('now','-1 hour') WHERE job_id='{job}'")
    return job


# --- the way of an alert

def test_a_stuck_job_is_told_once_and_its_end_too(make, hooks):
    hook = hooks()
    forager = watched(make, {"ops": {"kind": "webhook", "url": hook.url, "secret": "s3cret"}}, {"stuck": {"when": "job_stuck"}})
    stuck_row(forager)
    wait_until(lambda: hook.got, 10, "the alert")
    body = json.loads(hook.got[0]["body"])
    assert body["event"] == "firing" and body["alert"]["kind"] == "job_stuck" and body["alert"]["severity"] == "critical"
    assert body["alert"]["summary"] == "1 job(s) run with nothing behind them" and body["alert"]["resolved_at"] is None
    assert body["server"]["url"] == forager.url
    stays(lambda: len(hook.got) == 1, 2, "one message while it lasts")
    assert forager.reset_stuck(timeout_minutes=30)["reset_count"] == 1
    wait_until(lambda: len(hook.got) == 2, 10, "the recovery")
    over = json.loads(hook.got[1]["body"])
    assert over["event"] == "resolved" and over["alert"]["id"] == body["alert"]["id"] and over["alert"]["resolved_at"]
    wait_until(lambda: len(deliveries(forager, state="delivered")) == 2, 5, "both to be noted")
    seen = forager.get("/alerts").json()
    assert [(one["state"], one["rule"]) for one in seen["alerts"]] == [("resolved", "stuck")]
    assert [(one["event"], one["state"], one["tries"]) for one in seen["deliveries"]] == [("resolved", "delivered", 1), ("firing", "delivered", 1)]
    assert seen["receivers"] == [{"name": "ops", "kind": "webhook"}]


def test_the_webhook_is_signed(make, hooks):
    hook = hooks()
    forager = watched(make, {"ops": {"kind": "webhook", "url": hook.url, "secret": "s3cret"}})
    assert forager.post("/alerts/test").status_code == 202
    wait_until(lambda: hook.got, 10, "the message")
    got = hook.got[0]
    signed = f"{got['headers']['X-Forager-Timestamp']}.{got['body']}".encode()
    assert got["headers"]["X-Forager-Signature"] == "sha256=" + hmac.new(b"s3cret", signed, hashlib.sha256).hexdigest()
    assert abs(int(got["headers"]["X-Forager-Timestamp"]) - time.time()) < 30
    assert got["headers"]["Content-Type"] == "application/json" and got["headers"]["X-Forager-Event"] == "test"
    assert int(got["headers"]["X-Forager-Delivery"]) == deliveries(forager)[0]["id"]


def test_a_reset_is_stored_with_its_alert(make, hooks):
    hook = hooks()
    forager = watched(make, {"ops": {"kind": "webhook", "url": hook.url}}, {"reset": {"when": "job_reset", "window": "2s"}})
    job = stuck_row(forager)
    forager.reset_stuck(timeout_minutes=30)
    [alert] = forager.get("/alerts").json()["alerts"]  # at once: it is of the same transaction
    assert alert["kind"] == "job_reset" and alert["detail"] == job and "on request" in alert["summary"]
    wait_until(lambda: events(hook) == [("firing", "job_reset"), ("resolved", "job_reset")], 15, "the event and its end")


def test_resets_by_the_monitor_are_one_alert_that_counts(make, hooks):
    hook = hooks()
    forager = make({"alerts": {**QUICK, "receivers": {"ops": {"kind": "webhook", "url": hook.url}}, "rules": {"reset": {"when": "job_reset"}}}},
                   env={"ARTITEC_JOB_MONITOR_INTERVAL": "0.5"})
    for number in range(3):
        job = stuck_row(forager)
        forager.wait_status(job, "failed")
    [alert] = forager.get("/alerts").json()["alerts"]
    assert alert["occurrences"] == 3 and "by the monitor" in alert["summary"]
    wait_until(lambda: hook.got, 5, "the message")
    stays(lambda: len(hook.got) == 1, 1, "one message")


def test_a_type_that_fails_is_told_apart(make, hooks):
    hook = hooks()
    forager = watched(make, {"ops": {"kind": "webhook", "url": hook.url}},
                      {"failing": {"when": "failure_rate", "ratio": 0.4, "minimum": 4, "window": "10m", "severity": "critical"}},
                      types={"good": {"command": ["/bin/true"]}})
    for _ in range(3):
        forager.finish("fail")
        forager.finish("x", entity_type="good")
    stays(lambda: not hook.got, 1, "silence below the minimum")
    forager.finish("fail")
    forager.finish("x", entity_type="good")
    wait_until(lambda: hook.got, 5, "the alert")
    alert = json.loads(hook.got[0]["body"])["alert"]
    assert alert["summary"] == "100% of the jobs of selftest failed in the last 10 min" and alert["severity"] == "critical"
    assert alert["detail"].startswith("4 of 4.")
    for _ in range(6):
        forager.finish("ok")
    wait_until(lambda: events(hook)[-1][0] == "resolved", 5, "the recovery at 4 of 10")
    assert len(hook.got) == 2


def test_jobs_that_wait_too_long_are_told_of(make, hooks):
    hook = hooks()
    forager = watched(make, {"ops": {"kind": "webhook", "url": hook.url}},
                      {"old": {"when": "pending_age", "age": "1s"}, "idle": {"when": "nothing_completed", "age": "1500ms"}})
    job = forager.submit("ok")
    wait_until(lambda: {kind for _, kind in events(hook)} == {"pending_age", "nothing_completed"}, 10, "both alerts")
    forager.post(f"/jobs/{job}/start")
    wait_until(lambda: sorted(events(hook))[2:] == [("resolved", "nothing_completed"), ("resolved", "pending_age")], 10, "both to be over")


def test_low_disk_and_a_keeper_that_died(make, hooks):
    hook = hooks()
    forager = watched(make, {"ops": {"kind": "webhook", "url": hook.url}},
                      {"disk": {"when": "disk_low", "free": "1000TiB"}, "keeper": {"when": "keeper_restarted", "window": "1s"}})
    wait_until(lambda: ("firing", "disk_low") in events(hook), 10, "the disk")
    os.kill(forager.keeper(), signal.SIGKILL)
    wait_until(lambda: ("firing", "keeper_restarted") in events(hook), 10, "the keeper")
    wait_until(lambda: ("resolved", "keeper_restarted") in events(hook), 10, "the end of it")
    assert ("resolved", "disk_low") not in events(hook)


def test_a_database_that_is_away_is_told_from_memory(make, hooks):
    hook = hooks()
    forager = watched(make, {"ops": {"kind": "webhook", "url": hook.url}}, {"away": {"when": "database_away", "hold": "0s"}})
    import sqlite3
    shell = sqlite3.connect(forager.database(), isolation_level=None)
    shell.execute("BEGIN IMMEDIATE")
    try:
        forager.post("/jobs", {"entity_type": "selftest", "job_type": "ok"})  # 503: somebody has to notice
        wait_until(lambda: ("firing", "database_away") in events(hook), 20, "the alert while nothing can be written")
    finally:
        shell.execute("ROLLBACK")
        shell.close()
    wait_until(lambda: events(hook)[-1] == ("resolved", "database_away"), 15, "the recovery")
    assert events(hook) == [("firing", "database_away"), ("resolved", "database_away")]
    assert [one["kind"] for one in forager.get("/alerts").json()["alerts"]] == ["database_away"]


# --- bad receivers

def test_a_failing_receiver_is_tried_again_and_then_given_up(make, hooks):
    hook = hooks("fail")
    forager = watched(make, {"ops": {"kind": "webhook", "url": hook.url}}, alerts={"max_tries": 4})
    forager.post("/alerts/test")
    [given] = wait_until(lambda: deliveries(forager, state="given_up"), 10, "the end of its tries")
    assert given["tries"] == 4 == len(hook.got) and given["last_error"] == "it answered 500"
    assert "is given up after 4 tries" in forager.log_text()


def test_a_receiver_that_comes_back_gets_what_it_missed_in_order(make, hooks):
    hook = hooks("drop")
    forager = watched(make, {"ops": {"kind": "webhook", "url": hook.url}}, {"stuck": {"when": "job_stuck"}}, alerts={"max_tries": 50})
    stuck_row(forager)
    wait_until(lambda: len(hook.got) >= 2, 10, "two tries")
    forager.reset_stuck(timeout_minutes=30)
    wait_until(lambda: deliveries(forager, event="resolved", state="waiting"), 10, "the recovery to wait")
    assert {event for event, _ in events(hook)} == {"firing"}
    hook.got.clear()
    hook.behave = "good"
    wait_until(lambda: events(hook) == [("firing", "job_stuck"), ("resolved", "job_stuck")], 20, "both, in order")


@pytest.mark.parametrize("behave", ["silent", "slow", "drop"])
def test_a_bad_receiver_slows_neither_jobs_nor_other_receivers(make, hooks, behave):
    bad, good = hooks(behave), hooks()
    forager = watched(make, {"bad": {"kind": "webhook", "url": bad.url}, "good": {"kind": "webhook", "url": good.url}},
                      {"failing": {"when": "failure_rate", "ratio": 0.1, "minimum": 1}})
    forager.finish("fail")
    wait_until(lambda: bad.got, 10, "the bad one to be asked")
    wait_until(lambda: good.got, 2, "the good one")
    began = time.monotonic()
    for _ in range(5):
        forager.finish("ok")
        assert forager.get("/healthz").status_code == 200
    assert time.monotonic() - began < 3
    began = time.monotonic()
    assert forager.terminate() == 0
    assert time.monotonic() - began < 6, "a receiver kept the server from stopping"


def test_a_port_where_nobody_listens(make):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{probe.getsockname()[1]}/"
    forager = watched(make, {"ops": {"kind": "webhook", "url": url}}, alerts={"max_tries": 2})
    forager.post("/alerts/test")
    [given] = wait_until(lambda: deliveries(forager, state="given_up"), 10, "the end of its tries")
    assert "refused" in given["last_error"]


def test_messages_survive_a_killed_server(make, hooks):
    hook = hooks("fail")
    forager = watched(make, {"ops": {"kind": "webhook", "url": hook.url}}, {"stuck": {"when": "job_stuck"}}, alerts={"max_tries": 100, "retry": "500ms"})
    stuck_row(forager)
    wait_until(lambda: hook.got, 10, "a first try")
    forager.kill()
    hook.got.clear()
    hook.behave = "good"
    forager.start()
    wait_until(lambda: events(hook) == [("firing", "job_stuck")], 60, "the message")
    forager.reset_stuck(timeout_minutes=30)
    wait_until(lambda: events(hook) == [("firing", "job_stuck"), ("resolved", "job_stuck")], 10, "the end of what began before")


# --- other media

def test_mail_by_smtp_with_a_login_over_tls(make, mailboxes, tmp_path):
    from test_tls import make_certificate
    certificate, key = make_certificate(tmp_path)
    box = mailboxes(certificate=(certificate, key), password="pässword")
    forager = watched(make, {"mail": {"kind": "email", "smtp": f"smtp://localhost:{box.port}", "user": "me", "password": "pässword", "ca_file": str(certificate),
                                      "from": "Forager <forager@example.org>", "to": ["one@example.org", "Two <two@example.org>"]}})
    forager.post("/alerts/test")
    got = wait_until(lambda: box.mails and box.mails[0], 15, "the mail")
    assert got["secure"] and box.logins == [("me", "pässword")]
    assert got["from"] == "<forager@example.org>" and got["to"] == ["<one@example.org>", "<two@example.org>"]
    mail = got["mail"]
    subject = str(email.header.make_header(email.header.decode_header(mail["Subject"])))
    assert subject.startswith("[TEST] This is a test of the alerts of ") and mail["From"] == "Forager <forager@example.org>"
    assert abs(email.utils.parsedate_to_datetime(mail["Date"]).timestamp() - time.time()) < 60 and mail["Message-ID"].startswith("<forager-alert-")
    text = mail.get_payload(decode=True).decode()
    assert "Nothing is wrong." in text and forager.url in text
    assert all(len(line) <= 998 for line in got["raw"].splitlines())
    wait_until(lambda: deliveries(forager, state="delivered"), 5, "the delivery to be noted")


@pytest.mark.parametrize("refuse,words", [("550 no such sender", "550"), ("451 try later", "451")])
def test_a_mail_server_that_refuses(make, mailboxes, refuse, words):
    box = mailboxes(refuse=refuse)
    forager = watched(make, {"mail": {"kind": "email", "smtp": f"smtp://127.0.0.1:{box.port}", "from": "a@b.example", "to": "c@d.example"}}, alerts={"max_tries": 2})
    forager.post("/alerts/test")
    [given] = wait_until(lambda: deliveries(forager, state="given_up"), 15, "the end of its tries")
    assert words in given["last_error"] and box.mails == []


def test_slack_gets_its_own_shape(make, hooks):
    hook = hooks()
    forager = watched(make, {"chat": {"kind": "slack", "url": hook.url}}, {"failing": {"when": "failure_rate", "ratio": 0.1, "minimum": 1}})
    forager.finish("fail")
    wait_until(lambda: hook.got, 10, "the message")
    body = json.loads(hook.got[0]["body"])
    assert body["text"] == "[FIRING] 100% of the jobs of selftest failed in the last 15 min"
    [part] = body["attachments"]
    assert part["color"] == "warning" and "&amp;entity_type=selftest" in part["text"] and "X-Forager-Signature" not in hook.got[0]["headers"]


def test_a_command_is_told_by_its_environment(make, tmp_path):
    told = tmp_path / "told"
    script = tmp_path / "tell"
    script.write_text(f"#!/bin/sh\nenv > {told}.new; echo \"$0 $*\" >> {told}.new; mv {told}.new {told}\n")
    script.chmod(0o755)
    forager = watched(make, {"page": {"kind": "command", "command": [str(script), "a b", "c"]}})
    forager.post("/alerts/test", params={"receiver": "page"})
    wait_until(told.exists, 10, "the command")
    text = told.read_text()
    assert "FORAGER_ALERT_EVENT=test\n" in text and "FORAGER_ALERT_SUMMARY=This is a test" in text and f"{script} a b c\n" in text
    assert json.loads(re.search(r"FORAGER_ALERT_JSON=(.*)", text)[1])["alert"]["kind"] == "test"
    assert "TOKEN" not in text and "FORAGER_DATA" not in text


@pytest.mark.parametrize("script,words", [("exit 3", "exit code 3"), ("kill -9 $$", "signal 9"), ("sleep 100", "did not end within 0.5 s")])
def test_a_command_that_fails_or_hangs(make, tmp_path, script, words):
    path = tmp_path / "tell"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    forager = watched(make, {"page": {"kind": "command", "command": [str(path)]}}, alerts={"max_tries": 2, "timeout": "500ms"})
    forager.post("/alerts/test")
    [given] = wait_until(lambda: deliveries(forager, state="given_up"), 15, "the end of its tries")
    assert words in given["last_error"]


def test_a_command_that_is_killed_takes_its_children_along(make, tmp_path):
    path, pids = tmp_path / "tell", tmp_path / "pids"
    # One below it, one in a session of its own, one that has left both.
    path.write_text(f"""#!/bin/sh
for way in "" setsid; do $way sh -c 'echo $$ >> {pids}; sleep 300' & done
(setsid sh -c 'echo $$ >> {pids}; sleep 300' &)
wait
""")
    path.chmod(0o755)
    forager = watched(make, {"page": {"kind": "command", "command": [str(path)]}}, alerts={"max_tries": 1, "timeout": "1s"})
    forager.post("/alerts/test")
    wait_until(lambda: deliveries(forager, state="given_up"), 15, "the end of its try")
    started = [int(pid) for pid in pids.read_text().split()]
    assert len(started) == 3 and not [pid for pid in started if processes.alive(pid)]


def test_a_reload_waits_for_no_mail_server(make, hooks):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        mail = {"kind": "email", "smtp": f"smtp://127.0.0.1:{port}", "from": "a@b.c", "to": "d@e.f"}
        forager = watched(make, {"mail": mail}, alerts={"timeout": "60s"})
        forager.post("/alerts/test", params={"receiver": "mail"})
        connection, _ = silent.accept()  # it waits for a greeting now
        with connection:
            forager.config.write_text(forager.config.read_text().replace("a@b.c", "other@b.c"))
            began = time.monotonic()
            os.kill(forager.server_pid(), signal.SIGHUP)
            wait_until(lambda: "The configuration was read again" in forager.log_text(), 5, "the reload")
            assert time.monotonic() - began < 0.9, "the event loop waited for a mail server"
            began = time.monotonic()
            assert forager.terminate() == 0 and time.monotonic() - began < 5


# --- when and to whom

def clock(minutes):
    return (datetime.datetime.utcnow() + datetime.timedelta(minutes=minutes)).strftime("%H:%M")


def test_quiet_hours_hold_warnings_back_and_let_critical_ones_through(make, hooks):
    hook = hooks()
    forager = watched(make, {"ops": {"kind": "webhook", "url": hook.url}},
                      {"old": {"when": "pending_age", "age": "500ms"}, "stuck": {"when": "job_stuck"}},
                      alerts={"quiet_hours": f"{clock(-60)}-{clock(60)}", "time_zone": "UTC"})
    job = forager.submit("ok")
    [held] = wait_until(lambda: deliveries(forager, event="firing", state="waiting"), 10, "the warning to be held back")
    assert held["next_try_at"][11:16] == clock(60)
    stuck_row(forager)
    wait_until(lambda: events(hook) == [("firing", "job_stuck")], 10, "the critical one alone")
    forager.post(f"/jobs/{job}/start")
    wait_until(lambda: deliveries(forager, state="dropped"), 10, "the warning to be dropped: it is over")
    assert events(hook) == [("firing", "job_stuck")] and not deliveries(forager, event="resolved", state="waiting")


def test_a_reminder_while_it_lasts(make, hooks):
    hook = hooks()
    watched(make, {"ops": {"kind": "webhook", "url": hook.url}}, {"disk": {"when": "disk_low", "free": "1000TiB"}}, alerts={"repeat": "1s"})
    wait_until(lambda: [event for event, _ in events(hook)][:3] == ["firing", "reminder", "reminder"], 15, "two reminders")


def test_rules_choose_their_receivers_and_a_reload_chooses_anew(make, hooks):
    one, two = hooks(), hooks()
    rules = {"disk": {"when": "disk_low", "free": "1000TiB", "to": ["one"]}}
    forager = watched(make, {"one": {"kind": "webhook", "url": one.url}, "two": {"kind": "webhook", "url": two.url}}, rules)
    wait_until(lambda: one.got, 10, "the first")
    assert not two.got
    forager.config.write_text(forager.config.read_text().replace('1000TiB', '1MiB').replace('["one"]', '["two"]'))
    forager.process.send_signal(signal.SIGHUP)
    wait_until(lambda: events(two) == [("resolved", "disk_low")], 10, "the recovery, to the new one")
    assert events(one) == [("firing", "disk_low")]


def test_without_receivers_alerts_are_kept_and_the_test_button_says_so(make):
    forager = make({"alerts": {"check_interval": "200ms"}})
    stuck_row(forager)
    wait_until(lambda: [one["kind"] for one in forager.get("/alerts").json()["alerts"] if one["state"] == "firing"] == ["job_stuck"], 10, "the alert")
    answer = forager.post("/alerts/test")
    assert answer.status_code == 409 and "[alerts.receivers.NAME]" in answer.json()["detail"]


def test_the_test_button_of_a_receiver_nobody_knows(make, hooks):
    hook = hooks()
    forager = watched(make, {"ops": {"kind": "webhook", "url": hook.url}})
    assert forager.post("/alerts/test", params={"receiver": "nobody"}).status_code == 404
    assert forager.post("/alerts/test", params={"x": "ops"}).status_code == 422
    told = forager.post("/alerts/test", params={"receiver": "ops"}).json()
    assert told["receivers"] == ["ops"] and told["delivery_ids"] == [deliveries(forager)[0]["id"]]


def test_secrets_are_not_shown(make, hooks):
    hook = hooks()
    forager = watched(make, {"ops": {"kind": "webhook", "url": hook.url + "?key=abc123", "secret": "s3cret"},
                             "mail": {"kind": "email", "smtp": "smtp://you:w0rdpass@127.0.0.1:1", "user": "me", "password": "passw0rd", "from": "a@b.c", "to": "d@e.f"}})
    forager.post("/alerts/test", params={"receiver": "ops"})
    wait_until(lambda: hook.got, 10, "the message")
    shown = forager.get("/config").text + forager.get("/alerts").text + forager.log_text() + forager.cli("config", "--config", str(forager.config)).stdout
    for secret in ("s3cret", "abc123", "passw0rd", "w0rdpass"):
        assert secret not in shown
    assert "alerts.receivers.ops.secret" in shown


@pytest.mark.parametrize("table,words", [
    ({"receivers": {"ops": {"kind": "pigeon"}}}, "alerts.receivers.ops.kind"),
    ({"receivers": {"ops": {"kind": "webhook"}}}, "alerts.receivers.ops needs url"),
    ({"receivers": {"ops": {"kind": "webhook", "url": "ftp://x"}}}, "alerts.receivers.ops.url"),
    ({"receivers": {"ops": {"kind": "webhook", "url": "http://x", "ulr": "y"}}}, "unknown key alerts.receivers.ops.ulr"),
    ({"receivers": {"ops": {"kind": "email", "smtp": "smtp://x", "from": "a@b\r\nBcc: c@d", "to": "e@f"}}}, "alerts.receivers.ops.from"),
    ({"receivers": {"ops": {"kind": "command", "command": ["true"]}}}, "alerts.receivers.ops.command"),
    ({"rules": {"stuck": {"severity": "high", "when": "job_stuck"}}}, "alerts.rules.stuck.severity"),
    ({"rules": {"what": {"severity": "warning"}}}, "alerts.rules.what.when"),
    ({"rules": {"job_stuck": {"to": ["nobody"]}}}, "alerts.rules.job_stuck.to"),
    ({"rules": {"failure_rate": {"ratio": 2}}}, "alerts.rules.failure_rate.ratio"),
    ({"quiet_hours": "25:00-07:00"}, "alerts.quiet_hours"),
    ({"quiet_hours": "22:00-07:00", "time_zone": "Mars/Phobos"}, "alerts.time_zone"),
    ({"chek_interval": "1s"}, "unknown key alerts.chek_interval"),
    ({"more": {"x": 1}}, "unknown table alerts.more"),
])
def test_a_wrong_configuration_is_one_line(make, table, words):
    forager = make({"alerts": table}, start=False)
    forager.launch()
    assert forager.process.wait(timeout=20) == 2
    [line] = forager.stderr.strip().splitlines()
    assert words in line and "forager.toml" in line
