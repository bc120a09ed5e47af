"""What a sandbox runs with instead of the real thing: it reads as a turn does, and changes nothing."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import Any

from desk.errors import ToolUnreachable
from desk.storage.effects import EffectState
from desk.tooling import HttpClient, HttpReply, Tool, ToolContext, ToolResult
from graphs.acting.ledger import Earlier, Ledger
from graphs.services import Services

WITHHELD = "A sandbox does not act; this stands for its having been done."


def harmless(services: Services) -> Services:
    """The same services for a run that must change nothing: they read, and do not write."""
    changed = copy.copy(services)
    changed.http = _ReadingHttp(services.http)
    changed.tools = {name: _reading(tool) for name, tool in services.tools.items()}
    return changed


def _reading(tool: Tool[Any]) -> Tool[Any]:
    async def refuse(_arguments: Any, _context: ToolContext) -> ToolResult:
        raise ToolUnreachable(WITHHELD)

    return replace(tool, run=refuse) if tool.writing is not None else tool


class _ReadingHttp:
    """GET alone: a POST is never sent, whatever asks for it."""

    def __init__(self, http: HttpClient) -> None:
        self._http = http

    async def get(self, url: str, *, headers: dict[str, str]) -> HttpReply:
        return await self._http.get(url, headers=headers)

    async def post(self, url: str, *, headers: dict[str, str], json: dict[str, Any]) -> HttpReply:  # noqa: ARG002
        raise ToolUnreachable(WITHHELD)


class NoLedger(Ledger):
    """Says of every effect that it was done, so that no tool is asked, and keeps nothing."""

    def __init__(self) -> None:
        self.withheld: list[str] = []

    @property
    def acted(self) -> bool:
        return False

    async def load(self) -> None:
        """There are no earlier runs."""

    def replay(self) -> None:
        return None

    async def record(self, model: str, answer: dict[str, Any]) -> None:
        """A model's answer lives as long as its run."""

    async def find(self, key: str) -> Earlier:
        self.withheld.append(key)
        return Earlier("result", {"text": WITHHELD, "data": {}, "ok": True, "spoken": None})

    async def intend(self, key: str, tool: str, request: dict[str, Any]) -> None:  # noqa: ARG002
        raise ToolUnreachable(WITHHELD)

    async def settle(self, key: str, tool: str, state: EffectState, result: dict[str, Any]) -> None:  # noqa: ARG002
        raise ToolUnreachable(WITHHELD)
