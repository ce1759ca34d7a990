"""The one place of the flow tests that waits: asks a condition again and again until a deadline."""
import time

INTERVAL = 0.02


def wait_until(condition, seconds, what="the condition"):
    """Returns the first true value of condition(); fails with `what` when there is none in time."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {seconds} s in vain for {what}")
        time.sleep(INTERVAL)


def stays(condition, seconds, what="the condition"):
    """Fails if condition() turns false within that time: for proving that nothing happens."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        assert condition(), f"{what} did not hold for {seconds} s"
        time.sleep(INTERVAL)
