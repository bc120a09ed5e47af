"""Prompts: versions, labels and what came of them, for a tenant's admins."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query
from starlette.responses import Response

from desk.errors import NotFound
from desk.storage import prompt_bundles, prompt_labels
from desk.storage.prompt_labels import LabelRow
from prompts.drafts import preview
from prompts.loader import diff_of
from server.deps import CurrentCaller, CurrentDesk
from server.openapi import answers
from server.prompting import (
    Listed,
    Move,
    add_version,
    check_draft,
    get_version,
    list_versions,
    promote,
    roll_back,
)
from server.routes.chat import json_response, person
from server.schemas import PROMPT_NAME, LabelBody, PreviewBody, PromptBody, RollbackBody
from server.shapes.prompts import (
    BundleOut,
    DiffOut,
    FullPromptVersionOut,
    LabelHistoryOut,
    LabelOut,
    PreviewOut,
    PromptsOut,
    PromptUseOut,
)

router = APIRouter(prefix="/api/v1/prompts", tags=["prompts"])

PromptName = Annotated[str, Path(pattern=PROMPT_NAME)]
Version = Annotated[int, Path(ge=1, le=1_000_000)]
BundleId = Annotated[str, Path(pattern=r"^[0-9a-f]{16}$")]


@router.get("", summary="All prompts with their versions and labels", responses=answers(PromptsOut))
async def list_prompts(desk: CurrentDesk, caller: CurrentCaller) -> Response:
    """Those that come as files and the tenant's own; the labels are the tenant's own."""
    admin = person(caller)
    async with desk.services.engine.database.tenant_tx(admin) as tx:
        found = await list_versions(tx, admin)
        labels = await prompt_labels.list_current(tx, admin.tenant_id)
    names = dict.fromkeys(one.prompt.name for one in found)
    shown = [
        {
            "name": name,
            "versions": [_shown(one) for one in found if one.prompt.name == name],
            "labels": [_label(row) for row in labels if row.name == name],
        }
        for name in names
    ]
    return json_response({"prompts": shown})


@router.get("/bundles/{bundle_id}", summary="What a bundle was made of", responses=answers(BundleOut))
async def get_bundle(bundle_id: BundleId, desk: CurrentDesk, caller: CurrentCaller) -> Response:
    """A reply names its bundle: with what is told here a past answer can be set up again."""
    admin = person(caller)
    async with desk.services.engine.database.tenant_tx(admin) as tx:
        made_of = await prompt_bundles.get(tx, admin.tenant_id, bundle_id)
    if made_of is None:
        raise NotFound
    return json_response({"id": bundle_id, "made_of": made_of})


@router.get(
    "/{prompt_name}/versions/{version}", summary="One version", responses=answers(FullPromptVersionOut)
)
async def get_prompt(
    prompt_name: PromptName, version: Version, desk: CurrentDesk, caller: CurrentCaller
) -> Response:
    """`source` is as it was written, `text` with what it takes in from others."""
    admin = person(caller)
    async with desk.services.engine.database.tenant_tx(admin) as tx:
        found = await get_version(tx, admin, prompt_name, version)
    return json_response({**_shown(found), "source": found.source, "text": found.prompt.text})


@router.post(
    "/{prompt_name}/versions",
    summary="Write the next version",
    status_code=201,
    responses=answers(FullPromptVersionOut, status=201),
)
async def write(
    prompt_name: PromptName, body: PromptBody, desk: CurrentDesk, caller: CurrentCaller
) -> Response:
    """It is never changed, and nobody is told it before a label stands there."""
    admin = person(caller)
    async with desk.services.engine.database.tenant_tx(admin) as tx:
        version = await add_version(tx, admin, prompt_name, body.text, body.notes)
        found = await get_version(tx, admin, prompt_name, version)
    return json_response({**_shown(found), "source": found.source, "text": found.prompt.text}, 201)


@router.post(
    "/{prompt_name}/preview", summary="See a prompt as it would be sent", responses=answers(PreviewOut)
)
async def show(
    prompt_name: PromptName, body: PreviewBody, desk: CurrentDesk, caller: CurrentCaller
) -> Response:
    """A text or a stored version, with these values and samples for the other variables; nothing is kept."""
    admin = person(caller)
    async with desk.services.engine.database.tenant_tx(admin) as tx:
        if body.version is not None:
            prompt: Any = (await get_version(tx, admin, prompt_name, body.version)).prompt
        else:
            prompt = await check_draft(tx, admin, prompt_name, body.text or "")
    rendered = preview(prompt, body.values)
    return json_response({"rendered": rendered, "sha": prompt.sha, "variables": list(prompt.variables)})


@router.get("/{prompt_name}/diff", summary="What changed between two versions", responses=answers(DiffOut))
async def diff(
    prompt_name: PromptName,
    desk: CurrentDesk,
    caller: CurrentCaller,
    a: Annotated[int, Query(ge=1, le=1_000_000)],
    b: Annotated[int, Query(ge=1, le=1_000_000)],
) -> Response:
    """A unified diff of what is sent; empty when it is the same."""
    admin = person(caller)
    async with desk.services.engine.database.tenant_tx(admin) as tx:
        old = await get_version(tx, admin, prompt_name, a)
        new = await get_version(tx, admin, prompt_name, b)
    return json_response({"diff": await asyncio.to_thread(diff_of, old.prompt, new.prompt)})


@router.post("/{prompt_name}/labels", summary="Put a label on a version", responses=answers(LabelOut))
async def put_label(
    prompt_name: PromptName, body: LabelBody, desk: CurrentDesk, caller: CurrentCaller
) -> Response:
    """Every process heeds it within a second; conversations that have begun stay with what they had."""
    admin = person(caller)
    move = Move(prompt_name, body.label, body.version, body.channel, body.share, body.note)
    async with desk.services.engine.database.tenant_tx(admin) as tx:
        await promote(tx, admin, move)
        rows = await prompt_labels.list_history(tx, admin.tenant_id, prompt_name)
    return json_response(_label(rows[0]))


@router.post(
    "/{prompt_name}/rollback", summary="Put a label back to where it stood", responses=answers(LabelOut, 409)
)
async def take_back(
    prompt_name: PromptName, body: RollbackBody, desk: CurrentDesk, caller: CurrentCaller
) -> Response:
    """Again goes back one further; 409 when there is nothing to take back."""
    admin = person(caller)
    async with desk.services.engine.database.tenant_tx(admin) as tx:
        await roll_back(tx, admin, prompt_name, body.label, body.channel, body.note)
        rows = await prompt_labels.list_history(tx, admin.tenant_id, prompt_name)
    return json_response(_label(rows[0]))


@router.get("/{prompt_name}/history", summary="Where the labels stood", responses=answers(LabelHistoryOut))
async def history(prompt_name: PromptName, desk: CurrentDesk, caller: CurrentCaller) -> Response:
    """The newest first."""
    admin = person(caller)
    async with desk.services.engine.database.tenant_tx(admin) as tx:
        rows = await prompt_labels.list_history(tx, admin.tenant_id, prompt_name)
    return json_response({"history": [_label(row) for row in rows]})


@router.get("/{prompt_name}/figures", summary="What came of each version", responses=answers(PromptUseOut))
async def figures(
    prompt_name: PromptName,
    desk: CurrentDesk,
    caller: CurrentCaller,
    days: Annotated[int, Query(ge=1, le=365)] = 30,
) -> Response:
    """Of turns that the prompt was sent with: handed to a person, fallbacks, ratings, tokens."""
    admin = person(caller)
    async with desk.services.engine.database.tenant_tx(admin) as tx:
        found = await prompt_bundles.figures(tx, admin.tenant_id, prompt_name, days=days)
    return json_response({"days": days, "versions": [asdict(one) for one in found]})


def _shown(one: Listed) -> dict[str, Any]:
    return {
        "name": one.prompt.name,
        "version": one.prompt.version,
        "sha": one.prompt.sha,
        "variables": list(one.prompt.variables),
        "notes": one.prompt.notes,
        "origin": one.origin,
        "author": one.author,
        "created_at": one.created_at.isoformat() if one.created_at else None,
    }


def _label(row: LabelRow) -> dict[str, Any]:
    return {**asdict(row), "at": row.at.isoformat()}
