"""Bundles: one name for everything that a reply depends on, besides what the customer says."""

from __future__ import annotations

import hashlib
from dataclasses import asdict
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import orjson

from desk.domain import Principal, Tenant
from desk.models.catalog import ModelSpec
from desk.routing.router import ACCEPT_FROM
from desk.storage import prompt_bundles
from desk.storage.tenant_marks import Mark
from graphs.services import Services
from graphs.tuning import Tuning
from prompts.choice import PromptChoice
from prompts.intents import FOLDER as FILES
from prompts.own_intents import INTENTS
from prompts.replies import FOLDER as REPLIES

_LENGTH = 16
_GRAPHS = Path(__file__).parent


async def bundle_of(services: Services, tenant: Tenant, choice: PromptChoice, mark: Mark) -> str:
    """The name of a turn's bundle, which is written down before the first reply of this process has it."""
    settings, model = tenant.settings, services.engine.model
    key = (
        tenant.id,
        model.specs if model else None,
        tuple((name, chosen.prompt.sha) for name, chosen in choice.chosen.items()),
        mark.knowledge,
        settings.intent_pack,
        settings.models,
        settings.external_models,
        settings.external_fallback,
        settings.faq_threshold,
        settings.promised_error,
        settings.http_tools,
        settings.mcp_servers,
    )
    known = services.book.named.get(key)
    if known is not None:
        return known
    made_of = await describe(services, tenant, choice, mark)
    name = name_of(made_of)
    async with services.engine.database.tenant_tx(Principal(tenant.id, "worker")) as tx:
        await prompt_bundles.note(tx, tenant.id, name, made_of)
    services.book.named[key] = name
    return name


def name_of(made_of: dict[str, Any]) -> str:
    """The bundle's name: the first 16 digits of the SHA-256 of what it is made of."""
    written = orjson.dumps(made_of, option=orjson.OPT_SORT_KEYS)
    return hashlib.sha256(written).hexdigest()[:_LENGTH]


async def describe(services: Services, tenant: Tenant, choice: PromptChoice, mark: Mark) -> dict[str, Any]:
    """What a bundle is made of, as plain data: enough to set it up again."""
    settings, parameters = tenant.settings, asdict(Tuning())
    understanding = await services.understandings.of(tenant, choice)
    return {
        "prompts": {
            name: {"version": chosen.prompt.version, "sha": chosen.prompt.sha}
            for name, chosen in sorted(choice.chosen.items())
        },
        "replies": _hash_of(sorted(REPLIES.glob("*.yaml"))),
        "models": [asdict(spec) for spec in _models(services, tenant)],
        "parameters": parameters,
        "tools": {
            name: hashlib.sha256(orjson.dumps(tool.schema(), option=orjson.OPT_SORT_KEYS)).hexdigest()
            for name, tool in sorted(services.tools_of(tenant).items())
        },
        "router": {
            "intents": understanding.pack.name,
            "intents_sha": _intents_sha(tenant, choice),
            "calibration": asdict(understanding.router.calibration),
            "accept_from": ACCEPT_FROM,
            "faq_threshold": settings.faq_threshold,
            "promised_error": settings.promised_error,
        },
        "knowledge": mark.knowledge,
        "graph": graph_version(),
        "desk": version("deskgraph"),
    }


def _intents_sha(tenant: Tenant, choice: PromptChoice) -> str:
    own = choice.chosen.get(INTENTS)
    return own.prompt.sha if own else _hash_of((FILES / f"{tenant.settings.intent_pack}.yaml",))


@lru_cache(maxsize=1)
def graph_version() -> str:
    """The hash of the source of everything that decides what happens next in a conversation."""
    return _hash_of(sorted(_GRAPHS.rglob("*.py")))


def _models(services: Services, tenant: Tenant) -> list[ModelSpec]:
    """The models that this tenant's turns may ask, in their order."""
    settings, model = tenant.settings, services.engine.model
    return [
        spec
        for spec in (model.specs if model else ())
        if (settings.models is None or spec.name in settings.models)
        and (settings.external_models or not spec.external)
    ]


def _hash_of(paths: list[Path] | tuple[Path, ...]) -> str:
    whole = hashlib.sha256()
    for path in paths:
        whole.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return whole.hexdigest()
