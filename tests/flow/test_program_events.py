"""What programs say, as they really write it: events that are odd, and the words they die with."""
import json
import os
import shutil

import pytest

from polling import wait_until
from test_commands import PYTHON, command, run, script, tmp_path  # noqa: F401 (fixtures)

NODE = shutil.which("node")


def warnings(forager, job_id, level="WARNING"):
    return [line["message"] for line in forager.logs(job_id, level=level)["logs"]]


def raw(data):
    return f"sys.stdout.buffer.write({data!r}); sys.stdout.flush()\n"


# A result that means failure, or cannot be understood: never a success. (text, error_class, part of the error)
FAILED_RESULTS = {
    "latin-1 byte": (raw(b'{"type":"result","status":"failed","error":"caf\xe9"}\n'), "permanent", "caf\ufffd"),
    "lone surrogate": ("say(type='result', status='failed', error='caf\\udce9')", "permanent", "caf\ufffd"),
    "byte order mark": (raw(b'\xef\xbb\xbf{"type":"result","status":"failed","error":"marked"}\n'), "permanent", "marked"),
    "upper case": ("say(type='result', status='FAILED', error='loud')", "permanent", "loud"),
    "error": ("say(type='result', status='error', error='other word', retryable='true')", "transient", "other word"),
    "repr": ("print({'type': 'result', 'status': 'completed', 'n': None}, flush=True)", "invalid", "double quotes"),
    "no status": ("say(type='result')", "invalid", "it has no status"),
    "broken off": (raw(b'{"type":"result","status":"comp'), "invalid", "could not be read"),
    "too long": ("say(type='result', status='completed', note='x' * 1100000)", "invalid", "1 MiB"),
    "unknown, then completed": ("say(type='result', status='maybe'); say(type='result', status='completed')", "invalid", "maybe"),
}


@pytest.mark.parametrize("case", FAILED_RESULTS)
def test_a_failed_result_is_a_failure_however_it_is_written(command, tmp_path, case):
    text, error_class, words = FAILED_RESULTS[case]
    job = run(command(script(tmp_path, text)), max_attempts=1)
    assert (job["status"], job["error_class"]) == ("failed", error_class), job
    assert words in job["error_message"], job
    assert job["unreadable_events"] == (1 if error_class == "invalid" else 0)


@pytest.mark.parametrize("status", ["OK", "Success", "done"])
def test_success_in_other_words_is_success(command, tmp_path, status):
    job = run(command(script(tmp_path, f"say(type='result', status={status!r})")))
    assert (job["status"], job["unreadable_events"]) == ("completed", 0)


def test_items_are_mended_or_warned_of_and_counted(command, tmp_path):
    forager = command(script(tmp_path, """
say(type='record', entity={'name': 'nan', 'price': float('nan'), 'list': [float('inf'), 1]})
say(type='record', entity={'name': 'half an emoji \\ud83d'})
sys.stdout.buffer.write(b'{"type":"record","entity":{"name":"caf\\xe9"}}\\n'); sys.stdout.flush()
print('{"type":"record","entity":{"name":"exact","a":12345678901234567890,"b":0.1000000000000000055,"c":1e400,"d":1.10},"confidence":"0.9"}')
print('{"type":"record","entity":{"name":"one"}}{"type":"record","entity":{"name":"two"}}', flush=True)
say(type='record', entity=json.dumps({'name': 'in a string'}))
say(type='record', name='no entity')
say(type='record', entity={'name': 'long', 'about': 'y' * 1100000})
print({'type': 'record', 'entity': {'name': 'repr', 'x': None}}, flush=True)
say(type='job', entity_type='Bad Type', job_type='x')
say(type='job', entity_type='mine', job_type='update', priority='7', run_at='2099-01-01T00:00:00Z', search_filters='{"n": 1.50}')
say(type='progress', percent='60%', stage='almost')
say(type='progress', percent='lots')
print(json.dumps({'type': 'dance'}), flush=True)
"""))
    job = run(forager)
    assert job["status"] == "completed", job
    assert (job["items_found"], job["unreadable_events"]) == (7, 5), warnings(forager, job["job_id"])
    assert (job["progress"]["percent"], job["progress"]["stage"]) == (60, "almost")
    found = {change["proposed_entity_data"]["name"]: change for change in forager.changes(job["job_id"])["changes"]}
    assert found["nan"]["proposed_entity_data"] == {"name": "nan", "price": None, "list": [None, 1]}
    assert {"half an emoji \ufffd", "caf\ufffd", "exact", "one", "two", "in a string"} <= set(found)
    assert found["exact"]["confidence"] == 0.9
    text = forager.get(f"/jobs/{job['job_id']}/changes").text
    for number in ("12345678901234567890", "0.1000000000000000055", "1.10"):
        assert number in text, text
    assert "1e400" in text or "1" + "0" * 400 in text  # PostgreSQL writes it out
    said = warnings(forager, job["job_id"])
    for words in ("needs an entity", "more than 1 MiB", "double quotes", "entity_type", "percent"):
        assert [line for line in said if words in line], (words, said)
    assert not [line for line in said if "dance" in line]
    child, = forager.get("/jobs", params={"parent_job_id": job["job_id"]}).json()["jobs"]
    assert child["priority"] == 7 and child["search_filters"] == {"n": 1.5}
    assert [line for line in forager.logs(job["job_id"])["logs"] if "NaN" in line["message"] and line["level"] == "INFO"]


def test_events_over_several_lines_are_events(command, tmp_path):
    forager = command(script(tmp_path, """
print(json.dumps({'type': 'record', 'entity': {'name': 'indented', 'list': [1, 2]}}, indent=2))
print('{\\n  \"no\": \"event\"\\n}')
print(json.dumps({'status': 'failed', 'error': 'indented too', 'type': 'result'}, indent=4), flush=True)
"""))
    job = run(forager, max_attempts=1)
    assert (job["status"], job["error_message"], job["items_found"]) == ("failed", "indented too", 1), job
    assert '  "no": "event"' in [line["message"] for line in forager.logs(job["job_id"])["logs"]]


def test_a_flood_of_unreadable_events_is_counted_and_not_all_told(command, tmp_path):
    forager = command(script(tmp_path, "for n in range(3000): print('{\"type\":\"record\",\"entity\":{', n, flush=False)\n"))
    job = run(forager)
    assert (job["status"], job["unreadable_events"]) == ("completed", 3000)
    assert 50 <= len(warnings(forager, job["job_id"])) <= 60


@pytest.mark.parametrize("name", ["interrupted", "node_lost", "crashed", "stalled", "reset", "nonsense"])
def test_the_servers_classes_are_not_a_collectors_to_claim(command, tmp_path, name):
    forager = command(script(tmp_path, f"say(type='result', status='failed', error='so it says', error_class={name!r})"))
    job = run(forager)
    assert (job["status"], job["error_class"], job["attempt"]) == ("failed", "permanent", 1), job
    assert [line for line in warnings(forager, job["job_id"]) if "error_class" in line]


def test_filters_keep_their_numbers(command, tmp_path):
    forager = command(script(tmp_path, "import re\nsay(type='log', message=os.environ.get('X', ''), data=json.loads(json.dumps(job['search_filters'])))\n"))
    body = '{"entity_type":"mine","job_type":"x","search_filters":{"n":123456789012345678901234567890,"d":0.1000000000000000055}}'
    answer = forager.post("/jobs", data=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 201 and '"search_filters":{"n":123456789012345678901234567890,"d":0.1000000000000000055}' in answer.text.replace('": ', '":').replace(", ", ",")


# --- last words

def ending(command, argv, **fields):
    forager = command(argv)
    return forager, run(forager, max_attempts=1, **fields)


def test_a_traceback_is_an_error_and_its_last_line_the_reason(command, tmp_path):
    forager, job = ending(command, script(tmp_path, "print('reading', file=sys.stderr)\ndef page():\n    raise ValueError('bad page')\npage()\n"))
    assert job["error_message"] == "The command exited with code 1: ValueError: bad page"
    error, = [line for line in forager.logs(job["job_id"], level="ERROR")["logs"] if line["stage"] == "stderr"]
    assert error["message"].startswith("Traceback") and error["message"].endswith("ValueError: bad page")


@pytest.mark.skipif(not NODE, reason="node is not installed")
def test_nodes_uncaught_error(command, tmp_path):
    (tmp_path / "x.js").write_text("function page() { throw new TypeError('bad page') }\npage()\n")
    forager, job = ending(command, [NODE, str(tmp_path / "x.js")])
    assert job["error_message"] == "The command exited with code 1: TypeError: bad page"
    assert [line for line in warnings(forager, job["job_id"], "ERROR") if line.startswith("TypeError: bad page\n    at ")]


@pytest.mark.parametrize("shell,words", [
    ("nosuchprogram", "code 127 (a command that was not found): "), ("echo 'no key' >&2; exit 3", "The command exited with code 3: no key"),
    ("exec python3 /no/such/file.py", "can't open file"), ("kill -9 $$", "killed by signal 9")])
def test_what_a_shell_says(command, shell, words):
    forager, job = ending(command, ["/bin/sh", "-c", shell])
    assert job["error_class"] == "crashed" and words in job["error_message"], job


def test_missing_interpreter_and_windows_line_ends(command, tmp_path):
    for name, text, words in (("dos.sh", b"#!/bin/sh\r\necho hello\r\n", "Windows line ends"), ("odd.py", b"#!/no/such/python3\n", "/no/such/python3 does not exist"),
                              ("env.sh", b"#!/usr/bin/env python3\r\nprint(1)\r\n", "Windows line ends")):
        (tmp_path / name).write_bytes(text)
        (tmp_path / name).chmod(0o755)
        forager, job = ending(command, [str(tmp_path / name)])
        assert job["status"] == "failed" and words in job["error_message"], job


def test_out_of_memory_is_told_as_that(command, tmp_path):
    forager, job = ending(command, script(tmp_path, "raise MemoryError()\n"))
    assert job["error_class"] == "crashed" and job["error_message"].startswith("Out of memory"), job


@pytest.mark.skipif(not NODE, reason="node is not installed")
def test_nodes_heap_limit_is_out_of_memory(command, tmp_path):
    (tmp_path / "x.js").write_text("const hold = []; for (;;) hold.push(new Array(1e5).fill({}))\n")
    forager, job = ending(command, [NODE, "--max-old-space-size=30", str(tmp_path / "x.js")], seconds=60)
    assert job["error_class"] == "crashed" and job["error_message"].startswith("Out of memory"), job


def test_levels_colours_and_bars(command, tmp_path):
    forager, job = ending(command, script(tmp_path, r"""
import logging, warnings as w
logging.basicConfig(format='%(asctime)s - %(name)s - %(levelname)s - %(message)s', level=10)
logging.info('an info'); logging.warning('a warning'); logging.error('an error')
print('\x1b[31mred\x1b[0m words', file=sys.stderr)
for n in range(101):
    print(f'\r{n:3}%|' + '#' * (n // 10), end='', file=sys.stderr, flush=True); time.sleep(0.002)
print(file=sys.stderr)
print('{"level":50,"msg":"from pino"}')
"""))
    lines = {line["message"].split(" - ")[-1]: line["level"] for line in forager.logs(job["job_id"])["logs"]}
    assert {"an info": "INFO", "a warning": "WARNING", "an error": "ERROR", "red words": "INFO", '{"level":50,"msg":"from pino"}': "ERROR"}.items() <= lines.items(), lines
    bars = [message for message in lines if "%|" in message]
    assert "100%|##########" in bars and len(bars) < 10, bars


def test_a_bar_is_shown_while_it_moves(command, tmp_path):
    forager = command(script(tmp_path, "n = 0\nwhile True:\n    n += 1; print(f'\\r{n} done', end='', file=sys.stderr, flush=True); time.sleep(0.05)\n"))
    job_id = forager.working("x", entity_type="mine")
    wait_until(lambda: [line for line in forager.logs(job_id)["logs"] if line["message"].endswith(" done")], 5, "the bar in the log")
    forager.post(f"/jobs/{job_id}/cancel", params={"force": "true"})
    forager.wait_status(job_id, "cancelled")


def test_cut_texts_are_cut_between_characters_and_marked(command, tmp_path):
    forager, job = ending(command, script(tmp_path, "say(type='progress', percent=1, stage='名'*40); print('é'*20000)\nsay(type='result', status='failed', error='x'+'é'*9000)"))
    texts = [job["progress"]["stage"], job["error_message"]]
    assert all(text.endswith(("名…", "é…")) for text in texts), texts
    assert "\ufffd" not in json.dumps([texts, forager.logs(job["job_id"])], ensure_ascii=False)


# --- the end after the result

@pytest.mark.parametrize("status,args", [("completed", ""), ("failed", ", error='own words'")])
def test_a_hanging_exit_after_the_result_is_ended_and_the_result_stands(command, tmp_path, status, args):
    forager = command(script(tmp_path, f"import threading\nthreading.Thread(target=lambda: time.sleep(600)).start()\nsay(type='result', status={status!r}{args})\n"))
    job = run(forager, max_attempts=1, seconds=15)
    assert job["status"] == status, job
    assert status == "completed" or job["error_message"] == "own words"
    attempt, = forager.wait_released(job["job_id"])
    assert attempt["signal"] in (9, 15), attempt


def test_who_goes_on_after_the_result_is_not_cut_off(command, tmp_path):
    forager = command(script(tmp_path, "say(type='result', status='completed')\nfor n in range(15):\n    time.sleep(0.2); say(type='record', entity={'name': str(n)})\n"))
    job = run(forager)
    assert (job["status"], job["items_found"]) == ("completed", 15)


# --- floods

def dropped(forager, job_id):
    """Lines and bytes of the last notice."""
    notices = [line["message"] for line in forager.logs(job_id, level="WARNING", limit=500)["logs"] if line["message"].startswith("dropped ")]
    total = forager.logs(job_id, level="WARNING")["total_logs"]
    assert notices and total <= 500
    words = notices[-1].split()
    return int(words[1]), int(words[3].strip("(")), notices


@pytest.mark.no_sanitizer
def test_a_flood_of_short_lines_leaves_few_rows_and_an_exact_count(command, tmp_path):
    lines = 1_000_000
    forager = command(["/bin/sh", "-c", f"yes x | head -{lines}; seq {lines} >&2"], stall_timeout="60s")
    job = run(forager, seconds=60)
    assert job["status"] == "completed", job
    total = forager.logs(job["job_id"])["total_logs"]
    lost, lost_bytes, notices = dropped(forager, job["job_id"])
    kept = total - len(notices)
    assert total < 12_000 and lost + kept == 2 * lines, (total, lost)
    assert lost_bytes + 12_000 * 8 >= 2 * lines + sum(len(str(n)) + 1 for n in range(lines)) - 2 * lines
    assert forager.get(f"/jobs/{job['job_id']}/logs").elapsed.total_seconds() < 0.2


@pytest.mark.no_sanitizer
@pytest.mark.parametrize("shell", ["yes '' | head -10000000", "head -c 20000000 /dev/zero", "yes | head -5000000 | tr '\\n' '\\r'",
                                   "yes '{\"type\":\"log\",\"message\":\"x\"}' | head -300000", "yes '{\"type\":\"progress\",\"percent\":1}' | head -300000",
                                   "head -c 20000000 /dev/zero | tr '\\0' x >&2"])
def test_floods_leave_few_rows(command, shell):
    forager = command(["/bin/sh", "-c", shell], stall_timeout="60s")
    job = run(forager, seconds=60)
    assert job["status"] == "completed", job
    assert forager.logs(job["job_id"])["total_logs"] < 12_000
