"""The live feed of handoffs: every reader of this process, on one poll of the log a tenant.

Polling, and not LISTEN/NOTIFY: a notification may be lost with its connection, so the log would be read anyway;
LISTEN needs a session of its own, which a transaction pooler does not give; and every NOTIFY takes one lock of
the whole database at commit. The log is numbered in commit order, so "all above n" misses nothing on any replica.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field

import structlog

from desk.domain import ConversationId, Principal, TenantId
from desk.errors import DeskError
from desk.storage import handoff_events
from desk.storage.handoff_events import HandoffEvent
from desk.storage.pool import Database

POLL_SECONDS = 0.5
LONGEST_BACKLOG = 1000
_PAGE = 500

log = structlog.get_logger("desk.handoffs")

Inbox = asyncio.Queue[HandoffEvent | None]


@dataclass(slots=True)
class _Channel:
    """One tenant's poll and those who read along; `began` is the number it started above."""

    task: asyncio.Task[None]
    began: asyncio.Future[int]
    readers: set[Inbox] = field(default_factory=set)


class HandoffFeed:
    """Follows the log of each tenant that has a reader here, and of no other."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._channels: dict[TenantId, _Channel] = {}

    async def follow(
        self, reader: Principal, after: int | None, conversation_id: ConversationId | None = None
    ) -> AsyncIterator[HandoffEvent]:
        """Events above `after`, first the stored, then the live ones; without `after` only what is new.

        Of one conversation, or all that the reader may see. Ends when the reader is too slow to keep up:
        it may come back with the last number it saw.
        """
        with self._subscribed(reader.tenant_id) as channel:
            inbox: Inbox = asyncio.Queue()
            began = await asyncio.shield(channel.began)
            channel.readers.add(inbox)
            seen = began if after is None else after
            async for event in self._stored(reader, seen, conversation_id):
                seen = event.number
                yield event
            while (live := await inbox.get()) is not None:
                if live.number > seen and conversation_id in (None, live.conversation_id):
                    seen = live.number
                    yield live

    @contextlib.contextmanager
    def _subscribed(self, tenant_id: TenantId) -> Iterator[_Channel]:
        ...

    async def _stored(
        self, reader: Principal, after: int, conversation_id: ConversationId | None
    ) -> AsyncIterator[HandoffEvent]:
        while True:
            async with self._database.tenant_tx(reader) as tx:
                page = await handoff_events.after(tx, after, conversation_id=conversation_id, limit=_PAGE)
            for event in page:
                yield event
            if len(page) < _PAGE:
                return
            after = page[-1].number
