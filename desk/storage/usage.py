"""Usage: the tokens and money a turn cost."""

from __future__ import annotations

from desk.domain import Principal, TurnId, Usage
from desk.storage.pool import Tx


async def add(tx: Tx, principal: Principal, turn_id: TurnId, model: str, usage: Usage) -> None:
    """Record what a model answer cost, in tokens and US dollars."""
    await tx.execute(
        "insert into usage"
        " (tenant_id, turn_id, subject_id, model, prompt_tokens, completion_tokens, cost_usd)"
        " values (%s, %s, %s, %s, %s, %s, %s)",
        (
            principal.tenant_id,
            turn_id,
            principal.subject_id,
            model,
            usage.prompt_tokens,
            usage.completion_tokens,
            usage.cost_usd,
        ),
    )
