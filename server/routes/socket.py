"""The chat socket: many turns over one WebSocket, through the same runner and checks as every other door.

The server says `{turn_id, id, event, data}`, the events of the HTTP streams. An error that belongs to no turn
has `id` 0 and names what it answers: the `idempotency_key` or the `turn_id` that the client sent.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import aclosing, suppress
from typing import Any
from urllib.parse import urlsplit

import orjson
import structlog
from fastapi import APIRouter
from pydantic import ValidationError
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from desk.domain import TurnId
from desk.errors import (
    Conflict,
    DeskError,
    InvalidInput,
    PayloadTooLarge,
    RateLimited,
    Unauthenticated,
)
from desk.telemetry.metrics import LIMITED
from graphs.streams.frames import fields_of, split_frames
from graphs.streams.turn_stream import HEARTBEAT, TurnStream
from server.access import allow
from server.auth import SESSION_COOKIE, Caller
from server.deps import Desk, desk_of
from server.errors import explain, problem
from server.events import STALLED_SECONDS
from server.routes.chat import person, submit
from server.socket_messages import (
    LARGEST_MESSAGE,
    SAID,
    Said,
    SocketAuth,
    SocketCancel,
    SocketMessage,
    SocketResume,
)

AUTH_SECONDS = 5.0
MOST_TURNS = 8
# So much that is no message, within so many seconds, ends the socket.
MOST_NONSENSE = 20
NONSENSE_SECONDS = 60.0

_POLICY, _TOO_LARGE, _RESTARTING = 1008, 1009, 1012

Who = Callable[[], Awaitable[Caller]]

router = APIRouter()
log = structlog.get_logger("desk.socket")


@router.websocket("/api/v1/chat/ws")
async def chat_socket(websocket: WebSocket) -> None:
    """One connection. A page of a foreign origin is refused: the cookie comes to us from anywhere."""
    desk = desk_of(websocket)
    if not _origin_allowed(websocket, desk.services.engine.settings.allowed_origins):
        await websocket.close(_POLICY)
        return
    await websocket.accept()
    await _Conversing(websocket, desk, _who_shook_hands(websocket, desk)).serve()


class _Conversing:
    """A socket and the turns that are read on it."""

    def __init__(self, websocket: WebSocket, desk: Desk, who: Who | None) -> None:
        self._websocket = websocket
        self._desk = desk
        self._who = who
        self._held = False
        self._nonsense: deque[float] = deque(maxlen=MOST_NONSENSE)
        self._readers: dict[TurnId, asyncio.Task[None]] = {}

    async def serve(self) -> None:
        """Hear and answer until either side ends it; the turns themselves go on."""
        try:
            caller = await self._authenticated()
            with self._desk.streams.counted(caller):
                while True:
                    await self._answer(await self._websocket.receive())
        except (WebSocketDisconnect, RuntimeError, TimeoutError):
            pass  # it is gone, or takes nothing
        except PayloadTooLarge as error:
            await self._end(error, _TOO_LARGE)
        except DeskError as error:
            await self._end(error, _POLICY)
        finally:
            for reader in self._readers.values():
                reader.cancel()
            await asyncio.gather(*self._readers.values(), return_exceptions=True)

    async def _authenticated(self) -> Caller:
        """The caller, by the handshake or by the first message; raises Unauthenticated."""
        if self._who is None:
            try:
                async with asyncio.timeout(AUTH_SECONDS):
                    said = _parse(await self._websocket.receive())
            except (TimeoutError, InvalidInput):
                said = None
            if not isinstance(said, SocketAuth):
                await self._desk.limits.check_stranger(self._desk.authenticator.address(self._websocket))
                raise Unauthenticated
            self._take_token(said)
        return await self._caller()

    async def _caller(self) -> Caller:
        """Who it is now; who was not known a message ago is counted before anything is spent on them."""
        assert self._who is not None
        if not self._held:
            await self._desk.limits.check_stranger(self._desk.authenticator.address(self._websocket))
        self._held = False
        caller = await self._who()
        allow(self._websocket, caller.rights)
        self._held = True
        return caller

    def _take_token(self, said: SocketAuth) -> None:
        self._held = False
        self._who = lambda: self._desk.authenticator.by_token(said.token, self._websocket)

    async def _answer(self, message: Any) -> None:
        """Do what the client says; what is wrong with it is told, and the socket stays open.

        What is no message at all is told too, but raises RateLimited when there is too much of it.
        """
        try:
            said = _parse(message)
        except InvalidInput as error:
            await self._count_nonsense()
            await self._tell_error(error, {})
            return
        try:
            await self._obey(said)
        except DeskError as error:
            await self._tell_error(error, _named(said))

    async def _count_nonsense(self) -> None:
        """It is a request like any other, and the twentieth in a minute is the last."""
        await self._desk.limits.check(await self._caller(), self._websocket)
        now = time.monotonic()
        self._nonsense.append(now)
        if len(self._nonsense) == MOST_NONSENSE and now - self._nonsense[0] < NONSENSE_SECONDS:
            LIMITED.labels("socket").inc()
            raise RateLimited(int(NONSENSE_SECONDS), "Too much here was no message; open a new socket.")

    async def _obey(self, said: Said) -> None:
        if isinstance(said, SocketAuth):
            self._take_token(said)
            await self._caller()
            return
        caller = await self._caller()
        await self._desk.limits.check(caller, self._websocket)
        match said:
            case SocketMessage():
                self._desk.overload.check(caller.tenant.id)
                self._require_room()
                with self._desk.overload.turn():
                    stream = await submit(self._desk, caller, said, said.idempotency_key)
                self._read(caller, stream, after=0)
            case SocketCancel():
                await self._desk.runner.cancel(person(caller).as_user(), TurnId(said.turn_id))
            case SocketResume():
                self._require_room()
                principal = person(caller).as_user()
                stream = await self._desk.runner.follow(principal, TurnId(said.turn_id), after=said.after)
                self._read(caller, stream, after=said.after)

    def _require_room(self) -> None:
        if len(self._readers) >= MOST_TURNS:
            raise Conflict(f"A socket carries at most {MOST_TURNS} turns at once.")

    def _read(self, caller: Caller, stream: TurnStream, *, after: int) -> None:
        """Tell the turn's events; a second reader of the same turn takes the place of the first."""
        earlier = self._readers.pop(stream.turn_id, None)
        if earlier is not None:
            earlier.cancel()
        task = asyncio.create_task(self._tell_turn(caller, stream, after))
        self._readers[stream.turn_id] = task
        task.add_done_callback(lambda _: self._forget(stream.turn_id, task))

    def _forget(self, turn_id: TurnId, task: asyncio.Task[None]) -> None:
        if self._readers.get(turn_id) is task:
            del self._readers[turn_id]

    async def _tell_turn(self, caller: Caller, stream: TurnStream, after: int) -> None:
        with suppress(WebSocketDisconnect, RuntimeError, TimeoutError, DeskError):
            while True:
                after = await self._tell_stream(stream, after)
                if not stream.abandoned:
                    return
                if self._desk.runner.draining:
                    await self._websocket.close(_RESTARTING)
                    return
                principal = person(caller).as_user()
                stream = await self._desk.runner.follow(principal, stream.turn_id, after=after)

    async def _tell_stream(self, stream: TurnStream, after: int) -> int:
        """Tell what the stream has above `after`, to its end; the last id that was told."""
        async with aclosing(stream.frames(after)) as chunks:
            async for chunk in chunks:
                if chunk == HEARTBEAT:
                    continue  # the connection has its own pings
                for event_id, one in split_frames(chunk):
                    _, name, data = fields_of(one)
                    await self._send(
                        b'{"turn_id":"%s","id":%d,"event":"%s","data":%s}'
                        % (str(stream.turn_id).encode(), event_id, name.encode(), data)
                    )
                    after = event_id
        return after

    async def _tell_error(self, error: DeskError, asked: dict[str, str]) -> None:
        data = problem(error, self._websocket)
        await self._send(orjson.dumps({**asked, "id": 0, "event": "error", "data": data}))

    async def _send(self, text: bytes) -> None:
        """Raises TimeoutError when the client takes nothing; it may come back and resume."""
        async with asyncio.timeout(STALLED_SECONDS):
            await self._websocket.send_text(text.decode())

    async def _end(self, error: DeskError, code: int) -> None:
        if self._websocket.client_state is WebSocketState.DISCONNECTED:
            return
        with suppress(WebSocketDisconnect, RuntimeError, TimeoutError):
            await self._tell_error(error, {})
            await self._websocket.close(code)


def _parse(message: Any) -> Said:
    """A received message; raises InvalidInput or PayloadTooLarge, or WebSocketDisconnect at the end."""
    if message["type"] == "websocket.disconnect":
        raise WebSocketDisconnect(message.get("code", 1005))
    text = message.get("text")
    if text is None:
        raise InvalidInput("Send text, one JSON object a message.")
    if len(text) > LARGEST_MESSAGE:
        raise PayloadTooLarge(f"A message may hold at most {LARGEST_MESSAGE // 1024} KB.")
    try:
        return SAID.validate_json(text)
    except ValidationError as error:
        raise InvalidInput(explain(error.errors())) from None


def _named(said: Said) -> dict[str, str]:
    """What an error about this message is known by."""
    if isinstance(said, SocketMessage):
        return {"idempotency_key": said.idempotency_key}
    return {"turn_id": str(said.turn_id)} if isinstance(said, SocketCancel | SocketResume) else {}


def _who_shook_hands(websocket: WebSocket, desk: Desk) -> Who | None:
    """The caller by token, key or cookie of the handshake; None when it has none.

    The origin was checked, which does for the cookie what the CSRF header does for a request; a client that
    is no browser has no origin and no use for the cookie.
    """
    headers, authenticator = websocket.headers, desk.authenticator
    if "authorization" in headers or "x-api-key" in headers:
        return lambda: authenticator.caller(websocket)
    cookie = websocket.cookies.get(SESSION_COOKIE)
    if cookie and "origin" in headers:
        return lambda: authenticator.by_session(cookie, websocket)
    return None


def _origin_allowed(websocket: WebSocket, allowed: tuple[str, ...]) -> bool:
    origin = websocket.headers.get("origin")
    if origin is None or origin in allowed:
        return True
    return urlsplit(origin).netloc == websocket.headers.get("host", "")
