"""Untraced: tasks into which nothing of a request reaches, and of which LangSmith sees nothing."""

from __future__ import annotations

import asyncio
import contextvars
from typing import Any

from desk.telemetry.langsmith_wire import tracing_off

# Entered once for the life of the process and never left; held, as a closed one would undo itself.
_TRACING_OFF = tracing_off()
_UNTRACED = contextvars.Context()
_UNTRACED.run(_TRACING_OFF.__enter__)


def spawn(work: Any) -> asyncio.Task[None]:
    """A task whose context is empty but for tracing, which is off whatever the environment says."""
    return asyncio.create_task(work, context=_UNTRACED.copy())
