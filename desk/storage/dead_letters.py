"""Dead letters: turns that no try could end, kept for an operator to replay or drop; every act is audited."""

from __future__ import annotations

from desk.domain import Principal, TurnId
from desk.errors import NotFound
from desk.storage import audit, turn_queue, turns
from desk.storage.pool import Tx


async def replay(tx: Tx, principal: Principal, turn_id: TurnId) -> None:
    """Let the turn run again, with three new tries; raises NotFound when it is no dead letter."""
    turn = await turns.revive(tx, turn_id)
    if turn is None:
        raise NotFound
    await turn_queue.replay(tx, principal, turn)
    await audit.record(tx, principal, "turn.replay", str(turn_id), {"attempts": turn.attempts})


async def drop(tx: Tx, principal: Principal, turn_id: TurnId) -> None:
    """Delete the turn with its unanswered message; raises NotFound when it is no dead letter."""
    if not await turns.drop(tx, turn_id):
        raise NotFound
    await audit.record(tx, principal, "turn.drop", str(turn_id))
