"""Creating, reading and listing jobs: every field's bounds, and one clear sentence for what is wrong."""
import concurrent.futures
import datetime
import json
import re

import pytest
import requests

from server import BASE

GOOD = {"entity_type": "selftest", "job_type": "ok"}
FIELDS = {"job_id", "entity_type", "job_type", "entity_id", "search_query", "target_url", "location", "community_id", "builder_id",
          "search_filters", "priority", "run_at", "max_attempts", "timeout_minutes", "parent_job_id", "initiated_by", "unique_key",
          "status", "attempt", "items_found", "changes_detected", "approved_changes", "new_entities_found", "unreadable_events", "progress",
          "error_message", "error_class", "created_at", "started_at", "completed_at", "updated_at", "node", "lease_expires_at",
          "cancel_requested_at", "next_run_at"}


def create(server, **fields):
    return server.post("/jobs", {**GOOD, **fields})


def test_a_new_job(shared):
    before = datetime.datetime.now(datetime.timezone.utc)
    answer = create(shared)
    assert answer.status_code == 201
    job = answer.json()
    assert re.fullmatch(r"JOB-\d{10}-[0-9A-Z]{10,}", job["job_id"])
    assert abs(int(job["job_id"].split("-")[1]) - before.timestamp()) < 5
    assert answer.headers["Location"].endswith(f"{BASE}/jobs/{job['job_id']}")
    assert FIELDS <= set(job), FIELDS - set(job)
    assert (job["status"], job["attempt"], job["priority"]) == ("pending", 0, 5)
    for name in ("entity_id", "search_query", "target_url", "error_message", "started_at", "completed_at", "node", "unique_key"):
        assert job[name] is None
    stored = shared.job(job["job_id"])
    assert {key: stored[key] for key in FIELDS} == {key: job[key] for key in FIELDS}


def test_all_members_come_back(shared):
    parent = create(shared).json()["job_id"]
    sent = {"entity_id": "E-1", "search_query": "new homes near Katy", "target_url": "https://example.org/a?b=c#d",
            "search_filters": {"beds": 3, "ünï": ["x", None, True, 1.5]}, "priority": 10, "max_attempts": 25, "timeout_minutes": 0.01,
            "run_at": "2031-01-02T03:04:05.678Z", "parent_job_id": parent, "initiated_by": "me", "unique_key": "all-members"}
    job = create(shared, **sent).json()
    assert {key: job[key] for key in sent} == sent


def test_location_and_ids_live_in_the_filters(shared):
    job = create(shared, location="Katy, TX", community_id="C-1", builder_id="B-2", search_filters={"beds": 3}).json()
    assert job["search_filters"] == {"beds": 3, "location": "Katy, TX", "community_id": "C-1", "builder_id": "B-2"}
    assert (job["location"], job["community_id"], job["builder_id"]) == ("Katy, TX", "C-1", "B-2")
    inside = create(shared, search_filters={"location": "Cypress"}).json()
    assert inside["location"] == "Cypress"
    assert create(shared, location="A", search_filters={"location": "A"}).status_code == 201
    assert create(shared, location="A", search_filters={"location": "B"}).status_code == 422


WRONG = [
    ("entity_type", None), ("entity_type", ""), ("entity_type", "a" * 51), ("entity_type", "Has-Upper"), ("entity_type", "a b"), ("entity_type", 7),
    ("entity_type", "é"), ("job_type", None), ("job_type", ""), ("job_type", "x" * 51), ("job_type", "a.b"), ("job_type", ["ok"]),
    ("search_query", "x" * 2001), ("search_query", 5), ("target_url", "ftp://example.org/"), ("target_url", "example.org"),
    ("target_url", "http://"), ("target_url", "javascript:alert(1)"), ("target_url", "https://e.org/" + "a" * 2048), ("target_url", "file:///etc/passwd"),
    ("search_filters", "x"), ("search_filters", []), ("search_filters", {"x": "y" * 65536}),
    ("priority", -1), ("priority", 11), ("priority", 1.5), ("priority", "5"), ("priority", True), ("priority", 2 ** 70),
    ("run_at", "tomorrow"), ("run_at", 5), ("run_at", "2031-02-30T00:00:00Z"), ("run_at", "2031-01-01"),
    ("max_attempts", 0), ("max_attempts", 26), ("max_attempts", 2.5), ("max_attempts", "3"),
    ("timeout_minutes", 0), ("timeout_minutes", 0.009), ("timeout_minutes", 1440.1), ("timeout_minutes", "30"), ("timeout_minutes", -1),
    ("parent_job_id", 4), ("unique_key", 4), ("initiated_by", {}), ("entity_id", 12.5),
    ("status", "running"), ("job_id", "JOB-1-AAAAAAAAAA"), ("attempt", 4), ("colour", "red"),
]


@pytest.mark.parametrize("field,value", WRONG, ids=[f"{f}-{str(v)[:20]}" for f, v in WRONG])
def test_wrong_members_are_named_and_nothing_is_made(shared, field, value):
    total = shared.stats()["total_jobs"]
    answer = create(shared, **{field: value})
    assert answer.status_code == 422, answer.text
    problem = answer.json()
    assert field in [error["field"] for error in problem["errors"]], problem
    assert all(error["message"] for error in problem["errors"])
    assert shared.stats()["total_jobs"] == total


def test_every_wrong_member_is_told_at_once(shared):
    answer = create(shared, priority=11, max_attempts=0, colour="red")
    assert {error["field"] for error in answer.json()["errors"]} == {"priority", "max_attempts", "colour"}


@pytest.mark.parametrize("field,value", [
    ("entity_type", "a"), ("entity_type", "z9_" * 16 + "ab"), ("job_type", "x" * 50), ("search_query", "x" * 2000), ("search_query", "é" * 1000),
    ("priority", 0), ("priority", 10), ("max_attempts", 1), ("max_attempts", 25), ("timeout_minutes", 0.01), ("timeout_minutes", 1440),
    ("target_url", "http://example.org"), ("target_url", "HTTPS://EXAMPLE.ORG/"), ("target_url", "https://e.org/" + "a" * 2034),
    ("run_at", "2031-01-01T00:00:00Z"), ("run_at", "2031-01-01T02:00:00.5+02:00"), ("search_filters", {}), ("search_query", "")])
def test_bounds_themselves_are_allowed(shared, field, value):
    answer = create(shared, **{field: value})
    assert answer.status_code == 201, answer.text
    if field == "run_at":
        assert answer.json()["run_at"] in ("2031-01-01T00:00:00.000Z", "2031-01-01T00:00:00.500Z")


@pytest.mark.parametrize("text", ["", "{", "nonsense", "{'a':1}", '{"a":1}}', '{"entity_type":"selftest","job_type":"ok",}', "\x00", "[" * 5000])
def test_what_is_not_json_is_400(shared, text):
    answer = shared.request("POST", "/jobs", data=text.encode(), headers={"Content-Type": "application/json"})
    assert answer.status_code == 400, answer.text


@pytest.mark.parametrize("text", ["[]", "null", "7", '"x"', "true"])
def test_json_that_is_no_object_is_refused(shared, text):
    answer = shared.request("POST", "/jobs", data=text, headers={"Content-Type": "application/json"})
    assert answer.status_code in (400, 422)


def test_invalid_utf8_is_refused(shared):
    answer = shared.request("POST", "/jobs", data=b'{"entity_type":"selftest","job_type":"ok","search_query":"\xff\xfe"}')
    assert answer.status_code in (400, 422)


def test_hostile_texts_come_back_as_they_were(shared):
    for text in ("'; DROP TABLE collection_jobs; --", "<script>alert(1)</script>", "𝕬\u202e\u200b", "a\u0000b", "%s%n", "\\u0000"):
        answer = create(shared, search_query=text)
        if answer.status_code == 201:
            assert shared.job(answer.json()["job_id"])["search_query"] == text
        else:
            assert answer.status_code == 422 and "\u0000" in text


def test_a_type_nobody_serves_is_accepted_with_a_warning(shared):
    job = shared.post("/jobs", {"entity_type": "nobody", "job_type": "test"}).json()
    assert job["warnings"] and "nobody" in json.dumps(job["warnings"])


def test_selftest_is_unknown_without_its_flag(make):
    forager = make(self_test=False)
    job = forager.wait_status(forager.begin("ok"))
    assert (job["status"], job["error_message"]) == ("failed", "Unknown entity type: selftest")
    assert "selftest" not in json.dumps(forager.get("/types").json())


# --- asking twice

def test_idempotency_key(shared):
    headers = {"Idempotency-Key": "order-1"}
    first = shared.post("/jobs", GOOD, headers=headers)
    again = shared.post("/jobs", GOOD, headers=headers)
    assert first.status_code == again.status_code == 201 and again.json() == first.json()
    assert again.headers["Location"] == first.headers["Location"]
    other = shared.post("/jobs", {**GOOD, "priority": 1}, headers=headers)
    assert other.status_code == 422
    assert shared.post("/jobs", GOOD, headers={"Idempotency-Key": "order-2"}).json()["job_id"] != first.json()["job_id"]


def test_idempotency_key_of_fifty_at_once_makes_one(shared):
    shared.description

    def ask(_):
        with requests.Session() as session:
            return shared.request("POST", "/jobs", json=GOOD, headers={"Idempotency-Key": "storm"}, session=session).json()["job_id"]

    with concurrent.futures.ThreadPoolExecutor(50) as pool:
        assert len(set(pool.map(ask, range(50)))) == 1


def test_idempotency_key_survives_a_restart(make):
    forager = make()
    first = forager.post("/jobs", GOOD, headers={"Idempotency-Key": "k"}).json()
    forager.restart()
    assert forager.post("/jobs", GOOD, headers={"Idempotency-Key": "k"}).json()["job_id"] == first["job_id"]


def test_unique_key(wide):
    first = wide.submit(unique_key="one")
    refused = create(wide, unique_key="one")
    assert refused.status_code == 409 and first in refused.json()["detail"]
    wide.post(f"/jobs/{first}/start")
    wide.wait_status(first)
    second = create(wide, unique_key="one")
    assert second.status_code == 201
    # The first may not come back while the second holds the key.
    assert wide.post(f"/jobs/{first}/retry").status_code == 409


def test_retry_of_a_failed_job_whose_key_is_taken(wide):
    failed = wide.finish("fail", unique_key="k")["job_id"]
    holder = wide.submit(unique_key="k")
    refused = wide.post(f"/jobs/{failed}/retry")
    assert refused.status_code == 409 and holder in refused.json()["detail"]


# --- lists

@pytest.fixture(scope="module")
def listed(tmp_path_factory):
    from server import Forager
    server = Forager(tmp_path_factory.mktemp("listed"), {"max_running": 5}).start()
    jobs = [{"entity_type": ("community", "builder")[n % 2], "job_type": ("discovery", "update", "inventory")[n % 3],
             "search_query": f"query number {n}", "priority": n % 11} for n in range(57)]
    server.ids = server.post("/jobs/bulk", {"jobs": jobs}).json()["job_ids"]
    server.sql(f"UPDATE collection_jobs SET status='failed', error_message='HTTP 503 from host' WHERE job_id='{server.ids[0]}'")
    yield server
    server.close()


def names(answer):
    return [job["job_id"] for job in answer.json()["jobs"]]


def test_list_defaults(listed):
    page = listed.get("/jobs").json()
    assert (page["total"], page["page"], page["page_size"], len(page["jobs"])) == (57, 1, 20, 20)
    created = [job["created_at"] for job in page["jobs"]]
    assert created == sorted(created, reverse=True)


@pytest.mark.parametrize("size", [1, 7, 20, 57, 100])
def test_pages_and_cursors_show_each_job_once(listed, size):
    paged, page = [], 1
    while True:
        found = names(listed.get("/jobs", params={"page": page, "page_size": size}))
        if not found:
            break
        paged += found
        page += 1
    by_cursor, cursor = [], None
    while True:
        answer = listed.get("/jobs", params={"page_size": size, **({"cursor": cursor} if cursor else {})})
        by_cursor += names(answer)
        cursor = answer.json()["next_cursor"]
        if not cursor:
            break
    assert sorted(paged) == sorted(by_cursor) == sorted(listed.ids) and paged == by_cursor


def test_filters(listed):
    assert listed.get("/jobs", params={"status": "failed"}).json()["total"] == 1
    assert listed.get("/jobs", params={"status": "failed,pending"}).json()["total"] == 57
    assert listed.get("/jobs", params={"status": "running"}).json()["total"] == 0
    assert listed.get("/jobs", params={"entity_type": "builder"}).json()["total"] == 28
    assert listed.get("/jobs", params={"entity_type": "builder", "job_type": "update"}).json()["total"] == 10
    assert names(listed.get("/jobs", params={"q": "number 33"})) == [listed.ids[33]]
    assert names(listed.get("/jobs", params={"q": "503 from"})) == [listed.ids[0]]
    assert listed.get("/jobs", params={"q": "%"}).json()["total"] == 0
    assert listed.get("/jobs", params={"created_after": "2031-01-01T00:00:00Z"}).json()["total"] == 0
    assert listed.get("/jobs", params={"created_before": "2031-01-01T00:00:00Z"}).json()["total"] == 57
    assert listed.get("/jobs", params={"parent_job_id": listed.ids[0]}).json()["total"] == 0


@pytest.mark.parametrize("field", ["created_at", "priority"])
def test_sort(listed, field):
    up = [job[field] for job in listed.get("/jobs", params={"sort": field, "page_size": 100}).json()["jobs"]]
    down = [job[field] for job in listed.get("/jobs", params={"sort": f"-{field}", "page_size": 100}).json()["jobs"]]
    assert up == sorted(up) and down == sorted(down, reverse=True) and len(up) == 57


@pytest.mark.parametrize("query", [
    "staus=failed", "status=stuck", "status=failed,stuck", "status=", "page=0", "page=x", "page=-1", "page_size=0", "page_size=101", "page_size=1e2", "sort=colour",
    "sort=--created_at", "cursor=nonsense", "created_after=yesterday", "created_before=5", "page=10001&page_size=1", "page=101&page_size=100",
    "status=failed&status=pending&colour=red"])
def test_wrong_queries_are_refused(listed, query):
    answer = listed.get(f"/jobs?{query}")
    assert answer.status_code == 422, (query, answer.text)
    name = "colour" if "colour=" in query else query.split("=")[0]
    assert name in answer.text


def test_a_cursor_of_another_list_is_refused_or_harmless(listed):
    cursor = listed.get("/jobs", params={"page_size": 5}).json()["next_cursor"]
    answer = listed.get("/jobs", params={"page_size": 5, "cursor": cursor, "sort": "priority"})
    assert answer.status_code in (200, 422)


@pytest.mark.parametrize("job_id", ["JOB-1", "x", "JOB-1700000000-ABCDEFGHIJ", "%00", "..%2f..%2fetc", "%F0%9F%94%B5", "a" * 3000])
def test_no_such_job(shared, job_id):
    assert shared.get(f"/jobs/{job_id}").status_code in (400, 404, 414, 431)


def test_wrong_routes_and_methods(shared):
    assert shared.get("/nothing").status_code == 404
    assert shared.get("/jobs/").status_code in (200, 404)
    for method, path, allowed in (("PUT", "/jobs", {"GET", "POST", "DELETE"}), ("GET", "/jobs/reset-stuck", {"POST"}), ("PATCH", "/stats", {"GET"})):
        answer = shared.request(method, path)
        assert answer.status_code == 405 and allowed <= {name.strip() for name in answer.headers["Allow"].split(",")}, path
    head = shared.request("HEAD", "/stats", check=False)
    assert head.status_code in (200, 405) and not head.content


def test_types_config_me_monitor(shared):
    for kind in ("community", "builder", "property", "sales_rep", "selftest"):
        assert kind in shared.get("/types").text
    assert "max_running" in shared.get("/config").text
    assert shared.get("/me").json()["role"] == "admin"
    monitor = shared.get("/monitor").json()
    assert monitor["enabled"] is True and monitor["interval" if "interval" in monitor else next(k for k in monitor if "interval" in k)] == 300


def test_metrics_and_docs(shared):
    text = shared.get("/metrics").text
    assert re.search(r"^# TYPE \w+ \w+$", text, re.M)
    assert re.search(r"^\w*stuck_running\w*(\{.*\})? 0(\.0)?$", text, re.M)
    for path in ("/docs", "/openapi.json", "/healthz", "/readyz"):
        assert shared.get(path, token=False).status_code == 200
