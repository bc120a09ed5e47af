"""Crash points: named places at which a chaos test may kill the process, to prove that nothing is lost."""

from __future__ import annotations

import os
import signal

from desk.settings import Settings


def crash_point(settings: Settings, name: str) -> None:
    """Die here, at once and without any clean-up, if the settings of a test say so."""
    if settings.crash_at == name and settings.environment != "production":
        os.kill(os.getpid(), signal.SIGKILL)
