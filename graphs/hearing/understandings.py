"""The trained routers: one for each intent pack that is a file, and for each that a tenant has published."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from desk.domain import Tenant
from desk.errors import Misconfigured
from desk.models.embeddings import CACHED_LENGTH, CACHED_TEXTS, Embedder, Vectors, digest
from desk.routing.openings import is_courtesy
from desk.routing.router import ACCEPT_FROM, Decision, Example, Router
from desk.tooling import Tool
from prompts.choice import PromptChoice
from prompts.intents import IntentPack, load_intents
from prompts.loader import Prompt
from prompts.own_intents import INTENTS, pack_of

# About a megabyte each; one that was dropped is trained again when it is asked for.
_KEPT = 64


@dataclass(frozen=True, slots=True)
class Understanding:
    """An intent pack with the router that was trained on its examples.

    Most of what a canned reply answers is short and was written before, word for word: its decision is
    remembered, by a digest, as the embedding model remembers its vector. `courteous` intents have greetings,
    thanks and the like among their examples: who says such a thing wishes for nothing by it.
    """

    pack: IntentPack
    router: Router
    decided: dict[bytes, Decision] = field(default_factory=dict, repr=False)
    proven: dict[float, float | None] = field(default_factory=dict, repr=False)
    courteous: frozenset[str] = frozenset()

    def spelled(self, text: str) -> str:
        """A text as the router reads it, without misspelled words: what is embedded and decided on."""
        return self.router.spelled(text)

    def route(self, text: str, vector: Vectors) -> Decision:
        """The router's decision for a text, as `spelled` reads it, and its vector (d,) of length 1."""
        if len(text) > CACHED_LENGTH:
            return self.router.route(text, vector)
        key = digest(text)
        known = self.decided.get(key)
        if known is None:
            known = self.router.route(text, vector)
            if len(self.decided) >= CACHED_TEXTS:
                self.decided.clear()
            self.decided[key] = known
        return known

    def proven_from(self, error: float) -> float | None:
        """From which confidence on a promised share of wrong answers is proven, at least the usual one.

        None where the pack's examples prove it at no confidence.
        """
        if error not in self.proven:
            found = self.router.proof.threshold(error)
            # Every threshold from the proven one upwards was proven on the way down to it.
            self.proven[error] = None if found is None else max(found, ACCEPT_FROM)
        return self.proven[error]


class Understandings:
    """What this process has trained; an intent that does something must name one of `tools` that can."""

    def __init__(self, embedder: Embedder, tools: Mapping[str, Tool[Any]]) -> None:
        self._embedder = embedder
        self._tools = tools
        self._of_files: dict[str, Understanding] = {}
        self._own: dict[str, Understanding] = {}
        self._training = asyncio.Lock()

    async def of(self, tenant: Tenant, choice: PromptChoice) -> Understanding:
        """The one that a turn has: of the intents that were chosen for it, else of its tenant's file.

        Trained at its first use, in about a second; raises Misconfigured for a pack that there is not.
        """
        own = choice.chosen.get(INTENTS)
        if own is not None:
            return self._own.get(own.prompt.sha) or await self._trained(own.prompt)
        return await self.of_file(tenant.settings.intent_pack)

    async def of_file(self, name: str) -> Understanding:
        """That of a file; trained once, also when the first customers of a pack come all at once."""
        known = self._of_files.get(name)
        if known is None:
            async with self._training:
                known = self._of_files.get(name) or await self._train(load_intents(name))
                self._of_files[name] = known
        return known

    async def prepare(self, prompts: Sequence[Prompt]) -> None:
        """Train what customers are about to get, so that none of them waits for it."""
        for prompt in prompts:
            if prompt.sha not in self._own:
                await self._trained(prompt)

    async def _trained(self, prompt: Prompt) -> Understanding:
        async with self._training:
            known = self._own.pop(prompt.sha, None) or await self._train(pack_of(prompt))
            self._own[prompt.sha] = known
            while len(self._own) > _KEPT:
                del self._own[next(iter(self._own))]
        return known

    async def _train(self, pack: IntentPack) -> Understanding:
        for intent in pack.intents:
            tool = self._tools.get(intent.tool) if intent.tool else None
            if intent.tool and (tool is None or tool.writing is None):
                raise Misconfigured(
                    f"{pack.name}: {intent.name} names {intent.tool!r}, no tool that changes something."
                )
        examples = [Example(text, intent.name) for intent in pack.intents for text in intent.examples]
        examples += [Example(text, None) for text in pack.out_of_scope]
        vectors = await self._embedder.embed([example.text for example in examples])
        router = await asyncio.to_thread(Router.fit, examples, vectors, self._embedder.words)
        courteous = {one.intent for one in examples if one.intent and is_courtesy(one.text)}
        return Understanding(pack, router, courteous=frozenset(courteous))
