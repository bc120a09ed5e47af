"""Candidates of a replay: what recorded turns are run again with, by the name that somebody gives it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import orjson

from desk.domain import Principal, Tenant
from desk.errors import InvalidInput
from desk.storage import prompt_bundles
from evals.prompt_files import PROMPT, read_prompt
from graphs.prompting.book import Shelved
from graphs.prompting.bundle import describe
from graphs.replays.recorded import Recorded, prompt_told
from graphs.services import Services
from graphs.tuning import Tuning, tuned
from prompts.choice import PromptChoice
from prompts.loader import Prompt, load_prompt
from prompts.own_intents import INTENTS
from prompts.shelf import EVERY_CHANNEL, Shelf

SAME: Final = "same"
_LABELS = frozenset({"production", "candidate", "canary"})
_BUNDLE = re.compile(r"[0-9a-f]{16}")
_VERSION = re.compile(r"([a-z][a-z0-9_]*)@(\d+)")


@dataclass(frozen=True, slots=True)
class Candidate:
    """Prompts and parameters; None = each turn's own. `notes` say what is not restored."""

    name: str
    shelf: Shelf
    prompt: Prompt | None = None
    tuning: Tuning = field(default_factory=Tuning)
    notes: tuple[str, ...] = ()
    intents: Prompt | None = None

    def prompts_for(self, recorded: Recorded) -> PromptChoice:
        """What this turn is run with."""
        # A turn that asked no model does not depend on the prompt; one whose prompt is gone will diverge.
        its_own = prompt_told(recorded, self.shelf, PROMPT) or load_prompt(PROMPT)
        choice = PromptChoice().with_prompt(self.prompt or its_own)
        intents = self.intents or prompt_told(recorded, self.shelf, INTENTS)
        return choice.with_prompt(intents) if intents else choice


async def find_candidate(services: Services, tenant: Tenant, given: str) -> Candidate:
    """As `known_candidate`, or the file of a prompt; raises InvalidInput."""
    prompt = _prompt_file(Path(given))
    if prompt is None:
        return await known_candidate(services, tenant, given)
    return Candidate(Path(given).name, (await services.book.shelved(tenant)).shelf, prompt)


def _prompt_file(path: Path) -> Prompt | None:
    return read_prompt(path) if path.is_file() else None


async def known_candidate(services: Services, tenant: Tenant, given: str) -> Candidate:
    """`same`, a bundle, `support@2`, `intents@1001`, or a label; raises InvalidInput. Reads no file."""
    shelved = await services.book.shelved(tenant)
    shelf = shelved.shelf
    if given == SAME:
        return Candidate("the bundle of each turn", shelf)
    if given in _LABELS:
        pointer = shelf.pointers(PROMPT, EVERY_CHANNEL).get(given)
        if pointer is None:
            raise InvalidInput(f"The label {given} stands nowhere.")
        return Candidate(f"{given}, {PROMPT}@{pointer.version}", shelf, _version(shelf, pointer.version))
    version = _VERSION.fullmatch(given)
    if version and version[1] == PROMPT:
        return Candidate(given, shelf, _version(shelf, int(version[2])))
    if version and version[1] == INTENTS:
        return Candidate(given, shelf, intents=_version(shelf, int(version[2]), INTENTS))
    if _BUNDLE.fullmatch(given):
        return await _bundle(services, tenant, given, shelved)
    wanted = f"{SAME}, a bundle, {PROMPT}@VERSION, {INTENTS}@VERSION or a label"
    raise InvalidInput(f"{given!r} is no candidate: say {wanted}; for the command, or a file of a prompt.")


async def _bundle(services: Services, tenant: Tenant, given: str, shelved: Shelved) -> Candidate:
    async with services.engine.database.tenant_tx(Principal(tenant.id, "worker")) as tx:
        made_of = await prompt_bundles.get(tx, tenant.id, given)
    if made_of is None:
        raise InvalidInput(f"No reply of this tenant had the bundle {given}.")
    prompt = _version(shelved.shelf, made_of["prompts"][PROMPT]["version"])
    own = made_of["prompts"].get(INTENTS)
    intents = _version(shelved.shelf, own["version"], INTENTS) if own else None
    choice = PromptChoice().with_prompt(prompt)
    choice = choice.with_prompt(intents) if intents else choice
    # As it is kept: JSON knows no tuples.
    today = orjson.loads(orjson.dumps(await describe(services, tenant, choice, shelved.mark)))
    notes = []
    if prompt.sha != made_of["prompts"][PROMPT]["sha"]:
        notes.append(f"{PROMPT}@{prompt.version} is not the text any more that the bundle had.")
    gone = [name for name in made_of if name not in {"prompts", "parameters"}]
    gone = [name for name in gone if made_of[name] != today[name]]
    if gone:
        notes.append(f"Not restored, as it is today: {', '.join(gone)}.")
    tuning = _tuning(made_of["parameters"])
    return Candidate(f"bundle {given}", shelved.shelf, prompt, tuning, tuple(notes), intents)


def _tuning(parameters: Mapping[str, Any]) -> Tuning:
    return tuned({name: value for name, value in parameters.items() if value is not None})


def _version(shelf: Shelf, version: int, name: str = PROMPT) -> Prompt:
    found = shelf.find(name, version)
    if found is None:
        raise InvalidInput(f"There is no version {version} of the prompt {name}.")
    return found
