"""A model that always says the same: the OpenAI wire, streamed, as a server of its own.

`python -m bench.peers.model_server --port N --answer TEXT` says TEXT word by word, whatever is asked;
`POST /wait {"ms": 300}` makes it think that long before each answer.
"""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Iterator
from typing import Any

import orjson
import uvicorn
from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response

_FRAME = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "stock"}
_USAGE = {"prompt_tokens": 10, "completion_tokens": 10, "total_tokens": 20}


def create_app(answer: str) -> FastAPI:
    """The application; it streams to those who ask for a stream, and only to them."""
    app = FastAPI()
    stream = b"".join(_events(answer))
    message = {"role": "assistant", "content": answer}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    whole = orjson.dumps({**_FRAME, "object": "chat.completion", "choices": [choice], "usage": _USAGE})

    app.state.seconds = 0.0

    @app.post("/wait")
    async def wait(request: Request) -> dict[str, float]:
        app.state.seconds = orjson.loads(await request.body())["ms"] / 1000
        return {"seconds": app.state.seconds}

    @app.post("/v1/chat/completions")
    async def complete(request: Request) -> Response:
        await asyncio.sleep(app.state.seconds)
        if orjson.loads(await request.body()).get("stream"):
            return Response(stream, media_type="text/event-stream")
        return Response(whole, media_type="application/json")

    return app


def _events(answer: str) -> Iterator[bytes]:
    yield _event([{"index": 0, "delta": {"role": "assistant", "content": ""}, "finish_reason": None}])
    for place, word in enumerate(answer.split(" ")):
        text = word if place == 0 else f" {word}"
        yield _event([{"index": 0, "delta": {"content": text}, "finish_reason": None}])
    yield _event([{"index": 0, "delta": {}, "finish_reason": "stop"}])
    yield _event([], usage=_USAGE)
    yield b"data: [DONE]\n\n"


def _event(choices: list[dict[str, Any]], **more: Any) -> bytes:
    return b"data: " + orjson.dumps({**_FRAME, "choices": choices, **more}) + b"\n\n"


def main() -> None:
    """Serve until stopped."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--answer", required=True)
    given = parser.parse_args()
    uvicorn.run(create_app(given.answer), host="127.0.0.1", port=given.port, log_level="warning")


if __name__ == "__main__":
    main()
