"""The timer of handoffs: alarms for who waits too long, tickets for who waits past closing time."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import structlog

from desk.domain import Principal
from desk.errors import DeskError
from desk.storage import audit, handoff_events, handoffs
from desk.storage.handoff_events import EventName
from desk.storage.handoffs import Handoff
from desk.storage.pool import Tx
from graphs.handoffs.ground import Acting, TurnRunning, change_to, holding, say, situation_of
from graphs.handoffs.machine import Move, transition
from graphs.handoffs.office_hours import due_at, office_hours, spoken_time
from graphs.services import Services
from prompts.replies import phrase

_BATCH = 100
_EVENTS: dict[str, EventName] = {"sla_passed": "sla_due", "closing_time": "ticketed"}

log = structlog.get_logger("desk.handoffs")


@dataclass(frozen=True, slots=True)
class Swept:
    """How many customers were found to wait too long, and how many places in the queue became tickets."""

    late: int = 0
    ticketed: int = 0


async def sweep(services: Services, now: datetime) -> Swept:
    """Look once where somebody waits; safe to run at any time, from several processes at once.

    What goes wrong with one tenant or handoff is logged and tried again by the next sweep.
    """
    late = ticketed = 0
    async with services.engine.database.control_tx() as tx:
        found = await handoffs.list_awaited(tx, now)
    for tenant_id in found:
        try:
            tenant = await services.engine.tenants.read(tenant_id)
            acting = Acting(services, tenant, Principal(tenant.id, "worker"))
            late += await _each(acting, await _late(acting, now), _alarm, now)
            ticketed += await _each(acting, await _left_in_queue(acting, now), _make_ticket, now)
        except DeskError as error:
            log.warning("tenant_not_swept", tenant=str(tenant_id), error=type(error).__name__)
    return Swept(late, ticketed)


async def _late(acting: Acting, now: datetime) -> list[Handoff]:
    async with acting.services.engine.database.tenant_tx(acting.who) as tx:
        return await handoffs.list_late(tx, now, limit=_BATCH)


async def _left_in_queue(acting: Acting, now: datetime) -> list[Handoff]:
    if office_hours(acting.tenant.settings).is_open(now):
        return []
    async with acting.services.engine.database.tenant_tx(acting.who) as tx:
        return await handoffs.list_by_state(tx, ("queued",), limit=_BATCH)


async def _each(
    acting: Acting,
    found: list[Handoff],
    act: Callable[[Acting, Handoff, datetime], Awaitable[bool]],
    now: datetime,
) -> int:
    done = 0
    for handoff in found:
        try:
            done += await act(acting, handoff, now)
        except (DeskError, TurnRunning) as error:
            log.warning("handoff_not_swept", handoff_id=str(handoff.id), error=type(error).__name__)
    return done


async def _alarm(acting: Acting, late: Handoff, now: datetime) -> bool:
    async with holding(acting, late.id) as (tx, handoff):
        if handoff.due_at is None or handoff.due_at >= now:
            return False  # somebody answered since
        return await _move(tx, acting, handoff, "sla_passed", now)


async def _make_ticket(acting: Acting, waiting: Handoff, now: datetime) -> bool:
    async with holding(acting, waiting.id, quiet=True) as (tx, handoff):
        if not await _move(tx, acting, handoff, "closing_time", now):
            return False
        opens = spoken_time(office_hours(acting.tenant.settings).next_opening(now))
        text = phrase("handoff_ticketed", handoff.language, opens=opens)
        said = await say(tx, acting, handoff, "assistant", text)
        await handoff_events.add(tx, handoff.id, "message", said)
        return True


async def _move(
    tx: Tx, acting: Acting, handoff: Handoff, act: Literal["sla_passed", "closing_time"], now: datetime
) -> bool:
    """Make the timer's move with its audit row and its event; False when the rules see no reason any more."""
    event = _EVENTS[act]
    after = transition(situation_of(handoff), Move(act, "timer"))
    if isinstance(after, str):
        return False
    await handoffs.change(tx, handoff, change_to(after, due_at(acting.tenant.settings, now)))
    await audit.record(tx, acting.who, f"handoff.{event}", str(handoff.id))
    await handoff_events.add(tx, handoff.id, event)
    return True
