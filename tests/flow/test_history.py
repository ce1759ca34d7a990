"""GET /history on the real server: what happened is counted once, survives deletion and kill -9, and edits by hand are not in it."""
import pytest

from polling import wait_until

COUNTS = ("submitted", "completed", "failed", "cancelled", "retried", "reset")


def totals(forager, **params):
    answer = forager.get("/history", params=params)
    assert answer.status_code == 200, answer.text
    history = answer.json()
    for name in COUNTS:
        assert sum(bucket[name] for bucket in history["buckets"]) == history["totals"][name]
    return history["totals"]


def test_what_happened_is_counted(wide):
    for _ in range(3):
        wide.finish("ok", search_filters={"ms": 300})
    wide.finish("fail")
    wide.finish("transient", search_filters={"times": 1}, seconds=20)
    running = wide.working("sleep")
    wide.post(f"/jobs/{running}/cancel", params={"force": "true"})
    wide.wait_status(running, "cancelled")
    stuck = wide.working("sleep")
    assert wide.reset_stuck(timeout_minutes=0)["job_ids"] == [stuck]
    seen = totals(wide)
    assert {name: seen[name] for name in COUNTS} == {"submitted": 7, "completed": 4, "failed": 2, "cancelled": 1, "retried": 1, "reset": 1}
    assert 0.2 < seen["run_time_p50"] < 3 and seen["wait_p50"] is not None
    assert totals(wide, range="24h")["completed"] == totals(wide, range="30d")["completed"] == 4
    assert totals(wide, entity_type="selftest")["submitted"] == 7
    assert totals(wide, entity_type="nobody")["submitted"] == 0


def test_it_survives_deletion_and_a_kill(wide):
    job = wide.finish("ok")["job_id"]
    wide.delete(f"/jobs/{job}")
    wide.kill()
    wide.start()
    seen = totals(wide)
    assert (seen["submitted"], seen["completed"]) == (1, 1)


def test_a_hand_at_the_database_is_not_counted(wide):
    job = wide.submit("ok")
    wide.sql(f"UPDATE collection_jobs SET status = 'completed' WHERE job_id = '{job}'")
    wait_until(lambda: wide.job(job)["status"] == "completed", 5)
    seen = totals(wide)
    assert (seen["submitted"], seen["completed"]) == (1, 0)


@pytest.mark.parametrize("range_, count, seconds", [("1h", 60, 60), ("24h", 96, 900), ("30d", 120, 21600)])
def test_ranges(shared, range_, count, seconds):
    history = shared.get("/history", params={"range": range_}).json()
    assert len(history["buckets"]) == count and history["bucket_seconds"] == seconds
    assert history["buckets"][0]["at"] == history["from"]


@pytest.mark.parametrize("params", [{"range": "7d"}, {"range": ""}, {"entity_type": "A b"}, {"rnage": "1h"}])
def test_wrong_parameters_are_named(shared, params):
    answer = shared.get("/history", params=params)
    assert answer.status_code == 422 and answer.json()["errors"][0]["field"] == next(iter(params))
