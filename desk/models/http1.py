"""An HTTP/1.1 transport made for long event streams: one wake-up for each packet, and little else.

It speaks through httptools on asyncio's own transports. Proxies and HTTP/2 are not supported. A response's
extension `packets` gives its body as it arrives, past the layers that httpx2 puts between.
"""

from __future__ import annotations

import asyncio
import ssl
from collections import deque
from collections.abc import AsyncIterator
from typing import cast

import httptools
import httpx2

KEEP_IDLE_SECONDS = 30.0
# The key in a response's extensions under which `Connection.read` stands.
PACKETS = "packets"
# Above this many unread bytes the server is made to wait.
BUFFER_BYTES = 1 << 20

Origin = tuple[bool, str, int]


class StreamTransport(httpx2.AsyncBaseTransport):
    """Connections by origin, used again when idle. Closing an unfinished response closes its connection."""

    def __init__(self, tls: ssl.SSLContext) -> None:
        self._tls = tls
        self._idle: dict[Origin, list[Connection]] = {}

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send the request; the body of its response is read as it is iterated."""
        origin = _origin(request.url)
        connection = self._take_idle(origin) or await self._connect(origin, request)
        try:
            connection.send(_head(request) + request.content)
            await connection.headers_arrived()
        except BaseException:
            connection.abort()
            raise
        body = _Body(connection, self._idle.setdefault(origin, []))
        return httpx2.Response(
            connection.status,
            headers=connection.headers,
            stream=body,
            extensions={PACKETS: connection.read},
        )

    async def aclose(self) -> None:
        """Close the idle connections; those in use close with their responses."""
        for connections in self._idle.values():
            for connection in connections:
                connection.abort()
        self._idle.clear()

    def _take_idle(self, origin: Origin) -> Connection | None:
        idle = self._idle.get(origin, [])
        while idle:
            if (connection := idle.pop()).wake():
                return connection
        return None

    async def _connect(self, origin: Origin, request: httpx2.Request) -> Connection:
        secure, host, port = origin
        seconds = request.extensions.get("timeout", {}).get("connect")
        try:
            async with asyncio.timeout(seconds):
                _, connection = await asyncio.get_running_loop().create_connection(
                    Connection, host, port, ssl=self._tls if secure else None
                )
        except TimeoutError as error:
            raise httpx2.ConnectTimeout("no connection in time", request=request) from error
        except OSError as error:
            raise httpx2.ConnectError("no connection", request=request) from error
        return connection


class Connection(asyncio.Protocol):
    """One connection, one response at a time; the httptools parser calls the `on_` methods."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._expiry: asyncio.TimerHandle | None = None
        self._lost: Exception | None = None
        self._reset()

    def _reset(self) -> None:
        self._parser = httptools.HttpResponseParser(self)
        self._parts: deque[bytes] = deque()
        self._buffered = 0
        self._paused = False
        self._in_body = False
        self._complete = False
        self._reusable = False
        self.status = 0
        self.headers: list[tuple[bytes, bytes]] = []

    def send(self, data: bytes) -> None:
        """Begin a new exchange with this request."""
        if self._transport is None or self._transport.is_closing():
            raise httpx2.WriteError("the connection is closed")
        self._reset()
        self._transport.write(data)

    async def headers_arrived(self) -> None:
        """Wait for the response's head; raises an httpx2 error when the connection ends before."""
        while not self._in_body:
            await self._arrival()

    async def read(self) -> bytes:
        """What arrived of the body since the last call, at least a byte; empty at its end."""
        while not self._parts and not self._complete:
            await self._arrival()
        data = b"".join(self._parts)
        self._parts.clear()
        self._buffered = 0
        if self._paused and self._transport is not None:
            self._paused = False
            self._transport.resume_reading()
        return data

    def release(self, idle: list[Connection]) -> None:
        """Keep the connection for another request if the response is whole, else close it."""
        if not self._reusable or self._lost is not None:
            self.abort()
            return
        idle.append(self)
        self._expiry = self._loop.call_later(KEEP_IDLE_SECONDS, self.abort)

    def wake(self) -> bool:
        """Whether the idle connection can be used again."""
        if self._expiry:
            self._expiry.cancel()
        return self._lost is None and self._transport is not None and not self._transport.is_closing()

    def abort(self) -> None:
        """Close at once."""
        if self._expiry:
            self._expiry.cancel()
        if self._transport is not None:
            self._transport.abort()

    async def _arrival(self) -> None:
        if self._lost is not None:
            raise self._lost
        self._waiter = self._loop.create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None

    def _wake_reader(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by asyncio."""
        # uvloop's transports have the methods but not the type.
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Called by asyncio with each packet."""
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError as error:
            self._lost = httpx2.RemoteProtocolError(f"not HTTP: {type(error).__name__}")
            self.abort()
        self._wake_reader()

    def connection_lost(self, exc: Exception | None) -> None:
        """Called by asyncio when the connection ended."""
        if exc is None and self._in_body and not self._has_length():
            self._complete = True
        self._lost = self._lost or httpx2.ReadError("the server closed the connection")
        self._wake_reader()

    def on_header(self, name: bytes, value: bytes) -> None:
        """Called by the parser."""
        self.headers.append((name, value))

    def on_headers_complete(self) -> None:
        """Called by the parser; an interim response is dropped."""
        self.status = self._parser.get_status_code()
        if self.status < httpx2.codes.OK:
            self.headers = []
        else:
            self._in_body = True

    def on_body(self, body: bytes) -> None:
        """Called by the parser."""
        self._parts.append(body)
        self._buffered += len(body)
        if self._buffered > BUFFER_BYTES and not self._paused and self._transport is not None:
            self._paused = True
            self._transport.pause_reading()

    def on_message_complete(self) -> None:
        """Called by the parser."""
        self._complete = self._in_body
        self._reusable = self._in_body and self._parser.should_keep_alive()

    def _has_length(self) -> bool:
        return any(name.lower() in (b"content-length", b"transfer-encoding") for name, _ in self.headers)


class _Body(httpx2.AsyncByteStream):
    def __init__(self, connection: Connection, idle: list[Connection]) -> None:
        self._connection: Connection | None = connection
        self._idle = idle

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while self._connection and (data := await self._connection.read()):
            yield data

    async def aclose(self) -> None:
        connection, self._connection = self._connection, None
        if connection:
            connection.release(self._idle)


def _origin(url: httpx2.URL) -> Origin:
    secure = url.scheme == "https"
    return secure, url.host, url.port or (443 if secure else 80)


def _head(request: httpx2.Request) -> bytes:
    lines = [b"%s %s HTTP/1.1" % (request.method.encode(), request.url.raw_path)]
    lines += [b"%s: %s" % header for header in request.headers.raw]
    return b"\r\n".join(lines) + b"\r\n\r\n"
