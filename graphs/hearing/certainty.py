"""Certainty: how sure the router must be in this turn, by what is tried out, promised or usual."""

from __future__ import annotations

from desk.events import Degraded
from desk.routing.router import ACCEPT_FROM
from desk.telemetry.metrics import DEGRADED
from graphs.hearing.understandings import Understanding
from graphs.state import TurnContext


def needed(context: TurnContext, understanding: Understanding) -> float | None:
    """The least confidence of an intent that is followed; None when none is, as the promise is unproven."""
    if context.tuning.confident is not None:
        return context.tuning.confident
    error = context.tenant.settings.promised_error
    if error is None:
        return ACCEPT_FROM
    proven = understanding.proven_from(error)
    if proven is None:
        # It was proven when it was promised: these intents are others.
        context.emit(Degraded("promised error", "no intent is answered by its examples"))
        DEGRADED.labels("promised error").inc()
    return proven
