"""The ground of the proofs: the whole application on real stores, once as it is and once unchecked."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import get_args

from fastapi import FastAPI
from starlette.requests import HTTPConnection

import migrations
from desk.embedded import Engines, engines
from desk.storage.migrate import migrate
from desk.telemetry.logs import configure_logs
from server.access import Right
from server.app import around, build_routes
from server.auth import Authenticator, Caller
from server.demo.effects import EffectStore
from server.demo.shop import ShopApi
from server.deps import Desk
from server.issuer import Issuer, load_issuer
from tests.plugins.stores import embedded_settings, temporary_home
from tests.server.conftest import SERVICE_KEY, demo_settings, served

EVERY_RIGHT: frozenset[Right] = frozenset(get_args(Right))


@dataclass(frozen=True, slots=True)
class Ground:
    """A running application, who signs its tokens, and the login of the database's owner."""

    url: str
    app: FastAPI
    desk: Desk
    issuer: Issuer
    owner_url: str
    unchecked: bool = False


class Unchecked(Authenticator):
    """The table of rights answers yes: whoever has any identity may call every route."""

    async def caller(self, request: HTTPConnection) -> Caller:
        return replace(await super().caller(request), rights=EVERY_RIGHT)

    async def by_token(self, token: str, connection: HTTPConnection) -> Caller:
        return replace(await super().by_token(token, connection), rights=EVERY_RIGHT)


@asynccontextmanager
async def open_ground(stores: Engines, home: Path, *, unchecked: bool = False) -> AsyncIterator[Ground]:
    """The application with every door open, on migrated stores, and with an order service."""
    shop = ShopApi(EffectStore(home / f"effects-{unchecked}.sqlite"), SERVICE_KEY).app()
    async with served(shop) as shop_url:
        # What is planted stays as it is: jobs would tidy it up at their hours.
        alone = {"in_process_worker": False, "streams_per_user": 50}
        settings = demo_settings(stores, home, shop_url, demo=False, **alone)
        configure_logs("error")
        app = build_routes(settings)
        await asyncio.to_thread(app.openapi)  # is read in the loop from here on, and takes long at first
        async with served(around(app, settings)) as url:
            desk: Desk = app.state.desk
            if unchecked:
                reception = desk.reception
                gate = Unchecked(desk.services, reception.verifier, reception.api_keys)
                desk = app.state.desk = replace(desk, authenticator=gate)
            yield Ground(url, app, desk, load_issuer(settings), stores.migration_database_url, unchecked)


@asynccontextmanager
async def open_stores() -> AsyncIterator[tuple[Engines, Path]]:
    """Stores of one's own, migrated, and a home beside them."""
    with temporary_home() as path, engines(embedded_settings(Path(path))) as found:
        await migrate(found.migration_database_url, migrations.FOLDER, say=lambda _: None)
        yield found, Path(path)
