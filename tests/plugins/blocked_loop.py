"""A pytest plugin: a test whose event loop stood still for over 250 ms fails and names the culprit."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Generator

import pytest

LIMIT_SECONDS = 0.25
BLOCKED: list[str] = []

_run_handle = asyncio.Handle._run


def _run_timed(handle: asyncio.Handle) -> None:
    began = time.perf_counter()
    try:
        _run_handle(handle)
    finally:
        took = time.perf_counter() - began
        if took > LIMIT_SECONDS:
            BLOCKED.append(f"{took * 1000:.0f} ms in {handle!r}")


def pytest_configure(config: pytest.Config) -> None:
    """Time every callback of every asyncio loop of this process (uvloop's are its own)."""
    asyncio.Handle._run = _run_timed  # type: ignore[assignment,method-assign]


def pytest_unconfigure(config: pytest.Config) -> None:
    """Leave asyncio as it was."""
    asyncio.Handle._run = _run_handle  # type: ignore[method-assign]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    """Fail the test itself, not its fixtures: engines may take their time to start."""
    BLOCKED.clear()
    outcome = yield
    if BLOCKED:
        pytest.fail("The event loop was blocked: " + "; ".join(BLOCKED), pytrace=False)
    return outcome
