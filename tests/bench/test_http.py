"""The lean client reads events however they are cut, and refuses what is not 200."""

from __future__ import annotations

import asyncio

import pytest

from bench.http import Connection, EventReader
from bench.result import BenchFailed


def chunked(*pieces: bytes) -> asyncio.StreamReader:
    reader = asyncio.StreamReader()
    for piece in (*pieces, b""):
        reader.feed_data(b"%x\r\n%s\r\n" % (len(piece), piece))
    return reader


@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
async def test_events_are_read_across_chunks(end: bytes) -> None:
    text = end.join([b": still here", b"", b"id: 1", b"event: token", b'data: {"text":"a: b"}', b"", b""])
    events = EventReader("/stream", chunked(text[:9], text[9:31], text[31:]))
    assert await events.next() == ("token", b'{"text":"a: b"}')
    assert await events.next() is None


async def test_a_stream_that_is_cut_is_a_failure() -> None:
    reader = asyncio.StreamReader()
    reader.feed_data(b"20\r\ndata: half of it")
    reader.feed_eof()
    with pytest.raises(BenchFailed, match="/stream: the server hung up"):
        await EventReader("/stream", reader).next()


async def test_what_is_not_200_is_refused() -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 429 Too Many Requests\r\nContent-Length: 4\r\n\r\nwait")

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        connection = Connection(server.sockets[0].getsockname()[1])
        with pytest.raises(BenchFailed, match=r"429.*wait"):
            await connection.post("/chat", {}, {})
        connection.close()
