"""The short form of the isolation proof: every door, a share of the callers; `make proofs` does all."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.responses import Response

from desk.embedded import Engines
from desk.models.embeddings import MiniLM
from desk.settings import Settings
from server.access import ROUTES, served
from server.app import build_routes
from tests.security import isolation, rows
from tests.security.allowed import OF_THE_TENANT, SEE
from tests.security.doors import UnknownParameter, doors
from tests.security.ground import Ground, open_ground

APP = build_routes(Settings().model_copy(update={"langserve": True}))


@pytest.fixture(scope="module")
async def unchecked(undisturbed: Engines, embedder: MiniLM, home: Path) -> AsyncIterator[Ground]:
    async with open_ground(undisturbed, home, unchecked=True) as found:
        yield found


def test_every_route_is_in_the_matrix() -> None:
    known = {(door.method, door.path) for door in doors(APP)}
    assert known == {(method, route.path) for method, route in served(APP)}
    assert {entry for entry in ROUTES if not entry[1].endswith("*")} <= known
    names = {door.name for door in doors(APP)}
    assert set(SEE) | OF_THE_TENANT <= names


def test_what_is_no_route_of_ours_holds_nothing_of_anybody() -> None:
    others = {
        str(getattr(route, "path", ""))
        for route in APP.routes
        if type(route).__name__ in ("Route", "Mount", "WebSocketRoute", "Host")
    }
    assert others == {"/openapi.json", "/static-offline-docs"}


def test_a_route_that_the_matrix_does_not_know_is_red() -> None:
    app = FastAPI()

    @app.get("/api/v1/parcels/{parcel_id}")
    async def parcel(parcel_id: str) -> Response:
        return Response()

    with pytest.raises(UnknownParameter, match="parcel_id"):
        doors(app)

    hidden = FastAPI()

    @hidden.get("/api/v1/hidden", include_in_schema=False)
    async def nobody_described_it() -> Response:
        return Response()

    with pytest.raises(KeyError):
        doors(hidden)


# A bound for machines that do ten other things.
@pytest.mark.timeout(600)
async def test_nobody_reaches_what_is_another_persons(ground: Ground) -> None:
    section = await isolation.measure(ground, 1, lambda _: None, share=0.2)
    assert not section.missed, section.notes


@pytest.mark.timeout(600)
async def test_nor_with_the_applications_checks_off(unchecked: Ground) -> None:
    section = await isolation.measure(unchecked, 1, lambda _: None, share=0.15)
    assert not section.missed, section.notes


@pytest.mark.timeout(600)
async def test_nor_by_statements_without_a_condition(ground: Ground) -> None:
    section = await rows.measure(ground, 1)
    assert not section.missed, section.notes
