"""The seam to what may be lost: counting requests in windows, and the events of turns for other processes."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Window:
    """At most `limit` hits in `seconds`, sliding."""

    limit: int
    seconds: int


@dataclass(frozen=True, slots=True)
class Standing:
    """How a hit stands in each of its windows, in their order.

    `used` are the hits inside, with this one unless it was refused. `left_ms` is until the oldest of them
    leaves, or in a window that is full until it has room. `refused` is the place of the window that has no
    room for the longest time; None when the hit was counted.
    """

    refused: int | None
    used: tuple[int, ...]
    left_ms: tuple[int, ...]


class HitCounter(Protocol):
    """Counts hits, exactly: in any stretch of a window's length there are at most `limit`."""

    @property
    def processes(self) -> int:
        """How many processes counted here lately, as far as this one knows; at least 1."""

    async def hit(self, keys: Sequence[str], windows: Sequence[Window], *, told: int) -> Standing:
        """Count one hit, of each key in its window, if all of them have room; else in none.

        What the standing says of the first `told` windows is exact, and of what refuses; the others' may be
        too high. Raises CacheAway when the store does not answer in time.
        """

    async def close(self) -> None:
        """Let go of connections."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Events of one turn with the ids `first` to `last`, without gaps, sealed under the person's key.

    `key` names the turn and begins with its tenant.
    """

    key: str
    first: int
    last: int
    sealed: bytes


class Feed(Protocol):
    """Carries the events of turns to readers in other processes, for ten minutes after the last one."""

    async def append(self, batches: Sequence[Batch]) -> None:
        """Store batches; one whose ids are not above those stored for its turn is left out.

        Raises CacheAway when the store does not answer in time; then any part may be stored.
        """

    async def read(self, wanted: Mapping[str, int]) -> dict[str, list[Batch]]:
        """For each key that has any: its batches whose last id is above the one wanted, in order.

        Of a key with very many only the first come. Raises CacheAway like `append`.
        """

    async def forget(self, keys: Sequence[str]) -> None:
        """Delete all that is stored under these keys; raises CacheAway like `append`."""

    async def hint(self, message: str) -> None:
        """Tell every process that listens now; may be lost without a sign."""

    def hints(self) -> AsyncIterator[str]:
        """What is told from now on, by any process; never ends by itself."""

    async def close(self) -> None:
        """Let go of connections."""


FEED_SECONDS = 600
FEED_BATCHES = 2000
# So many of one turn are read at a time.
FEED_BATCHES_AT_ONCE = 250


class CacheAway(Exception):
    """The store behind a port did not answer; the caller decides what to do without it."""
