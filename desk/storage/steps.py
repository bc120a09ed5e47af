"""Steps: what each node of a turn changed, and how long it took; one sealed row a turn."""

from __future__ import annotations

from desk.domain import TurnId
from desk.storage.pool import Tx


async def get(tx: Tx, turn_id: TurnId) -> bytes | None:
    """The sealed steps of a turn, if the caller may see them."""
    cursor = await tx.execute("select steps_sealed from turn_steps where turn_id = %s", (turn_id,))
    row = await cursor.fetchone()
    return row[0] if row else None


def steps_aad(turn_id: TurnId) -> bytes:
    """What binds sealed steps to their row."""
    return b"turn_steps:" + turn_id.bytes
