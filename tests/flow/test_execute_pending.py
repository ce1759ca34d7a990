"""POST /jobs/execute-pending: the claim is one transaction, and its words are exact."""
import concurrent.futures
import datetime

import pytest
import requests

from polling import stays, wait_until


def test_nothing_pending(forager):
    assert forager.execute_pending() == {"total_pending": 0, "started": 0, "job_ids": [], "message": "No pending jobs to execute"}


@pytest.mark.parametrize("round_number", range(3))
def test_two_hundred_clients_at_once_start_one_job(make, round_number):
    forager = make()
    jobs = [forager.submit("ok", search_filters={"ms": 20_000}) for _ in range(5)]

    def ask(_):
        with requests.Session() as session:
            answer = forager.request("POST", "/jobs/execute-pending", session=session)
            assert answer.status_code == 200, answer.text
            return answer.json()

    forager.description  # read once, before the threads
    with concurrent.futures.ThreadPoolExecutor(200) as pool:
        answers = list(pool.map(ask, range(200)))
    started = [answer for answer in answers if answer["started"]]
    assert [answer["job_ids"] for answer in started] == [[jobs[0]]]
    others = {answer["message"] for answer in answers if not answer["started"]}
    assert others == {"Cannot start new job: 1 job(s) already running. Only one job can run at a time."}
    assert forager.stats()["running_jobs"] == 1
    assert all(len(forager.attempts(job_id)) == (job_id == jobs[0]) for job_id in jobs)


def test_mixed_starters_respect_the_limit(make):
    forager = make({"max_running": 3})
    jobs = [forager.submit("ok", search_filters={"ms": 20_000}) for _ in range(30)]
    forager.description

    def ask(number):
        with requests.Session() as session:
            if number % 2:
                return forager.request("POST", "/jobs/execute-pending", params={"limit": 2}, session=session).status_code
            return forager.request("POST", f"/jobs/{jobs[number % 30]}/start", session=session).status_code

    with concurrent.futures.ThreadPoolExecutor(60) as pool:
        codes = list(pool.map(ask, range(60)))
    assert set(codes) <= {200, 202, 409}
    assert forager.stats()["running_jobs"] == 3
    assert sum(len(forager.attempts(job_id)) for job_id in jobs) == 3


def test_messages_with_more_slots(make):
    forager = make({"max_running": 3})
    jobs = [forager.submit("sleep") for _ in range(5)]
    first = forager.execute_pending()
    assert first["message"] == f"Started job {jobs[0]} in background (up to 3 jobs at a time). 4 job(s) remaining in queue."
    more = forager.execute_pending(limit=5)
    assert (more["started"], more["job_ids"], more["total_pending"]) == (2, jobs[1:3], 2)
    assert more["message"] == "Started 2 job(s) in background (up to 3 jobs at a time). 2 job(s) remaining in queue."
    none = forager.execute_pending()
    assert none["message"] == "Cannot start new job: 3 job(s) already running. Only 3 jobs can run at a time."


def test_priority_then_age(make):
    forager = make({"max_running": 4})
    low, normal, second, high = (forager.submit("sleep", priority=p) for p in (0, 5, 5, 10))
    assert forager.execute_pending(limit=4)["job_ids"] == [high, normal, second, low]


def test_a_job_of_the_future_waits_and_counts(forager):
    later = (datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(hours=1)).isoformat()
    forager.submit(run_at=later)
    answer = forager.execute_pending()
    assert (answer["total_pending"], answer["started"], answer["job_ids"]) == (1, 0, [])
    assert answer["message"] not in ("No pending jobs to execute", "") and "already running" not in answer["message"]


def test_start_runs_a_job_before_its_time(forager):
    later = (datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(hours=1)).isoformat()
    assert forager.finish(run_at=later)["status"] == "completed"


def test_paused_dispatch_says_so(forager):
    job_id = forager.submit()
    assert forager.post("/dispatch/pause").status_code == 200
    answer = forager.execute_pending()
    assert answer["started"] == 0 and answer["total_pending"] == 1 and "pause" in answer["message"].lower()
    assert forager.post("/dispatch/resume").status_code == 200
    assert forager.execute_pending()["job_ids"] == [job_id]


def test_one_type_can_be_paused(make):
    forager = make({"max_running": 5})
    assert forager.post("/dispatch/pause", {"entity_type": "selftest"}).status_code == 200
    forager.submit()
    assert forager.execute_pending()["started"] == 0
    other = forager.submit("test", entity_type="invalid")
    assert forager.execute_pending()["job_ids"] == [other]
    assert "selftest" in forager.get("/dispatch").text


def test_a_limit_of_the_type_says_so(make):
    forager = make({"max_running": 5, "types": {"selftest": {"collector": "selftest", "max_running": 1}}})
    first = forager.submit("sleep")
    forager.submit("sleep")
    assert forager.execute_pending()["job_ids"] == [first]
    answer = forager.execute_pending()
    assert answer["started"] == 0 and answer["total_pending"] == 1
    assert answer["message"] != "No pending jobs to execute" and "limit" in answer["message"] and "type" in answer["message"]


@pytest.mark.parametrize("limit", ["0", "-1", "x", "1.5", "", "99999999999999999999"])
def test_wrong_limits_are_named(forager, limit):
    forager.submit()
    answer = forager.post("/jobs/execute-pending", params={"limit": limit})
    assert answer.status_code == 422 and "limit" in answer.text
    assert forager.stats()["pending_jobs"] == 1


def test_unknown_parameters_are_refused(forager):
    answer = forager.post("/jobs/execute-pending?limt=3")
    assert answer.status_code == 422 and "limt" in answer.text


def test_rows_set_to_running_by_hand_hold_their_slot(forager):
    by_hand, waiting = forager.submit(), forager.submit()
    forager.sql(f"UPDATE collection_jobs SET status='running', started_at=datetime('now') WHERE job_id='{by_hand}'")
    assert forager.execute_pending()["message"].startswith("Cannot start new job: 1 job(s) already running.")
    refused = forager.post(f"/jobs/{waiting}/start")
    assert refused.status_code == 409


def test_on_request_starts_nothing_by_itself(forager):
    job_id = forager.submit()
    stays(lambda: forager.job(job_id)["status"] == "pending", 1.5, "pending")


def test_automatic_dispatch_runs_all(make):
    forager = make({"dispatch": "automatic", "max_running": 2})
    jobs = [forager.submit("ok", search_filters={"ms": 50}) for _ in range(10)]
    most = 0

    def done():
        nonlocal most
        most = max(most, forager.stats()["running_jobs"])
        return forager.stats()["completed_jobs"] == len(jobs)

    wait_until(done, 20, "all jobs to complete")
    assert most <= 2


def test_execute_waits_for_the_end(forager):
    quick = forager.post(f"/jobs/{forager.submit('ok', search_filters={'ms': 100})}/execute", params={"wait": 10})
    assert quick.status_code == 200 and quick.json()["status"] == "completed"
    slow = forager.post(f"/jobs/{forager.submit('ok', search_filters={'ms': 10_000})}/execute", params={"wait": 0.5})
    assert slow.status_code == 202 and slow.json()["status"] == "running"


def test_explain_names_what_holds_a_job_back(forager):
    running = forager.working("sleep")
    waiting = forager.submit()
    told = forager.get(f"/jobs/{waiting}/explain").json()
    assert told["status"] == "pending" and any(running in reason["message"] for reason in told["reasons"])
    assert all(reason["code"] and reason["message"] for reason in told["reasons"])
    assert forager.get(f"/jobs/{running}/explain").json()["status"] == "running"
    assert forager.get("/jobs/JOB-1-AAAAAAAAAA/explain").status_code == 404


def test_requests_start_no_more_than_the_capacity_of_the_server(make):
    forager = make({"max_running": 10, "capacity": 2})
    ids = [forager.submit("sleep") for _ in range(4)]
    assert forager.execute_pending(limit=10)["started"] == 2
    for route in ("/jobs/execute-pending", f"/jobs/{ids[3]}/start", f"/jobs/{ids[3]}/execute?wait=0"):
        refused = forager.post(route)
        assert refused.status_code == 409 and "capacity" in refused.json()["detail"], (route, refused.text)
    assert "node_full" in [reason["code"] for reason in forager.get(f"/jobs/{ids[3]}/explain").json()["reasons"]]
    forager.post(f"/jobs/{ids[0]}/cancel?force=true")
    forager.wait_released(ids[0])
    assert forager.post(f"/jobs/{ids[3]}/start").status_code == 202
