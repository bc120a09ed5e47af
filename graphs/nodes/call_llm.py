"""call_llm: ask the model, and let its words through only as far as their claims stand in a source."""

from __future__ import annotations

import asyncio
import re
from contextlib import aclosing
from dataclasses import asdict, dataclass
from typing import Any

import orjson
from langgraph.runtime import Runtime

from desk.domain import Usage
from desk.errors import EgressBlocked, ModelUnavailable
from desk.events import Degraded, Revised, Token
from desk.models.answer import CHARACTERS_PER_TOKEN
from desk.models.catalog import ModelSpec, cost_usd
from desk.models.port import Finished, ModelRequest, TextDelta, ToolCall
from desk.privacy.pseudonyms import StreamRestorer, restore, scrub
from graphs.grounding.claims import ClaimGate
from graphs.prompting.briefing import Briefing, brief, rounds_of
from graphs.prompting.budget import keep_budget
from graphs.state import Draft, TurnContext, TurnState

MOST_CALLS = 4
LONGEST_ARGUMENTS = 2000

_TOOL_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")


@dataclass(frozen=True, slots=True)
class _Heard:
    """What came of one request: the draft, which model wrote it, and what it cost."""

    draft: Draft
    model: str
    usage: Usage


async def call_llm(state: TurnState, runtime: Runtime[TurnContext]) -> TurnState:
    """One answer of the model: text for the customer, or calls of tools."""
    context = runtime.context
    recorded = context.ledger.replay()
    if recorded is not None:
        draft = Draft(calls=tuple(recorded["calls"]))
        return _noted(state, context, _Heard(draft, recorded["model"], Usage(**recorded["usage"])))
    try:
        async with asyncio.timeout(_seconds_left(context)):
            briefing = await brief(state, context)
            context.noted = _noted_request(briefing)
            await keep_budget(context, briefing.request)
            heard = await _ask(briefing, context, first_call=rounds_of(state) * MOST_CALLS)
    except (ModelUnavailable, EgressBlocked, TimeoutError):
        context.emit(Degraded("language model", "an answer without it"))
        return {"draft": Draft(failed=True)}
    if heard.draft.calls:
        record = {"calls": list(heard.draft.calls), "model": heard.model, "usage": asdict(heard.usage)}
        await context.ledger.record(heard.model, record)
    return _noted(state, context, heard)


def _noted_request(briefing: Briefing) -> dict[str, Any]:
    """What was asked of the model, word for word, with pseudonyms."""
    return {
        "prompt": asdict(briefing.prompt.ref),
        "messages": list(briefing.request.messages),
        "tools": [tool["function"]["name"] for tool in briefing.request.tools],
        "max_tokens": briefing.request.max_tokens,
    }


def _noted(state: TurnState, context: TurnContext, heard: _Heard) -> TurnState:
    context.model = heard.model
    context.usage += heard.usage
    if not heard.draft.calls:
        return {"draft": heard.draft}
    asked = {"role": "assistant", "content": None, "tool_calls": list(heard.draft.calls)}
    return {"draft": heard.draft, "exchange": (*state.get("exchange", ()), asked)}


async def _ask(briefing: Briefing, context: TurnContext, *, first_call: int) -> _Heard:
    """Raises ModelUnavailable when no model answered, or with nothing in it."""
    model, settings = context.services.engine.model, context.tenant.settings
    assert model is not None, "the edge into call_llm checks this"
    context.prompt = briefing.prompt.ref
    gate = ClaimGate(briefing.evidence.sources, briefing.secret)
    restorer = StreamRestorer(context.vault)
    characters = 0
    stream = model.stream(
        briefing.request,
        guard=briefing.guard,
        external_models=settings.external_models,
        external_fallback=settings.external_fallback,
        names=settings.models,
        on_degraded=lambda what, instead: context.emit(Degraded(what, instead)),
    )
    async with aclosing(stream) as events:
        async for event in events:
            if isinstance(event, TextDelta):
                characters += len(event.text)
                _show(context, restorer.feed(gate.feed(event.text)))
                if gate.rejected:
                    usage = _estimated(briefing.request, characters, model.spec)
                    return _Heard(Draft(rejected=tuple(gate.rejected)), model.spec.name, usage)
            elif isinstance(event, Finished):
                _show(context, restorer.feed(gate.finish()) + restorer.flush())
                calls = _calls(event.tool_calls, context, first_call) if briefing.request.tools else ()
                return _Heard(_drafted(event.text, calls, gate, context), event.model, event.usage)
    raise ModelUnavailable


def _drafted(text: str, calls: tuple[dict[str, Any], ...], gate: ClaimGate, context: TurnContext) -> Draft:
    if gate.rejected:
        return Draft(rejected=tuple(gate.rejected))
    if calls:
        # What a model says before it looks something up is no part of the answer.
        if context.shown:
            context.shown = ""
            context.emit(Revised(""))
        return Draft(calls=calls)
    if not text.strip():
        raise ModelUnavailable
    return Draft(text=text.strip())


def _calls(calls: tuple[ToolCall, ...], context: TurnContext, first: int) -> tuple[dict[str, Any], ...]:
    """The calls as they may be kept and sent again: named, numbered and written as the wire wants them."""
    return tuple(
        {
            "id": f"call_{number}",
            "type": "function",
            "function": {
                "name": call.name if _TOOL_NAME.fullmatch(call.name) else "unknown",
                "arguments": _arguments(call.arguments_json, context),
            },
        }
        for number, call in enumerate(calls[:MOST_CALLS], first)
    )


def _arguments(written: str, context: TurnContext) -> str:
    """A JSON object with pseudonyms; else, or if too long, an empty one, which no tool accepts."""
    try:
        fits = len(written) <= LONGEST_ARGUMENTS and isinstance(orjson.loads(written), dict)
    except orjson.JSONDecodeError:
        fits = False
    if not fits:
        return "{}"
    patterns = context.tenant.settings.order_patterns
    scrubbed = scrub(restore(written, context.vault), context.vault, order_patterns=patterns)
    context.vault = scrubbed.vault
    return scrubbed.text


def _show(context: TurnContext, text: str) -> None:
    if text:
        context.shown += text
        context.emit(Token(text))


def _seconds_left(context: TurnContext) -> float:
    """All requests of a turn share one time budget."""
    spent = sum(step["ms"] for step in context.steps if step["node"] == "call_llm") / 1000
    return float(max(0.0, context.services.engine.settings.model_timeout_seconds - spent))


def _estimated(request: ModelRequest, characters: int, spec: ModelSpec) -> Usage:
    """The tokens of an answer that was broken off: nobody counted them, but they are paid for."""
    asked = sum(len(str(message.get("content") or "")) for message in request.messages)
    prompt, completion = asked // CHARACTERS_PER_TOKEN, max(1, characters // CHARACTERS_PER_TOKEN)
    return Usage(prompt, completion, cost_usd(spec, prompt, completion))
