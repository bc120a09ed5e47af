"""Traced: a committed turn as runs for the exporter, made of the recorded steps and of pseudonyms alone."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final

import orjson

from desk.domain import TurnId, new_id
from desk.privacy.egress import check_egress
from desk.privacy.pseudonyms import scrub
from desk.privacy.vaults import TOKEN, Vault
from desk.telemetry.traces import Trace
from graphs.state import TurnContext

Hide = Callable[[str], str]

_SHORTEST: Final = 4
_DECIMALS: Final = 4
_MODEL_NODES: Final = frozenset({"call_llm"})
_TOOL_NODES: Final = frozenset({"run_tools", "lookup_order", "recommend_products", "confirm_action"})
_ID = rb"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
# Ids and times of ours, which a detector could take for numbers of people.
_OURS = re.compile(
    rb'"(?:' + _ID + rb"|\d{4}-\d\d-\d\dT[\d:.]{8,15}(?:Z|\+00:00)|(?:\.?\d{8}T\d{12}Z" + _ID + rb')+)"'
)


def offer_trace(context: TurnContext, asked: str, reply: dict[str, Any]) -> None:
    """Offer the turn to the exporter, if there is one and the tenant lets anything leave.

    `asked` and `reply` hold pseudonyms. Nothing is worked out here: that is the exporter's.
    """
    exporter = context.services.engine.traces
    if exporter is None or not context.tenant.settings.external_models:
        return
    patterns = context.tenant.settings.order_patterns
    build = partial(
        _runs,
        turn_id=context.turn_id,
        began=context.now,
        asked=asked,
        reply=reply,
        steps=list(context.steps),
        tenant=context.tenant.slug,
        hide=hiding(context.vault, patterns),
    )
    exporter.offer(Trace(build, trace_guard(context.vault, patterns)))


def trace_guard(vault: Vault, order_patterns: tuple[str, ...] = ()) -> Callable[[bytes], None]:
    """The egress guard for JSON of ours: what holds a structured value, or one of the vault, stays here."""

    def check(body: bytes) -> None:
        check_egress(_OURS.sub(b'""', body), vault, order_patterns=order_patterns)

    return check


def hiding(vault: Vault, order_patterns: tuple[str, ...] = ()) -> Hide:
    """Puts pseudonyms also where the shop's own words hold a value; those that stand there stay."""
    known: dict[str, str] = {}
    held = [vault]

    def hidden(text: str) -> str:
        scrubbed = scrub(text, held[0], order_patterns=order_patterns)
        held[0] = scrubbed.vault
        return scrubbed.text

    def hide(text: str) -> str:
        if len(text) < _SHORTEST:
            return text
        if text not in known:
            known[text] = "".join(_between_tokens(text, hidden))
        return known[text]

    return hide


def hide_json(value: Any, hide: Hide) -> Any:
    """The same in every text of a JSON value; its keys stay as they are.

    Fractions are rounded: the digits of a score may be a card's by chance.
    """
    match value:
        case str():
            return hide(value)
        case float():
            return round(value, _DECIMALS)
        case list():
            return [hide_json(item, hide) for item in value]
        case dict():
            return {key: hide_json(item, hide) for key, item in value.items()}
        case _:
            return value


def run_of(
    run_id: Any, name: str, kind: str, began: datetime, ms: float, parent: dict[str, Any] | None = None
) -> dict[str, Any]:
    """A run in LangSmith's form, without what went in and came out."""
    order = f"{began:%Y%m%dT%H%M%S%f}Z{run_id}"
    return {
        "id": str(run_id),
        "trace_id": parent["trace_id"] if parent else str(run_id),
        "parent_run_id": parent["id"] if parent else None,
        "dotted_order": f"{parent['dotted_order']}.{order}" if parent else order,
        "name": name,
        "run_type": kind,
        "start_time": began.isoformat(),
        "end_time": (began + timedelta(milliseconds=ms)).isoformat(),
    }


def _between_tokens(text: str, hidden: Hide) -> Iterator[str]:
    at = 0
    for token in TOKEN.finditer(text):
        yield hidden(text[at : token.start()])
        yield token.group()
        at = token.end()
    yield hidden(text[at:])


def _runs(
    *,
    turn_id: TurnId,
    began: datetime,
    asked: str,
    reply: dict[str, Any],
    steps: list[dict[str, Any]],
    tenant: str,
    hide: Hide,
) -> list[dict[str, Any]]:
    """The turn, then its steps one after the other, each with what it noted and what it changed."""
    root = run_of(turn_id, "turn", "chain", began, reply["timings_ms"]["total"])
    told = reply["reply"]
    facts = {"tenant": tenant, "conversation_id": reply["conversation_id"], "bundle": reply["bundle"]}
    facts |= {"model": reply["model"], "usage": reply["usage"], "prompt": _prompt(reply)}
    runs = [
        {
            **root,
            "inputs": {"text": hide(asked)},
            "outputs": {"text": hide(told["text"]), "route": told["route"], "intent": told["intent"]},
            "extra": {"metadata": facts},
        }
    ]
    at = began
    for step in steps:
        runs.append(_step(step, at, root, hide))
        at += timedelta(milliseconds=step["ms"])
    return runs


def _step(step: dict[str, Any], at: datetime, root: dict[str, Any], hide: Hide) -> dict[str, Any]:
    plain = hide_json(orjson.loads(orjson.dumps(step)), hide)
    run = run_of(new_id(), step["node"], _kind(step["node"]), at, step["ms"], root)
    return {
        **run,
        "inputs": plain.get("noted", {}),
        "outputs": plain["update"] or {},
        "extra": {"metadata": {"usage": plain.get("usage")}},
    }


def _kind(node: str) -> str:
    if node in _MODEL_NODES:
        return "llm"
    return "tool" if node in _TOOL_NODES else "chain"


def _prompt(reply: dict[str, Any]) -> str | None:
    prompt = reply["prompt"]
    return f"{prompt['name']}@{prompt['version']}" if prompt else None
