"""A customer who does not give up: the same key again, elsewhere, until there is a last word; all noted."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from tests.chaos.fleet import Fleet, Replica
from tests.chaos.history import LAST, Attempt, How, Sent, Talk, is_last
from tests.chaos.wire import Event, Opened, Unreached, fetch, opened

PAUSE_SECONDS = 0.1
PATIENCE_SECONDS = 90.0

Seen = Callable[[Event], object]
# What one reader has read of a turn, over all reconnects.
Reading = list[Event]


@dataclass(frozen=True, slots=True)
class Manner:
    """How a customer behaves in a turn: what they read, and after how many events they leave or cancel."""

    how: How = "stream"
    leave_after: int | None = None
    cancel_after: int | None = None
    cancel_at: Replica | None = None
    seen: Seen = lambda _event: None


STREAMING = Manner()


class Customer:
    """One person in one conversation."""

    def __init__(
        self, fleet: Fleet, talk: Talk, chance: random.Random | None = None, *, writer: int = 0
    ) -> None:
        self.talk = talk
        self._writer = writer
        self._fleet = fleet
        self._chance = chance or random.Random(talk.email)
        self._headers = fleet.headers(talk.email, talk.tenant)
        self._tasks: set[asyncio.Task[None]] = set()

    async def say(self, message: str, manner: Manner = STREAMING, *, at: Replica | None = None) -> Sent:
        """Send a message, to `at` first if it is given, and come back until it has a last word."""
        sent = Sent(str(uuid4()), message, self.talk.id, self._writer)
        self.talk.sent.append(sent)
        await self.insist(sent, manner, at=at)
        return sent

    async def insist(self, sent: Sent, manner: Manner, *, at: Replica | None = None) -> None:
        """The same message under the same key; gives up after a minute and a half."""
        until = time.monotonic() + PATIENCE_SECONDS
        told = len(sent.told)
        mine: list[Reading] = []
        while len(sent.told) == told and time.monotonic() < until:
            replica, at = at or self._anyone(), None
            if replica is not None and await self._try(sent, manner, replica, mine):
                return
            await asyncio.sleep(PAUSE_SECONDS * self._chance.uniform(0.5, 1.5))

    async def reuse(self, sent: Sent, message: str) -> int | None:
        """The status of another message under a key that is taken; None when nobody answered."""
        replica = self._anyone()
        if replica is None:
            return None
        body = _body(message, sent.conversation_id)
        headers = {**self._headers, "idempotency-key": sent.key}
        try:
            return (await fetch(replica.port, "POST", "/api/v1/chat/", body, headers)).status
        except Unreached:
            return None

    async def delete(self) -> None:
        """Delete the conversation, and insist."""
        self.talk.deleted = "perhaps"
        until = time.monotonic() + PATIENCE_SECONDS
        while self.talk.id is not None and time.monotonic() < until:
            status = await self._asked("DELETE", f"/api/v1/conversations/{self.talk.id}")
            if status in (204, 404):
                self.talk.deleted = "yes"
                return
            await asyncio.sleep(PAUSE_SECONDS)

    async def cancel(self, sent: Sent, *, at: Replica | None = None) -> None:
        """Ask for a turn to be stopped, `at` first if it is given, and insist."""
        sent.cancelled = True
        until = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < until:
            [turn_id] = sent.turn_ids
            if await self._asked("POST", f"/api/v1/turns/{turn_id}/cancel", at=at) in (202, 404):
                return
            at = None
            await asyncio.sleep(PAUSE_SECONDS)

    async def settle(self) -> None:
        """Wait for what was begun on the side."""
        await asyncio.gather(*self._tasks)

    async def _asked(self, method: str, path: str, *, at: Replica | None = None) -> int | None:
        replica = at or self._anyone()
        if replica is None:
            return None
        try:
            return (await fetch(replica.port, method, path, headers=self._headers)).status
        except Unreached:
            return None

    async def _try(self, sent: Sent, manner: Manner, replica: Replica, mine: list[Reading]) -> bool:
        """One attempt, which goes on with the last of `mine` or begins anew; whether it was the last one."""
        reading = mine[-1] if mine else []
        resumes = bool(reading) and reading[-1].name not in LAST and self._chance.random() < 0.7
        how: How = "resume" if resumes and manner.how == "stream" else manner.how
        attempt = Attempt(time.monotonic(), replica.name, how)
        sent.attempts.append(attempt)
        if how == "stream":
            reading = []
            mine.append(reading)
            sent.readings.append(reading)
        try:
            async with opened(replica.port, *self._request(sent, how, reading)) as answer:
                attempt.status, attempt.body = answer.status, answer.body
                stays = answer.status != 200 or how == "send"
                attempt.whole = stays or await self._read(sent, attempt, answer, manner, reading)
        except Unreached:
            return False
        finally:
            attempt.seconds = time.monotonic() - attempt.at
        return self._heed(attempt)

    def _request(self, sent: Sent, how: How, reading: Reading) -> tuple[str, str, Any, dict[str, str]]:
        if how == "resume":
            last = {"last-event-id": str(reading[-1].id)}
            [turn_id] = sent.turn_ids
            return "GET", f"/api/v1/turns/{turn_id}/events", None, self._headers | last
        path = "/api/v1/chat/" if how == "send" else "/api/v1/chat/stream"
        return (
            "POST",
            path,
            _body(sent.message, sent.conversation_id),
            self._headers | {"idempotency-key": sent.key},
        )

    async def _read(
        self, sent: Sent, attempt: Attempt, answer: Opened, manner: Manner, reading: Reading
    ) -> bool:
        """Whether it was read to the end, and not left before."""
        async with aclosing(answer.events()) as events:
            async for event in events:
                attempt.events.append(event)
                reading.append(event)
                self._learn(sent, event, manner, len(reading))
                if manner.leave_after is not None and len(attempt.events) > manner.leave_after:
                    return False
        return True

    def _learn(self, sent: Sent, event: Event, manner: Manner, count: int) -> None:
        manner.seen(event)
        if event.name == "accepted":
            self.talk.id = event.data["conversation_id"]
        if manner.cancel_after is not None and count > manner.cancel_after and not sent.cancelled:
            sent.cancelled = True
            task = asyncio.create_task(self.cancel(sent, at=manner.cancel_at))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    def _heed(self, attempt: Attempt) -> bool:
        """Whether there is nothing more to come."""
        if attempt.how == "send" and attempt.status == 200:
            self.talk.id = attempt.body["conversation_id"]
        if attempt.how == "send" or attempt.status not in (200, 204):
            return is_last(attempt)
        return bool(attempt.events) and attempt.events[-1].name in LAST

    def _anyone(self) -> Replica | None:
        alive = self._fleet.alive
        return self._chance.choice(alive) if alive else None


def _body(message: str, conversation_id: str | None) -> dict[str, Any]:
    return {"message": message} | ({"conversation_id": conversation_id} if conversation_id else {})
