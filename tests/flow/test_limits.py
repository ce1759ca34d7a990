"""What an attempt's processes may use together: memory that is resident, processes, threads, disk."""
import json
import os
import pathlib
import tempfile

import pytest

PYTHON = "/usr/bin/python3"
HEAD = ("import json, mmap, os, sys, threading, time\n"
        "def say(**event): print(json.dumps(event), flush=True)\n"
        "def idle(seconds):\n"
        "    end = time.time() + seconds\n"
        "    while time.time() < end: time.sleep(0.1); say(type='heartbeat')\n")


@pytest.fixture
def limited(make):
    """Runs a Python text under these limits and returns its job."""
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)

        def run(text, **limits):
            path = pathlib.Path(folder) / f"collector{abs(hash(text))}.py"
            path.write_text(HEAD + text)
            run.forager = make({"max_running": 20, "types": {"mine": {"command": [PYTHON, str(path)], "heartbeat_timeout": "20s", "stall_timeout": "20s",
                                                                     **limits}}})
            return run.forager.wait_status(run.forager.begin("discovery", entity_type="mine", max_attempts=1), seconds=25)
        yield run


# --- memory

def test_address_space_is_not_memory(limited):
    job = limited("done = threading.Event()\n"
                  "for _ in range(200): threading.Thread(target=done.wait, daemon=True).start()\n"
                  "hold = mmap.mmap(-1, 20 << 30, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | 0x4000)\n"
                  "say(type='log', message=str(threading.active_count()))\n")
    assert job["status"] == "completed", job
    assert "201" in [line["message"] for line in limited.forager.logs(job["job_id"])["logs"]]


def test_what_processes_share_counts_once(limited):
    job = limited("hold = bytearray(os.urandom(1 << 20) * 100)\n"
                  "children = [os.fork() for _ in range(6)]\n"
                  "idle(2)\n", memory="220MiB")
    assert job["status"] == "completed", job


def test_files_that_are_mapped_are_the_kernels_to_drop(limited):
    job = limited("with open('big', 'wb') as out:\n"
                  "    for _ in range(150): out.write(os.urandom(1 << 20))\n"
                  "with open('big', 'rb') as file:\n"
                  "    view = mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ)\n"
                  "    total = sum(view[at] for at in range(0, len(view), 4096))\n"
                  "    idle(1.5)\n", memory="64MiB")
    assert job["status"] == "completed", job


HOARDS = {
    "own pages": "hold = []\nwhile True: hold.append(bytearray(b'x' * (1 << 20))); say(type='heartbeat')\n",
    "a tree of small ones": "for _ in range(12): os.fork() or [bytearray(os.urandom(25 << 20)), time.sleep(60)]\nidle(60)\n",
    "shared memory": "hold = mmap.mmap(-1, 300 << 20)\nfor at in range(0, len(hold), 4096): hold[at] = 1\nidle(60)\n",
    "a memory file that nobody maps": "fd = os.memfd_create('hoard')\nfor _ in range(300): os.write(fd, bytes(1 << 20))\nidle(60)\n",
    "a deleted file in /dev/shm": "fd = os.open('/dev/shm/hoard%d' % os.getpid(), os.O_RDWR | os.O_CREAT)\nos.unlink('/dev/shm/hoard%d' % os.getpid())\n"
                                  "try:\n    for _ in range(300): os.write(fd, bytes(1 << 20))\nexcept OSError: pass  # it may be no larger than the limit\nidle(60)\n"}


@pytest.mark.parametrize("hoard", HOARDS)
def test_memory_is_all_that_is_resident(limited, hoard):
    job = limited(HOARDS[hoard], memory="128MiB")
    assert (job["status"], job["error_class"], job["error_message"]) == ("failed", "crashed", "Out of memory: limit 128 MiB"), job


# --- processes

def test_a_fork_bomb_ends_and_its_neighbour_lives(limited):
    job = limited("while True:\n    try: os.fork()\n    except OSError: pass\n")
    assert (job["error_class"], job["error_message"]) == ("crashed", "More than 256 processes"), job
    forager = limited.forager
    forager.wait_released(job["job_id"])
    assert forager.get("/healthz").status_code == 200


def test_neighbours_of_a_fork_bomb_finish(make):
    bomb = "import os\nwhile True:\n    try: os.fork()\n    except OSError: pass\n"
    forager = make({"max_running": 20, "defaults": {"heartbeat_timeout": "20s"}, "types": {"bomb": {"command": [PYTHON, "-c", bomb]}}})
    lives = [forager.begin("ok", search_filters={"ms": 3000}) for _ in range(3)]
    bomb = forager.begin("discovery", entity_type="bomb", max_attempts=1)
    assert forager.wait_status(bomb, seconds=25)["error_message"] == "More than 256 processes"
    for job_id in lives:
        job = forager.wait_status(job_id, seconds=15)
        assert (job["status"], job["attempt"]) == ("completed", 1), job


def test_threads_have_sixteen_times_the_room(limited):
    job = limited("done = threading.Event()\n"
                  "for _ in range(int(json.loads(sys.stdin.readline()).get('search_query') or 100)): threading.Thread(target=done.wait, daemon=True).start()\n"
                  "idle(60)\n", max_processes=4)
    assert (job["error_class"], job["error_message"]) == ("crashed", "More than 64 threads"), job


# --- the scratch directory

WRITES = {
    "a file": "with open('big', 'wb') as out:\n    for _ in range(60): out.write(os.urandom(1 << 20)); out.flush()\n    idle(60)\n",
    "a deleted file": "out = open('big', 'wb')\nos.unlink('big')\nfor _ in range(60): out.write(os.urandom(1 << 20)); out.flush()\nidle(60)\n",
    "deep down, closed to all": "os.makedirs('a/b')\nwith open('a/b/big', 'wb') as out:\n    for _ in range(60): out.write(os.urandom(1 << 20))\nos.chmod('a/b', 0)\nidle(60)\n",
    "many empty files": "for n in range(30_000):\n    open(str(n), 'w').close()\n    if n % 1000 == 0: say(type='heartbeat')\nidle(60)\n"}


@pytest.mark.parametrize("way", WRITES)
def test_the_scratch_directory_has_a_bound(limited, way):
    job = limited(WRITES[way], max_scratch="16MiB")
    assert (job["error_class"], job["error_message"]) == ("crashed", "Wrote more than 16 MiB to its scratch directory"), job


def test_limits_are_shown(make):
    forager = make({"defaults": {"max_processes": 100}, "types": {"mine": {"command": ["true"], "max_scratch": "5MiB"}}})
    types = forager.get("/types").json()
    (mine,) = [one for one in types["types"] if one["entity_type"] == "mine"]
    assert (mine["max_processes"], mine["max_scratch_bytes"], types["defaults"]["max_scratch_bytes"]) == (100, 5 << 20, 1 << 30)
    shown = {one["name"]: one["value"] for one in forager.get("/config").json()["settings"]}
    assert (shown["defaults.max_processes"], shown["types.mine.max_scratch"]) == ("100", "5MiB")
    assert json.dumps(types).count("max_scratch_bytes") == len(types["types"]) + 1
