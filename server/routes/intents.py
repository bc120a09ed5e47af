"""Intents: canned replies and examples as a form, whose truth is a text of the prompt `intents`."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from typing import Any, get_args

from fastapi import APIRouter
from starlette.responses import Response

from desk.errors import InvalidInput
from prompts.intent_forms import (
    Entry,
    Problem,
    problems_of,
    problems_of_none,
    put_back,
    put_none_back,
    read_pack,
    without,
)
from prompts.intents import IntentPack, IntentRoute
from prompts.replies import LANGUAGES
from server.deps import CurrentCaller
from server.openapi import answers
from server.prompting import checked_intents, doing_tools
from server.routes.chat import json_response
from server.schemas import IntentBody, IntentsBody
from server.shapes.prompts import IntentEntryOut, IntentFormOut

router = APIRouter(prefix="/api/v1/intents", tags=["prompts"])


@router.post("/form", summary="Read a text of intents as a form", responses=answers(IntentFormOut))
async def read_form(body: IntentsBody, _caller: CurrentCaller) -> Response:
    """Its intents, the messages that belong to none, and what a form has to choose from. Nothing is kept."""
    pack = await asyncio.to_thread(read_pack, body.text)
    return json_response(_form(pack))


@router.post("/entry", summary="Put what was filled in back into the text", responses=answers(IntentEntryOut))
async def write_entry(body: IntentBody, _caller: CurrentCaller) -> Response:
    """The text with the intent `name` as `intent` has it, or what is wrong with which field. Nothing is kept.

    Without `name` the intent is added, without `intent` it is taken away. With `out_of_scope` these become
    the messages that belong to none. Comments and the other intents stay as they are written.
    """
    return json_response(await asyncio.to_thread(_put_back, body))


def _put_back(body: IntentBody) -> dict[str, Any]:
    problems = _problems(body)
    if problems:
        return {"text": None, "problems": [asdict(one) for one in problems]}
    try:
        text = checked_intents(0, _changed(body)).text
    except InvalidInput as error:  # too long, or what no field of the form is to blame for
        return {"text": None, "problems": [asdict(Problem("", error.detail))]}
    return {"text": text, "problems": []}


def _problems(body: IntentBody) -> list[Problem]:
    pack = read_pack(body.text)
    if body.out_of_scope is not None:
        return problems_of_none(body.out_of_scope, pack)
    entry = _entry(body)
    return problems_of(entry, without(pack, body.name), doing_tools()) if entry else []


def _changed(body: IntentBody) -> str:
    if body.out_of_scope is not None:
        return put_none_back(body.text, body.out_of_scope)
    return put_back(body.text, body.name, _entry(body))


def _entry(body: IntentBody) -> Entry | None:
    return Entry(**body.intent.model_dump()) if body.intent else None


def _form(pack: IntentPack) -> dict[str, Any]:
    intents = [
        {
            "name": intent.name,
            "route": intent.route,
            "tool": intent.tool,
            "examples": list(intent.examples),
            "reply": dict(intent.reply),
            "suggestions": {language: list(taps) for language, taps in intent.suggestions.items()},
        }
        for intent in pack.intents
    ]
    choices = {"languages": LANGUAGES, "routes": get_args(IntentRoute), "tools": doing_tools()}
    return {"intents": intents, "out_of_scope": pack.out_of_scope, **choices}
