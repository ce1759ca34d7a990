"""Child jobs: bounded, and each identical one of a parent is stored once, however often the parent runs."""
SPIDER = ["/bin/sh", "-c", """read -r job
i=0; while [ $i -lt COUNT ]; do echo '{"type":"job","entity_type":"selftest","job_type":"ok","search_query":"q'$i'"}'; i=$((i + 1)); done
exit CODE"""]


def spider(count, code):
    return [part.replace("COUNT", str(count)).replace("CODE", str(code)) for part in SPIDER]


def children(forager, parent):
    return forager.get(f"/jobs?parent_job_id={parent}&page_size=1").json()["total"]


def test_children_past_the_bound_end_the_attempt_for_good(make):
    forager = make({"dispatch": "on_request", "defaults": {"max_children": 50, "backoff": "0ms"},
                    "types": {"spider": {"collector": "command", "command": spider(60, 0)}}})
    job = forager.finish("crawl", entity_type="spider")
    assert (job["status"], job["error_class"], job["attempt"]) == ("failed", "permanent", 1)
    assert "max_children" in job["error_message"]
    assert children(forager, job["job_id"]) == 50
    warned = [line["message"] for line in forager.get(f"/jobs/{job['job_id']}/logs?level=WARNING").json()["logs"]]
    assert any(message.startswith("Child job refused: selftest/ok") for message in warned), warned


def test_tries_of_one_parent_store_its_children_once(make):
    forager = make({"dispatch": "on_request", "defaults": {"backoff": "0ms", "max_crashes": 3},
                    "types": {"spider": {"collector": "command", "command": spider(20, 1)}}})
    job = forager.finish("crawl", entity_type="spider")
    assert (job["status"], job["attempt"]) == ("failed", 3)
    assert children(forager, job["job_id"]) == 20


def test_children_do_not_pass_max_pending(make):
    forager = make({"dispatch": "on_request", "max_pending": 15,
                    "types": {"spider": {"collector": "command", "command": spider(20, 0)}}})
    job = forager.finish("crawl", entity_type="spider")
    assert (job["status"], job["error_class"], job["attempt"]) == ("failed", "permanent", 1)
    assert "max_pending" in job["error_message"] and forager.stats()["pending_jobs"] <= 15
