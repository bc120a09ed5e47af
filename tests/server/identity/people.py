"""People of the tests: they read their mail, and sign in by the API as everybody does."""

from __future__ import annotations

import asyncio
import email
import email.policy
import re
import time
from typing import Any
from uuid import uuid4

import httpx

from tests.server.replicas import Replica

PASSWORD = "correct horse battery staple"
CODE = re.compile(r"^Code: (\S+)", re.MULTILINE)


def new_address() -> str:
    return f"{uuid4().hex[:12]}@example.com"


async def mails_to(place: Replica, address: str, *, at_least: int = 1, seconds: float = 10.0) -> list[str]:
    """The texts of all mails to an address, the oldest first, as soon as there are so many."""
    ends = time.monotonic() + seconds
    while True:
        found = _read(place, address)
        if len(found) >= at_least or time.monotonic() > ends:
            return found
        await asyncio.sleep(0.02)


async def code_for(place: Replica, address: str, *, at_least: int = 1) -> str:
    """The code of the latest mail."""
    mails = await mails_to(place, address, at_least=at_least)
    assert len(mails) >= at_least, "the mail did not come"
    found = CODE.search(mails[-1])
    assert found is not None, mails[-1]
    return found[1]


def _read(place: Replica, address: str) -> list[str]:
    folder = place.desk.services.engine.settings.home / "mail"
    found: list[tuple[float, str]] = []
    for file in folder.glob("*.eml"):
        message = email.message_from_bytes(file.read_bytes(), policy=email.policy.default)
        if message["to"] == address:
            found.append((file.stat().st_mtime, message.get_content()))
    return [text for _, text in sorted(found)]


async def register(place: Replica, slug: str, address: str, password: str = PASSWORD) -> str:
    """Ask for an account; the code that was mailed."""
    async with httpx.AsyncClient(base_url=place.url, timeout=30) as client:
        body = {"tenant": slug, "email": address, "password": password}
        before = len(await mails_to(place, address, seconds=0))
        response = await client.post("/api/v1/auth/register", json=body)
        assert (response.status_code, response.json()) == (202, {"state": "sent"})
    return await code_for(place, address, at_least=before + 1)


async def joined(place: Replica, slug: str, address: str) -> dict[str, Any]:
    """The tokens of somebody who has just made an account."""
    code = await register(place, slug, address)
    async with httpx.AsyncClient(base_url=place.url, timeout=30) as client:
        body = {"tenant": slug, "email": address, "password": PASSWORD, "code": code}
        response = await client.post("/api/v1/auth/verify", json=body)
        assert response.status_code == 200, response.text
        tokens: dict[str, Any] = response.json()
        return tokens


async def login(
    client: httpx.AsyncClient, slug: str, address: str, password: str = PASSWORD, **more: Any
) -> httpx.Response:
    body = {"tenant": slug, "email": address, "password": password, **more}
    return await client.post("/api/v1/auth/login", json=body)


def said(response: httpx.Response) -> tuple[int, dict[str, Any], dict[str, str]]:
    """An answer without what differs between any two: its id, and when it was given."""
    own = ("date", "x-correlation-id", "retry-after")
    headers = {name: value for name, value in response.headers.items() if name not in own}
    body = response.json()
    body.pop("correlation_id", None)
    return response.status_code, body, headers
