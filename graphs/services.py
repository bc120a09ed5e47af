"""What the graph is served with: the engine, the tools, and a trained router for each intent pack."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

from langgraph.graph.state import CompiledStateGraph

from desk.bootstrap import Engine
from desk.privacy.language import detect_language
from desk.privacy.pseudonyms import Vault, scrub
from desk.routing.router import Example, Router
from desk.tooling import HttpClient, Tool
from prompts.intents import IntentPack, load_intents
from prompts.replies import LANGUAGES


@dataclass(frozen=True, slots=True)
class Understanding:
    """An intent pack with the router that was trained on its examples."""

    pack: IntentPack
    router: Router


class Services:
    """Shared by all turns of a process. `graph` is run instead of the support graph, if there is one."""

    def __init__(
        self,
        engine: Engine,
        tools: tuple[Tool[Any], ...],
        http: HttpClient,
        *,
        graph: CompiledStateGraph[Any, Any, Any, Any] | None = None,
    ) -> None:
        self.engine = engine
        self.tools = {tool.name: tool for tool in tools}
        self.http = http
        self.graph = graph
        self._understanding: dict[str, Understanding] = {}

    async def warm_up(self) -> None:
        """Load what is loaded at first use, so that neither a customer nor the event loop waits."""
        await asyncio.to_thread(_load_detectors)
        if self.engine.model is not None:
            await self.engine.model.warm()

    async def understanding(self, pack_name: str) -> Understanding:
        """The router of a pack, trained at its first use; raises Misconfigured for an unknown pack."""
        known = self._understanding.get(pack_name)
        if known is None:
            known = await self._train(load_intents(pack_name))
            self._understanding[pack_name] = known
        return known

    async def _train(self, pack: IntentPack) -> Understanding:
        examples = [Example(text, intent.name) for intent in pack.intents for text in intent.examples]
        examples += [Example(text, None) for text in pack.out_of_scope]
        vectors = await self.engine.embedder.embed([example.text for example in examples])
        return Understanding(pack, await asyncio.to_thread(Router.fit, examples, vectors))


def _load_detectors() -> None:
    detect_language("Where is the parcel that I ordered last week?", previous=None, supported=LANGUAGES)
    scrub("Call me at +44 20 7946 0958 or write to someone@example.com", Vault())
