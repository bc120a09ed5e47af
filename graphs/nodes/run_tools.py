"""run_tools: do what the model asked, as far as the customer may; a request of a model is not a right."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

import orjson
from langgraph.runtime import Runtime

from desk.domain import Action
from desk.errors import DeskError
from desk.events import ToolUsed
from desk.privacy.pseudonyms import scrub
from desk.tooling import Tool, ToolResult
from graphs.acting.execution import arguments_of
from graphs.acting.offering import Refusal, offer
from graphs.acting.toolbox import tool_context
from graphs.state import Draft, TurnContext, TurnState

MOST_OFFERS = 2
OFFERED = (
    "This is now offered to the customer, who must confirm it. It has not been done: ask them whether they"
    " want it, and do not say that it is done."
)


async def run_tools(state: TurnState, runtime: Runtime[TurnContext]) -> TurnState:
    """Answer every call of the draft, so that the exchange is always whole."""
    context, calls = runtime.context, state["draft"].calls
    results = await asyncio.gather(*(_run(call["function"], state, context) for call in calls))
    terms = await context.services.engine.catalogue_terms(context.tenant)
    answers = [_told(call, ran.result, context, terms) for call, ran in zip(calls, results, strict=True)]
    actions = tuple(ran.action for ran in results if ran.action is not None)
    return {
        "exchange": (*state.get("exchange", ()), *answers),
        "draft": Draft(),
        "offered": _fresh((*state.get("offered", ()), *actions)),
    }


def _fresh(actions: tuple[Action, ...]) -> tuple[Action, ...]:
    """Each action once, the first ones if there are many: a customer is asked few questions at a time."""
    once = {(action.tool, repr(sorted(action.arguments.items()))): action for action in reversed(actions)}
    return tuple(action for action in actions if action in once.values())[:MOST_OFFERS]


def _told(
    call: dict[str, Any], result: ToolResult, context: TurnContext, terms: frozenset[str]
) -> dict[str, Any]:
    """The result as the model may read it; `citations` stay here, for the answer that stands on them."""
    patterns = context.tenant.settings.order_patterns
    scrubbed = scrub(result.text, context.vault, order_patterns=patterns, allowed_terms=terms)
    context.vault = scrubbed.vault
    answer = {"role": "tool", "tool_call_id": call["id"], "content": scrubbed.text}
    return {**answer, "citations": result.citations}


@dataclass(frozen=True, slots=True)
class _Ran:
    """What came of one call: the result, and the action that waits for the customer's yes."""

    result: ToolResult
    action: Action | None = None


async def _run(function: dict[str, str], state: TurnState, context: TurnContext) -> _Ran:
    tool = context.services.tools_of(context.tenant).get(function["name"])
    if tool is None:
        return _Ran(ToolResult("There is no such tool.", ok=False))
    if tool.writing is not None:
        return await _offer(tool, orjson.loads(function["arguments"]), state, context)
    context.emit(ToolUsed(tool.name, "started"))
    result = await _result(tool, orjson.loads(function["arguments"]), context)
    context.emit(ToolUsed(tool.name, "ended" if result.ok else "failed"))
    return _Ran(result)


async def _offer(tool: Tool[Any], given: dict[str, Any], state: TurnState, context: TurnContext) -> _Ran:
    """A model's call of a tool that changes something is a proposal: the customer decides."""
    found = await offer(tool, given, state, context, proofs=False)
    if isinstance(found, Refusal):
        return _Ran(found.result)
    return _Ran(ToolResult(f'{OFFERED} It reads: "{found.label}".'), found)


async def _result(tool: Tool[Any], given: dict[str, Any], context: TurnContext) -> ToolResult:
    # The model only knows pseudonyms; the tool runs here and needs the values.
    arguments = arguments_of(tool, given, context.vault)
    if arguments is None:
        return ToolResult("The arguments do not fit the tool's schema.", ok=False)
    try:
        async with asyncio.timeout(tool.timeout_seconds):
            result: ToolResult = await tool.run(arguments, tool_context(context, proofs=False))
            return result
    except TimeoutError:
        return ToolResult("The tool did not answer in time.", ok=False)
    except DeskError as error:
        return ToolResult(error.detail, ok=False)
