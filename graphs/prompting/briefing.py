"""The briefing: what a model is told in a turn, with pseudonyms, and what its answer may stand on."""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass
from functools import partial
from typing import Any

from desk.domain import Citation
from desk.models.port import Guard, ModelRequest
from desk.privacy.egress import check_egress
from desk.privacy.pseudonyms import restore, scrub
from graphs.grounding.claims import Source, Sources
from graphs.grounding.leaks import Secret
from graphs.state import TurnContext, TurnState
from prompts.loader import Prompt
from prompts.replies import DEFAULT_LANGUAGE, all_phrases, phrase, spoken_language

_LONG_TEXT = 500

# What a passage could use to pretend that it has ended and the instructions go on.
_FENCE = re.compile(r"</?\s*(?:passages|summary)\s*>", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Evidence:
    """What an answer may stand on; `citations` has one for each of the sources, None for a tool's words."""

    sources: Sources
    citations: tuple[Citation | None, ...]


@dataclass(frozen=True, slots=True)
class Briefing:
    """A request, the guard that looks at its bytes, and what the answer is held against."""

    request: ModelRequest
    guard: Guard
    evidence: Evidence
    secret: Secret
    prompt: Prompt


async def brief(state: TurnState, context: TurnContext) -> Briefing:
    """The request of this round; values that it had to hide are in the context's vault from now on."""
    terms = await context.services.engine.catalogue_terms(context.tenant)
    evidence = await gather_evidence(state, context)
    said = [line["text"] for line in state["window"]]
    # Our own answers quote passages as they stand; a customer's lines hold pseudonyms already.
    said = await _hidden([restore(text, context.vault) for text in said], context)
    prompt = context.prompts.prompt("support")
    exchange = state.get("exchange", ())
    shown = evidence.sources.sources[: len(state.get("passages", ()))]
    system = _render(prompt, state, context, shown)
    request = ModelRequest(
        messages=(
            {"role": "system", "content": system},
            *(
                {"role": line["role"], "content": text}
                for line, text in zip(state["window"], said, strict=True)
            ),
            *map(_on_the_wire, exchange),
        ),
        tools=_offered(context) if rounds_of(state) < context.tuning.tool_rounds else (),
        max_tokens=context.tuning.answer_tokens,
    )
    guard = partial(
        check_egress,
        vault=context.vault,
        order_patterns=context.tenant.settings.order_patterns,
        allowed_terms=terms,
    )
    known = [source.text for source in evidence.sources.sources]
    secret = Secret(prompt.text, known=[*known, all_phrases(DEFAULT_LANGUAGE)])
    return Briefing(request, guard, evidence, secret, prompt)


async def gather_evidence(state: TurnState, context: TurnContext) -> Evidence:
    """The passages, then what the tools gave: the passages they found, or else their words."""
    citations = [passage.citation() for passage in state.get("passages", ())]
    results = [message for message in state.get("exchange", ()) if message["role"] == "tool"]
    citations += [citation for message in results for citation in message["citations"]]
    told = [message["content"] for message in results if not message["citations"]]
    parts = [part for cited in citations for part in (cited.title, cited.quote)]
    hidden = await _hidden(parts, context, shared=True)
    passages = [Source(text, title, True) for title, text in zip(hidden[::2], hidden[1::2], strict=True)]
    written = [line["text"] for line in state["window"] if line["role"] == "user"]
    outside = [Source(text, outside=True) for text in told]
    sources = Sources((*passages, *outside), customer_text="\n".join([*written, state["text"]]))
    if sources.read_before:
        sources.prepare()
    else:
        await asyncio.to_thread(sources.prepare)
    return Evidence(sources, (*citations, *(None for _ in told)))


def rounds_of(state: TurnState) -> int:
    """How often the model has asked for tools in this turn."""
    return sum(message["role"] == "assistant" for message in state.get("exchange", ()))


def _render(prompt: Prompt, state: TurnState, context: TurnContext, shown: tuple[Source, ...]) -> str:
    language = spoken_language(state["language"])
    texts = [
        f"[{passage.source_id}] {source.title}\n{source.text}"
        for passage, source in zip(state.get("passages", ()), shown, strict=True)
    ]
    values = {
        "shop_name": context.tenant.name,
        "language": phrase(f"language_{language}", "en"),
        "summary": _FENCE.sub(" ", state.get("summary", "")),
        "passages": "\n\n".join(_FENCE.sub(" ", text) for text in texts),
    }
    # A version may leave out what another one says.
    return prompt.render(**{name: values[name] for name in prompt.variables})


def _offered(context: TurnContext) -> tuple[dict[str, Any], ...]:
    return tuple(tool.schema() for tool in context.services.tools_of(context.tenant).values())


def _on_the_wire(message: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in message.items() if name != "citations"}


async def _hidden(texts: list[str], context: TurnContext, *, shared: bool = False) -> list[str]:
    """The texts with pseudonyms, also for the shop's own addresses: a guard cannot tell them apart."""
    terms = await context.services.engine.catalogue_terms(context.tenant)
    patterns = context.tenant.settings.order_patterns
    hidden = []
    for text in texts:
        scrubbed = scrub(text, context.vault, order_patterns=patterns, allowed_terms=terms, shared=shared)
        context.vault = scrubbed.vault
        hidden.append(scrubbed.text)
        if len(text) > _LONG_TEXT:
            await asyncio.sleep(0)  # others have their turn before the next one
    return hidden
