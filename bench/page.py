"""The page `docs/benchmarks.md`: every result as a table, with the machine and the versions."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from typing import Any

from bench.kept import Kept
from bench.result import Figures, Result
from desk.embedded.postgres import MAJOR

PACKAGES = ("langgraph", "langgraph-checkpoint-postgres", "langserve", "fastapi", "psycopg", "onnxruntime")

HEAD = """# Benchmarks

Written by `desk bench`. Ours and the peer give the same answers, in the same run, in turns (A, B, A, B);
a figure is the median of the rounds. Ratios count, absolute times do not travel: a ratio above 1 says how
many times better ours is. `cpu_ms` is the CPU time a turn takes of the process that serves it, the steadiest
figure; `stores_cpu_ms` is that of Postgres and Redis; `commits` are transactions that wrote; `spread` is the
fastest round over the slowest: far above 1, others used the machine and turns per second say little. Our
side does what it always does (row-level security, encryption, the record; over HTTP also identity and
limits); the peer does none of that.
"""


def benchmark_page(found: Sequence[Kept], failed: Mapping[str, str] | None = None) -> str:
    """The whole page; `failed` says why a benchmark has no figures, by name."""
    versions = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    machine = (
        f"Machine: {os.cpu_count()} cores ({platform.machine()})."
        f" Python {platform.python_version()}, PostgreSQL {MAJOR}, {versions}."
    )
    missing = [f"## {name}\n\nNot measured: {why}\n" for name, why in (failed or {}).items()]
    return "\n".join([HEAD, f"{machine}\n", *(_section(kept) for kept in found), *missing])


def _section(kept: Kept) -> str:
    result, (before, after) = kept.result, kept.load
    when = f"{kept.date}, load average {before:.1f} before and {after:.1f} after."
    parts = [f"## {result.name}\n", f"{result.title}. {when}\n", _figures(result)]
    if result.goals:
        rows = [[g.what, g.goal, _number(g.found), "yes" if g.met else "no"] for g in result.goals]
        parts.append(_table(["goal", "wanted", "found", "met"], rows))
    if len(result.axis) > 1:
        parts.append(_table(*_axis(result.axis)))
    return "\n".join(parts)


def _figures(result: Result) -> str:
    names = list(dict.fromkeys([*result.ours, *result.peer]))
    sides = (result.ours, result.peer, result.ratio)
    rows = [[name, *(_number(side.get(name)) for side in sides)] for name in names]
    return _table(["figure", "ours", "peer", "ratio"], rows)


def _axis(axis: Sequence[Mapping[str, Any]]) -> tuple[list[str], list[list[str]]]:
    """One row a point: its size, then every figure of ours, if it has any, with its ratio to each peer."""
    rows: list[dict[str, str]] = []
    for point in axis:
        sizes = {name: str(value) for name, value in point.items() if not isinstance(value, dict)}
        ours: Figures = point.get("ours", {})
        ratios = {name: side for name, side in point.items() if name.startswith("ratio")}
        rows.append(sizes | {name: _with_ratios(name, value, ratios) for name, value in ours.items()})
    heads = list(dict.fromkeys(name for row in rows for name in row))
    return heads, [[row.get(head, "") for head in heads] for row in rows]


def _with_ratios(name: str, value: float, ratios: Mapping[str, Figures]) -> str:
    times = [f"{side[name]:g}x" for side in ratios.values() if name in side]
    return f"{_number(value)} ({', '.join(times)})" if times else _number(value)


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def _table(heads: list[str], rows: list[list[str]]) -> str:
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"
