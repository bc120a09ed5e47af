"""Asking: a measurement puts one question to the configured model, under a tenant's rules and budget."""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import aclosing
from dataclasses import dataclass, replace
from functools import partial

import orjson

from desk.domain import Principal, Tenant, TurnId, new_id
from desk.errors import ModelUnavailable
from desk.models.answer import CHARACTERS_PER_TOKEN
from desk.models.fallback import FallbackModel
from desk.models.port import Finished, ModelRequest
from desk.privacy.egress import check_egress
from desk.privacy.pseudonyms import scrub
from desk.privacy.vaults import Vault
from desk.storage import budgets
from evals.playing import ISSUER
from graphs.services import Services
from prompts.loader import Prompt

MOST_TOKENS = 300
# What a text could use to pretend that it has ended and the instructions go on.
_FENCE = re.compile(r"</?\s*\w+\s*>")


class OverBudget(ModelUnavailable):
    """The tenant's budget has no room for the question."""

    detail = "The tenant's budget has no room for this question to a model."


@dataclass(frozen=True, slots=True)
class Told:
    """What the model said, in pseudonyms; the vault that restores them; which model it was."""

    text: str
    vault: Vault
    model: str


@dataclass(frozen=True, slots=True)
class Asker:
    """Asks for a tenant: it pays, and its rules on external models hold."""

    services: Services
    tenant: Tenant
    model: FallbackModel

    async def ask(self, prompt: Prompt, values: Mapping[str, str]) -> Told:
        """The answer to the prompt with these values, at temperature 0.

        Personal values leave as pseudonyms. Raises ModelUnavailable, OverBudget, EgressBlocked or
        Misconfigured.
        """
        settings = self.tenant.settings
        terms = await self.services.engine.catalogue_terms(self.tenant)
        vault, hidden = Vault(), dict[str, str]()
        for name, value in values.items():
            plain = _FENCE.sub(" ", value)
            scrubbed = scrub(plain, vault, order_patterns=settings.order_patterns, allowed_terms=terms)
            hidden[name], vault = scrubbed.text, scrubbed.vault
        message = {"role": "user", "content": prompt.render(**hidden)}
        request = ModelRequest((message,), max_tokens=MOST_TOKENS, temperature=0.0)
        run, spent = TurnId(new_id()), 0.0
        await self._reserve(request, run)
        guard = partial(
            check_egress, vault=vault, order_patterns=settings.order_patterns, allowed_terms=terms
        )
        stream = self.model.stream(
            request,
            guard=guard,
            external_models=settings.external_models,
            external_fallback=settings.external_fallback,
            names=settings.models,
        )
        try:
            async with aclosing(stream) as events:
                async for event in events:
                    if isinstance(event, Finished):
                        spent = event.usage.cost_usd
                        return Told(event.text, vault, event.model)
        finally:
            await self._settle(run, spent)
        raise ModelUnavailable

    async def _reserve(self, request: ModelRequest, run: TurnId) -> None:
        """Raise OverBudget where the tenant's own budgets, not those of its customers, have no room."""
        settings = replace(self.tenant.settings, user_budget_usd_per_day=None, user_budget_usd_per_month=None)
        asked = len(orjson.dumps(request.messages)) // CHARACTERS_PER_TOKEN + 1
        most = self.model.most_usd(
            asked,
            request.max_tokens,
            settings.models,
            external_models=settings.external_models,
            external_fallback=settings.external_fallback,
        )
        if most == 0 or not budgets.are_set(settings):
            return
        engine = self.services.engine
        subject = await engine.keys.subject(self.tenant.id, ISSUER, "measurement")
        who = Principal(self.tenant.id, "user", subject)
        if await budgets.reserve(engine.database, who, settings, run, most) is not None:
            raise OverBudget

    async def _settle(self, run: TurnId, usd: float) -> None:
        if usd <= 0 and not budgets.are_set(self.tenant.settings):
            return
        worker = Principal(self.tenant.id, "worker")
        async with self.services.engine.database.tenant_tx(worker) as tx:
            await budgets.settle_run(tx, worker, run, usd)
