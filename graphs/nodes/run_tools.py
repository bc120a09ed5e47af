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
from desk.tooling import ToolResult
from graphs.state import Draft, TurnContext, TurnState
from graphs.toolbox import tool_context


async def run_tools(state: TurnState, runtime: Runtime[TurnContext]) -> TurnState:
    """Answer every call of the draft, so that the exchange is always whole."""
    context = runtime.context
    answers = [await _answer(call, context) for call in state["draft"].calls]
    return {"exchange": (*state.get("exchange", ()), *answers), "draft": Draft()}


async def _answer(call: dict[str, Any], context: TurnContext) -> dict[str, Any]:
    name = call["function"]["name"]
    context.emit(ToolUsed(name, "started"))
    result = await _run(name, call["function"]["arguments"], context)
    context.emit(ToolUsed(name, "ended" if result.ok else "failed"))
    scrubbed = scrub(result.text, context.vault, order_patterns=context.tenant.settings.order_patterns)
    context.vault = scrubbed.vault
    return {"role": "tool", "tool_call_id": call["id"], "content": scrubbed.text}


async def _run(name: str, arguments_json: str, context: TurnContext) -> ToolResult:
    tool = context.services.tools.get(name)
    if tool is None or tool.writes:
        return ToolResult("There is no such tool.", ok=False)
    try:
        # The model only knows pseudonyms; the tool runs here and needs the values.
        given = _restored(orjson.loads(arguments_json or "{}"), context)
        arguments = tool.arguments.model_validate(given)
        async with asyncio.timeout(tool.timeout_seconds):
            return await tool.run(arguments, tool_context(context))
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
