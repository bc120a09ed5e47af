"""Prompting: how a tenant's prompts are listed, written and labelled, by route and by command alike."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from desk.domain import Principal
from desk.errors import Conflict, InvalidInput, NotFound
from desk.storage import audit, prompt_labels, prompt_versions, tenants
from desk.storage.pool import Tx
from desk.storage.prompt_labels import Label, LabelRow, Placed
from desk.storage.prompt_versions import NewVersion, StoredVersion
from graphs.prompting.book import prompt_of
from prompts.drafts import Draft, draft
from prompts.loader import Prompt, find_file, list_prompts, source_of
from prompts.own_intents import FILE_VERSION, INTENTS, file_version, own_version, pack_of
from tools import load_tools

Origin = Literal["file", "tenant"]


@dataclass(frozen=True, slots=True)
class Listed:
    """A version with where it comes from; a file has no author and no time."""

    prompt: Prompt
    origin: Origin
    source: str
    author: str | None = None
    created_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Move:
    """A label that is to stand somewhere; an empty channel is every channel."""

    name: str
    label: Label
    version: int | None
    channel: str = ""
    share: float = 0.0
    note: str = ""


async def list_versions(tx: Tx, who: Principal) -> list[Listed]:
    """Every version, of files and the tenant's own, by name and number."""
    files = [Listed(one, "file", source_of(one.name, one.version) or one.text) for one in list_prompts()]
    files += [Listed(one, "file", one.text) for one in await _file_intents(tx, who)]
    own = [_listed(one) for one in await prompt_versions.list_all(tx, who.tenant_id)]
    return sorted([*files, *own], key=lambda one: (one.prompt.name, one.prompt.version))


async def list_names(tx: Tx, who: Principal) -> list[str]:
    """The names of all prompts, of files and the tenant's own."""
    return sorted({one.prompt.name for one in await list_versions(tx, who)})


async def get_version(tx: Tx, who: Principal, name: str, version: int) -> Listed:
    """One version; raises NotFound."""
    if (name, version) == (INTENTS, FILE_VERSION):
        for one in await _file_intents(tx, who):
            return Listed(one, "file", one.text)
    if version > prompt_versions.FILES_UP_TO:
        stored = await prompt_versions.get(tx, who.tenant_id, name, version)
        if stored is not None:
            return _listed(stored)
    else:
        found = find_file(name, version)
        if found is not None:
            return Listed(found, "file", source_of(name, version) or found.text)
    raise NotFound(f"There is no version {version} of prompt {name!r}.")


async def check_draft(tx: Tx, who: Principal, name: str, source: str) -> Draft:
    """The text as a version of this prompt would be; raises InvalidInput."""
    if name == INTENTS:
        made = await asyncio.to_thread(checked_intents, 0, source)
        return Draft(name, made.text, made.text, (), made.sha)
    own = {(one.name, one.version): one.source for one in await prompt_versions.list_all(tx, who.tenant_id)}
    return draft(name, source, lambda part, of: own.get((part, of)) or source_of(part, of))


def checked_intents(version: int, source: str) -> Prompt:
    """The text as a version of intents; raises InvalidInput also for one whose tool does nothing."""
    made = own_version(version, source)
    doing = doing_tools()
    for intent in pack_of(made).intents:
        if intent.tool is not None and intent.tool not in doing:
            known = ", ".join(doing)
            raise InvalidInput(f"intents: {intent.name} names {intent.tool!r}; the tools are {known}.")
    return made


def doing_tools() -> list[str]:
    """The tools that do something, which an intent of route `action` may name."""
    return sorted(tool.name for tool in load_tools() if tool.writing is not None)


async def _file_intents(tx: Tx, who: Principal) -> list[Prompt]:
    """The intents that the tenant's settings name, which it has without its own; none for the platform."""
    tenant = await tenants.by_id(tx, who.tenant_id)
    if tenant is None or tenant.slug == tenants.PLATFORM:
        return []
    return [file_version(tenant.settings.intent_pack)]


async def add_version(tx: Tx, who: Principal, name: str, source: str, notes: str) -> int:
    """Store a text as the prompt's next version; the same text again is the version that it was."""
    made = await check_draft(tx, who, name, source)
    new = NewVersion(name, made.source, made.text, made.variables, made.sha, notes, _author(who))
    version = await prompt_versions.add(tx, who.tenant_id, new)
    await audit.record(tx, who, "prompts.written", name, {"version": version, "sha": made.sha})
    return version


async def promote(tx: Tx, who: Principal, move: Move) -> None:
    """Put a label somewhere, or take it away; raises NotFound for a version that there is not."""
    if move.version is not None:
        await get_version(tx, who, move.name, move.version)
    await prompt_labels.hold(tx, who.tenant_id, move.name)
    _check_share(move, await prompt_labels.list_current(tx, who.tenant_id))
    await _put(tx, who, move, rollback=False)


async def roll_back(
    tx: Tx, who: Principal, name: str, label: Label, channel: str, note: str
) -> LabelRow | None:
    """Put a label back to where it stood before; gives that place, None for nowhere.

    Again goes back one further. Raises Conflict when there is nothing to take back.
    """
    await prompt_labels.hold(tx, who.tenant_id, name)
    rows = await prompt_labels.list_history(tx, who.tenant_id, name, label=label, channel=channel)
    standing = _standing(rows)
    if not standing:
        raise Conflict(f"The label {label} of {name} was never put anywhere, or all of it was taken back.")
    before = standing[-2] if len(standing) > 1 else None
    version = before.version if before else None
    if version is not None:
        await get_version(tx, who, name, version)
    move = Move(name, label, version, channel, before.share if before else 0.0, note)
    await _put(tx, who, move, rollback=True)
    return before


def _standing(rows: Sequence[LabelRow]) -> list[LabelRow]:
    """What was not taken back, the oldest first."""
    standing: list[LabelRow] = []
    for row in reversed(rows):
        if not row.rollback:
            standing.append(row)
        elif standing:
            standing.pop()
    return standing


async def _put(tx: Tx, who: Principal, move: Move, *, rollback: bool) -> None:
    placed = Placed(
        move.name, move.channel, move.label, move.version, move.share, _author(who), move.note, rollback
    )
    await prompt_labels.put(tx, who.tenant_id, placed)
    act = "prompts.rolled_back" if rollback else "prompts.promoted"
    detail = {"label": move.label, "version": move.version, "channel": move.channel, "share": move.share}
    await audit.record(tx, who, act, move.name, detail)


def _check_share(move: Move, current: Sequence[LabelRow]) -> None:
    if move.version is None:
        return
    if move.label == "production":
        if move.share:
            raise InvalidInput(
                "Production has no share: it gets the conversations that no other label takes."
            )
        return
    if not 0 <= move.share <= 1 or (move.label == "canary" and move.share == 0):
        raise InvalidInput("A share is a part of the conversations: above 0, and at most 1.")
    others = sum(
        row.share
        for row in current
        if (row.name, row.channel) == (move.name, move.channel) and row.label != move.label
    )
    if others + move.share > 1:
        raise InvalidInput("Canary and candidate share more than all conversations.")


def _listed(stored: StoredVersion) -> Listed:
    return Listed(prompt_of(stored), "tenant", stored.source, stored.author, stored.created_at)


def _author(who: Principal) -> str:
    """Who the audit would name."""
    return str(who.subject_id or who.scope)
