"""What processes use is read from /proc, and a process that ended uses nothing."""

from __future__ import annotations

import os
import subprocess
import sys

from bench.processes import command, cpu_seconds, descendants, proportional_mb, resident_mb

BUSY = "import time\nwhile time.process_time() < 0.2: pass\nprint(flush=True); input()"


def test_a_child_is_seen_with_what_it_used() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", BUSY], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as child:
        assert child.stdout is not None
        child.stdout.readline()
        assert child.pid in descendants(os.getpid())
        assert cpu_seconds(child.pid) >= 0.19
        assert 0 < proportional_mb(child.pid) <= resident_mb(child.pid)
        assert "process_time" in command(child.pid)
        child.communicate(b"\n")
    assert cpu_seconds(child.pid) == 0
    assert resident_mb(child.pid) == 0
    assert command(child.pid) == ""
