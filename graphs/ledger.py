"""The effect ledger of one turn: a model's answer that asks for tools is recorded before the tools act."""

from __future__ import annotations

from typing import Any

from desk.domain import Principal
from desk.privacy.sealing import DataKey
from desk.storage import effects
from desk.storage.effects import Effect, effect_aad
from desk.storage.pool import Database
from desk.storage.turns import Claim


class Ledger:
    """Reads what an earlier run of this turn recorded, in order; then records what this run does."""

    def __init__(self, database: Database, principal: Principal, claim: Claim, key: DataKey) -> None:
        self._database = database
        self._principal = principal
        self._claim = claim
        self._key = key
        self._recorded: list[dict[str, Any]] = []
        self._next = 0

    async def load(self) -> None:
        """Read the rows of earlier runs; a first run has none and needs no call."""
        async with self._database.tenant_tx(self._principal) as tx:
            rows = await effects.list_for_turn(tx, self._claim.turn_id)
        self._recorded = [
            self._key.open_json(row.result_sealed, aad=self._aad(row.ordinal, "result"))
            for row in rows
            if row.kind == "model" and row.result_sealed is not None
        ]

    def replay(self) -> dict[str, Any] | None:
        """The next recorded answer, or None when this run has to ask."""
        if self._next >= len(self._recorded):
            return None
        self._next += 1
        return self._recorded[self._next - 1]

    async def record(self, model: str, answer: dict[str, Any]) -> None:
        """Commit a model's answer; raises Fenced when another process owns the turn."""
        ordinal = self._next
        effect = Effect(
            ordinal=ordinal,
            kind="model",
            name=model,
            state="result",
            key=f"{self._claim.turn_id}:{ordinal}",
            request_sealed=self._key.seal_json({}, aad=self._aad(ordinal, "request")),
            result_sealed=self._key.seal_json(answer, aad=self._aad(ordinal, "result")),
        )
        async with self._database.tenant_tx(self._principal) as tx:
            await effects.add(tx, self._principal, self._claim.turn_id, effect, fence=self._claim.fence)
        self._recorded.append(answer)
        self._next += 1

    def _aad(self, ordinal: int, part: Any) -> bytes:
        return effect_aad(self._claim.turn_id, ordinal, part)
