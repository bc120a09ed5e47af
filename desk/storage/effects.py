"""Effects: what a turn asked of models and tools, kept so that a second run reads instead of asking again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from desk.domain import Principal, TurnId
from desk.storage.pool import Tx

EffectKind = Literal["model", "tool"]
EffectState = Literal["intent", "result", "unknown", "unsent"]

_COLUMNS = "turn_id, ordinal, kind, name, state, key, request_sealed, result_sealed"


@dataclass(frozen=True, slots=True)
class Effect:
    """One row of the ledger; `key` is what the receiver deduplicates by."""

    turn_id: TurnId
    ordinal: int
    kind: EffectKind
    name: str
    state: EffectState
    key: str
    request_sealed: bytes
    result_sealed: bytes | None


async def put(tx: Tx, principal: Principal, effect: Effect, *, fence: int) -> None:
    """Write an effect of a running turn, or how it stands now; Fenced if another process owns the turn."""
    await tx.execute("select hold_fence(%s, %s)", (effect.turn_id, fence))
    await tx.execute(
        "insert into effects (tenant_id, turn_id, ordinal, subject_id, kind, name, state, key,"
        " request_sealed, result_sealed, fence) values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)"
        " on conflict (tenant_id, turn_id, ordinal) do update set state = excluded.state,"
        " result_sealed = excluded.result_sealed, fence = excluded.fence, finished_at = now()",
        (
            principal.tenant_id,
            effect.turn_id,
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
        f"select {_COLUMNS} from effects where turn_id = %s order by ordinal",  # noqa: S608
        (turn_id,),
    )
    return [Effect(*row) for row in await cursor.fetchall()]


async def find_by_key(tx: Tx, key: str) -> Effect | None:
    """What was asked for under a key by any of the person's turns; one with a result, if there is one."""
    cursor = await tx.execute(
        f"select {_COLUMNS} from effects where key = %s"  # noqa: S608
        " order by state = 'result' desc, created_at desc limit 1",
        (key,),
    )
    row = await cursor.fetchone()
    return Effect(*row) if row else None


def effect_aad(turn_id: TurnId, ordinal: int, part: Literal["request", "result"]) -> bytes:
    """What binds a sealed request or result to its row."""
    return f"effects.{part}:{ordinal}:".encode() + turn_id.bytes
