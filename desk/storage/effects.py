"""Effects: what a turn asked of models and tools, kept so that a second run reads instead of asking again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from desk.domain import Principal, TurnId
from desk.storage.pool import Tx

EffectKind = Literal["model", "tool"]
EffectState = Literal["intent", "result", "unknown"]


@dataclass(frozen=True, slots=True)
class Effect:
    """One row of the ledger; `key` is what the receiver deduplicates by."""

    ordinal: int
    kind: EffectKind
    name: str
    state: EffectState
    key: str
    request_sealed: bytes
    result_sealed: bytes | None


async def add(tx: Tx, principal: Principal, turn_id: TurnId, effect: Effect, *, fence: int) -> None:
    """Write an effect of a running turn; nothing is written if the turn was fenced meanwhile."""
    await tx.execute("select hold_fence(%s, %s)", (turn_id, fence))
    await tx.execute(
        "insert into effects (tenant_id, turn_id, ordinal, subject_id, kind, name, state, key,"
        " request_sealed, result_sealed, fence) values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)"
        " on conflict (tenant_id, turn_id, ordinal) do update set state = excluded.state,"
        " result_sealed = excluded.result_sealed, fence = excluded.fence, finished_at = now()",
        (
            principal.tenant_id,
            turn_id,
            effect.ordinal,
            principal.subject_id,
            effect.kind,
            effect.name,
            effect.state,
            effect.key,
            effect.request_sealed,
            effect.result_sealed,
            fence,
        ),
    )


async def list_for_turn(tx: Tx, turn_id: TurnId) -> list[Effect]:
    """The turn's effects in the order in which they were asked."""
    cursor = await tx.execute(
        "select ordinal, kind, name, state, key, request_sealed, result_sealed from effects"
        " where turn_id = %s order by ordinal",
        (turn_id,),
    )
    return [Effect(*row) for row in await cursor.fetchall()]


def effect_aad(turn_id: TurnId, ordinal: int, part: Literal["request", "result"]) -> bytes:
    """What binds a sealed request or result to its row."""
    return f"effects.{part}:{ordinal}:".encode() + turn_id.bytes
