"""A pseudo-terminal for the command line: what a person sees, and keys as a person types them."""
import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios

from polling import wait_until
from server import plain_environment


class Background:
    """A command that goes on while the test does, its output in files."""

    def __init__(self, forager, *args, env=None):
        self.paths = [forager.home / f"{args[1] if len(args) > 1 else args[0]}.{os.urandom(3).hex()}.{stream}" for stream in ("out", "err")]
        files = [open(path, "wb") for path in self.paths]
        plain = plain_environment(FORAGER_DATA_DIR=str(forager.data), **(env or {}))
        self.process = subprocess.Popen([str(forager.binary), *args], stdin=subprocess.DEVNULL, stdout=files[0], stderr=files[1],
                                        cwd=forager.home, env=plain)
        for file in files:
            file.close()

    @property
    def out(self):
        return self.paths[0].read_text(errors="replace")

    @property
    def err(self):
        return self.paths[1].read_text(errors="replace")

    def watching(self):
        """It reads SIGINT as data by now."""
        text = open(f"/proc/{self.process.pid}/status").read()
        return int(re.search(r"SigBlk:\s*(\w+)", text)[1], 16) & (1 << (signal.SIGINT - 1))

    def wait(self, seconds=15):
        return self.process.wait(timeout=seconds)

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait(timeout=10)


class Terminal:
    def __init__(self, argv, env, cwd, columns=80, rows=24):
        self.master, slave = pty.openpty()
        self.resize(columns, rows)
        self.before = termios.tcgetattr(slave)
        self.slave = slave
        self.process = subprocess.Popen(argv, stdin=slave, stdout=slave, stderr=slave, cwd=cwd, env=env, start_new_session=True,
                                        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0))
        self.seen = b""

    def resize(self, columns, rows):
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def read(self):
        while select.select([self.master], [], [], 0)[0]:
            try:
                part = os.read(self.master, 65536)
            except OSError:
                break
            if not part:
                break
            self.seen += part
        return self.seen.decode(errors="replace")

    def wait_for(self, text, seconds=10):
        try:
            return wait_until(lambda: text in self.read(), seconds, f"{text!r} on the terminal")
        except AssertionError as error:
            raise AssertionError(f"{error}, which shows {self.read()[-2000:]!r}") from None

    def press(self, keys):
        os.write(self.master, keys.encode() if isinstance(keys, str) else keys)

    def signal(self, number=signal.SIGTERM):
        self.process.send_signal(number)

    def wait(self, seconds=10):
        wait_until(lambda: self.read() is not None and self.process.poll() is not None, seconds, "the command to end")
        self.read()
        return self.process.returncode

    def settings_are_back(self):
        return termios.tcgetattr(self.slave)[:4] == self.before[:4]

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait(timeout=10)
        os.close(self.slave)
        os.close(self.master)
