"""forager as process 1, as in a container without an init."""
import os

import pytest

import processes
from polling import wait_until


def zombies(root):
    """Ended processes that nobody reaped, children of `root` or of what lives below it."""
    alive = {root, *processes.descendants(root)}
    seen = {int(entry): processes.status(entry) for entry in os.listdir("/proc") if entry.isdigit()}
    return [pid for pid, status in seen.items() if status and status[0] == "Z" and status[1] in alive]


@pytest.mark.skipif(os.geteuid() != 0, reason="makes a PID namespace")
def test_what_a_dead_keeper_leaves_is_reaped(make):
    forager = make({"dispatch": "automatic", "max_running": 4}, wrap=["unshare", "--pid", "--fork", "--kill-child", "--mount-proc"])
    jobs = [forager.submit("sleep") for _ in range(3)]
    wait_until(lambda: all(forager.attempts(job_id) and forager.attempts(job_id)[-1]["pid"] for job_id in jobs), 10, "three processes")
    (keeper,) = [pid for pid in processes.descendants(forager.pid) if processes.arguments(pid)[1:2] == ["keeper"]
                 and processes.comm(pid) == "forager-keeper"]
    os.kill(keeper, 9)
    wait_until(lambda: forager.metric("forager_keeper_restarts_total") == 1, 10, "the keeper to be replaced")
    wait_until(lambda: not zombies(forager.pid), 5, "every orphan to be reaped")
    assert forager.wait_status(forager.submit("ok"))["status"] == "completed"
