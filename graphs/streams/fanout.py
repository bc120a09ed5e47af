"""Fan-out: hands the events of this process's turns to the feed in batches, off the turns' own path.

A turn that nobody reads elsewhere is handed over once a second, one that is watched twenty times a second;
one that is over by then and was not read as a stream here is not handed over at all, as the database has its
answer. A feed that is slow or away costs the turns nothing: what it missed is handed over when it is back.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass

from desk.cache.port import Batch, CacheAway, Feed
from desk.domain import TenantId, TurnId
from desk.privacy.sealing import DataKey
from desk.telemetry.metrics import DEGRADED
from graphs.streams.turn_stream import TurnStream

ROUND_SECONDS = 0.05
_UNWATCHED_ROUNDS = 20
_AWAY_SECONDS = 1.0
_MOST_BATCHES = 200


@dataclass(slots=True)
class _Carried:
    """A stream on its way out; `sent` is how many of its events the feed has."""

    stream: TurnStream
    feed_key: str
    key: DataKey
    sent: int
    watched: bool = False
    rounds: int = 0

    @property
    def due(self) -> bool:
        """Whether this round has something to hand over."""
        if len(self.stream) == self.sent:
            return False
        self.rounds += 1
        return self.wanted if self.stream.ended else self.watched or self.rounds >= _UNWATCHED_ROUNDS

    @property
    def wanted(self) -> bool:
        """Whether somebody may read the turn elsewhere after its end, from where they were."""
        return self.watched or self.sent > 0 or self.stream.streamed

    @property
    def over(self) -> bool:
        """Whether nothing more will be handed over."""
        return self.stream.ended and not (self.wanted and len(self.stream) > self.sent)


class Fanout:
    """One loop for all turns of a process; `run` it as a task."""

    def __init__(self, feed: Feed) -> None:
        self._feed = feed
        self._carried: dict[TurnId, _Carried] = {}

    def carry(self, tenant_id: TenantId, stream: TurnStream, key: DataKey) -> None:
        """Begin with a stream; it is let go of once its end was handed over."""
        feed_key = feed_key_of(tenant_id, stream.turn_id)
        self._carried[stream.turn_id] = _Carried(stream, feed_key, key, sent=stream.copied)

    def watch(self, turn_id: TurnId) -> None:
        """Somebody reads this turn in another process: hand its events over quickly from now on."""
        if turn_id in self._carried:
            self._carried[turn_id].watched = True

    def stream_of(self, turn_id: TurnId) -> TurnStream | None:
        """The turn's stream while some of it is still to be handed over."""
        carried = self._carried.get(turn_id)
        return carried.stream if carried else None

    async def run(self) -> None:
        """Hand over, round after round, until cancelled."""
        while True:  # noqa: ASYNC110 - a round has its time, not its occasion
            await asyncio.sleep(ROUND_SECONDS if await self.hand_over() else _AWAY_SECONDS)

    async def hand_over(self) -> bool:
        """One round; False when the feed is away."""
        due = [carried for carried in self._carried.values() if carried.due]
        for start in range(0, len(due), _MOST_BATCHES):
            some = due[start : start + _MOST_BATCHES]
            sent = [len(carried.stream) for carried in some]
            try:
                await self._feed.append([batch for carried in some for batch in _batches(carried)])
            except CacheAway:
                DEGRADED.labels("turn streams").inc()
                # What the feed misses of a turn that has ended, its readers get from the database.
                self._forget(carried for carried in self._carried.values() if carried.stream.ended)
                return False
            for carried, count in zip(some, sent, strict=True):
                carried.sent, carried.rounds = count, 0
        self._forget(carried for carried in self._carried.values() if carried.over)
        return True

    def _forget(self, some: Iterable[_Carried]) -> None:
        for carried in list(some):
            del self._carried[carried.stream.turn_id]


def feed_key_of(tenant_id: TenantId, turn_id: TurnId) -> str:
    """Where the feed keeps a turn's events."""
    return f"t:{tenant_id}:turn:{turn_id}"


def events_aad(turn_id: TurnId, last: int) -> bytes:
    """What binds a sealed batch to its turn and its place."""
    return b"turns.events:%s:%d" % (turn_id.bytes, last)


def _batches(carried: _Carried) -> list[Batch]:
    """What is to be handed over, cut where the ids have a gap."""
    batches: list[Batch] = []
    pieces: list[bytes] = []
    first = last = 0
    for event_id, one in carried.stream.frames_from(carried.sent):
        if pieces and event_id != last + 1:
            batches.append(_batch(carried, first, last, pieces))
            pieces = []
        if not pieces:
            first = event_id
        pieces.append(one)
        last = event_id
    return [*batches, _batch(carried, first, last, pieces)]


def _batch(carried: _Carried, first: int, last: int, pieces: list[bytes]) -> Batch:
    turn_id = carried.stream.turn_id
    sealed = carried.key.seal(b"".join(pieces), aad=events_aad(turn_id, last))
    return Batch(carried.feed_key, first, last, sealed)
