"""The benchmarks by name; each is loaded when it runs, as some peers are heavy to import."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from importlib import import_module
from typing import Any

from bench.result import Result
from bench.stage import Effort, Stage

Measure = Callable[[Stage, Effort], Coroutine[Any, Any, Result]]

NAMES = (
    "turn",
    "distance",
    "first_token",
    "tokens",
    "overload",
    "history",
    "canned",
    "admission",
    "tenants",
    "search",
    "ingest",
    "scrub",
    "route",
    "start",
)


def load(name: str) -> Measure:
    """What runs a benchmark of `NAMES`: `bench/NAME.py` holds one coroutine `measure`."""
    measure: Measure = import_module(f"bench.{name}").measure
    return measure
