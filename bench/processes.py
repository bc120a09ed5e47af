"""What processes use, read from /proc: CPU time and memory, of one process or of all under it."""

from __future__ import annotations

import os
from pathlib import Path

PROC = Path("/proc")
_TICKS = os.sysconf("SC_CLK_TCK")


def cpu_seconds(pid: int) -> float:
    """User and system time of a process and of its children that ended, in steps of 10 ms."""
    fields = _stat(pid)
    return sum(int(value) for value in fields[11:15]) / _TICKS


def descendants(pid: int) -> list[int]:
    """Every living process under this one, itself left out."""
    children: dict[int, list[int]] = {}
    for entry in PROC.iterdir():
        if entry.name.isdigit():
            fields = _stat(int(entry.name))
            if fields:
                children.setdefault(int(fields[1]), []).append(int(entry.name))
    found: list[int] = []
    waiting = children.get(pid, [])
    while waiting:
        child = waiting.pop()
        found.append(child)
        waiting += children.get(child, [])
    return found


def command(pid: int) -> str:
    """The command line of a process; empty when it ended."""
    try:
        return (PROC / str(pid) / "cmdline").read_bytes().replace(b"\0", b" ").decode().strip()
    except OSError:
        return ""


def resident_mb(pid: int) -> float:
    """Resident memory in MB, pages shared with others counted in full."""
    return _kilobytes(pid, "status", "VmRSS:") / 1024


def proportional_mb(pid: int) -> float:
    """Memory in MB, each shared page divided among those that share it."""
    return _kilobytes(pid, "smaps_rollup", "Pss:") / 1024


def _kilobytes(pid: int, file: str, label: str) -> int:
    try:
        lines = (PROC / str(pid) / file).read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith(label)), 0)


def _stat(pid: int) -> list[str]:
    """The fields of /proc/PID/stat from the state on; empty when the process ended."""
    try:
        text = (PROC / str(pid) / "stat").read_text()
    except OSError:
        return []
    return text.rpartition(")")[2].split()
