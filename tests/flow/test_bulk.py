"""Bulk creation, retry, cancel and deletion."""
import pytest

JOB = {"entity_type": "selftest", "job_type": "ok"}


def bulk(server, jobs, **more):
    return server.post("/jobs/bulk", {"jobs": jobs}, **more)


def finished(forager, job_id, status="failed"):
    forager.sql(f"UPDATE collection_jobs SET status='{status}' WHERE job_id='{job_id}'")
    return job_id


def test_create_ten_thousand(forager):
    answer = bulk(forager, [JOB] * 10_000)
    assert answer.status_code == 201
    told = answer.json()
    assert told["created"] == 10_000 and len(set(told["job_ids"])) == 10_000
    assert forager.stats()["pending_jobs"] == 10_000
    page = forager.get("/jobs").json()
    assert page["total"] == 10_000
    forager.submit()
    page = forager.get("/jobs").json()
    assert page["total"] == 10_001 or page.get("total_capped") is True
    assert forager.execute_pending()["job_ids"] == [told["job_ids"][0]]


@pytest.mark.parametrize("jobs", [[JOB] * 10_001, [], [JOB, {**JOB, "priority": 11}], [JOB, 7], [JOB, {"entity_type": "selftest"}], "x",
                                  [JOB, {**JOB, "unique_key": "a"}, {**JOB, "unique_key": "a"}]],
                         ids=["too many", "none", "bad second", "no object", "missing member", "no list", "same key twice"])
def test_all_or_nothing(shared, jobs):
    total = shared.stats()["total_jobs"]
    answer = bulk(shared, jobs)
    assert answer.status_code in (409, 422), answer.text[:500]
    assert shared.stats()["total_jobs"] == total


def test_the_wrong_one_is_named(shared):
    answer = bulk(shared, [JOB, JOB, {**JOB, "priority": 11}])
    assert any("2" in error["field"] and "priority" in error["field"] for error in answer.json()["errors"]), answer.text


def test_a_body_beyond_sixteen_mebibytes(shared):
    answer = shared.request("POST", "/jobs/bulk", data=b'{"jobs": [' + b" " * (16 * 1024 * 1024) + b"]}")
    assert answer.status_code == 413
    small = shared.request("POST", "/jobs", data=b'{"entity_type": "x"' + b" " * (1024 * 1024) + b"}")
    assert small.status_code == 413


def test_idempotent_bulk(shared):
    headers = {"Idempotency-Key": "bulk-1"}
    first, again = bulk(shared, [JOB] * 3, headers=headers), bulk(shared, [JOB] * 3, headers=headers)
    assert first.json() == again.json()


# --- deletion by filter

def test_delete_by_filter(forager):
    running = forager.working("sleep")
    failed = [finished(forager, forager.submit()) for _ in range(3)]
    kept = forager.submit()
    answer = forager.delete("/jobs", params={"status": "failed"})
    assert answer.status_code == 200
    told = answer.json()
    assert told["message"] == "Successfully deleted 3 job(s)" and told["deleted_count"] == 3
    assert sorted(told["job_ids"]) == sorted(failed)
    assert {key: value for key, value in told["filters"].items() if value is not None} == {"status": "failed"}
    assert forager.job(kept)["status"] == "pending" and forager.job(running)["status"] == "running"


def test_running_jobs_are_skipped_and_counted(forager):
    running = forager.working("sleep")
    for _ in range(3):
        forager.submit()
    told = forager.delete("/jobs", params={"entity_type": "selftest"}).json()
    assert (told["deleted_count"], told["skipped_running"]) == (3, 1)
    assert forager.job(running)["status"] == "running"


def test_deletion_takes_everything_along(wide):
    job_id = wide.finish("records", search_filters={"records": 3})["job_id"]
    wide.wait_released(job_id)
    assert wide.delete("/jobs", params={"status": "completed"}).json()["deleted_count"] == 1
    for table in ("collection_changes", "collection_job_logs", "collection_attempts"):
        assert wide.sql(f"SELECT count(*) FROM {table} WHERE job_id='{job_id}'") == "0"


def test_deletion_at_the_shell_takes_everything_along(wide):
    job_id = wide.finish("records", search_filters={"records": 3})["job_id"]
    wide.wait_released(job_id)
    wide.sql(f"DELETE FROM collection_jobs WHERE job_id='{job_id}'")
    for table in ("collection_changes", "collection_job_logs", "collection_attempts"):
        assert wide.sql(f"SELECT count(*) FROM {table} WHERE job_id='{job_id}'") == "0"


def test_only_running_is_a_conflict(forager):
    forager.working("sleep")
    answer = forager.delete("/jobs", params={"status": "running"})
    assert answer.status_code == 409 and answer.json()["detail"].startswith("Cannot delete running jobs")


def test_without_a_filter(forager):
    forager.submit()
    answer = forager.delete("/jobs")
    assert answer.status_code == 400 and forager.stats()["total_jobs"] == 1
    assert forager.delete("/jobs", params={"delete_all": "false"}).status_code == 400
    assert forager.delete("/jobs", params={"delete_all": "true"}).json()["deleted_count"] == 1


@pytest.mark.parametrize("query", ["staus=failed", "status=broken", "created_before=soon", "delete_all=perhaps", "status=failed&limit=1"])
def test_a_misspelt_filter_deletes_nothing(forager, query):
    finished(forager, forager.submit())
    answer = forager.delete(f"/jobs?{query}")
    assert answer.status_code == 422, answer.text
    assert forager.stats()["total_jobs"] == 1


def test_more_than_one_transaction(forager):
    bulk(forager, [JOB] * 2500)
    told = forager.delete("/jobs", params={"delete_all": "true"}).json()
    assert told["deleted_count"] == 2500 and len(told["job_ids"]) == 100
    stats = forager.stats()
    assert stats["total_jobs"] == stats["pending_jobs"] == 0


# --- retry, cancel and delete many

@pytest.mark.parametrize("order,before,after", [("retry", "failed", "pending"), ("cancel", "pending", "cancelled"), ("delete", "failed", None)])
def test_by_ids_and_by_filter(forager, order, before, after):
    jobs = [forager.submit() for _ in range(6)]
    other = forager.submit("test", entity_type="other")
    if before == "failed":
        for job_id in jobs:
            finished(forager, job_id)
    count = f"{before}_jobs"
    start = forager.stats()[count]
    dry = forager.post(f"/jobs/bulk-{order}", {"filter": {"entity_type": "selftest"}, "dry_run": True})
    assert dry.status_code == 200 and 6 in dry.json().values(), dry.text
    assert forager.stats()[count] == start, "a dry run changes nothing"
    by_ids = forager.post(f"/jobs/bulk-{order}", {"job_ids": jobs[:2]})
    assert by_ids.status_code == 200 and 2 in by_ids.json().values(), by_ids.text
    by_filter = forager.post(f"/jobs/bulk-{order}", {"filter": {"entity_type": "selftest", "status": before}})
    assert by_filter.status_code == 200 and 4 in by_filter.json().values(), by_filter.text
    for job_id in jobs:
        if after:
            assert forager.job(job_id)["status"] == after
        else:
            assert forager.get(f"/jobs/{job_id}").status_code == 404
    assert forager.job(other)["status"] == "pending"


@pytest.mark.parametrize("body", [{}, {"filter": {}}, {"filter": {"staus": "failed"}}, {"job_ids": []}, {"job_ids": "x"}, {"job_ids": [5]},
                                  {"filter": {"status": "failed"}, "job_ids": ["JOB-1-AAAAAAAAAA"]}, {"filter": {"status": "failed"}, "dry": True}])
@pytest.mark.parametrize("order", ["retry", "cancel", "delete"])
def test_wrong_bodies_change_nothing(shared, order, body):
    job_id = finished(shared, shared.submit())
    answer = shared.post(f"/jobs/bulk-{order}", body)
    assert answer.status_code in (400, 422), answer.text
    assert shared.job(job_id)["status"] == "failed"


def test_bulk_cancel_reaches_running_jobs(wide):
    jobs = [wide.working("sleep") for _ in range(3)] + [wide.submit()]
    assert wide.post("/jobs/bulk-cancel", {"filter": {"entity_type": "selftest"}}).status_code == 200
    for job_id in jobs:
        wide.wait_status(job_id, "cancelled", seconds=5)


# --- the queue has a bound

def test_no_more_than_max_pending(make):
    forager = make({"max_pending": 5})
    for _ in range(5):
        forager.submit()
    for answer in (forager.post("/jobs", JOB), bulk(forager, [JOB] * 2)):
        assert answer.status_code == 503 and int(answer.headers["Retry-After"]) >= 1, answer.text
        assert "pending" in answer.json()["detail"]
    assert forager.stats()["pending_jobs"] == 5
    forager.execute_pending()
    assert forager.post("/jobs", JOB).status_code == 201
