"""OpenAI's event stream over HTTP: sends a request, yields the decoded chunks, bounds every wait and size."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import suppress
from typing import Any

import httpx2
import orjson

from desk.models.http1 import PACKETS
from desk.models.port import FailureReason, Timeouts
from desk.models.watch import Watch

MAX_EVENT_BYTES = 1 << 20
MAX_STREAM_BYTES = 16 << 20
MAX_ERROR_BYTES = 64 << 10
# After the answer's end only the usage chunk and the stream's end may follow; nobody waits longer for them.
CLOSING_SECONDS = 0.5

Chunk = dict[str, Any]
Read = Callable[[], Awaitable[bytes]]


class WireFailed(Exception):
    """The stream failed; `response` is set (and read) when the server answered with an error status."""

    def __init__(
        self, reason: FailureReason, *, response: httpx2.Response | None = None, body: object = None
    ) -> None:
        super().__init__(reason)
        self.reason: FailureReason = reason
        self.response = response
        self.body = body


class Patience(Watch):
    """Until when to wait for the next piece: the total time, and the silence allowed within it."""

    def __init__(self, times: Timeouts) -> None:
        now = asyncio.get_running_loop().time()
        super().__init__(now + min(times.total, times.first_token))
        self._total_at = now + times.total
        self._between = times.between_tokens
        self.finished = self.ended = False

    def extend(self, chunk: Chunk) -> None:
        """Allow for the next piece if this one carried something of the answer."""
        if self.finished:
            return
        seconds = self._between
        if not (choices := chunk.get("choices")):
            return
        if choices[0].get("finish_reason"):
            self.finished = True
            seconds = CLOSING_SECONDS
        elif not _bears_content(choices[0].get("delta") or {}):
            return
        self.until = min(self._total_at, self._loop.time() + seconds)

    @property
    def reason(self) -> FailureReason:
        """What to call it when `until` has passed."""
        return "timeout" if self.until == self._total_at else "silent"


async def stream_chunks(
    client: httpx2.AsyncClient, request: httpx2.Request, times: Timeouts
) -> AsyncGenerator[list[Chunk], None]:
    """The chunks of the answer, in order, those that came at once together. Closing it closes the connection.

    Raises WireFailed, and what the client's transport raises before anything is sent.
    """
    patience = Patience(times)
    try:
        response = await _open(client, request, patience)
    except BaseException:
        patience.close()
        raise
    read: Read = response.extensions[PACKETS]
    lines = _Lines()
    try:
        while not patience.ended and not lines.ended:
            chunks: list[Chunk] = []
            failure = _decode(lines.cut(await _read(read, patience)), patience, chunks)
            if chunks:
                yield chunks
            if failure is not None:
                raise failure
        await _drain(read)
    finally:
        patience.close()
        await response.aclose()
    if not patience.finished:
        raise WireFailed("cut")


def _decode(lines: list[bytes], patience: Patience, chunks: list[Chunk]) -> WireFailed | None:
    """Add the chunks of these lines, as far as the end mark or a failure, which is given back."""
    try:
        for line in lines:
            if not line or (chunk := decode(line)) is None:
                continue
            if not chunk:
                patience.finished = patience.ended = True
                break
            patience.extend(chunk)
            chunks.append(chunk)
    except WireFailed as failure:
        return failure
    except (AttributeError, LookupError, TypeError):
        return WireFailed("malformed")
    return None


def decode(line: bytes) -> Chunk | None:
    """One line of the event stream: a chunk, None for what is no data, empty for the end mark.

    Raises WireFailed for what is not the protocol and for an error object.
    """
    if not line.startswith(b"data:"):
        return None
    data = line[5:].strip()
    if data == b"[DONE]":
        return {}
    try:
        chunk = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raise WireFailed("malformed") from error
    if not isinstance(chunk, dict) or not chunk:
        raise WireFailed("malformed")
    if chunk.get("error"):
        raise WireFailed("error", body=chunk["error"])
    return chunk


def _bears_content(delta: Chunk) -> bool:
    return bool(delta.get("content")) or any(
        delta.get(key) for key in ("tool_calls", "reasoning_content", "reasoning")
    )


async def _open(client: httpx2.AsyncClient, request: httpx2.Request, patience: Patience) -> httpx2.Response:
    try:
        response = await patience.wait(client.send(request, stream=True))
        if response.status_code != httpx2.codes.OK:
            await patience.wait(_fail_with_status(response))
    except TimeoutError as error:
        raise WireFailed(patience.reason) from error
    except (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout) as error:
        raise WireFailed("connect") from error
    except httpx2.HTTPError as error:
        raise WireFailed("cut") from error
    if not response.headers.get("content-type", "").startswith("text/event-stream"):
        await response.aclose()
        raise WireFailed("malformed")
    return response


async def _fail_with_status(response: httpx2.Response) -> None:
    """Read the head of the error's body and raise."""
    body = b""
    try:
        async for part in response.aiter_raw():
            body += part
            if len(body) > MAX_ERROR_BYTES:
                break
    finally:
        await response.aclose()
    whole = httpx2.Response(
        response.status_code, headers=response.headers, content=body, request=response.request
    )
    raise WireFailed(_reason_of(response.status_code), response=whole)


def _reason_of(status: int) -> FailureReason:
    if status == httpx2.codes.TOO_MANY_REQUESTS:
        return "busy"
    return "error" if status >= httpx2.codes.INTERNAL_SERVER_ERROR else "rejected"


class _Lines:
    """Cuts a stream into lines, at line feeds only, so that no character is ever split."""

    def __init__(self) -> None:
        self.ended = False
        self._rest = b""
        self._total = 0

    def cut(self, data: bytes) -> list[bytes]:
        """The lines that are whole with these bytes; no bytes are the stream's end."""
        if not data:
            self.ended = True
            return [self._rest]
        self._total += len(data)
        *lines, self._rest = (self._rest + data).split(b"\n")
        if len(self._rest) > MAX_EVENT_BYTES or self._total > MAX_STREAM_BYTES:
            raise WireFailed("malformed")
        return lines


async def _read(read: Read, patience: Patience) -> bytes:
    """The next bytes, empty at the end; once the answer is whole, a late or broken end is an end."""
    try:
        return await patience.wait(read())
    except TimeoutError as error:
        failure = WireFailed(patience.reason)
        failure.__cause__ = error
    except httpx2.HTTPError as error:
        failure = WireFailed("cut")
        failure.__cause__ = error
    if patience.finished:
        return b""
    raise failure


async def _drain(read: Read) -> None:
    """Read on to the end of the response, so that its connection can serve the next request."""
    with suppress(TimeoutError, httpx2.HTTPError):
        async with asyncio.timeout(0.05):
            while await read():
                pass
