"""run_tools: do what the model asked, as far as the customer may; a request of a model is not a right."""

from __future__ import annotations

import asyncio
from typing import Any

import orjson
from langgraph.runtime import Runtime
from pydantic import ValidationError

from desk.errors import DeskError
from desk.events import ToolUsed
from desk.privacy.pseudonyms import restore, scrub
from desk.tooling import Tool, ToolResult
from graphs.state import Draft, TurnContext, TurnState
from graphs.toolbox import tool_context


async def run_tools(state: TurnState, runtime: Runtime[TurnContext]) -> TurnState:
    """Answer every call of the draft, so that the exchange is always whole."""
    context, calls = runtime.context, state["draft"].calls
    results = await asyncio.gather(*(_run(call["function"], context) for call in calls))
    terms = await context.services.engine.catalogue_terms(context.tenant)
    answers = [_told(call, result, context, terms) for call, result in zip(calls, results, strict=True)]
    return {"exchange": (*state.get("exchange", ()), *answers), "draft": Draft()}


def _told(
    call: dict[str, Any], result: ToolResult, context: TurnContext, terms: frozenset[str]
) -> dict[str, Any]:
    """The result as the model may read it; `citations` stay here, for the answer that stands on them."""
    patterns = context.tenant.settings.order_patterns
    scrubbed = scrub(result.text, context.vault, order_patterns=patterns, allowed_terms=terms)
    context.vault = scrubbed.vault
    answer = {"role": "tool", "tool_call_id": call["id"], "content": scrubbed.text}
    return {**answer, "citations": result.citations}


async def _run(function: dict[str, str], context: TurnContext) -> ToolResult:
    tool = context.services.tools.get(function["name"])
    if tool is None or tool.writes:
        return ToolResult("There is no such tool.", ok=False)
    context.emit(ToolUsed(tool.name, "started"))
    result = await _result(tool, function["arguments"], context)
    context.emit(ToolUsed(tool.name, "ended" if result.ok else "failed"))
    return result


async def _result(tool: Tool[Any], arguments_json: str, context: TurnContext) -> ToolResult:
    try:
        # The model only knows pseudonyms; the tool runs here and needs the values.
        given = _restored(orjson.loads(arguments_json), context)
        arguments = tool.arguments.model_validate(given)
        async with asyncio.timeout(tool.timeout_seconds):
            return await tool.run(arguments, tool_context(context, proofs=False))
    except (ValidationError, orjson.JSONDecodeError):
        return ToolResult("The arguments do not fit the tool's schema.", ok=False)
    except TimeoutError:
        return ToolResult("The tool did not answer in time.", ok=False)
    except DeskError as error:
        return ToolResult(error.detail, ok=False)


def _restored(value: Any, context: TurnContext) -> Any:
    match value:
        case str():
            return restore(value, context.vault)
        case list():
            return [_restored(item, context) for item in value]
        case dict():
            return {key: _restored(item, context) for key, item in value.items()}
        case _:
            return value
