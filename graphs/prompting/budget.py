"""The budget of a turn: what a model call may cost is kept before it, or the turn goes on without a model."""

from __future__ import annotations

from typing import cast

import orjson
import structlog

from desk.domain import Principal
from desk.errors import ModelUnavailable, Unavailable
from desk.models.answer import CHARACTERS_PER_TOKEN
from desk.models.port import ModelRequest
from desk.storage import budgets
from desk.storage.budgets import Budget, Period
from desk.telemetry.metrics import OVER_BUDGET
from graphs.state import TurnContext

log = structlog.get_logger("desk.budgets")


async def keep_budget(context: TurnContext, request: ModelRequest) -> None:
    """Keep what this call may cost at most, with what the turn has spent.

    Raises ModelUnavailable when a budget has no room for it, or nobody can tell. Without a budget, or with
    models that cost nothing, this asks nobody.
    """
    settings, engine = context.tenant.settings, context.services.engine
    if engine.model is None or not budgets.are_set(settings):
        return
    asked = orjson.dumps([request.messages, request.tools])
    most = engine.model.most_usd(
        len(asked) // CHARACTERS_PER_TOKEN + 1,
        request.max_tokens,
        settings.models,
        external_models=settings.external_models,
        external_fallback=settings.external_fallback,
    )
    if most == 0:
        return
    payer = context.payer or context.principal
    try:
        over = await budgets.reserve(
            engine.database, payer, settings, context.turn_id, context.usage.cost_usd + most
        )
        if over is not None:
            await _tell(context, over)
    except Unavailable as error:
        raise ModelUnavailable from error
    if over is not None:
        raise ModelUnavailable


async def _tell(context: TurnContext, over: Budget) -> None:
    """Count it, and let the tenant know once if it is its own budget."""
    OVER_BUDGET.labels(over).inc()
    whose, period = over.split("_")
    if whose != "tenant":
        return
    worker = Principal(context.tenant.id, "worker")
    async with context.services.engine.database.tenant_tx(worker) as tx:
        first = await budgets.raise_alarm(tx, worker, cast("Period", period))
    if first:
        log.warning("budget_exhausted", tenant=context.tenant.slug, what=period)
