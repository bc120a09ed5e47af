"""Crash points: named places at which a chaos test may kill the process, to prove that nothing is lost.

They stand before and after whatever a turn commits, before and after each kind of event that it tells, and
where a worker has sent something and not noted it.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from typing import Literal, cast, get_args

from desk.events import TurnEvent
from desk.settings import Settings

EventPoint = Literal[
    "before_event_accepted",
    "after_event_accepted",
    "before_event_step",
    "after_event_step",
    "before_event_token",
    "after_event_token",
    "before_event_citation",
    "after_event_citation",
    "before_event_tool",
    "after_event_tool",
    "before_event_handoff",
    "after_event_handoff",
    "before_event_degraded",
    "after_event_degraded",
    "before_event_revise",
    "after_event_revise",
    "before_event_done",
    "after_event_done",
    "before_event_error",
    "after_event_error",
]
CommitPoint = Literal[
    "before_accept",  # the message, with its place in the queue
    "after_accept",
    "before_run",  # accepted and told so; the graph has not begun
    "before_record",  # a model's answer, in the ledger
    "after_record",
    "effect_intended",  # a tool is about to be asked for something
    "effect_asked",  # it was asked, and what came of it is not kept yet
    "effect_settled",
    "before_commit",  # the answer
    "after_commit",
    "before_stop",  # what a cancelled turn had said
    "after_stop",
    "before_failure",  # why a turn has no answer
    "after_failure",
    "before_retry",  # our own turn under a new fence, after a try that failed
    "after_retry",
    "after_claim",  # a turn that waited, or whose process died, is ours and does not run yet
    "before_renewal",  # the leases of what runs here
    "after_renewal",
    "before_cancel",  # a customer's wish to stop
    "after_cancel",
    "before_release",  # turns that are handed back at the end of a process
    "after_release",
]
JobPoint = Literal[
    "mail_sent",  # it left, and that is not noted yet
    "webhook_sent",
    "erasing",  # some of a person is deleted, and more is left
    "rotating",  # some data keys are wrapped anew
]
CrashPoint = CommitPoint | EventPoint

# What a turn passes; a worker's points are in `JobPoint`.
CRASH_POINTS: tuple[CrashPoint, ...] = (*get_args(CommitPoint), *get_args(EventPoint))
_EVENT_POINTS: frozenset[str] = frozenset(get_args(EventPoint))


def crash_point(settings: Settings, name: CrashPoint | JobPoint) -> None:
    """Die here, at once and without any clean-up, if the settings of a test say so."""
    if settings.crash_at == name and settings.environment != "production":
        os.kill(os.getpid(), signal.SIGKILL)


def crash_around(settings: Settings, emit: Callable[[TurnEvent], None]) -> Callable[[TurnEvent], None]:
    """`emit` with a crash point on either side of each event; `emit` itself unless a test asks for one."""
    if settings.crash_at not in _EVENT_POINTS:
        return emit

    def tell(event: TurnEvent) -> None:
        crash_point(settings, cast("EventPoint", f"before_event_{event.name}"))
        emit(event)
        crash_point(settings, cast("EventPoint", f"after_event_{event.name}"))

    return tell
