"""A model that always says the same: the OpenAI wire, streamed, as a server of its own and a lean one.

`python -m bench.peers.model_server --port N --answer TEXT` says TEXT, whatever is asked. `POST /wait
{"ms": 300}` makes it think that long before each answer; `POST /pace {"text": ..., "per_second": 30,
"together": 100}` makes it say another text word by word at that pace, once so many listen.
"""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Iterator
from typing import Any

import httptools
import orjson
import uvloop

from bench.peers.pace import Pace

_FRAME = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "stock"}
_USAGE = {"prompt_tokens": 10, "completion_tokens": 10, "total_tokens": 20}
_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
_END = b"0\r\n\r\n"


class Model:
    """What it says, after how long, and at which pace."""

    def __init__(self, answer: str) -> None:
        self.stream = b"".join(pieces_of(answer))
        message = {"role": "assistant", "content": answer}
        choice = {"index": 0, "message": message, "finish_reason": "stop"}
        body = {**_FRAME, "object": "chat.completion", "choices": [choice], "usage": _USAGE}
        self.whole = _json(body)
        self.seconds = 0.0
        self.pace: Pace | None = None

    def set(self, path: str, body: dict[str, Any]) -> None:
        """What `/wait` and `/pace` ask for."""
        if path == "/wait":
            self.seconds = body["ms"] / 1000
            return
        if self.pace is not None:
            self.pace.stop()
        self.pace = Pace(tuple(pieces_of(body["text"])), body["per_second"], body["together"])


class Client(asyncio.Protocol):
    """One connection, one request at a time; the httptools parser calls the `on_` methods."""

    def __init__(self, model: Model) -> None:
        self._model = model
        self._transport: asyncio.Transport
        self._parser = httptools.HttpRequestParser(self)
        self._path = ""
        self._body = b""

    def connection_made(self, transport: Any) -> None:
        """Called by asyncio."""
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Called by asyncio with each packet."""
        self._parser.feed_data(data)

    def on_message_begin(self) -> None:
        """Called by the parser."""
        self._path, self._body = "", b""

    def on_url(self, url: bytes) -> None:
        """Called by the parser."""
        self._path += url.decode()

    def on_body(self, body: bytes) -> None:
        """Called by the parser."""
        self._body += body

    def on_message_complete(self) -> None:
        """Called by the parser with the whole request."""
        asked = orjson.loads(self._body) if self._body else {}
        if self._path == "/v1/chat/completions":
            loop = asyncio.get_running_loop()
            loop.call_later(self._model.seconds, self._answer, asked.get("stream", False))
            return
        if asked:
            self._model.set(self._path, asked)
        self._transport.write(_json({"ready": True}))

    def _answer(self, streamed: bool) -> None:  # noqa: FBT001 - called by a timer
        if self._transport.is_closing():
            return
        if not streamed:
            self._transport.write(self._model.whole)
        elif self._model.pace is not None:
            self._model.pace.join(self._transport)
        else:
            self._transport.write(self._model.stream)


def pieces_of(text: str) -> Iterator[bytes]:
    """The response to a request for a stream: its head, a piece for each word, and its end."""
    yield _HEAD + _event([_choice({"role": "assistant", "content": ""})])
    for place, word in enumerate(text.split(" ")):
        yield _event([_choice({"content": word if place == 0 else f" {word}"})])
    last = _event([{**_choice({}), "finish_reason": "stop"}])
    yield last + _event([], usage=_USAGE) + _chunk(b"data: [DONE]\n\n") + _END


def _choice(delta: dict[str, str]) -> dict[str, Any]:
    return {"index": 0, "delta": delta, "finish_reason": None}


def _event(choices: list[dict[str, Any]], **more: Any) -> bytes:
    return _chunk(b"data: " + orjson.dumps({**_FRAME, "choices": choices, **more}) + b"\n\n")


def _chunk(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


def _json(body: Any) -> bytes:
    data = orjson.dumps(body)
    return b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%s" % (
        len(data),
        data,
    )


async def serve(port: int, answer: str) -> None:
    """Serve until stopped."""
    model = Model(answer)
    server = await asyncio.get_running_loop().create_server(lambda: Client(model), "127.0.0.1", port)
    await server.serve_forever()


def main() -> None:
    """Serve until stopped."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--answer", required=True)
    given = parser.parse_args()
    uvloop.run(serve(given.port, given.answer))


if __name__ == "__main__":
    main()
