"""The live feed of handoffs: every reader of this process, on one poll of the log a tenant.

Polling, and not LISTEN/NOTIFY: a notification may be lost with its connection, so the log would be read
anyway; LISTEN needs a session of its own, which a transaction pooler does not give; and every NOTIFY takes a
lock of the whole database at commit. The log is numbered in commit order, so whoever asks for all above the
last number misses nothing, on any replica.
"""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
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
    """One tenant's poll: up to which number it has told those who read along, and how many hold on to it."""

    position: int = 0
    holders: int = 0
    ready: asyncio.Event = field(default_factory=asyncio.Event)
    inboxes: set[Inbox] = field(default_factory=set)
    task: asyncio.Task[None] | None = None

    def tell(self, events: list[HandoffEvent]) -> None:
        """Pass events on; a reader who is too far behind gets the end instead."""
        for event in events:
            self.position = event.number
            for inbox in list(self.inboxes):
                inbox.put_nowait(event)
                if inbox.qsize() > LONGEST_BACKLOG:
                    inbox.put_nowait(None)
                    self.inboxes.discard(inbox)


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
        async with self._hold(reader.tenant_id) as channel:
            inbox: Inbox = asyncio.Queue()
            channel.inboxes.add(inbox)
            try:
                seen = channel.position if after is None else after
                async for event in self._stored(reader, seen, conversation_id):
                    seen = event.number
                    yield event
                while (live := await inbox.get()) is not None:
                    if live.number > seen and conversation_id in (None, live.conversation_id):
                        seen = live.number
                        yield live
            finally:
                channel.inboxes.discard(inbox)

    @asynccontextmanager
    async def _hold(self, tenant_id: TenantId) -> AsyncIterator[_Channel]:
        """The tenant's channel, which is polled as long as anybody holds it."""
        channel = self._channels.setdefault(tenant_id, _Channel())
        channel.holders += 1
        if channel.task is None:
            poll = self._poll(tenant_id, channel)
            channel.task = asyncio.create_task(poll, context=contextvars.Context())
        try:
            await channel.ready.wait()
            yield channel
        finally:
            channel.holders -= 1
            if channel.holders == 0:
                del self._channels[tenant_id]
                channel.task.cancel()

    async def _poll(self, tenant_id: TenantId, channel: _Channel) -> None:
        worker = Principal(tenant_id, "worker")
        while True:
            try:
                async with self._database.tenant_tx(worker) as tx:
                    if channel.ready.is_set():
                        channel.tell(await handoff_events.after(tx, channel.position, limit=_PAGE))
                    else:
                        channel.position = await handoff_events.newest(tx)
                        channel.ready.set()
            except DeskError as error:
                log.warning("handoff_poll_failed", error=type(error).__name__)
            except Exception:
                log.exception("handoff_poll_crashed")
            await asyncio.sleep(POLL_SECONDS)

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
