"""The operator's commands for accounts, keys and sites; what they print works at the running service."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from uuid import uuid4

import httpx
import pytest

from server.access import RIGHTS
from tests.conftest import MODELS
from tests.server.identity.people import PASSWORD, login, new_address
from tests.server.identity.test_api_keys import status
from tests.server.identity.test_widget_tokens import PAGE, ask_token, statement
from tests.server.replicas import Replica, new_tenant

Ended = subprocess.CompletedProcess[str]


@pytest.fixture
def environment(place: Replica) -> dict[str, str]:
    """The settings of the running service, for a command beside it."""
    settings = place.desk.services.engine.settings
    assert settings.database_url is not None
    assert settings.migration_database_url is not None
    return os.environ | {
        "DESK_HOME": str(settings.home),
        "DESK_MODELS_DIR": str(MODELS),
        "DATABASE_URL": settings.database_url.get_secret_value(),
        "DESK_MIGRATION_DATABASE_URL": settings.migration_database_url.get_secret_value(),
        "DESK_PASSWORD": "",
    }


async def desk(environment: dict[str, str], *arguments: str) -> Ended:
    """Run a command to its end; a loaded machine takes its time to start one."""
    command = [sys.executable, "-m", "server.cli", *arguments]
    return await asyncio.to_thread(
        lambda: subprocess.run(
            command, env=environment, capture_output=True, text=True, timeout=120, check=False
        )
    )


async def done(environment: dict[str, str], *arguments: str) -> str:
    """What it printed; it must have succeeded."""
    ended = await desk(environment, *arguments)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout.strip()


async def test_an_account_from_its_making_to_its_end(
    place: Replica, environment: dict[str, str], nobody: httpx.AsyncClient
) -> None:
    slug, address = await new_tenant(place), new_address()
    made_up = await done(environment, "account", "create", address, "--tenant", slug, "--role", "agent")
    assert len(made_up) >= 20
    assert (await login(nobody, slug, address, made_up)).status_code == 200
    other = new_address()
    chosen = environment | {"DESK_PASSWORD": PASSWORD}
    assert await done(chosen, "account", "create", other, "--tenant", slug) == ""
    assert (await login(nobody, slug, other)).status_code == 200
    again = await desk(environment, "account", "create", address, "--tenant", slug)
    assert (again.returncode, again.stderr.count("\n")) == (1, 1)
    listed = await done(environment, "account", "list", "--tenant", slug)
    assert sorted(line.split("\t")[1:] for line in listed.splitlines()) == sorted(
        [[address, "agent", "active"], [other, "user", "active"]]
    )
    await done(environment, "account", "disable", address, "--tenant", slug)
    assert (await login(nobody, slug, address, made_up)).status_code == 401
    await done(environment, "account", "role", address, "admin", "--tenant", slug)
    tokens = (await login(nobody, slug, address, made_up)).json()
    keys = await nobody.get("/api/v1/api-keys", headers={"authorization": f"Bearer {tokens['access_token']}"})
    assert keys.status_code == 200
    unknown = await desk(environment, "account", "disable", new_address(), "--tenant", slug)
    assert "has no account" in unknown.stderr


async def test_a_key_from_its_making_to_its_end(
    place: Replica, environment: dict[str, str], nobody: httpx.AsyncClient
) -> None:
    slug = await new_tenant(place)
    made = await done(environment, "key", "create", "--tenant", slug, "--right", "faqs.read", "--days", "3")
    assert await status(nobody, made) == 200
    assert await status(nobody, made, "/chat") == 403
    key_id, name, rights, end, used = (await done(environment, "key", "list", "--tenant", slug)).split("\t")
    assert (name, rights) == ("service", "faqs.read")
    assert end != "-"
    assert used != "-"
    new = await done(environment, "key", "rotate", key_id, "--tenant", slug, "--overlap-hours", "1")
    assert await status(nobody, new) == await status(nobody, made) == 200
    await done(environment, "key", "revoke", key_id, "--tenant", slug)
    assert "revoked" in await done(environment, "key", "list", "--tenant", slug)
    assert (await desk(environment, "key", "revoke", str(uuid4()), "--tenant", slug)).returncode == 1
    refused = await desk(environment, "key", "create", "--tenant", slug, "--right", "accounts")
    assert min(RIGHTS["service"]) in refused.stderr


async def test_a_site_from_its_making_to_its_end(
    place: Replica, environment: dict[str, str], nobody: httpx.AsyncClient
) -> None:
    slug = await new_tenant(place)
    key = await done(environment, "site", "create", "--tenant", slug, "--origin", PAGE)
    assert (await ask_token(nobody, key)).status_code == 200
    secret = await done(environment, "site", "secret", "--tenant", slug)
    signed = await statement(place, slug, secret=secret)
    assert (await ask_token(nobody, key, identity=signed)).status_code == 200
    assert await done(environment, "site", "secret", "--tenant", slug, "--rotate") != secret
    assert (await ask_token(nobody, key, identity=signed)).status_code == 200, "the last one holds yet"
    assert await done(environment, "site", "list", "--tenant", slug) == f"{key}\tsite\t{PAGE}\tactive"
    await done(environment, "site", "revoke", key, "--tenant", slug)
    assert (await done(environment, "site", "list", "--tenant", slug)).endswith("revoked")
    for odd in ("shop.example", "https://shop.example/", "ftp://shop.example", "*"):
        assert (await desk(environment, "site", "create", "--tenant", slug, "--origin", odd)).returncode == 1
