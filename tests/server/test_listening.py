"""A line that keeps the server waiting, or whose head is huge, is cut; one that waits for us is not."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket
from websockets.asyncio.client import connect

from server.listening import LARGEST_HEAD, Punctual
from tests.server.conftest import served

HEAD = b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\n"
SECONDS = 0.4
# What is cut is cut after a part of a second; what waits for longer than this was not cut.
PATIENCE = 10.0
# More than the buffers of a connection take, on both sides.
MUCH = 32 * 1024 * 1024


class Heard:
    """What came of the requests: bodies that came whole, and how many broke off."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        self.broken = 0


@pytest.fixture
def heard() -> Heard:
    return Heard()


@pytest.fixture
async def url(heard: Heard, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[str]:
    monkeypatch.setattr(Punctual, "seconds", dict.fromkeys(("head", "body", "answer"), SECONDS))

    async def hear(request: Request) -> Response:
        try:
            heard.bodies.append(await request.body())
        except ClientDisconnect:
            heard.broken += 1
        await asyncio.sleep(float(request.query_params.get("wait", 0)))
        return PlainTextResponse("heard")

    async def echo(websocket: WebSocket) -> None:
        await websocket.accept()
        await websocket.send_text(await websocket.receive_text())

    async def much(_request: Request) -> Response:
        return PlainTextResponse(MUCH * "x")

    routes = [Route("/much", much), Route("/", hear, methods=["GET", "POST"]), WebSocketRoute("/ws", echo)]
    async with served(Starlette(routes=routes)) as address:
        yield address


@asynccontextmanager
async def line(url: str) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """A plain connection."""
    host, port = url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    try:
        yield reader, writer
    finally:
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()


async def trickle(writer: asyncio.StreamWriter, pieces: bytes) -> None:
    """Byte by byte, as who wants to hold a connection without ever asking for anything."""
    with suppress(ConnectionError):
        while True:
            writer.write(pieces)
            await writer.drain()
            await asyncio.sleep(SECONDS / 10)


async def is_cut(reader: asyncio.StreamReader) -> bool:
    """Whether the other side ends the line, without a word."""
    with suppress(ConnectionError):
        return await asyncio.wait_for(reader.read(), PATIENCE) == b""
    return True


@pytest.mark.parametrize(
    ("first", "then"),
    [
        (b"", b""),
        (b"G", b""),
        (b"GET / HTTP/1.1\r\nhost: x\r\n", b"x-a: b\r\n"),
        (HEAD + b"x-long: ", b"a"),
        (HEAD + b"\r\n", b""),
        (HEAD.replace(b"5", b"50000") + b"\r\n", b"a"),
        (b"", b"\r\n"),
    ],
    ids=["silence", "a letter", "headers", "a header", "no body", "a body by letter", "blank lines"],
)
async def test_who_keeps_it_waiting_is_cut_off(url: str, heard: Heard, first: bytes, then: bytes) -> None:
    async with line(url) as (reader, writer):
        writer.write(first)
        trickling = asyncio.create_task(trickle(writer, then))
        try:
            assert await is_cut(reader)
        finally:
            trickling.cancel()
            await asyncio.gather(trickling, return_exceptions=True)
    assert heard.bodies == []


async def test_so_is_a_kept_line_on_which_nothing_but_blank_lines_come(url: str) -> None:
    async with line(url) as (reader, writer):
        writer.write(HEAD + b"\r\nhello")
        assert (await reader.readline()).startswith(b"HTTP/1.1 200")
        trickling = asyncio.create_task(trickle(writer, b"\r\n"))
        try:
            assert (await asyncio.wait_for(reader.read(), PATIENCE)).endswith(b"heard")
        finally:
            trickling.cancel()
            await asyncio.gather(trickling, return_exceptions=True)


async def test_a_head_has_a_largest_size(url: str, heard: Heard) -> None:
    async with line(url) as (reader, writer):
        writer.write(HEAD + b"x-long: ")
        with suppress(ConnectionError):
            for _ in range(3 * LARGEST_HEAD // 1024):
                writer.write(b"a" * 1024)
                await writer.drain()
        with suppress(ConnectionError):
            assert (await asyncio.wait_for(reader.read(), PATIENCE)).startswith(b"HTTP/1.1 400")
    assert heard.bodies == []


async def test_who_takes_nothing_of_an_answer_is_cut_off_and_who_takes_it_slowly_is_not(url: str) -> None:
    async with line(url) as (reader, writer):
        writer.write(b"GET /much HTTP/1.1\r\nhost: x\r\n\r\n")
        await reader.readuntil(b"\r\n\r\n")
        await asyncio.sleep(5 * SECONDS)
        with suppress(ConnectionError):
            assert len(await asyncio.wait_for(reader.read(), PATIENCE)) < MUCH
    async with line(url) as (reader, writer):
        writer.write(b"GET /much HTTP/1.1\r\nhost: x\r\n\r\n")
        await reader.readuntil(b"\r\n\r\n")
        taken = 0
        for _ in range(16):
            await asyncio.sleep(SECONDS / 4)
            taken += len(await reader.readexactly(MUCH // 16))
        assert taken == MUCH


async def test_a_request_in_pieces_and_a_slow_answer_are_served(url: str, heard: Heard) -> None:
    async with line(url) as (reader, writer):
        for wait in (b"/?wait=%.1f" % (2.5 * SECONDS), b"/"):
            head = HEAD.replace(b"/ ", wait + b" ", 1)
            for piece in (head[:9], head[9:], b"\r\nhel", b"lo"):
                writer.write(piece)
                await writer.drain()
                await asyncio.sleep(SECONDS / 20)
            assert (await reader.readline()).startswith(b"HTTP/1.1 200")
            assert (await reader.readuntil(b"heard")).endswith(b"heard")
    assert heard.bodies == [b"hello", b"hello"]


async def test_a_socket_may_be_quiet(url: str) -> None:
    async with connect(url.replace("http", "ws") + "/ws") as socket:
        await asyncio.sleep(2.5 * SECONDS)
        await socket.send("still here")
        assert await socket.recv() == "still here"
