"""The seam to what may be lost: counting requests in windows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Window:
    """At most `limit` hits in `seconds`, sliding."""

    limit: int
    seconds: int


class HitCounter(Protocol):
    """Counts hits of a key."""

    async def hit(self, key: str, windows: tuple[Window, ...]) -> int | None:
        """Count one hit; None when it is within all windows, else the seconds to wait.

        Raises CacheAway when the store does not answer in time.
        """

    async def close(self) -> None:
        """Let go of connections."""


class CacheAway(Exception):
    """The store behind a port did not answer; the caller decides what to do without it."""
