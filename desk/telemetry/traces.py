"""Traces: what finished turns left leaves for LangSmith by one exporter, later and never in a turn's way."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import orjson
import structlog

from desk.errors import EgressBlocked, Unavailable
from desk.settings import Settings
from desk.telemetry.langsmith_wire import Check, LangSmithWire, switch_tracers_off
from desk.telemetry.metrics import TRACES

MOST_WAITING: Final = 1_000
BATCH: Final = 50
COLLECT_SECONDS: Final = 1.0
CLOSE_SECONDS: Final = 3.0
QUIET_SECONDS: Final = 60.0

log = structlog.get_logger("desk.traces")


@dataclass(frozen=True, slots=True)
class Trace:
    """A turn to be told: `build` gives its runs as JSON, in the exporter's thread; `check` guards them."""

    build: Callable[[], list[dict[str, Any]]]
    check: Check


class TraceExporter:
    """Takes traces without waiting, and sends them in batches from a thread of its own.

    What does not fit into the buffer, is objected to by its guard, or meets a LangSmith that is away, is
    dropped and counted in `desk_traces_total`; that it happens is logged once a minute.
    """

    def __init__(
        self, wire: LangSmithWire, project: str, *, most_waiting: int = MOST_WAITING, batch: int = BATCH
    ) -> None:
        self._wire = wire
        self._project = project
        self._most_waiting = most_waiting
        self._batch = batch
        self._waiting: deque[Trace] = deque()
        self._wake = threading.Event()
        self._closing = threading.Event()
        self._lost = 0
        self._quiet_until = 0.0
        self._thread = threading.Thread(target=self._work, name="desk-traces", daemon=True)
        self._thread.start()

    def offer(self, trace: Trace) -> None:
        """Take a trace, or drop it where too many wait; returns at once."""
        if len(self._waiting) >= self._most_waiting:
            self._lose("dropped", 1)
            return
        self._waiting.append(trace)
        self._wake.set()

    def close(self) -> None:
        """Send what waits, for a few seconds at most; what is left then is dropped."""
        self._closing.set()
        self._wake.set()
        self._thread.join(CLOSE_SECONDS)
        self._lose("dropped", len(self._waiting))
        self._wire.close()

    def _work(self) -> None:
        while not (self._closing.is_set() and not self._waiting):
            self._wake.wait()
            self._closing.wait(COLLECT_SECONDS)  # more may come meanwhile
            self._wake.clear()
            while self._waiting:
                self._send([self._waiting.popleft() for _ in range(min(self._batch, len(self._waiting)))])

    def _send(self, traces: list[Trace]) -> None:
        checked = [body for trace in traces if (body := self._checked(trace)) is not None]
        if not checked:
            return
        # The bytes of each were checked; commas and brackets are added.
        body = b'{"post":[' + b",".join(checked) + b'],"patch":[]}'
        try:
            self._wire.post("/runs/batch", body, lambda _: None)
        except Unavailable:
            self._lose("failed", len(checked))
        else:
            TRACES.labels("sent").inc(len(checked))

    def _checked(self, trace: Trace) -> bytes | None:
        """The runs as they are sent, without the list's brackets; None when they may not leave."""
        try:
            runs = [{**run, "session_name": self._project} for run in trace.build()]
            body = b",".join(map(orjson.dumps, runs))
            trace.check(b"[" + body + b"]")
        except EgressBlocked:
            self._lose("blocked", 1)
        except Exception:  # whatever is wrong with one trace, the thread goes on
            self._lose("broken", 1)
        else:
            return body
        return None

    def _lose(self, outcome: str, count: int) -> None:
        if not count:
            return
        TRACES.labels(outcome).inc(count)
        self._lost += count
        if time.monotonic() >= self._quiet_until:
            log.warning("traces_lost", outcome=outcome, count=self._lost)
            self._quiet_until, self._lost = time.monotonic() + QUIET_SECONDS, 0


def open_traces(settings: Settings) -> TraceExporter | None:
    """The exporter, None without a key; either way no library traces by itself from now on."""
    switch_tracers_off()
    if settings.langsmith_api_key is None:
        return None
    return TraceExporter(LangSmithWire(settings), settings.langsmith_project)
