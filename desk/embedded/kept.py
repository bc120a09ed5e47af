"""A process that is started again when it ends by itself, unless it does so again and again."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from desk.errors import Misconfigured

_RESTARTS_PER_MINUTE = 5


@dataclass(slots=True)
class Kept:
    """`name` and `log` are what people are told; `start` gives the process anew."""

    name: str
    log: str
    start: Callable[[], subprocess.Popen[bytes]]
    process: subprocess.Popen[bytes] = field(init=False)
    restarts: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.process = self.start()

    def restart_if_dead(self, say: Callable[[str], None]) -> None:
        """Start it again after a crash; raises Misconfigured when it crashes again and again."""
        code = self.process.poll()
        if code is None:
            return
        now = time.monotonic()
        self.restarts = [*(at for at in self.restarts if at > now - 60), now]
        if len(self.restarts) > _RESTARTS_PER_MINUTE:
            raise Misconfigured(f"{self.name} keeps crashing (exit {code}); see {self.log}.")
        say(f"{self.name} ended with {code}; starting it again.")
        self.process = self.start()
