"""The effect ledger of one turn: what models and tools are asked for is recorded before it counts.

A model's answer that asks for tools is kept, so a second run reads it instead of asking again. An effect in
the customer's world is kept twice: as an intent before it is asked for, and as what came of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from desk.domain import Principal
from desk.privacy.sealing import DataKey
from desk.settings import Settings
from desk.storage import effects
from desk.storage.effects import Effect, EffectState, effect_aad
from desk.storage.pool import Database
from desk.storage.turns import Claim
from graphs.crash_points import crash_point


@dataclass(frozen=True, slots=True)
class Earlier:
    """An effect as this turn or one before it left it."""

    state: EffectState
    result: dict[str, Any] | None


class Ledger:
    """Reads what an earlier run of this turn recorded, in order; then records what this run does."""

    def __init__(
        self, settings: Settings, database: Database, principal: Principal, claim: Claim, key: DataKey
    ) -> None:
        self._settings = settings
        self._database = database
        self._principal = principal
        self._claim = claim
        self._key = key
        self._answers: list[dict[str, Any]] = []
        self._read = 0
        self._ordinals: dict[str, int] = {}

    async def load(self) -> None:
        """Read the rows of earlier runs; a first run has none and needs no call."""
        async with self._database.tenant_tx(self._principal) as tx:
            rows = await effects.list_for_turn(tx, self._claim.turn_id)
        self._ordinals = {row.key: row.ordinal for row in rows}
        self._answers = [self._result(row) or {} for row in rows if row.kind == "model"]

    @property
    def acted(self) -> bool:
        """Whether a tool was asked for something in this turn: it must be brought to its end."""
        return len(self._ordinals) > len(self._answers)

    def replay(self) -> dict[str, Any] | None:
        """The model's next recorded answer, or None when this run has to ask."""
        if self._read >= len(self._answers):
            return None
        self._read += 1
        return self._answers[self._read - 1]

    async def record(self, model: str, answer: dict[str, Any]) -> None:
        """Commit a model's answer; raises Fenced when another process owns the turn."""
        key = f"{self._claim.turn_id}:{len(self._ordinals)}"
        crash_point(self._settings, "before_record")
        await self._put("model", model, "result", key, {}, answer)
        crash_point(self._settings, "after_record")
        self._answers.append(answer)
        self._read += 1

    async def find(self, key: str) -> Earlier | None:
        """What became of an effect that was intended before, by this turn or another of this person."""
        async with self._database.tenant_tx(self._principal) as tx:
            row = await effects.find_by_key(tx, key)
        return Earlier(row.state, self._result(row)) if row else None

    async def intend(self, key: str, tool: str, request: dict[str, Any]) -> None:
        """Commit that an effect is about to be asked for; raises Fenced when the turn is another's."""
        await self._put("tool", tool, "intent", key, request, None)
        crash_point(self._settings, "effect_intended")

    async def settle(self, key: str, tool: str, state: EffectState, result: dict[str, Any]) -> None:
        """Commit what came of an effect; raises Fenced when another process owns the turn."""
        crash_point(self._settings, "effect_asked")
        await self._put("tool", tool, state, key, {}, result)
        crash_point(self._settings, "effect_settled")

    async def _put(
        self,
        kind: effects.EffectKind,
        name: str,
        state: EffectState,
        key: str,
        request: dict[str, Any],
        result: dict[str, Any] | None,
    ) -> None:
        ordinal = self._ordinals.get(key, len(self._ordinals))
        effect = Effect(
            turn_id=self._claim.turn_id,
            ordinal=ordinal,
            kind=kind,
            name=name,
            state=state,
            key=key,
            request_sealed=self._key.seal_json(request, aad=self._aad(ordinal, "request")),
            result_sealed=None
            if result is None
            else self._key.seal_json(result, aad=self._aad(ordinal, "result")),
        )
        async with self._database.tenant_tx(self._principal) as tx:
            await effects.put(tx, self._principal, effect, fence=self._claim.fence)
        self._ordinals[key] = ordinal

    def _result(self, row: Effect) -> dict[str, Any] | None:
        if row.result_sealed is None:
            return None
        result: dict[str, Any] = self._key.open_json(
            row.result_sealed, aad=effect_aad(row.turn_id, row.ordinal, "result")
        )
        return result

    def _aad(self, ordinal: int, part: Any) -> bytes:
        return effect_aad(self._claim.turn_id, ordinal, part)
