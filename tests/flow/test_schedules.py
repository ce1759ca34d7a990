"""Schedules on the real server: exactly once per due time, across kill -9, downtime, clock changes and several servers."""
import collections
import datetime
import glob
import random
import shutil
import time
import zoneinfo

import pytest

from polling import stays, wait_until
from server import SLACK, moment
from test_cluster import cluster  # noqa: F401  (a fixture)
from test_events import Stream

JOB = {"entity_type": "selftest", "job_type": "ok", "search_filters": {"ms": 0}}
UTC = datetime.timezone.utc


def rfc(when):
    return when.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{when.microsecond // 1000:03}Z"


def soon(seconds):
    return rfc(datetime.datetime.now(UTC) + datetime.timedelta(seconds=seconds))


def create(forager, name, **fields):
    answer = forager.post("/schedules", {"name": name, "job": JOB, **fields})
    assert answer.status_code == 201, answer.text
    return answer.json()


def runs(forager, name, limit=200):
    return forager.get(f"/schedules/{name}/runs", params={"limit": limit}).json()["runs"]


def jobs_of(forager, name):
    listed = forager.get("/jobs", params={"page_size": 100}).json()["jobs"]
    return [job for job in listed if job["initiated_by"] == f"schedule:{name}"]


# --- at its time

def test_a_one_off_makes_its_job_at_its_time_also_on_request(forager):
    other = forager.submit()  # dispatch is on request: this one waits for ever
    at = soon(1.5)
    made = create(forager, "once", run_at=at)
    assert made["next_run_at"] == at and made["words"].startswith("Once, on ")
    job = wait_until(lambda: jobs_of(forager, "once"), 5 + SLACK, "its job")[0]
    assert job["run_at"] == at and 0 <= moment(job["created_at"]) - moment(at) < 0.2 + SLACK
    assert forager.wait_status(job["job_id"])["status"] == "completed"
    assert forager.job(other)["status"] == "pending"
    after = forager.get("/schedules/once").json()
    assert after["next_run_at"] is None and after["last_job_id"] == job["job_id"] and after["submitted"] == 1
    assert [run["result"] for run in runs(forager, "once")] == ["submitted"]
    reasons = forager.get(f"/jobs/{other}/explain").json()["reasons"]
    assert "on_request" in [reason["code"] for reason in reasons]


def test_what_happens_is_told_as_an_event(forager):
    stream = Stream(forager, path="/events?types=schedule")
    try:
        create(forager, "told", run_at=soon(1))
        seen = wait_until(lambda: len(stream.take()) >= 2 and stream.take(), 6, "two events")
        assert all(event["event"] == "schedule" and '"name":"told"' in event["data"] for event in seen)
        forager.delete("/schedules/told")
        wait_until(lambda: '"deleted":true' in stream.take()[-1]["data"], 3, "the deletion")
    finally:
        stream.close()


def test_cancel_old_ends_the_job_that_still_runs(make):
    forager = make({"dispatch": "automatic", "max_running": 5})
    create(forager, "long", cron="0 0 1 1 *", overlap="cancel_old", job={"entity_type": "selftest", "job_type": "ignore_term"})
    first = forager.post("/schedules/long/run").json()["job_id"]
    forager.wait_status(first, "running")
    forager.terminate()
    # Due a moment ago, as a person with a shell may say.
    set_next(forager, "long", datetime.datetime.now(UTC))
    forager.start()
    wait_until(lambda: len(runs(forager, "long")) == 2, 5 + SLACK, "the due run")
    due = runs(forager, "long")[0]
    assert (due["kind"], due["result"]) == ("due", "submitted")
    assert forager.wait_status(first)["status"] == "cancelled"
    assert forager.get("/schedules/long").json()["active_jobs"] == 1


# --- kill -9 at the due moment

@pytest.mark.timeout(240)
def test_kill_at_the_due_moment_loses_and_doubles_nothing(make):
    forager = make({"max_running": 20})
    rounds, each, seen = 8, 10, 0
    dice = random.Random(7)
    for turn in range(rounds):
        at = soon(1.5)
        names = [f"r{turn}-{i}" for i in range(each)]
        for name in names:
            create(forager, name, run_at=at)
        # From just before the time until just after it.
        wait_until(lambda: time.time() >= moment(at) - 0.01, 5)
        hit = moment(at) + dice.uniform(-0.005, 0.04)
        while time.time() < hit:
            pass
        forager.kill()
        forager.start()
        for name in names:
            made = wait_until(lambda: runs(forager, name), 10 + SLACK, f"the run of {name}")
            assert len(made) == 1 and made[0]["result"] == "submitted" and made[0]["due_at"] == at
            assert forager.wait_status(made[0]["job_id"])["status"] == "completed"
        count = int(forager.sql("SELECT count(*) FROM collection_jobs"))
        assert count == seen + each, f"{count - seen} jobs of {each} due times"
        seen = count


# --- downtime

def set_next(forager, name, when):
    stamp = when.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")
    forager.sql(f"UPDATE collection_schedules SET next_run_at = '{stamp}' WHERE name = '{name}'")


def hours_ago(count):
    return datetime.datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - datetime.timedelta(hours=count - 1)


def test_downtime_is_made_good_by_the_missed_rule(make):
    if datetime.datetime.now(UTC).minute in (59, 0, 1):  # the newest hour must be past, and no new one begin
        wait_until(lambda: datetime.datetime.now(UTC).minute not in (59, 0, 1), 200)
    forager = make({"max_running": 20})
    rules = {"none": {}, "once": {}, "all": {"max_catch_up": 3}}
    for missed, more in rules.items():
        create(forager, missed, cron="0 * * * *", missed=missed, **more)
    forager.terminate()
    for missed in rules:
        set_next(forager, missed, hours_ago(5))
    forager.start()
    for missed in rules:
        wait_until(lambda: runs(forager, missed), 5 + SLACK, f"{missed} to be looked at")
    told = {missed: [(run["kind"], run["result"]) for run in reversed(runs(forager, missed))] for missed in rules}
    assert told["none"] == [("catch_up", "missed")]
    assert told["once"] == [("catch_up", "missed"), ("catch_up", "submitted")]
    assert told["all"] == [("catch_up", "missed")] + [("catch_up", "submitted")] * 3
    figures = {missed: forager.get(f"/schedules/{missed}").json() for missed in rules}
    assert {missed: (figure["submitted"], figure["missed_runs"]) for missed, figure in figures.items()} == {
        "none": (0, 5), "once": (1, 4), "all": (3, 2)}
    newest = rfc(hours_ago(1))
    assert jobs_of(forager, "once")[0]["run_at"] == newest
    assert sorted(job["run_at"] for job in jobs_of(forager, "all")) == [rfc(hours_ago(n)) for n in (3, 2, 1)]
    # A second look makes nothing more.
    before = forager.stats()["total_jobs"]
    forager.restart()
    stays(lambda: forager.stats()["total_jobs"] == before, 2.5, "no further job")


def test_times_that_pass_while_paused_are_not_missed(forager):
    create(forager, "still", cron="0 * * * *", missed="all", paused=True)
    set_next(forager, "still", hours_ago(3))
    stays(lambda: not runs(forager, "still"), 1.5, "nothing")
    resumed = forager.request("PATCH", "/schedules/still", json={"paused": False}).json()
    assert moment(resumed["next_run_at"]) > time.time()
    stays(lambda: not runs(forager, "still"), 1.5, "nothing")


# --- clock changes

needs_faketime = pytest.mark.skipif(not shutil.which("faketime"), reason="needs faketime")


class Clock:
    """The server's wall clock, moved while it runs."""

    def __init__(self, path):
        self.path = path
        library = next(iter(sorted(glob.glob("/usr/lib/*/faketime/libfaketimeMT.so.1"))))
        self.env = {"LD_PRELOAD": library, "FAKETIME_TIMESTAMP_FILE": str(path), "FAKETIME_NO_CACHE": "1",
                    "DONT_FAKE_MONOTONIC": "1", "FAKETIME_DONT_FAKE_MONOTONIC": "1"}

    def set(self, text):
        wanted = datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()
        self.path.write_text(f"{wanted - time.time():+.3f}")


@pytest.mark.no_sanitizer
@needs_faketime
def test_clocks_go_forward(make, tmp_path):
    clock = Clock(tmp_path / "clock")
    clock.set("2027-03-28T00:59:40Z")  # 01:59:40 in Berlin; 02:00 does not exist
    forager = make({"max_running": 20}, env=clock.env)
    for name, cron in {"gap": "30 2 * * *", "late_gap": "59 2 * * *", "three": "0 3 * * *", "both": "0,30 2,3 * * *", "count": "*/30 * * * *"}.items():
        create(forager, name, cron=cron, time_zone="Europe/Berlin", overlap="queue")
    assert forager.get("/schedules/gap").json()["next_runs"][0] == {"at": "2027-03-28T01:00:00.000Z", "local": "2027-03-28T03:00:00+02:00"}
    clock.set("2027-03-28T00:59:59Z")
    for name in ("gap", "late_gap", "three", "both", "count"):
        made = wait_until(lambda: runs(forager, name), 6 + SLACK, f"the run of {name}")
        assert [run["due_at"] for run in made] == ["2027-03-28T01:00:00.000Z"], name
    clock.set("2027-03-28T01:29:59Z")
    wait_until(lambda: len(runs(forager, "both")) == 2 and len(runs(forager, "count")) == 2, 6 + SLACK, "half past three")
    nexts = {name: forager.get(f"/schedules/{name}").json()["next_run_at"] for name in ("gap", "late_gap", "three", "both", "count")}
    assert nexts == {"gap": "2027-03-29T00:30:00.000Z", "late_gap": "2027-03-29T00:59:00.000Z", "three": "2027-03-29T01:00:00.000Z",
                     "both": "2027-03-29T00:00:00.000Z", "count": "2027-03-28T02:00:00.000Z"}
    assert forager.stats()["total_jobs"] == 7


@pytest.mark.no_sanitizer
@needs_faketime
def test_clocks_go_back(make, tmp_path):
    clock = Clock(tmp_path / "clock")
    clock.set("2026-11-01T05:29:40Z")  # 01:29:40 in New York; 01:30 exists twice
    forager = make({"max_running": 20}, env=clock.env)
    create(forager, "named", cron="30 1 * * *", time_zone="America/New_York", overlap="queue")
    create(forager, "count", cron="30 * * * *", time_zone="America/New_York", overlap="queue")
    clock.set("2026-11-01T05:29:59Z")
    for name in ("named", "count"):
        wait_until(lambda: runs(forager, name), 6 + SLACK, f"the first half past one of {name}")
    clock.set("2026-11-01T06:29:59Z")  # the second one
    wait_until(lambda: len(runs(forager, "count")) == 2, 6 + SLACK, "the second half past one")
    assert [run["due_at"] for run in runs(forager, "named")] == ["2026-11-01T05:30:00.000Z"]
    assert forager.get("/schedules/named").json()["next_run_at"] == "2026-11-02T06:30:00.000Z"
    clock.set("2026-11-01T05:29:50Z")  # and somebody sets the server's clock back: nothing runs again
    stays(lambda: forager.stats()["total_jobs"] == 3, 13, "no further job")


# --- several servers

@pytest.mark.timeout(180)
def test_several_servers_make_one_job_per_due_time(cluster):  # noqa: F811
    cluster.add(3, max_running=20)
    first = cluster.servers[0]
    stream = Stream(cluster.servers[1], path="/events?types=schedule")
    create(first, "told", cron="0 0 1 1 *")
    wait_until(lambda: any('"name":"told"' in event["data"] for event in stream.take()), 5 + SLACK, "the word from another server")
    stream.close()
    rounds, each = 3, 15
    for turn in range(rounds):
        at = soon(2.5)
        for i in range(each):
            create(cluster.servers[i % 3], f"r{turn}-{i}", run_at=at)
        victim = cluster.servers[turn % 3] if turn < rounds - 1 else None
        wait_until(lambda: time.time() >= moment(at), 6)
        if victim:
            victim.kill()
        alive = next(server for server in cluster.servers if server is not victim)
        for i in range(each):
            wait_until(lambda: runs(alive, f"r{turn}-{i}"), 15 + SLACK, f"the run of r{turn}-{i}")
        if victim:
            victim.start()
    made = collections.Counter(cluster.sql("SELECT initiated_by FROM collection_jobs").split())
    assert len(made) == rounds * each and set(made.values()) == {1}, made
    assert int(cluster.sql("SELECT count(*) FROM collection_schedule_runs")) == rounds * each
    wait_until(lambda: first.stats()["completed_jobs"] == rounds * each, 60, "all to be done")


# --- against another reading of the manual page

NAMES = {name: str(i) for i, name in enumerate("JAN FEB MAR APR MAY JUN JUL AUG SEP OCT NOV DEC".split(), 1)}
NAMES.update({name: str(i) for i, name in enumerate("SUN MON TUE WED THU FRI SAT".split())})


def members(field, low, high):
    found = set()
    for part in field.split(","):
        base, _, step = part.partition("/")
        if base == "*":
            first, last = low, high
        elif "-" in base:
            first, last = (int(NAMES.get(word, word)) for word in base.split("-"))
        else:
            first = int(NAMES.get(base, base))
            last = high if step else first
        found.update(range(first, last + 1, int(step or 1)))
    return found


def exists(local, zone):
    return local.replace(tzinfo=zone).astimezone(UTC).astimezone(zone).replace(tzinfo=None) == local


def expected(cron, name, start, count):
    """Minute by minute, by Python's own zones."""
    zone = zoneinfo.ZoneInfo(name)
    minute, hour, day, month, weekday = cron.split()
    minutes, hours, days, months = members(minute, 0, 59), members(hour, 0, 23), members(day, 1, 31), members(month, 1, 12)
    weekdays = {value % 7 for value in members(weekday, 0, 7)}
    either = not day.startswith("*") and not weekday.startswith("*")
    every_hour = len(hours) == 24
    local = start.astimezone(zone).replace(tzinfo=None, second=0, microsecond=0) - datetime.timedelta(hours=3)
    dues = set()
    for _ in range(60 * 24 * 5):
        by_day, by_weekday = local.day in days, (local.isoweekday() % 7) in weekdays
        if local.month in months and local.hour in hours and local.minute in minutes and (
                (by_day or by_weekday) if either else (by_day and by_weekday)):
            if exists(local, zone):
                for fold in (0, 1) if every_hour else (0,):
                    dues.add(local.replace(tzinfo=zone, fold=fold).astimezone(UTC))
            elif not every_hour:
                probe = local
                while not exists(probe, zone):
                    probe += datetime.timedelta(minutes=1)
                dues.add(probe.replace(tzinfo=zone).astimezone(UTC))
        local += datetime.timedelta(minutes=1)
    return [rfc(due) for due in sorted(dues) if due > start][:count]


ZONES = {"Europe/Berlin": ("2027-03-27", "2027-10-30"), "America/New_York": ("2027-03-13", "2027-11-06"),
         "Australia/Lord_Howe": ("2026-10-03", "2027-04-03"), "America/Santiago": ("2026-09-05", "2027-04-03"),
         "Asia/Kolkata": ("2027-03-27", "2027-10-30"), "Africa/Cairo": ("2027-04-29", "2027-10-28"),
         "America/Mexico_City": ("2027-04-03", "2027-10-30"), "UTC": ("2027-03-27", "2027-10-30")}


def some_field(dice, low, high, wild):
    if dice.random() < wild:
        return "*"
    kind = dice.randrange(4)
    first = dice.randint(low, high)
    if kind == 0:
        return str(first)
    if kind == 1:
        return f"*/{dice.randint(1, max(1, (high - low) // 2))}"
    if kind == 2:
        return f"{first}-{dice.randint(first, high)}"
    return ",".join(str(value) for value in sorted(dice.sample(range(low, high + 1), 3)))


def test_due_times_agree_with_another_reading(shared):
    dice = random.Random(20270328)
    checked = 0
    for name, days in ZONES.items():
        for day in days:
            start = datetime.datetime.fromisoformat(day + "T12:00:00+00:00")
            for _ in range(12):
                cron = " ".join([some_field(dice, 0, 59, 0.1), some_field(dice, 0, 23, 0.3) if dice.random() < 0.5 else
                                 dice.choice(["0", "1", "2", "3", "0-3", "1,2", "2-4"]),
                                 some_field(dice, 1, 31, 0.8), "*", some_field(dice, 0, 6, 0.8)])
                answer = shared.post("/schedules/preview", {"cron": cron, "time_zone": name, "from": rfc(start)})
                assert answer.status_code == 200, (cron, answer.text)
                wanted = expected(cron, name, start, 10)
                given = [due["at"] for due in answer.json()["next_runs"]]
                # Python walked five days; what lies beyond is not compared.
                horizon = rfc(start + datetime.timedelta(days=4))
                assert [due for due in given if due < horizon] == [due for due in wanted if due < horizon], (cron, name, day)
                checked += len(wanted)
    assert checked > 500
