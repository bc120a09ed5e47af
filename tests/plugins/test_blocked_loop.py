"""The blocked-loop plugin bites what blocks and lets pass what waits."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

CASES = """
import asyncio, time, pytest

async def test_blocks():
    time.sleep(1.2)

async def test_blocks_in_a_task_of_its_own():
    async def work():
        time.sleep(1.2)
    await asyncio.create_task(work())

def test_blocks_a_loop_it_made_itself():
    async def work():
        await asyncio.sleep(0)
        sum(range(30_000_000))
    asyncio.run(work())

async def test_waits_without_blocking():
    await asyncio.sleep(0.4)

@pytest.mark.loop_limit(2)
async def test_blocks_as_long_as_it_says():
    time.sleep(1.2)

async def test_stands_behind_others_for_a_moment():
    time.sleep(0.4)

async def test_blocks_a_thread_only():
    await asyncio.to_thread(time.sleep, 1.2)

def test_has_no_loop():
    time.sleep(1.2)
"""


def test_only_a_blocked_loop_fails(tmp_path: Path) -> None:
    (tmp_path / "test_cases.py").write_text(CASES)
    (tmp_path / "pytest.ini").write_text("[pytest]\nasyncio_mode = auto\n")
    command = [sys.executable, "-m", "pytest", "-rA", "-p", "tests.plugins.blocked_loop", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    verdicts = {
        line.split("::")[1].split(" ")[0]: line.split(" ")[0]
        for line in done.stdout.splitlines()
        if "::" in line and line[:6] in {"PASSED", "FAILED"}
    }
    assert verdicts == {
        "test_blocks": "FAILED",
        "test_blocks_in_a_task_of_its_own": "FAILED",
        "test_blocks_a_loop_it_made_itself": "FAILED",
        "test_waits_without_blocking": "PASSED",
        "test_blocks_as_long_as_it_says": "PASSED",
        "test_stands_behind_others_for_a_moment": "PASSED",
        "test_blocks_a_thread_only": "PASSED",
        "test_has_no_loop": "PASSED",
    }, done.stdout
    assert "The event loop was blocked: " in done.stdout
