"""Following: copies of turns that wait or run in other processes, so that readers here miss nothing.

The feed gives the events as they come. Where it has a hole, or is away, the copy waits for the turn's end in
the database and takes back what was shown: the reader gets the whole answer, only later.
"""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from desk.cache.port import Batch, CacheAway, Feed
from desk.domain import Principal, TurnId
from desk.errors import DeskError, NotFound, Unavailable
from desk.events import Accepted, Done, Failed, Revised, TurnEvent
from desk.privacy.sealing import DataKey
from desk.storage import conversations, turns
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
_FRESH = timedelta(seconds=2)


@dataclass(frozen=True, slots=True)
class _Copy:
    stream: TurnStream
    task: asyncio.Task[None]


class Following:
    """The copies of this process: one a turn, however many read it."""

    def __init__(self, services: Services, feed: Feed) -> None:
        self._services = services
        self._feed = feed
        self._copies: dict[TurnId, _Copy] = {}

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
        self._begin(principal, stream)
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
        copy.task.cancel()
        copy.stream.patience = None
        return copy.stream

    async def stop(self) -> None:
        """End all copies; their readers are sent to other processes."""
        copies = list(self._copies.values())
        for copy in copies:
            copy.task.cancel()
            copy.stream.abandon()
        await asyncio.gather(*(copy.task for copy in copies), return_exceptions=True)

    def _begin(self, principal: Principal, stream: TurnStream) -> None:
        stream.patience = ATTACH_SECONDS
        task = spawn(self._fill(principal, stream))
        self._copies[stream.turn_id] = _Copy(stream, task)

        def forget(_: asyncio.Task[None]) -> None:
            copy = self._copies.get(stream.turn_id)
            if copy is not None and copy.task is task:
                del self._copies[stream.turn_id]

        task.add_done_callback(forget)

    async def _fill(self, principal: Principal, stream: TurnStream) -> None:
        rounds = alone = 0
        while not stream.ended and alone < _ROUNDS_ALONE:
            if rounds % _ROUNDS_PER_HINT == 0:
                await self._ask_to_hurry(stream)
            await self._take(principal, stream)
            if rounds % _ROUNDS_PER_LOOK == 0 and not stream.ended:
                await self._look(principal, stream)
            rounds += 1
            alone = 0 if stream.readers else alone + 1
            if not stream.ended:
                await asyncio.sleep(COPY_SECONDS)
        stream.abandon()

    async def _ask_to_hurry(self, stream: TurnStream) -> None:
        with contextlib.suppress(CacheAway):
            await self._feed.hint(f"watch {stream.turn_id}")

    async def _take(self, principal: Principal, stream: TurnStream, *, failed: bool = False) -> None:
        """Append what the feed has. An error counts only if the turn `failed`: it may be an earlier run's."""
        try:
            key = await self._services.engine.keys.data_key(principal)
            batches = await self._feed.read(feed_key_of(principal.tenant_id, stream.turn_id), stream.last_id)
        except (CacheAway, DeskError):
            return
        frames = _frames_of(batches, stream, key)
        for number, (event_id, one) in enumerate(frames, start=1):
            if is_error(one):
                if number < len(frames):
                    continue
                if not failed:
                    return
            stream.copy(event_id, one)

    async def _take_the_rest(self, principal: Principal, stream: TurnStream, turn: Turn) -> None:
        """The end is in the database a moment before it is in the feed, if the feed has it at all."""
        fresh = turn.finished_at is not None and datetime.now(UTC) - turn.finished_at < _FRESH
        for _ in range(_ROUNDS_AT_THE_END if fresh or stream.copied else 1):
            await self._take(principal, stream, failed=turn.problem is not None)
            if stream.ended:
                return
            await asyncio.sleep(COPY_SECONDS)

    async def _look(self, principal: Principal, stream: TurnStream) -> None:
        """If the turn is over in the database, take the rest of the feed, and else conclude without it."""
        try:
            turn = await read_turn(self._services, principal, stream.turn_id)
            if turn.state == "accepted":
                return
            await self._take_the_rest(principal, stream, turn)
            if not stream.ended:
                stream.conclude(*await stored_end(self._services, principal, turn))
        except NotFound:
            stream.conclude(Failed(problem_of(NotFound(), stream.turn_id)))
        except DeskError:
            return  # the next look may succeed


def _frames_of(batches: list[Batch], stream: TurnStream, key: DataKey) -> list[tuple[int, bytes]]:
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
