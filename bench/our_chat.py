"""Our side of a comparison: turns through the runner, as the server runs them."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any
from uuid import uuid4

from bench.result import BenchFailed
from bench.stage import Cast
from desk.domain import ConversationId
from desk.errors import Overloaded
from desk.events import TurnEvent
from graphs.commits.inbox import TurnRequest
from graphs.runtime.runner import TurnRunner
from graphs.streams.turn_stream import TurnStream

AGAIN_SECONDS = 0.01


class OurChat:
    """Each worker talks in a conversation of its own, and begins a new one after `talk` turns."""

    def __init__(self, cast: Cast, runner: TurnRunner, message: str, *, talk: int = 5) -> None:
        self._cast = cast
        self._runner = runner
        self._message = message
        self._talk = talk
        self._conversations: dict[int, tuple[ConversationId | None, int]] = {}

    async def turn(self, worker: int) -> str:
        """One turn; returns the text of the answer. Raises BenchFailed when the turn did.

        One that finds the tenant's line too long is asked for again, as a client would; that time counts.
        """
        conversation, done = self._conversations.get(worker, (None, self._talk))
        if done >= self._talk:
            conversation, done = None, 0
        request = TurnRequest(self._message, str(uuid4()), conversation)
        stream = await self._submit(request)
        self._conversations[worker] = (stream.conversation_id, done + 1)
        outcome = await stream.outcome()
        if stream.failed:
            raise BenchFailed(f"Our turn failed: {outcome['detail']}")
        return str(outcome["reply"]["text"])

    async def _submit(self, request: TurnRequest) -> TurnStream:
        while True:
            with suppress(Overloaded):
                return await self._runner.submit(self._cast.principal, self._cast.tenant, request)
            await asyncio.sleep(AGAIN_SECONDS)


def new_runner(cast: Cast) -> TurnRunner:
    """A runner that renews no leases and takes no orphans: turns here end long before a lease does."""
    return TurnRunner(cast.services, on_end=_ignore)


def _ignore(_event: TurnEvent, _where: dict[str, Any]) -> None:
    """The server counts and logs here; a benchmark does that itself."""
