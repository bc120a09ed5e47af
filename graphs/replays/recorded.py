"""Recorded turns: what a turn left, opened again, with the state before each of its steps."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from desk.domain import Action, Answer, Citation, Principal, Tenant, TurnId
from desk.errors import NotFound
from desk.privacy.pseudonyms import Vault, restore, scrub
from desk.privacy.sealing import DataKey
from desk.storage import conversations, steps, turns
from desk.storage.turns import Turn
from desk.tooling import Passage
from graphs.commits.inbox import open_vault
from graphs.flow import Flow
from graphs.services import Services
from graphs.state import Decided, Draft, Part, Told
from graphs.steps import START
from prompts.loader import Prompt
from prompts.own_intents import INTENTS
from prompts.shelf import Shelf

# Under which word a step notes which version of a prompt it had.
_NOTED = {"support": "prompt", INTENTS: "intents"}

Step = dict[str, Any]
State = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Recorded:
    """A turn as it was; `asked` is its raw input, for memory alone, `message` the same with pseudonyms.

    A day after the turn its input is forgotten; the message is then put together from what is kept of it, and
    nobody vouches for the customer's address. `steps` are JSON as they were kept. `start` is None for a turn
    whose steps are not kept, or not from its start: it can be looked at, and not be gone on from. `viewer` is
    who opened it.
    """

    turn: Turn
    viewer: Principal
    principal: Principal
    tenant: Tenant
    asked: dict[str, Any]
    message: str
    locale: str | None
    vault: Vault
    reply: dict[str, Any] | None
    start: State | None
    now: datetime | None
    steps: tuple[Step, ...]


async def open_turn(services: Services, viewer: Principal, tenant: Tenant, turn_id: TurnId) -> Recorded:
    """The turn, if the viewer may see it; raises NotFound."""
    async with services.engine.database.tenant_tx(viewer) as tx:
        turn = await turns.get(tx, turn_id)
        conversation = await conversations.get(tx, turn.conversation_id) if turn else None
        sealed = await steps.get(tx, turn_id)
    if turn is None or conversation is None:
        raise NotFound
    key = await services.engine.keys.data_key(Principal(tenant.id, viewer.scope, turn.subject_id))
    vault = open_vault(conversation, key)
    start, now, kept = _opened_steps(sealed, turn, key)
    asked = _opened_input(turn, key) or _remembered_input(kept, vault)
    shown = scrub(
        asked["message"],
        vault,
        order_patterns=tenant.settings.order_patterns,
        allowed_terms=await services.engine.catalogue_terms(tenant),
        guess=True,
    )
    return Recorded(
        turn,
        viewer,
        Principal(tenant.id, "user", turn.subject_id, asked["email"]),
        tenant,
        asked,
        shown.text,
        asked["locale"] or conversation.locale,
        shown.vault,
        key.open_json(turn.reply_sealed, aad=turns.reply_aad(turn.id)) if turn.reply_sealed else None,
        start,
        now,
        kept,
    )


def _opened_input(turn: Turn, key: DataKey) -> dict[str, Any] | None:
    """What came in; None once it was forgotten, a day after the turn."""
    if not turn.input_sealed:
        return None
    found: dict[str, Any] = key.open_json(turn.input_sealed, aad=turns.input_aad(turn.id))
    return found


def _remembered_input(kept: tuple[Step, ...], vault: Vault) -> dict[str, Any]:
    """The same from the steps and the vault; who vouched for the customer's address is not known any more."""
    said = next((step["update"]["text"] for step in kept if "text" in step["update"]), "")
    return {"message": restore(said, vault), "locale": None, "email": None}


def _opened_steps(
    sealed: bytes | None, turn: Turn, key: DataKey
) -> tuple[State | None, datetime | None, tuple[Step, ...]]:
    """The state at the turn's start, the moment it took for now, and its steps."""
    found = key.open_json(sealed, aad=steps.steps_aad(turn.id)) if sealed else []
    if not found or found[0]["node"] != START:
        return None, None, tuple(found)
    return found[0]["update"], datetime.fromisoformat(found[0]["noted"]["now"]), tuple(found[1:])


def states_of(recorded: Recorded, flow: Flow) -> list[State]:
    """The state before each step, and last the one after all of them; values as nodes know them."""
    states = [dict(recorded.start or {})]
    for step in recorded.steps:
        states.append(flow.folded(states[-1], typed(step["update"])))
    return states


def prompt_told(recorded: Recorded, shelf: Shelf, name: str) -> Prompt | None:
    """The version that the turn had of a prompt, as its steps say; None if it had none, or it is gone."""
    noted = (step.get("noted", {}).get(_NOTED[name]) for step in recorded.steps)
    told = next((one for one in noted if one), None)
    return shelf.find(name, told["version"]) if told else None


def typed(values: dict[str, Any]) -> dict[str, Any]:
    """JSON of a state or an update with the values as nodes know them.

    Raises KeyError, TypeError or ValueError for what cannot be one.
    """
    return {name: _TYPES[name](value) if name in _TYPES else value for name, value in values.items()}


def _answer(value: dict[str, Any]) -> Answer:
    citations = tuple(Citation(**one) for one in value.get("citations", ()))
    rest = {"citations": citations, "actions": _actions(value.get("actions", ()))}
    return Answer(**{**value, **rest, "suggestions": tuple(value.get("suggestions", ()))})


def _decided(value: dict[str, Any]) -> Decided:
    return Decided(**{**value, "places": tuple(value.get("places", ()))})


def _part(value: dict[str, Any]) -> Part:
    orders = tuple(value.get("order_ids", ()))
    return Part(**{**value, "decision": _decided(value["decision"]), "order_ids": orders})


def _told(value: dict[str, Any]) -> Told:
    answer = _answer(value["answer"]) if value["answer"] else None
    return Told(_part(value["part"]), answer, value.get("spare", False))


def _actions(value: Any) -> tuple[Action, ...]:
    return tuple(Action(**one) for one in value)


def _draft(value: dict[str, Any]) -> Draft:
    lists = {name: tuple(value.get(name, ())) for name in ("calls", "rejected")}
    return Draft(**{**value, **lists})


def _exchange(value: Any) -> tuple[dict[str, Any], ...]:
    return tuple(
        {**one, "citations": tuple(Citation(**cited) for cited in one["citations"])}
        if "citations" in one
        else dict(one)
        for one in value
    )


_TYPES: dict[str, Any] = {
    "flags": tuple,
    "decision": _decided,
    "parts": lambda value: tuple(map(_part, value)),
    "told": lambda value: tuple(map(_told, value)),
    "passages": lambda value: tuple(Passage(**one) for one in value),
    "exchange": _exchange,
    "draft": _draft,
    "offered": _actions,
    "answer": _answer,
}
