"""Nonsense at every door.

Schemathesis draws requests from the API's own description, half of them as it says and half of them not, for
every operation and every caller in turn, and for the routes that the description leaves out. No answer is a
5xx, every error is `application/problem+json` with exactly the fields that are described, and none of them
shows a stack, a statement or a path.
"""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.errors import HypothesisException
from pydantic import BaseModel, ConfigDict, ValidationError
from schemathesis import Case as AnyCase
from schemathesis import GenerationMode
from schemathesis.core.result import Ok
from schemathesis.errors import SchemathesisError

from desk.domain import Principal
from desk.storage import api_keys
from server.access import right_of
from server.errors import MEDIA_TYPE
from server.openapi import Problem
from tests.measured.figures import Say, Section
from tests.security.doors import TWINS, UNLISTED
from tests.security.ground import Ground
from tests.security.owners import Town, build_town, visitor_headers
from tests.server.conftest import bearer

Case = AnyCase[Any]

GOAL_CASES = 20_000
CASES_EACH = 34
ROLES = ("anonymous", "visitor", "user", "agent", "admin", "service")

_TELLTALE = re.compile(
    r"Traceback|File \"|\.py\b|site-packages|psycopg|pydantic|sqlstate|"
    r"\b(?:select|insert into|update|delete from)\b.{1,80}\b(?:from|values|set|where)\b|"
    r"/(?:usr|home|root|work|tmp)/",
    re.IGNORECASE,
)
_LIVE = re.compile(r"/events$")


class _Exactly(Problem):
    model_config = ConfigDict(extra="forbid", strict=True)


@dataclass(slots=True)
class Seen:
    """What was counted and what was found."""

    statuses: Counter[int] = field(default_factory=Counter)
    crashes: list[str] = field(default_factory=list)
    ill_formed: list[str] = field(default_factory=list)
    telltales: list[str] = field(default_factory=list)


async def measure(ground: Ground, each: int, say: Say, *, goal: int = GOAL_CASES) -> Section:
    """P17's first half: `each` requests as described and as many others, at every door for every caller."""
    section = Section.of("P17", "Nonsense is refused politely", __doc__)
    town, seen = await build_town(ground), Seen()
    operations = await asyncio.to_thread(lambda: list(_operations(whole_description(ground))))
    with section.timed():
        for number, operation in enumerate(operations):
            public = right_of(operation.method.upper(), operation.path) == "public"
            for role in ROLES[:1] if public else ROLES:
                headers = await _headers(ground, town, role)
                await asyncio.to_thread(_fuzz, ground.url, operation, headers, each, number, seen)
            if number % 10 == 9:
                say(f"{number + 1} of {len(operations)} operations, {seen.statuses.total():,} requests")
    cases = seen.statuses.total()
    section.at_least("requests", cases, goal, f"{len(operations)} operations, {len(ROLES)} callers")
    errors = sum(count for status, count in seen.statuses.items() if status >= 400)
    section.none("answers of 5xx", len(seen.crashes), f"{cases:,} requests")
    section.none("errors that are not as described", len(seen.ill_formed), f"{errors:,} errors")
    section.none("errors that show a stack, a statement or a path", len(seen.telltales), f"{errors:,} errors")
    section.notes.append(
        ", ".join(f"{count:,} x {status}" for status, count in sorted(seen.statuses.items()))
    )
    section.notes += [*seen.crashes, *seen.ill_formed, *seen.telltales][:10]
    return section


def whole_description(ground: Ground) -> dict[str, Any]:
    """The API's description, with the routes that it leaves out."""
    document: dict[str, Any] = ground.app.openapi()
    paths = dict(document["paths"])
    for (method, path), (twin_method, twin_path) in TWINS.items():
        paths[path] = {method.lower(): paths[twin_path][twin_method.lower()]}
    for (method, path), names in UNLISTED.items():
        plain = path.replace(":path}", "}")
        said = [_text(name, "query", required=False) for name in names]
        said += [_text(name, "path", required=True) for name in re.findall(r"{(\w+)}", plain)]
        paths[plain] = {
            method.lower(): {"parameters": said, "responses": {"200": {"description": "An answer"}}}
        }
    return {**document, "paths": paths}


def _text(name: str, place: str, *, required: bool) -> dict[str, Any]:
    return {"name": name, "in": place, "required": required, "schema": {"type": "string"}}


def _operations(description: Mapping[str, Any]) -> Iterator[Any]:
    schema = schemathesis.openapi.from_dict(dict(description))
    for operation in schema.get_all_operations():
        if isinstance(operation, Ok):
            yield operation.ok()


async def _headers(ground: Ground, town: Town, role: str) -> dict[str, str]:
    """Of somebody new each time: some requests end who sends them."""
    slug, name = town.tenant.slug, uuid4().hex
    if role == "anonymous":
        return {}
    if role == "visitor":
        return visitor_headers(ground, slug, name)
    if role != "service":
        return bearer(ground.issuer, f"{name}@example.com", role, slug)
    worker = Principal(town.tenant.id, "worker")
    async with ground.desk.services.engine.database.tenant_tx(worker) as tx:
        return {"x-api-key": await api_keys.create(tx, town.tenant.id, "nonsense")}


def _fuzz(url: str, operation: Any, headers: dict[str, str], each: int, number: int, seen: Seen) -> None:
    with requests.Session() as session:

        def call(case: Case) -> None:
            _judge(operation.label, _send(session, case, url, headers), seen)

        for mode in GenerationMode:
            # What has no parameters cannot be asked otherwise than it says.
            try:
                _draw(operation, mode, each, number, call)
            except (HypothesisException, SchemathesisError):
                continue


def _draw(operation: Any, mode: GenerationMode, each: int, number: int, call: Callable[[Case], None]) -> None:
    drawn = settings(
        max_examples=each,
        database=None,
        deadline=None,
        phases=(Phase.generate,),
        suppress_health_check=list(HealthCheck),
    )

    @seed(number)
    @drawn
    @given(operation.as_strategy(generation_mode=mode))
    def run(case: Case) -> None:
        call(case)

    run()


def _send(session: requests.Session, case: Case, url: str, headers: dict[str, str]) -> requests.Response:
    """The answer, read to its end unless it is a live stream, which has none."""
    asked = case.as_transport_kwargs(base_url=url)
    kept = {
        name: value
        for name, value in asked.pop("headers").items()
        if name.lower() not in ("authorization", "x-api-key", "cookie")
    }
    asked["headers"] = {**kept, **headers}
    response = session.request(**asked, stream=True, timeout=60, allow_redirects=False)
    live = _LIVE.search(str(asked["url"])) and response.status_code == 200
    if not live:
        response.content  # noqa: B018 - reads it
    response.close()
    return response


def _judge(label: str, response: requests.Response, seen: Seen) -> None:
    status = response.status_code
    seen.statuses[status] += 1
    if status < 400:
        return
    told = f"{label}: {status} {response.text[:200]!r}"
    if status >= 500:
        seen.crashes.append(told)
    try:
        problem: BaseModel = _Exactly.model_validate_json(response.content)
        fits = problem.model_dump()["status"] == status
    except ValidationError:
        fits = False
    if not fits or response.headers.get("content-type") != MEDIA_TYPE:
        seen.ill_formed.append(told)
    if _TELLTALE.search(response.text):
        seen.telltales.append(told)
