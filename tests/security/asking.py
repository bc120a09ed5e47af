"""Asking: one request through one door, over HTTP or the socket, and all that came back."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Mapping
from contextlib import suppress
from copy import deepcopy
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote
from uuid import uuid4

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake

from tests.security.askers import Asker
from tests.security.doors import Door, Slot

LIVE_SECONDS = 0.25
# For an answer that comes; where none is due, to be sure that none does.
SOCKET_SECONDS = 10.0
SILENCE_SECONDS = 0.3
_PATIENCE = 40
_LIVE = re.compile(r"^/api/v1/(conversations/[^/]+|handoffs)/events$")
_LAST = {"done", "error"}


@dataclass(frozen=True, slots=True)
class Answer:
    """A status (on the socket: of the error, or 200), the headers and the whole text."""

    status: int
    kind: str
    headers: str
    text: str


async def ask(asker: Asker, door: Door, slot: Slot | None, value: str) -> Answer:
    """Send `value` in the slot, and what else the door needs; again while the process is too busy."""
    for _ in range(_PATIENCE):
        answer = await (_converse if door.method == "WS" else _request)(asker, door, slot, value)
        if answer.status not in (429, 503):
            return answer
        await asyncio.sleep(0.25)
    return answer


async def _request(asker: Asker, door: Door, slot: Slot | None, value: str) -> Answer:
    sent, text = _filled(asker, door, slot, value), b""
    async with asker.client.stream(
        door.method, sent.path, params=sent.query, headers=sent.headers, json=sent.body
    ) as response:
        if _LIVE.match(sent.path) and response.status_code == 200:
            with suppress(TimeoutError):
                async with asyncio.timeout(LIVE_SECONDS):
                    async for part in response.aiter_raw():
                        text += part
        else:
            text = await response.aread()
        kind = response.headers.get("content-type", "").partition(";")[0]
        told = "\n".join(f"{name}: {said}" for name, said in response.headers.items())
    return Answer(response.status_code, kind, told, text.decode("utf-8", "replace"))


@dataclass(slots=True)
class _Sent:
    """A request while it is being filled in."""

    path: str
    query: dict[str, Any]
    headers: dict[str, str]
    body: Any

    def put(self, slot: Slot, value: str) -> None:
        """Send the value where the slot is."""
        match slot.place:
            case "path":
                self.path = self.path.replace(f"{{{slot.name}}}", quote(value, safe=""))
            case "query":
                self.query[slot.name] = value
            case "header":
                self.headers[slot.name] = quote(value, safe=" -._")
            case "body":
                within = self.body
                for name in slot.path[:-1]:
                    within = within[name]
                within[slot.path[-1]] = value


def _filled(asker: Asker, door: Door, slot: Slot | None, value: str) -> _Sent:
    """The request; ids that are not asked about are the asker's own."""
    path = door.path.replace("{file_path:path}", "index.html").replace("{issuer_name}", "nobody")
    sent = _Sent(path, dict(door.query), {}, deepcopy(door.body))
    for other in door.slots:
        if other != slot and (other.place == "path" or other.name == "session_id"):
            sent.put(other, _own(asker, other))
    if slot is not None:
        sent.put(slot, value)
        if slot.kind == "action":
            del sent.body["message"]
            sent.body["conversation_id"] = asker.conversation
    return sent


def _own(asker: Asker, slot: Slot) -> str:
    return {"conversation": asker.conversation, "turn": asker.turn}.get(slot.kind, str(uuid4()))


async def _converse(asker: Asker, door: Door, slot: Slot | None, value: str) -> Answer:
    """The frames that answer one message, up to a last one; how it was closed counts as an answer."""
    body = _filled(asker, door, slot, value).body
    if door.variant == "message":
        body["idempotency_key"] = uuid4().hex
    address = str(asker.client.base_url).replace("http", "ws", 1).rstrip("/") + door.path
    headers = {
        name: said for name, said in asker.client.headers.items() if name in ("authorization", "x-api-key")
    }
    try:
        async with connect(address, additional_headers=headers) as socket:
            return await _heard(socket, json.dumps(body), silent=door.variant == "auth")
    except InvalidHandshake as error:
        return Answer(403, "refused", "", type(error).__name__)


async def _heard(socket: ClientConnection, said: str, *, silent: bool) -> Answer:
    frames: list[Mapping[str, Any]] = []
    try:
        with suppress(ConnectionClosed):  # whoever is refused at once is told so all the same
            await socket.send(said)
        with suppress(TimeoutError):
            async with asyncio.timeout(SILENCE_SECONDS if silent else SOCKET_SECONDS):
                while not frames or frames[-1].get("event") not in _LAST:
                    frames.append(json.loads(await socket.recv()))
    except ConnectionClosed as closed:
        frames.append({"closed": closed.rcvd.code if closed.rcvd else None})
    statuses = [frame["data"].get("status", 200) for frame in frames if frame.get("event") == "error"]
    refused = any("closed" in frame for frame in frames)
    status = statuses[-1] if statuses else 403 if refused else 200
    return Answer(int(status), "socket", "", "\n".join(json.dumps(frame) for frame in frames))


def unlike(answer: Answer, sent: str) -> str:
    """The text without what differs from one request to the next: ids, times, and what was sent itself."""
    text = answer.text.replace(sent, "<sent>") if sent else answer.text
    text = re.sub(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|[0-9a-f]{32}", "<id>", text)
    return re.sub(r"\d+", "#", text)
