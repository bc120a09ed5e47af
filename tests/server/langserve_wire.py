"""How tests speak LangServe, and a script that stands where the runner does."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import httpx
from fastapi import FastAPI
from langchain_core.runnables.utils import AddableDict
from langsmith.utils import tracing_is_enabled

from desk.domain import ConversationId, Principal, Tenant, TurnId, new_id
from desk.errors import DeskError
from desk.events import Accepted, Done, TurnEvent
from graphs.commits.inbox import TurnRequest
from graphs.streams.turn_stream import TurnStream
from server.auth import Caller
from server.errors import handle_errors
from server.front import Front
from server.langserve import PATH, mount_langserve
from server.overload import Overload


def frames(body: str) -> list[tuple[str, Any]]:
    """The events of a LangServe stream, as (event, data)."""
    found = []
    for block in body.replace("\r\n", "\n").split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.splitlines() if ": " in line)
        if "event" in fields:
            found.append((fields["event"], json.loads(fields.get("data", "null"))))
    return found


def summed(chunks: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The chunks added up as LangChain does it."""
    total = AddableDict()
    for chunk in chunks:
        total = total + AddableDict(chunk)
    return dict(total)


async def run(client: httpx.AsyncClient, endpoint: str, message: str, **body: Any) -> httpx.Response:
    sent = {"input": {"message": message, **body.pop("input", {})}, **body}
    return await client.post(f"{PATH}/{endpoint}", json=sent)


async def output_of(client: httpx.AsyncClient, endpoint: str, message: str) -> dict[str, Any]:
    """What a run gives in the end, read the way each endpoint tells it."""
    response = await run(client, endpoint, message)
    assert response.status_code == 200, response.text
    if endpoint == "invoke":
        return dict(response.json()["output"])
    told = frames(response.text)
    assert told[-1][0] == "end"
    data = [data for event, data in told if event == "data"]
    if endpoint == "stream":
        return summed(data)
    if endpoint == "stream_events":
        return dict(data[-1]["data"]["output"])
    pieces = [op["value"] for ops in data for op in ops["ops"] if op["path"] == "/streamed_output/-"]
    return {key: value for key, value in summed(pieces).items() if key != "content"}


class ScriptedTurns:
    """Stands where the runner does: each turn publishes the script's events, `pause` seconds apart."""

    def __init__(self) -> None:
        self.script: list[TurnEvent] = []
        self.pause = 0.0
        self.refusal: DeskError | None = None
        self.seen: list[TurnRequest] = []
        self.traced: list[bool] = []
        self.streams: list[TurnStream] = []
        self._tasks: list[asyncio.Task[None]] = []

    async def submit(self, _principal: Principal, _tenant: Tenant, request: TurnRequest) -> TurnStream:
        self.seen.append(request)
        if self.refusal is not None:
            raise self.refusal
        stream = WatchedStream(self.traced)
        self.streams.append(stream)
        self._tasks.append(asyncio.create_task(self._play(stream)))
        return stream

    async def _play(self, stream: TurnStream) -> None:
        for event in [Accepted(stream.turn_id, stream.conversation_id), *self.script]:
            await asyncio.sleep(self.pause)
            stream.publish(event)


class WatchedStream(TurnStream):
    """A real stream that notes whether its reader is being traced."""

    def __init__(self, traced: list[bool]) -> None:
        super().__init__(TurnId(new_id()), ConversationId(new_id()))
        self._traced = traced

    async def read(self, after: int = 0) -> AsyncIterator[tuple[int, TurnEvent]]:
        self._traced.append(bool(tracing_is_enabled()))
        async for numbered in super().read(after):
            yield numbered


def done(text: str) -> Done:
    return Done({"turn_id": str(uuid4()), "reply": {"text": text}})


def scripted_front(turns: ScriptedTurns, caller: Caller) -> Front:
    """The mount under the real front, with the script as runner and every request the caller's."""

    async def verified(_request: object) -> Caller:
        return caller

    async def unlimited(_caller: Caller, _connection: object, *, address_counted: bool) -> None: ...

    app = FastAPI()
    handle_errors(app)
    mount_langserve(app)
    app.state.desk = SimpleNamespace(
        runner=turns,
        authenticator=SimpleNamespace(caller=verified, address=lambda _request: "192.0.2.1"),
        limits=SimpleNamespace(check=unlimited, suspects=lambda _address: False),
        overload=Overload(),
    )
    return Front(app, Overload())
