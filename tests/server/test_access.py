"""Who may call what: the table is whole, and every route obeys it for every role."""

from __future__ import annotations

import json
from typing import Any
from uuid import uuid4

import httpx
import pytest
from fastapi import FastAPI
from starlette.responses import Response

from desk.domain import Principal
from desk.errors import Misconfigured
from desk.settings import Settings
from desk.storage import api_keys, tenants
from desk.storage.pool import Database
from server.access import RIGHTS, ROUTES, refuse_unlisted, right_of, served
from server.app import build_routes
from server.issuer import WIDGET, Issuer
from tests.server.conftest import bearer

APP = build_routes(Settings().model_copy(update={"langserve": True}))
LAST = "/api/v1/auth/logout-everywhere"  # after which the same token opens nothing
CALLS = sorted(
    ((method, route.path) for method, route in served(APP) if method != "WS"),
    key=lambda call: (call[1] == LAST, call),
)


def test_the_table_names_what_is_served_and_nothing_else() -> None:
    refuse_unlisted(APP)
    offered = {(method, route.path) for method, route in served(APP)}
    assert {entry for entry in ROUTES if not entry[1].endswith("*")} <= offered


def test_no_route_takes_a_file() -> None:
    """What comes in is JSON, with no field that holds bytes."""
    described = APP.openapi()
    bodies = [
        tuple(operation["requestBody"]["content"])
        for methods in described["paths"].values()
        for operation in methods.values()
        if "requestBody" in operation
    ]
    assert len(bodies) > 10
    assert set(bodies) == {("application/json",)}
    assert '"format": "binary"' not in json.dumps(described)


def test_every_error_is_described_as_a_problem() -> None:
    described = APP.openapi()
    kinds = {
        kind
        for methods in described["paths"].values()
        for operation in methods.values()
        for status, answer in operation["responses"].items()
        if status >= "400"
        for kind in answer.get("content", {})
    }
    assert kinds == {"application/problem+json"}
    assert "HTTPValidationError" not in described["components"]["schemas"]
    assert APP.openapi() is described, "made once"


def test_a_route_that_nobody_listed_does_not_start() -> None:
    app = FastAPI()

    @app.get("/api/v1/forgotten")
    async def forgotten() -> Response:
        return Response()

    with pytest.raises(Misconfigured, match="GET /api/v1/forgotten"):
        refuse_unlisted(app)


async def headers_of(role: str, issuer: Issuer, database: Database) -> dict[str, str]:
    if role == "nobody":
        return {}
    if role == "visitor":
        claims = {"tenant": "bookshop", "role": role}
        token = issuer.sign_claims("visitor:1", claims, seconds=600, typ="at+jwt", azp=WIDGET)
        return {"authorization": f"Bearer {token}"}
    if role != "service":
        where = "platform" if role == "platform" else "bookshop"
        return bearer(issuer, f"{role}@example.com", role, where)
    async with database.control_tx() as tx:
        tenant = await tenants.by_slug(tx, "bookshop")
    assert tenant is not None
    async with database.tenant_tx(Principal(tenant.id, "worker")) as tx:
        return {"x-api-key": await api_keys.create(tx, tenant.id, "matrix")}


@pytest.mark.parametrize("role", ["nobody", *RIGHTS])
async def test_every_route_obeys_the_table(
    base_url: str, issuer: Issuer, database: Database, role: str
) -> None:
    """A caller with the right gets past the door, whatever comes then; one without gets 401 or 403."""
    headers = await headers_of(role, issuer, database)
    rights = RIGHTS.get(role, frozenset())
    wrong: dict[str, Any] = {}
    async with httpx.AsyncClient(base_url=base_url, headers=headers, timeout=30) as client:
        for method, path in CALLS:
            right = right_of(method, path)
            status = await ask(client, method, path)
            refused = {401 if role == "nobody" else 403}
            may = right == "public" or right in rights
            if may == (status in refused) and right != "public":
                wrong[f"{method} {path}"] = status
    assert wrong == {}


async def ask(client: httpx.AsyncClient, method: str, path: str) -> int:
    """The status of a call with unknown ids and an empty body; a stream is left at once."""
    names = (
        "conversation_id",
        "turn_id",
        "handoff_id",
        "faq_id",
        "account_id",
        "key_id",
        "erasure_id",
        "subject_id",
    )
    address = path.replace("{slug}", "no-such-tenant")
    for name in names:
        address = address.replace(f"{{{name}}}", str(uuid4()))
    body: dict[str, str] | None = {} if method in ("POST", "PUT", "PATCH") else None
    async with client.stream(method, address, json=body) as response:
        return response.status_code
