"""Recorded turns as an admin sees them: every text with pseudonyms, whoever wrote it."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from typing import Any

import orjson

from desk.domain import MessageId, Principal, Tenant, TenantId
from desk.errors import DeskError
from desk.privacy.pseudonyms import Vault, hide_known, scrub
from desk.privacy.sealing import DataKey
from desk.routing.router import ACCEPT_FROM
from desk.storage import feedback
from desk.storage.turn_reviews import Listed
from desk.subjects.reading import message_or_pass, text_or_pass
from graphs.hearing.reasons import with_reasons
from graphs.replays.recorded import Recorded, Step, prompt_told, states_of
from graphs.replays.sandbox import Fork, Run, said_in
from graphs.services import Services
from graphs.tuning import PARAMETERS, Tuning
from graphs.turn import flow_of
from prompts.choice import UNSAVED, PromptChoice
from prompts.loader import load_prompt
from prompts.own_intents import INTENTS, file_version
from prompts.shelf import EVERY_CHANNEL
from server.prompting import checked_intents

PROMPT = "support"


async def shown_list(services: Services, viewer: Principal, found: list[Listed]) -> list[dict[str, Any]]:
    """Turns of a list, with what was asked and told; the texts of a person who was just erased are null."""
    keys: dict[Any, DataKey | None] = {}
    for one in found:
        if one.subject_id not in keys:
            keys[one.subject_id] = await _key(services, viewer, one)
    return [_listed(one, viewer.tenant_id, keys[one.subject_id]) for one in found]


async def shown_turn(services: Services, recorded: Recorded) -> dict[str, Any]:
    """The turn with its steps, each with its input and its output, and what may be changed of it."""
    choice = await recorded_choice(services, recorded)
    kept = await with_reasons(services, recorded.tenant, choice, said_in(recorded), list(recorded.steps))
    return await asyncio.to_thread(_shown_turn, services, recorded, choice, kept)


async def shown_run(services: Services, recorded: Recorded, fork: Fork, run: Run) -> dict[str, Any]:
    """What came of a run in the sandbox, with the router's reasons."""
    said = said_in(recorded, fork)
    steps = await with_reasons(services, recorded.tenant, fork.prompts, said, list(run.steps))
    return await asyncio.to_thread(_shown_run, recorded, run, steps)


async def recorded_choice(services: Services, recorded: Recorded) -> PromptChoice:
    """The prompts that the turn had, as long as there are such versions; else those of today."""
    shelf = (await services.book.shelved(recorded.tenant)).shelf
    choice = await todays_choice(services, recorded.tenant)
    for name in (PROMPT, INTENTS):
        told = prompt_told(recorded, shelf, name)
        choice = choice.with_prompt(told) if told else choice
    return choice


async def todays_choice(services: Services, tenant: Tenant) -> PromptChoice:
    """What most of the tenant's customers get now."""
    shelf = (await services.book.shelved(tenant)).shelf
    choice = PromptChoice().with_prompt(load_prompt(PROMPT))
    for name in (PROMPT, INTENTS):
        production = shelf.pointers(name, EVERY_CHANNEL).get("production")
        found = shelf.find(name, production.version) if production else None
        choice = choice.with_prompt(found) if found else choice
    return choice


async def edited(choice: PromptChoice, *, prompt: str | None, intents: str | None) -> PromptChoice:
    """The choice with these texts in place of its versions; raises InvalidInput for one that cannot be."""
    if prompt is not None:
        choice = choice.with_text(PROMPT, prompt)
    if intents is not None:
        choice = choice.with_prompt(await asyncio.to_thread(checked_intents, UNSAVED, intents))
    return choice


def _shown_turn(
    services: Services, recorded: Recorded, choice: PromptChoice, kept: list[Step]
) -> dict[str, Any]:
    turn, prompt = recorded.turn, choice.prompt(PROMPT)
    own = choice.chosen.get(INTENTS)
    intents = own.prompt if own else file_version(recorded.tenant.settings.intent_pack)
    states = states_of(recorded, flow_of(services))
    steps = [{**step, "place": place, "input": _plain(states[place])} for place, step in enumerate(kept)]
    shown = {
        "id": str(turn.id),
        "conversation_id": str(turn.conversation_id),
        "state": turn.state,
        "accepted_at": turn.accepted_at.isoformat(),
        "message": recorded.message,
        "locale": recorded.locale,
        "problem": turn.problem,
        "reply": recorded.reply,
        "start": recorded.start,
        "steps": steps,
        "forkable": recorded.start is not None and bool(steps),
    }
    return {
        **_masked(shown, recorded.vault),
        "prompt": {**asdict(prompt.ref), "text": prompt.text, "variables": list(prompt.variables)},
        "intents": {**asdict(intents.ref), "text": intents.text},
        "parameters": _parameters(recorded),
    }


def _parameters(recorded: Recorded) -> dict[str, dict[str, Any]]:
    routed = next((step for step in recorded.steps if step["node"] == "route_intent"), {})
    had = {
        **asdict(Tuning()),
        "faq_threshold": recorded.tenant.settings.faq_threshold,
        "confident": routed.get("noted", {}).get("needed", ACCEPT_FROM),
    }
    return {name: {**asdict(known), "value": had[name]} for name, known in PARAMETERS.items()}


def _shown_run(recorded: Recorded, run: Run, steps: list[Step]) -> dict[str, Any]:
    reply = {name: value for name, value in run.reply.items() if name not in {"turn_id", "conversation_id"}}
    shown = {"reply": reply, "steps": steps, "tools": list(run.tools)}
    told = {"withheld": len(run.withheld), "wants_person": run.wants_person}
    return {**_masked(shown, recorded.vault), **told}


def _masked(shown: dict[str, Any], vault: Vault) -> dict[str, Any]:
    """As JSON, with what the conversation's vault knows hidden: a node that forgot to is no leak."""
    masked: dict[str, Any] = hide_known(_plain(shown), vault)
    return masked


def _plain(value: Any) -> Any:
    return orjson.loads(orjson.dumps(value))


async def _key(services: Services, viewer: Principal, one: Listed) -> DataKey | None:
    try:
        return await services.engine.keys.data_key(Principal(viewer.tenant_id, viewer.scope, one.subject_id))
    except DeskError:
        return None


def _listed(one: Listed, tenant_id: TenantId, key: DataKey | None) -> dict[str, Any]:
    def opened(message_id: MessageId | None, sealed: bytes | None) -> str | None:
        if key is None or message_id is None:
            return None
        return message_or_pass(key, sealed, tenant_id=tenant_id, row=message_id)

    return {
        "id": str(one.id),
        "conversation_id": str(one.conversation_id),
        "state": one.state,
        "route": one.route,
        "intent": one.intent,
        "accepted_at": one.accepted_at.isoformat(),
        "ms": None if one.ms is None else round(one.ms, 1),
        "model": one.model,
        "rating": one.rating,
        "tags": one.tags or [],
        "comment": _comment(one, tenant_id, key),
        "label": one.label,
        "became": one.became,
        "asked": opened(one.asked_id, one.asked_sealed),
        "told": opened(one.told_id, one.told_sealed),
    }


def _comment(one: Listed, tenant_id: TenantId, key: DataKey | None) -> str | None:
    """A customer's remark is kept as it was written, so it is masked here."""
    if key is None:
        return None
    aad = feedback.comment_aad(one.id)
    comment = text_or_pass(key, one.comment_sealed, aad=aad, what="feedback", tenant_id=tenant_id, row=one.id)
    return None if comment is None else scrub(comment, Vault(), guess=True).text
