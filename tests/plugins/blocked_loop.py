"""A pytest plugin: a test fails whose event loop computed for 250 ms or slept for a second at one go.

Sleep has the longer limit because a thread that waits for the interpreter's lock or for a busy disk looks the
same, and on a machine that three test processes share either can take a while.
`@pytest.mark.loop_limit(seconds)` is for a test that computes in a thread beside its server: the two share
the interpreter's lock, and waiting for that looks like standing still.
"""

from __future__ import annotations

import asyncio
import gc
import time
from collections.abc import Generator
from pathlib import Path

import pytest

COMPUTED_SECONDS = 0.25
SLEPT_SECONDS = 1.0
BLOCKED: list[str] = []
# A long session holds so many objects that one full collection would look like a blocked loop.
TESTS_PER_FREEZE = 50
_SCHEDULED = Path("/proc/thread-self/schedstat")

_SO_FAR = {"waited": 0.0, "tests": 0.0, "collecting_since": 0.0, "collected": 0.0}
_LIMITS = {"computed": COMPUTED_SECONDS, "slept": SLEPT_SECONDS}

_run_handle = asyncio.Handle._run


def _run_timed(handle: asyncio.Handle) -> None:
    began, computed, collected = time.perf_counter(), time.thread_time(), _SO_FAR["collected"]
    try:
        _run_handle(handle)
    finally:
        collected = _SO_FAR["collected"] - collected
        took = time.perf_counter() - began - collected
        if took > min(_LIMITS.values()):
            _judge(handle, took - _waited_for_a_core(), time.thread_time() - computed - collected)


def _judge(handle: asyncio.Handle, took: float, computed: float) -> None:
    if computed > _LIMITS["computed"] or took - computed > _LIMITS["slept"]:
        BLOCKED.append(f"{took * 1000:.0f} ms, {computed * 1000:.0f} of them computing, in {handle!r}")


def _waited_for_a_core() -> float:
    """Seconds that this thread was ready but did not run since the last call: others' work, not ours."""
    if not _SCHEDULED.exists():
        return 0.0
    now = int(_SCHEDULED.read_text().split()[1]) / 1e9
    waited, _SO_FAR["waited"] = now - _SO_FAR["waited"], now
    return waited


def _note_collection(phase: str, _info: object) -> None:
    """The collector looks at all applications of a session here, and at one, frozen, in a server."""
    if phase == "start":
        _SO_FAR["collecting_since"] = time.perf_counter()
    else:
        _SO_FAR["collected"] += time.perf_counter() - _SO_FAR["collecting_since"]


def pytest_configure(config: pytest.Config) -> None:
    """Time every callback of every asyncio loop of this process (uvloop's are its own)."""
    config.addinivalue_line("markers", "loop_limit(seconds): how long the event loop may stand still here")
    gc.callbacks.append(_note_collection)
    asyncio.Handle._run = _run_timed  # type: ignore[assignment,method-assign]


def pytest_unconfigure(config: pytest.Config) -> None:
    """Leave asyncio as it was."""
    gc.callbacks.remove(_note_collection)
    asyncio.Handle._run = _run_handle  # type: ignore[method-assign]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    """Fail the test itself, not its fixtures: engines may take their time to start."""
    _tidy()
    _waited_for_a_core()
    marker = item.get_closest_marker("loop_limit")
    _LIMITS["computed"] = marker.args[0] if marker else COMPUTED_SECONDS
    _LIMITS["slept"] = marker.args[0] if marker else SLEPT_SECONDS
    BLOCKED.clear()
    outcome = yield
    if BLOCKED:
        pytest.fail("The event loop was blocked: " + "; ".join(BLOCKED), pytrace=False)
    return outcome


def _tidy() -> None:
    _SO_FAR["tests"] += 1
    if _SO_FAR["tests"] % TESTS_PER_FREEZE == 0:
        gc.collect()
        gc.freeze()
