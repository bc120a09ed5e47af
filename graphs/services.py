"""What the graph is served with: the engine, the tools, the prompts and the trained routers."""

from __future__ import annotations

import asyncio
from typing import Any

from desk.bootstrap import Engine
from desk.domain import Tenant
from desk.privacy.language import detect_language
from desk.privacy.pseudonyms import Vault, scrub
from desk.routing.injection.detector import is_injection
from desk.tooling import HttpClient, Tool
from graphs.acting.tenant_tools import TenantTools
from graphs.flow import Flow
from graphs.hearing.understandings import Understandings
from graphs.prompting.book import PromptBook
from prompts.choice import PromptChoice
from prompts.intents import NEW_PACK
from prompts.replies import LANGUAGES


class Services:
    """Shared by all turns of a process. `flow` is run instead of the support graph's, if there is one.

    With `prompts` every turn is run with these, and not with those that its tenant's labels say.
    """

    def __init__(
        self,
        engine: Engine,
        tools: tuple[Tool[Any], ...],
        http: HttpClient,
        *,
        flow: Flow | None = None,
        prompts: PromptChoice | None = None,
    ) -> None:
        self.engine = engine
        self.tools = {tool.name: tool for tool in tools}
        self.http = http
        self.flow = flow
        self.prompts = prompts
        self.understandings = Understandings(engine.embedder, self.tools)
        self.book = PromptBook(engine.database, self.understandings.prepare)
        self._declared = TenantTools(engine.settings)

    def tools_of(self, tenant: Tenant) -> dict[str, Tool[Any]]:
        """The tools that a tenant has by name: those of the service and those that it declared."""
        return {**self._declared.of(tenant), **self.tools}

    async def aclose(self) -> None:
        """Close what tenants' tools kept open, and stop what is being prepared."""
        await self.book.aclose()
        await self._declared.aclose()

    async def warm_up(self) -> None:
        """Load what is loaded at first use, so that neither a customer nor the event loop waits."""
        await asyncio.to_thread(_load_detectors)
        await self.understandings.of_file(NEW_PACK)
        if self.engine.model is not None:
            await self.engine.model.warm()


def _load_detectors() -> None:
    is_injection("Where is my parcel?")
    detect_language("Where is the parcel that I ordered last week?", previous=None, supported=LANGUAGES)
    scrub("Call me at +44 20 7946 0958 or write to someone@example.com", Vault(), guess=True)
