"""Looks at processes through /proc, so that a test need not believe what the server says of them."""
import os
import pathlib


def _read(pid, name):
    try:
        return pathlib.Path(f"/proc/{pid}/{name}").read_bytes()
    except OSError:
        return b""


def status(pid):
    """(state letter, parent) of a process; None when there is none."""
    stat = _read(pid, "stat").decode(errors="replace")
    if not stat:
        return None
    fields = stat.rpartition(")")[2].split()
    return fields[0], int(fields[1])


def alive(pid):
    seen = status(pid)
    return seen is not None and seen[0] not in "ZX"


def belonging_to(home):
    """Pids of all live processes whose program or arguments lie under the folder `home`."""
    home, found = str(home), []
    for entry in os.listdir("/proc"):
        if not entry.isdigit() or int(entry) == os.getpid() or not alive(entry):
            continue
        try:
            program = os.readlink(f"/proc/{entry}/exe")
        except OSError:
            program = ""
        if program.startswith(home) or home.encode() in _read(entry, "cmdline"):
            found.append(int(entry))
    return sorted(found)


def descendants(root):
    """Pids below `root`, wherever they stand in the tree."""
    parents = {}
    for entry in os.listdir("/proc"):
        seen = status(entry) if entry.isdigit() else None
        if seen and seen[0] not in "ZX":
            parents[int(entry)] = seen[1]
    below, grown = {root}, True
    while grown:
        more = {pid for pid, parent in parents.items() if parent in below} - below
        below |= more
        grown = bool(more)
    return sorted(below - {root})


def arguments(pid):
    return [part.decode(errors="replace") for part in _read(pid, "cmdline").split(b"\0") if part]


def open_descriptors(pid):
    found = []
    for entry in pathlib.Path(f"/proc/{pid}/fd").iterdir():
        try:
            found.append(os.readlink(entry))
        except OSError:
            pass
    return found


def resident_kib(pid):
    for line in _read(pid, "status").decode().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1])
    return 0


def comm(pid):
    return _read(pid, "comm").decode(errors="replace").strip()
