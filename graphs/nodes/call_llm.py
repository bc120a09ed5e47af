"""call_llm: ask the model, and let its words through only as far as their claims stand in a source."""

from __future__ import annotations

from contextlib import aclosing
from functools import partial
from typing import Any

from langgraph.runtime import Runtime

from desk.errors import EgressBlocked, ModelUnavailable
from desk.events import Degraded, Token
from desk.models.port import Finished, Guard, ModelRequest, TextDelta
from desk.privacy.egress import check_egress
from desk.privacy.pseudonyms import StreamRestorer
from graphs.claims import ClaimGate, Sources
from graphs.state import Draft, TurnContext, TurnState
from prompts.loader import load_prompt
from prompts.replies import phrase, spoken_language

ANSWER_TOKENS = 400
MOST_TOOL_ROUNDS = 3


async def call_llm(state: TurnState, runtime: Runtime[TurnContext]) -> TurnState:
    """One answer of the model: text for the customer, or calls of tools."""
    context = runtime.context
    recorded = context.ledger.replay()
    if recorded is not None:
        return {
            "draft": Draft(calls=tuple(recorded["calls"])),
            "exchange": _extended(state, recorded["calls"]),
        }
    try:
        draft = await _ask(state, context)
    except (ModelUnavailable, EgressBlocked) as error:
        context.emit(Degraded(type(error).__name__, "an answer without the model"))
        return {"draft": Draft(failed=True)}
    if not draft.calls:
        return {"draft": draft}
    await context.ledger.record(context.model or "", {"calls": list(draft.calls)})
    return {"draft": draft, "exchange": _extended(state, draft.calls)}


async def _ask(state: TurnState, context: TurnContext) -> Draft:
    model = context.services.engine.model
    assert model is not None, "the edge into call_llm checks this"
    settings = context.tenant.settings
    gate, restorer = ClaimGate(sources_of(state)), StreamRestorer(context.vault)
    stream = model.stream(
        _request(state, context),
        guard=await _guard(context),
        external_models=settings.external_models,
        external_fallback=settings.external_fallback,
        on_degraded=lambda what, instead: context.emit(Degraded(what, instead)),
    )
    async with aclosing(stream) as events:
        async for event in events:
            match event:
                case TextDelta(text):
                    _show(context, restorer.feed(gate.feed(text)))
                    if gate.rejected:
                        return Draft(rejected=tuple(gate.rejected))
                case Finished():
                    return _finish(event, gate, restorer, context)
                case _:
                    pass
    raise ModelUnavailable


def _finish(finished: Finished, gate: ClaimGate, restorer: StreamRestorer, context: TurnContext) -> Draft:
    context.usage += finished.usage
    context.model = finished.model
    calls = tuple(
        {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments_json}}
        for call in finished.tool_calls
    )
    _show(context, restorer.feed(gate.finish()) + restorer.flush())
    if gate.rejected:
        return Draft(rejected=tuple(gate.rejected))
    return Draft(text=finished.text.strip(), calls=calls)


def _show(context: TurnContext, text: str) -> None:
    if text:
        context.shown += text
        context.emit(Token(text))


def _request(state: TurnState, context: TurnContext) -> ModelRequest:
    prompt = load_prompt("support")
    context.prompt = prompt.ref
    language = spoken_language(state["language"])
    system = prompt.render(
        shop_name=context.tenant.name,
        language=phrase(f"language_{language}", "en"),
        summary=state.get("summary", ""),
        passages="\n\n".join(f"[{p.source_id}] {p.title}\n{p.text}" for p in state.get("passages", ())),
    )
    exchange = state.get("exchange", ())
    rounds = sum(message["role"] == "assistant" for message in exchange)
    tools = [tool.schema() for tool in context.services.tools.values() if not tool.writes]
    return ModelRequest(
        messages=(
            {"role": "system", "content": system},
            *({"role": line["role"], "content": line["text"]} for line in state["window"]),
            *exchange,
        ),
        tools=tuple(tools) if rounds < MOST_TOOL_ROUNDS else (),
        max_tokens=ANSWER_TOKENS,
    )


def sources_of(state: TurnState) -> Sources:
    """What an answer may stand on in this turn."""
    passages = [f"{passage.title}\n{passage.text}" for passage in state.get("passages", ())]
    results = [message["content"] for message in state.get("exchange", ()) if message["role"] == "tool"]
    return Sources((*passages, *results), customer_text=state["text"])


async def _guard(context: TurnContext) -> Guard:
    return partial(
        check_egress,
        vault=context.vault,
        order_patterns=context.tenant.settings.order_patterns,
        allowed_terms=await context.services.engine.catalogue_terms(context.tenant),
    )


def _extended(state: TurnState, calls: Any) -> tuple[dict[str, Any], ...]:
    asked = {"role": "assistant", "content": None, "tool_calls": list(calls)}
    return (*state.get("exchange", ()), asked)
