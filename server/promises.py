"""Promises: a tenant's promised error is taken only where its intents prove it, and else refused with why."""

from __future__ import annotations

import asyncio
import math
from dataclasses import dataclass

from desk.domain import Tenant
from desk.errors import InvalidInput
from desk.models.embeddings import load_minilm
from desk.routing.promise import RISK, STARTS
from desk.settings import Settings
from desk.storage.pool import Database
from graphs.hearing.understandings import Understanding, Understandings
from graphs.prompting.book import PromptBook
from graphs.services import Services
from prompts.choice import PromptChoice
from prompts.own_intents import INTENTS
from prompts.shelf import EVERY_CHANNEL
from tools import load_tools


@dataclass(frozen=True, slots=True)
class Promises:
    """Whether a tenant's intents prove what it promises; a process without services opens it `alone`."""

    settings: Settings
    database: Database
    services: Services | None = None

    async def check(self, tenant: Tenant) -> None:
        """Raises InvalidInput where a router that its customers get does not prove the promised error.

        Trains routers that this process has not trained, each in about a second and in a thread.
        """
        error = tenant.settings.promised_error
        if error is None:
            return
        understandings = await asyncio.to_thread(self._understandings)
        # A book of its own: the shelf of a tenant that is only being made is not to be remembered.
        shelf = (await PromptBook(self.database, understandings.prepare).shelved(tenant)).shelf
        choices = [PromptChoice().with_prompt(prompt) for prompt in shelf.labelled(INTENTS)]
        if "production" not in shelf.pointers(INTENTS, EVERY_CHANNEL):
            choices.append(PromptChoice())
        for choice in choices:
            understanding = await understandings.of(tenant, choice)
            said = await asyncio.to_thread(unproven, understanding, error)
            if said:
                raise InvalidInput(f"settings.promised_error: {said}")

    def _understandings(self) -> Understandings:
        if self.services is not None:
            return self.services.understandings
        tools = {tool.name: tool for tool in load_tools()}
        return Understandings(load_minilm(self.settings.models_path), tools)


def unproven(understanding: Understanding, error: float) -> str | None:
    """Why this share is not proven, and from how many examples on it would be; None where it is proven."""
    if understanding.proven_from(error) is not None:
        return None
    proof = understanding.router.proof
    needed = proof.needed(error)
    have = f"the {len(proof.right)} examples of {understanding.pack.name} do not prove a share of {error:g}"
    if needed is not None:
        return f"{have}; about {needed} like these would. Add examples, or promise a larger share."
    least = math.ceil(math.log(RISK / len(STARTS)) / math.log1p(-error))
    return (
        f"{have}, and more like these would not: too many are taken for another intent."
        f" It takes at least {least} that are answered without an error. Promise a larger share, or make"
        " the intents easier to tell apart."
    )
