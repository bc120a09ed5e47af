"""Acting: has a confirmed action done once, and finds out what became of it when nobody heard."""

from __future__ import annotations

import asyncio
from dataclasses import asdict, replace
from typing import Any

from pydantic import BaseModel, ValidationError

from desk.errors import ToolUnavailable, ToolUnreachable
from desk.events import ToolUsed
from desk.privacy.pseudonyms import Vault, restore_json
from desk.tooling import Spoken, Tool, ToolContext, ToolResult, Trace
from graphs.acting.ledger import Ledger
from graphs.acting.toolbox import tool_context
from graphs.state import Offer, TurnContext


class EffectUnknown(Exception):
    """Nobody can tell whether it was done, or it was done more than once: a person must look."""


async def perform(offer: Offer, tool: Tool[Any], context: TurnContext) -> ToolResult:
    """Have the action done under its own id, whatever happened to earlier tries; its result.

    Raises EffectUnknown, and ToolUnreachable when nothing was asked for and it may be confirmed again.
    """
    context.brake.release()
    context.emit(ToolUsed(tool.name, "started"))
    try:
        result = await _once(offer, tool, context)
    except (EffectUnknown, ToolUnreachable):
        context.emit(ToolUsed(tool.name, "failed"))
        raise
    context.emit(ToolUsed(tool.name, "ended" if result.ok else "failed"))
    return result


def arguments_of(tool: Tool[Any], given: dict[str, Any], vault: Vault) -> BaseModel | None:
    """The arguments with the values behind their pseudonyms; None when they do not fit the tool."""
    try:
        arguments: BaseModel = tool.arguments.model_validate(restore_json(given, vault))
    except ValidationError:
        return None
    return arguments


async def _once(offer: Offer, tool: Tool[Any], context: TurnContext) -> ToolResult:
    ledger, key = context.ledger, offer["id"]
    earlier = await ledger.find(key)
    if earlier is not None and earlier.state == "result" and earlier.result is not None:
        return _read(earlier.result)
    call = _Call(offer, tool, context, ledger)
    if earlier is None or earlier.state == "unsent":
        await ledger.intend(key, tool.name, offer["arguments"])
        return await call.make()
    return await call.reconcile()


class _Call:
    """One effect: how it is asked for, and how it is asked about."""

    def __init__(self, offer: Offer, tool: Tool[Any], context: TurnContext, ledger: Ledger) -> None:
        self._key = offer["id"]
        self._tool = tool
        self._ledger = ledger
        self._arguments = arguments_of(tool, offer["arguments"], context.vault)
        self._context: ToolContext = replace(tool_context(context, proofs=False), effect_key=self._key)

    async def make(self) -> ToolResult:
        """Ask for it; if there is no answer, find out."""
        try:
            result = await self._ask()
        except ToolUnreachable:
            await self._ledger.settle(self._key, self._tool.name, "unsent", {})
            raise
        except (ToolUnavailable, TimeoutError):
            return await self.reconcile()
        return await self._settle(result)

    async def reconcile(self) -> ToolResult:
        """Ask the receiver what was done; ask again for what was surely not, and give up on the rest."""
        trace = await self._trace()
        if trace.times == 0:
            try:
                return await self._settle(await self._ask(), check=True)
            except (ToolUnavailable, TimeoutError):
                trace = await self._trace()
        if trace.times == 1 and trace.result is not None:
            return await self._settle(trace.result)
        return await self._give_up()

    async def _ask(self) -> ToolResult:
        if self._arguments is None:  # the tool has changed since the offer
            return ToolResult("The arguments do not fit the tool.", ok=False, spoken=Spoken("action_gone"))
        async with asyncio.timeout(self._tool.timeout_seconds):
            result: ToolResult = await self._tool.run(self._arguments, self._context)
            return result

    async def _trace(self) -> Trace:
        assert self._tool.writing is not None
        try:
            async with asyncio.timeout(self._tool.timeout_seconds):
                return await self._tool.writing.trace(self._context)
        except (ToolUnavailable, TimeoutError):
            return Trace(None)

    async def _settle(self, result: ToolResult, *, check: bool = False) -> ToolResult:
        """Keep the result; a second request may have met the first one on its way, so look whether it did."""
        if check and result.ok and (await self._trace()).times != 1:
            return await self._give_up()
        await self._ledger.settle(self._key, self._tool.name, "result", _written(result))
        return result

    async def _give_up(self) -> ToolResult:
        await self._ledger.settle(self._key, self._tool.name, "unknown", {})
        raise EffectUnknown


def _written(result: ToolResult) -> dict[str, Any]:
    spoken = asdict(result.spoken) if result.spoken else None
    return {"text": result.text, "data": result.data, "ok": result.ok, "spoken": spoken}


def _read(kept: dict[str, Any]) -> ToolResult:
    spoken = Spoken(**kept["spoken"]) if kept["spoken"] else None
    return ToolResult(kept["text"], kept["data"], ok=kept["ok"], spoken=spoken)
