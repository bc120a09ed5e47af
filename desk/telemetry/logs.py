"""Structured JSON logs: one line an event, only fields on a list, and never what a customer wrote."""

from __future__ import annotations

import logging
import sys
from collections.abc import MutableMapping
from typing import Any

import orjson
import structlog

# A field that is not here is dropped and named, so that message text cannot slip in by an oversight.
FIELDS = frozenset(
    (
        "event", "level", "timestamp", "logger", "error", "exception", "correlation_id", "turn_id", "tenant",
        "route", "method", "status", "ms", "attempts", "count", "what", "instead", "signal", "port", "node",
        "job", "job_id", "outcome", "handoff_id", "erasure", "row",
    )
)  # fmt: skip


def configure_logs(level: str) -> None:
    """Send every log line of this process to stderr as JSON, ours and the libraries'."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _name_exception,
            _keep_listed,
            structlog.processors.JSONRenderer(serializer=lambda value, **_: orjson.dumps(value).decode()),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelName(level.upper())),
        logger_factory=structlog.PrintLoggerFactory(sys.__stderr__),
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_LibraryLine())
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)


class _LibraryLine(logging.Formatter):
    """A library's log record: where it came from and what kind of error, not its message."""

    def format(self, record: logging.LogRecord) -> str:
        line = {"event": "library_log", "logger": record.name, "level": record.levelname.lower()}
        if record.exc_info and record.exc_info[0]:
            line["error"] = record.exc_info[0].__name__
        return orjson.dumps(line).decode()


def _name_exception(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Say where an exception was raised; its message may quote a customer and stays out."""
    raised = event.pop("exc_info", None)
    error = sys.exc_info()[1] if raised is True else raised
    if isinstance(error, BaseException):
        frames = []
        trace = error.__traceback__
        while trace is not None:
            code = trace.tb_frame.f_code
            frames.append(f"{code.co_filename.rsplit('/', 1)[-1]}:{trace.tb_lineno} {code.co_name}")
            trace = trace.tb_next
        event["exception"] = frames[-12:]
    return event


def _keep_listed(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    dropped = [name for name in event if name not in FIELDS]
    for name in dropped:
        del event[name]
    if dropped:
        event["event"] = f"{event['event']} (dropped fields: {', '.join(sorted(dropped))})"
    return event
