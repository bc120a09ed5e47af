"""A circuit breaker: leaves a model alone for a while once it failed several times in a row."""

from __future__ import annotations

from dataclasses import dataclass

FAILURES = 3
OPEN_SECONDS = 15.0


@dataclass
class Breaker:
    """Closed below three failures in a row, then open for 15 s, then half open: one probe at a time.

    Times are of one monotonic clock, in seconds.
    """

    _failures: int = 0
    _open_until: float = 0.0
    _probing: bool = False

    def admits(self, now: float) -> bool:
        """Whether a call may go through; each admitted call must be answered by one of the other methods."""
        if self._failures < FAILURES:
            return True
        if self._probing or now < self._open_until:
            return False
        self._probing = True
        return True

    def succeeded(self) -> None:
        """The call was answered: closed again."""
        self._failures = 0
        self._probing = False

    def failed(self, now: float) -> None:
        """The call failed; the third in a row, or a probe, opens."""
        self._failures += 1
        self._probing = False
        if self._failures >= FAILURES:
            self._open_until = now + OPEN_SECONDS

    def dropped(self) -> None:
        """The caller gave up, or the failure was not the model's: nothing was learnt."""
        self._probing = False
