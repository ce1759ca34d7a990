#!/usr/bin/env python3
"""A collector in Python: reads one job from stdin, says what it finds on stdout, one JSON object a line.

In forager.toml:
    [types.company]
    collector = "command"
    command = ["python3", "examples/collector.py"]
"""
import json
import sys


def say(**event):
    print(json.dumps(event), flush=True)


def main():
    job = json.loads(sys.stdin.readline())
    words = (job.get("search_query") or "").split()
    if not words:
        say(type="result", status="failed", error="A search_query is needed", retryable=False)
        return
    say(type="log", level="INFO", message=f"Looking for {len(words)} companies", data={"words": words})
    for number, word in enumerate(words, 1):
        say(type="record", entity={"name": word.title()}, confidence=0.9, evidence={"quote": word})
        say(type="progress", percent=100 * number / len(words), stage="reading", message=word)
    say(type="result", status="completed")


if __name__ == "__main__":
    main()
