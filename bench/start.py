"""B12 start: import time, boot to ready with the demo's data in place, and the memory of each process."""

from __future__ import annotations

import asyncio
import resource
import subprocess
import sys
import time
from pathlib import Path
from statistics import median
from typing import Any

from bench.processes import command, descendants, proportional_mb, resident_mb
from bench.result import BenchFailed, Figures, Result, at_most
from bench.served import DESK, desk_environment, free_port, spawn, stop, wait_until_ready
from bench.stage import Effort, Stage, stage_settings, temporary_home

READY_PATH = "/api/v1/readyz"
OUR_IMPORTS = "server.app"
STOCK_IMPORTS = "langserve, fastapi, langgraph.graph, langchain_openai, langgraph.checkpoint.postgres.aio"


async def measure(stage: Stage, effort: Effort) -> Result:
    """`desk run` in a home of its own: cold once, then warm; the imports beside those of the stock stack."""
    return await asyncio.to_thread(_measure, stage, effort)


def _measure(stage: Stage, effort: Effort) -> Result:
    rounds = min(effort.rounds, 3)
    ours: Figures = {}
    peer: Figures = {}
    stage.say("start: imports")
    imports = [(_import_seconds(OUR_IMPORTS), _import_seconds(STOCK_IMPORTS)) for _ in range(rounds)]
    for number, name in enumerate(("wall", "cpu")):
        ours[f"import_{name}_s"] = round(median(one[0][number] for one in imports), 2)
        peer[f"import_{name}_s"] = round(median(one[1][number] for one in imports), 2)
    with temporary_home() as home:
        stage.say("start: cold")
        cold, _ = _boot(stage, home)
        boots: list[tuple[float, dict[str, Figures]]] = []
        for number in range(rounds):
            stage.say(f"start: warm {number + 1} of {rounds}")
            boots.append(_boot(stage, home))
    ours["cold_ready_s"] = round(cold, 2)
    ours["warm_ready_s"] = round(median(seconds for seconds, _ in boots), 2)
    memory = boots[-1][1]
    ours["rss_mb"] = memory["serve"]["rss_mb"]
    axis: list[dict[str, Any]] = [{"process": name, "ours": figures} for name, figures in memory.items()]
    goals = [
        at_most("warm start to ready in s", ours["warm_ready_s"], 8),
        at_most("warm start to ready in s (wish)", ours["warm_ready_s"], 5),
        at_most("memory of the application in MB", ours["rss_mb"], 260),
    ]
    ratio = {name: round(peer[name] / ours[name], 2) for name in peer}
    title = "Start with the demo's data in place; imports beside those of the stock stack"
    return Result("start", title, ours, peer, ratio, axis, goals)


def _import_seconds(modules: str) -> tuple[float, float]:
    """Wall and CPU seconds of a fresh interpreter that imports these and ends."""
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-c", f"import {modules}"], capture_output=True, text=True, check=False
    )
    seconds, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode != 0:
        raise BenchFailed(f"`import {modules}` failed: {done.stderr[-300:]}")
    return seconds, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def _boot(stage: Stage, home: Path) -> tuple[float, dict[str, Figures]]:
    """Seconds until `desk run` answers that it is ready, and the memory of its processes then."""
    port = free_port()
    settings = stage_settings(home).model_copy(update={"models_dir": stage.settings.models_path})
    environment = desk_environment(
        settings, DESK_PORT=str(port), DATABASE_URL="", REDIS_URL="", DESK_MIGRATION_DATABASE_URL=""
    )
    log = home / "run.log"
    began = time.perf_counter()
    process = spawn([*DESK, "run"], environment, log)
    try:
        wait_until_ready(process, port, READY_PATH, log)
        return time.perf_counter() - began, _memory(process.pid)
    finally:
        stop(process)


def _memory(pid: int) -> dict[str, Figures]:
    """MB of each of our processes, and of the stores' together."""
    found: dict[str, Figures] = {}
    for one in (pid, *descendants(pid)):
        name = _name(command(one))
        figures = found.setdefault(name, {"rss_mb": 0.0, "pss_mb": 0.0})
        figures["rss_mb"] = round(figures["rss_mb"] + resident_mb(one), 1)
        figures["pss_mb"] = round(figures["pss_mb"] + proportional_mb(one), 1)
    return found


def _name(line: str) -> str:
    if "server.cli" in line:
        return line.rsplit(maxsplit=1)[-1]
    return Path(line.split(maxsplit=1)[0]).name.rstrip(":") if line else "ended"
