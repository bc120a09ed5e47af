"""The turn queue: who runs which turn until when, under which fence, and who waits; ids only, no content.

A conversation has one running turn. A lease that is not renewed runs out, and any process may take its turn.
"""

from __future__ import annotations

from typing import Any, Literal, LiteralString

import psycopg.errors

from desk.domain import ConversationId, Principal, TurnId
from desk.storage.pool import Tx
from desk.storage.turns import LEASE_SECONDS, Claim, Turn

MOST_TRIES = 3
# A turn that costs the store its health must still come to an end: later runs are forgiven no more.
_FORGIVEN_RUNS = 20

Standing = Literal["held", "cancelled", "taken"]


async def renew(tx: Tx, claims: list[Claim]) -> dict[TurnId, Standing]:
    """Lengthen the leases, and say how each turn stands; one that has left the queue is not named."""
    cursor = await tx.execute(_RENEW, (*_held(claims), LEASE_SECONDS))
    return {TurnId(turn_id): standing for turn_id, standing in await cursor.fetchall()}


async def claim_orphans(tx: Tx, *, limit: int) -> list[Claim]:
    """Take over turns whose lease ran out, under a new and higher fence."""
    return await _claim(tx, _ORPHANS, {"limit": limit})


async def claim_waiting(tx: Tx, *, conversation_id: ConversationId | None = None, limit: int) -> list[Claim]:
    """Take the next turn of each conversation in which none runs: of one conversation, or of all."""
    try:
        async with tx.transaction():
            return await _claim(tx, _NEXT, {"limit": limit, "conversation": conversation_id})
    except psycopg.errors.UniqueViolation:
        return []  # another process took a turn of one of them at the same moment


async def claim_again(tx: Tx, claim: Claim) -> Claim | None:
    """Our own turn under a new fence, after a try that failed; None when it is not ours any more."""
    claims = await _claim(tx, _AGAIN, {"turn": claim.turn_id, "fence": claim.fence})
    return claims[0] if claims else None


async def release(tx: Tx, claims: list[Claim]) -> None:
    """Hand turns back at once: their leases end now, so that another process takes them."""
    await tx.execute(
        "update turn_queue q set lease_until = now() - interval '1 second'"
        " from unnest(%s::uuid[], %s::bigint[]) as mine (turn_id, fence)"
        " where q.turn_id = mine.turn_id and q.fence = mine.fence",
        _held(claims),
    )


async def forgive(tx: Tx, claims: list[Claim]) -> None:
    """Not count these runs as tries: what ended them was the store, which was away, and not the turn."""
    await tx.execute(
        "update turn_queue q set forgiven = least(forgiven + 1, attempts)"
        " from unnest(%s::uuid[], %s::bigint[]) as mine (turn_id, fence)"
        " where q.turn_id = mine.turn_id and q.fence >= mine.fence and q.attempts <= %s",
        (*_held(claims), _FORGIVEN_RUNS),
    )


async def forget(tx: Tx, claim: Claim) -> None:
    """Leave the queue with a turn that does not exist any more."""
    await tx.execute("delete from turn_queue where turn_id = %s and fence = %s", (claim.turn_id, claim.fence))


async def leave_waiting(tx: Tx, turn_id: TurnId) -> bool:
    """Take a turn that waits out of the queue; False when it does not wait."""
    cursor = await tx.execute(
        "delete from turn_queue where turn_id = %s and not running and attempts = 0", (turn_id,)
    )
    return cursor.rowcount == 1


async def ask_cancel(tx: Tx, turn_id: TurnId) -> None:
    """Ask whoever runs the turn to stop it; seen when the lease is renewed, at the latest."""
    await tx.execute("update turn_queue set cancelled = true where turn_id = %s", (turn_id,))


async def absent(tx: Tx, turn_ids: list[TurnId]) -> list[TurnId]:
    """Which of these turns are not in the queue: they are over, or were erased."""
    cursor = await tx.execute(
        "select id from unnest(%s::uuid[]) as asked (id)"
        " where not exists (select from turn_queue where turn_id = id)",
        (turn_ids,),
    )
    return [TurnId(turn_id) for (turn_id,) in await cursor.fetchall()]


async def replay(tx: Tx, principal: Principal, turn: Turn) -> None:
    """Queue a turn that was given up; its tries count from here, its runs go on counting."""
    await tx.execute(
        "insert into turn_queue (turn_id, tenant_id, conversation_id, subject_id, lease_until, running,"
        " attempts, forgiven) values (%s, %s, %s, %s, now(), false, %s, %s)",
        (
            turn.id,
            principal.tenant_id,
            turn.conversation_id,
            turn.subject_id,
            turn.attempts,
            turn.attempts,
        ),
    )


async def _claim(tx: Tx, which: LiteralString, values: dict[str, Any]) -> list[Claim]:
    cursor = await tx.execute(_CLAIM + which + _CLAIMED, {**values, "lease": LEASE_SECONDS})
    return [Claim(*row) for row in await cursor.fetchall()]


def _held(claims: list[Claim]) -> tuple[list[TurnId], list[int]]:
    return [claim.turn_id for claim in claims], [claim.fence for claim in claims]


# A turn that is absent was committed a moment ago, perhaps by us: only one under a higher fence was taken.
_RENEW = """
with mine as (
    select * from unnest(%s::uuid[], %s::bigint[]) as m (turn_id, fence)
), held as (
    update turn_queue q set lease_until = now() + make_interval(secs => %s) from mine
    where q.turn_id = mine.turn_id and q.fence = mine.fence
    returning q.turn_id, q.cancelled
)
select turn_id, case when cancelled then 'cancelled' else 'held' end from held
union all
select q.turn_id, 'taken' from turn_queue q join mine using (turn_id) where q.fence <> mine.fence
"""

_CLAIM = """
update turn_queue set running = true, fence = nextval('fences'), attempts = attempts + 1,
    lease_until = now() + make_interval(secs => %(lease)s)
where
"""

_CLAIMED = """
returning turn_id, tenant_id, conversation_id, subject_id, fence, attempts, attempts - forgiven, cancelled
"""

_ORPHANS = """
turn_id in (select turn_id from turn_queue where running and lease_until < now()
    order by accepted_at limit %(limit)s for update skip locked)
"""

_NEXT = """
not running and turn_id in (
    select turn_id from turn_queue w where not running
        and (%(conversation)s::uuid is null or conversation_id = %(conversation)s)
        and not exists (select from turn_queue o where o.conversation_id = w.conversation_id
            and (o.running or (o.accepted_at, o.turn_id) < (w.accepted_at, w.turn_id)))
    order by accepted_at limit %(limit)s for update skip locked)
"""

_AGAIN = "turn_id = %(turn)s and fence = %(fence)s"
