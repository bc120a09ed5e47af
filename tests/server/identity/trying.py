"""Tries tokens at every door, and tells which were let in, or told apart from no token at all."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from contextlib import suppress
from urllib.parse import quote

import httpx
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake

from server.auth import SESSION_COOKIE
from tests.server.identity.conftest import bearing
from tests.server.identity.people import said
from tests.server.replicas import Replica

Corpus = Mapping[str, str]
# Which in a cookie are nothing bad.
GOOD_IN_A_COOKIE = ("quoted", f"typ {'session+jwt'!r}")


async def bearers_let_in(nobody: httpx.AsyncClient, corpus: Corpus) -> dict[str, object]:
    """Those that did not get the very answer of a missing one."""
    missing = await nobody.get("/api/v1/me")
    found: dict[str, object] = {}
    for name, token in corpus.items():
        response = await nobody.get("/api/v1/me", headers=header(token))
        if response.status_code != 401 or said(response) != said(missing):
            found[name] = response.status_code, response.text
    return found


async def sessions_let_in(nobody: httpx.AsyncClient, corpus: Corpus) -> dict[str, object]:
    """Those that a session cookie may hold."""
    found: dict[str, object] = {}
    for name, token in corpus.items():
        nobody.cookies.clear()
        response = await nobody.get("/api/v1/me", headers=cookie(token))
        if response.status_code != 401 and name not in GOOD_IN_A_COOKIE:
            found[name] = response.status_code
    return found


async def sockets_let_in(place: Replica, corpus: Corpus) -> dict[str, object]:
    """Those that open the socket, in its first message or in the handshake."""
    found: dict[str, object] = {}
    for name, token in corpus.items():
        answer = await says_socket(place, token)
        if answer not in (401, 413):  # a token longer than a message may be is refused unread
            found[name] = answer
        elif _fits_a_header(token) and await shakes_hands(place, token):
            found[f"{name}, in the handshake"] = True
    return found


async def streams_and_links_let_in(nobody: httpx.AsyncClient, corpus: Corpus) -> dict[str, object]:
    """Those that open server-sent events, or the link that works once."""
    found: dict[str, object] = {}
    for name, token in corpus.items():
        stream = await nobody.post("/api/v1/chat/stream", json={"message": "hi"}, headers=header(token))
        link = await nobody.get(f"/login?code={quote(token)}")
        if (stream.status_code, link.status_code) != (401, 401):
            found[name] = stream.status_code, link.status_code
    return found


def header(token: str) -> dict[bytes, bytes]:
    """The token as a bearer, whatever signs it has."""
    return {b"authorization": f"Bearer {token}".strip().encode("latin-1")}


def cookie(token: str) -> dict[bytes, bytes]:
    return {b"cookie": f"{SESSION_COOKIE}={token}".encode("latin-1")}


def _fits_a_header(token: str) -> bool:
    """Whether the socket's library takes a header that holds it."""
    return token.isascii() and token.isprintable() and len(token) < 8000


def socket_address(place: Replica) -> str:
    return place.url.replace("http://", "ws://") + "/api/v1/chat/ws"


async def says_socket(place: Replica, token: str) -> object:
    """The status of the first thing that the socket says to somebody who authenticates so."""
    async with connect(socket_address(place), max_size=None) as socket:
        await socket.send(json.dumps({"type": "auth", "token": token}))
        with suppress(ConnectionClosed):  # it was sent away already
            await socket.send("not a message")  # who is let in hears that this is none
        heard = json.loads(await asyncio.wait_for(socket.recv(), 10))
        return heard["data"]["status"]


async def shakes_hands(place: Replica, token: str) -> bool:
    """Whether somebody with this token in the handshake may go on to talk."""
    try:
        async with connect(socket_address(place), additional_headers=bearing(token)) as socket:
            with suppress(ConnectionClosed):
                await socket.send("not a message")
            heard = json.loads(await asyncio.wait_for(socket.recv(), 10))
            return bool(heard["data"]["status"] != 401)
    except InvalidHandshake:
        return False
