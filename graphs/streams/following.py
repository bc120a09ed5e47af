"""Following: copies of turns that wait or run in other processes, so that readers here miss nothing.

The feed gives the events as they come. Where it has a hole, or is away, the copy waits for the turn's end in
the database and takes back what was shown: the reader gets the whole answer, only later. However many turns
are followed, a process asks the feed and the queue for all of them at once.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from desk.cache.port import Batch, CacheAway, Feed
from desk.domain import Principal, TurnId
from desk.errors import DeskError, NotFound, Unavailable
from desk.events import Accepted, Done, Failed, Revised, TurnEvent
from desk.privacy.sealing import DataKey
from desk.storage import conversations, turn_queue, turns
from desk.storage.turns import Turn
from graphs.commits.inbox import open_vault
from graphs.reply import restored
from graphs.services import Services
from graphs.streams.fanout import events_aad, feed_key_of
from graphs.streams.frames import is_error, split_frames
from graphs.streams.turn_stream import IDS_PER_RUN, TurnStream, problem_of
from graphs.untraced import spawn

ATTACH_SECONDS = 30.0
COPY_SECONDS = 0.1
_ROUNDS_PER_LOOK = 5
_ROUNDS_PER_HINT = 20
_ROUNDS_ALONE = 20
_ROUNDS_AT_THE_END = 3
_TURNS_PER_HINT = 200
_FRESH = timedelta(seconds=2)


@dataclass(slots=True, eq=False)
class _Copy:
    """A stream that is filled from elsewhere; `errand` is what is done for it alone just now."""

    principal: Principal
    stream: TurnStream
    feed_key: str
    hinted: bool = False
    alone: int = 0
    errand: asyncio.Task[None] | None = None

    @property
    def idle(self) -> bool:
        """Whether nothing is done for it alone."""
        return self.errand is None or self.errand.done()

    def stop(self) -> None:
        """Have nothing done for it any more."""
        if self.errand is not None:
            self.errand.cancel()


class Following:
    """The copies of this process: one a turn, however many read it; one task fills them all."""

    def __init__(self, services: Services, feed: Feed) -> None:
        self._services = services
        self._feed = feed
        self._copies: dict[TurnId, _Copy] = {}
        self._filling: asyncio.Task[None] | None = None

    def follow(self, principal: Principal, turn: Turn, *, after: int = 0) -> TurnStream:
        """The turn's stream, from its beginning if the feed has it; the caller may see the turn."""
        copy = self._copies.get(turn.id)
        if copy is not None:
            copy.stream.note_seen(after)
            return copy.stream
        stream = TurnStream(turn.id, turn.conversation_id)
        # The first event of every turn, so it need not come from the feed, which may have lost it.
        stream.publish(Accepted(turn.id, turn.conversation_id))
        stream.note_seen(after)
        copy = self._begin(principal, stream)
        if turn.state != "accepted":
            copy.errand = spawn(self._conclude(copy, turn))
        return stream

    def await_turn(self, principal: Principal, stream: TurnStream) -> None:
        """Fill the stream of a turn that was accepted here and waits to be run, wherever that will be."""
        stream.publish(Accepted(stream.turn_id, stream.conversation_id))
        self._begin(principal, stream)

    def adopt(self, turn_id: TurnId) -> TurnStream | None:
        """The stream of a turn that is run here from now on, if somebody follows it."""
        copy = self._copies.pop(turn_id, None)
        if copy is None or copy.stream.ended:
            return None
        copy.stop()
        copy.stream.patience = None
        return copy.stream

    async def stop(self) -> None:
        """End all copies; their readers are sent to other processes."""
        copies = list(self._copies.values())
        self._copies.clear()
        for copy in copies:
            copy.stop()
            copy.stream.abandon()
        if self._filling is not None:
            self._filling.cancel()
            await asyncio.wait((self._filling,))

    def _begin(self, principal: Principal, stream: TurnStream) -> _Copy:
        stream.patience = ATTACH_SECONDS
        copy = _Copy(principal, stream, feed_key_of(principal.tenant_id, stream.turn_id))
        self._copies[stream.turn_id] = copy
        if self._filling is None or self._filling.done():
            self._filling = spawn(self._fill())
        return copy

    async def _fill(self) -> None:
        """Round after round, until no copy is left."""
        number = 0
        while self._copies:
            await self._ask_to_hurry(everybody=number % _ROUNDS_PER_HINT == 0)
            await self._take_news()
            if number % _ROUNDS_PER_LOOK == 0:
                await self._look()
            self._let_go()
            number += 1
            await asyncio.sleep(COPY_SECONDS)

    async def _ask_to_hurry(self, *, everybody: bool) -> None:
        """Tell who runs the turns that they are read here; again now and then, as a hint may be lost."""
        copies = [copy for copy in self._copies.values() if everybody or not copy.hinted]
        for start in range(0, len(copies), _TURNS_PER_HINT):
            some = copies[start : start + _TURNS_PER_HINT]
            try:
                await self._feed.hint(" ".join(["watch", *(str(copy.stream.turn_id) for copy in some)]))
            except CacheAway:
                return
            for copy in some:
                copy.hinted = True

    async def _take_news(self) -> None:
        """Append what the feed has for those that nothing else is done for."""
        copies = {copy.feed_key: copy for copy in self._copies.values() if copy.idle}
        try:
            news = await self._feed.read({key: copy.stream.last_id for key, copy in copies.items()})
        except CacheAway:
            return
        for key, batches in news.items():
            self._send(copies[key], self._append(copies[key], batches))

    async def _look(self) -> None:
        """Conclude the turns that have left the queue: they are over."""
        try:
            async with self._services.engine.database.control_tx() as tx:
                gone = await turn_queue.absent(tx, list(self._copies))
        except DeskError:
            return  # the next look may succeed
        for turn_id in gone:
            copy = self._copies.get(turn_id)
            if copy is not None and not copy.stream.ended:
                self._send(copy, self._conclude(copy))

    def _send(self, copy: _Copy, errand: Coroutine[Any, Any, None]) -> None:
        """Have this done for a copy, unless it is one no more or something else is being done."""
        if copy.idle and self._copies.get(copy.stream.turn_id) is copy:
            copy.errand = spawn(errand)
        else:
            errand.close()

    def _let_go(self) -> None:
        """Forget what has ended, and what nobody has read for long."""
        for turn_id, copy in list(self._copies.items()):
            if copy.idle:
                copy.alone = 0 if copy.stream.readers else copy.alone + 1
            if copy.stream.ended or copy.alone >= _ROUNDS_ALONE:
                copy.stop()
                copy.stream.abandon()
                del self._copies[turn_id]

    async def _append(self, copy: _Copy, batches: Sequence[Batch], *, failed: bool = False) -> None:
        """Append these. An error counts only if the turn `failed`: it may be an earlier run's."""
        try:
            key = await self._services.engine.keys.data_key(copy.principal)
            frames = _frames_of(batches, copy.stream, key)
        except DeskError:
            return
        for number, (event_id, one) in enumerate(frames, start=1):
            if is_error(one):
                if number < len(frames):
                    continue
                if not failed:
                    return
            copy.stream.copy(event_id, one)

    async def _conclude(self, copy: _Copy, turn: Turn | None = None) -> None:
        """If the turn is over in the database, take the rest of the feed, and else conclude without it."""
        try:
            turn = turn or await read_turn(self._services, copy.principal, copy.stream.turn_id)
            if turn.state == "accepted":
                return
            await self._take_the_rest(copy, turn)
            if not copy.stream.ended:
                copy.stream.conclude(*await stored_end(self._services, copy.principal, turn))
        except NotFound:
            copy.stream.conclude(Failed(problem_of(NotFound(), copy.stream.turn_id)))
        except DeskError:
            return  # the next look may succeed

    async def _take_the_rest(self, copy: _Copy, turn: Turn) -> None:
        """The end is in the database a moment before it is in the feed, if the feed has it at all."""
        stream = copy.stream
        fresh = turn.finished_at is not None and datetime.now(UTC) - turn.finished_at < _FRESH
        for _ in range(_ROUNDS_AT_THE_END if fresh or stream.copied else 1):
            with contextlib.suppress(CacheAway):
                news = await self._feed.read({copy.feed_key: stream.last_id})
                await self._append(copy, news.get(copy.feed_key, ()), failed=turn.problem is not None)
            if stream.ended:
                return
            await asyncio.sleep(COPY_SECONDS)


def _frames_of(batches: Sequence[Batch], stream: TurnStream, key: DataKey) -> list[tuple[int, bytes]]:
    """The frames of the batches; none after a hole, until a later run begins."""
    frames: list[tuple[int, bytes]] = []
    last = stream.last_id
    for batch in batches:
        begins_run = (batch.first - 1) % IDS_PER_RUN == 0
        if batch.first <= last + 1 or begins_run:
            frames += split_frames(key.open(batch.sealed, aad=events_aad(stream.turn_id, batch.last)))
            last = batch.last
    return frames


async def read_turn(services: Services, principal: Principal, turn_id: TurnId) -> Turn:
    """The turn as it is stored; raises NotFound unless the caller may see it."""
    async with services.engine.database.tenant_tx(principal) as tx:
        turn = await turns.get(tx, turn_id)
    if turn is None:
        raise NotFound
    return turn


async def stored_end(services: Services, principal: Principal, turn: Turn) -> list[TurnEvent]:
    """What a reader must still be told of a turn that is over: all that was said, then its last event."""
    if turn.reply_sealed is None:
        return [Failed(turn.problem or problem_of(Unavailable(), turn.id))]
    key = await services.engine.keys.data_key(principal)
    reply = await _open_reply(services, principal, turn, turn.reply_sealed, key)
    last = Done(reply) if turn.problem is None else Failed(turn.problem)
    return [Revised(reply["reply"]["text"]), last]


async def _open_reply(
    services: Services, principal: Principal, turn: Turn, sealed: bytes, key: DataKey
) -> dict[str, Any]:
    async with services.engine.database.tenant_tx(principal) as tx:
        conversation = await conversations.get(tx, turn.conversation_id)
    if conversation is None:
        raise NotFound
    reply: dict[str, Any] = key.open_json(sealed, aad=turns.reply_aad(turn.id))
    return restored(reply, open_vault(conversation, key))
