"""The one way out for tools: JSON over HTTP to allow-listed hosts, bounded in time and size."""

from __future__ import annotations

import asyncio
import json
import socket
import ssl
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterable, Mapping
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv6Address, ip_address, ip_network
from types import TracebackType
from typing import Any, Final, Self

import httpx

from desk.errors import ToolUnavailable, ToolUnreachable
from desk.tooling import HttpReply

CONNECT_SECONDS: Final = 1.0
TOTAL_SECONDS: Final = 3.0
LARGEST_BODY: Final = 256 * 1024

_DEFAULT_PORTS: Final = {"http": 80, "https": 443}

# Python calls some addresses global that lead inside: gateways' to IPv4 (64:ff9b::, 2002::), old local ones.
_INTERNET: Final = ip_network("2000::/3")
_WRAPPED: Final = ip_network("2002::/16")
_ODD: Final = (ip_network("192.0.0.0/24"), ip_network("192.88.99.0/24"))


@dataclass(frozen=True, slots=True)
class Streamed:
    """A reply whose body is read piece by piece; `kind` is its media type, in small letters."""

    status: int
    kind: str
    headers: Mapping[str, str]
    pieces: AsyncIterator[bytes]


class TenantHttp:
    """Reaches the hosts in `allowed` and no other, follows no redirect, ignores proxies of the environment.

    An entry `host:port` is an operator's word for exactly that service, which may lie in a private network.
    An entry `host` means https on its standard port, and only if every address of the name is public. A name
    is looked up once and the connection goes to the address that was checked.
    """

    def __init__(self, allowed: Iterable[str], *, total_seconds: float = TOTAL_SECONDS) -> None:
        self._allowed = frozenset(entry.lower() for entry in allowed)
        self._total_seconds = total_seconds
        self._clients: dict[str, httpx.AsyncClient] = {}

    async def get(self, url: str, *, headers: dict[str, str]) -> HttpReply:
        """GET; raises ToolUnavailable whose note says what was wrong."""
        return await self._send("GET", url, headers, None)

    async def post(self, url: str, *, headers: dict[str, str], json: dict[str, Any]) -> HttpReply:
        """POST of a JSON body; raises ToolUnavailable whose note says what was wrong."""
        return await self._send("POST", url, headers, json)

    async def deliver(self, url: str, *, headers: dict[str, str], content: bytes) -> int:
        """POST of exactly these bytes; the status, whatever the reply says. Raises ToolUnavailable."""
        async with self._response("POST", url, headers, content=content) as response:
            return response.status_code

    @asynccontextmanager
    async def streamed(
        self, method: str, url: str, *, headers: dict[str, str], json: dict[str, Any] | None = None
    ) -> AsyncIterator[Streamed]:
        """A reply to be read as it comes, as bounded as any other; raises ToolUnavailable, also midway."""
        async with (
            self._response(method, url, headers, json=json) as response,
            aclosing(_pieces(response)) as pieces,
        ):
            yield Streamed(response.status_code, _kind(response), response.headers, pieces)

    async def aclose(self) -> None:
        """Close the connections that were kept."""
        for client in self._clients.values():
            await client.aclose()
        self._clients.clear()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def _send(
        self, method: str, url: str, headers: dict[str, str], body: dict[str, Any] | None
    ) -> HttpReply:
        async with self._response(method, url, headers, json=body) as response:
            return await _read(response)

    @asynccontextmanager
    async def _response(
        self, method: str, url: str, headers: dict[str, str], **body: Any
    ) -> AsyncIterator[httpx.Response]:
        """The reply, its body not yet read; the time for both is bounded."""
        try:
            async with asyncio.timeout(self._total_seconds):
                request, client = await self._prepare(method, url, headers, body)
                response = await client.send(request, stream=True)
                try:
                    yield response
                finally:
                    await response.aclose()
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.InvalidURL) as error:
            raise _unreachable(f"{type(error).__name__} from the service") from error
        except (httpx.HTTPError, OSError) as error:  # a TimeoutError is an OSError
            raise _unavailable(f"{type(error).__name__} from the service") from error

    async def _prepare(
        self, method: str, url: str, headers: dict[str, str], body: dict[str, Any]
    ) -> tuple[httpx.Request, httpx.AsyncClient]:
        target = httpx.URL(url)
        if target.scheme not in _DEFAULT_PORTS or target.userinfo:
            raise _unreachable("only http and https addresses without a login are allowed")
        port = target.port or _DEFAULT_PORTS[target.scheme]
        origin = f"{target.scheme}://{target.host}:{port}"
        address = await self._checked_address(target, port)
        # One client a service: a kept connection to an address is never used for another name behind it.
        client = self._clients.get(origin) or await self._new_client(origin)
        request = client.build_request(
            method,
            target.copy_with(host=address),
            headers={**headers, "Host": target.netloc.decode("ascii"), "Accept-Encoding": "identity"},
            **body,
            extensions={"sni_hostname": target.host, "trace": _closing_what_was_cut()},
        )
        return request, client

    async def _new_client(self, origin: str) -> httpx.AsyncClient:
        client = httpx.AsyncClient(
            verify=await asyncio.to_thread(_trusted_roots),
            timeout=httpx.Timeout(self._total_seconds, connect=CONNECT_SECONDS),
            follow_redirects=False,
            trust_env=False,
            limits=httpx.Limits(max_connections=50, max_keepalive_connections=10, keepalive_expiry=15),
        )
        return self._clients.setdefault(origin, client)

    async def _checked_address(self, target: httpx.URL, port: int) -> str:
        """The address to connect to, after the allow-list and, for a bare host, the private ranges."""
        host = target.host.lower()
        shown = f"[{host}]" if ":" in host else host
        trusted = f"{shown}:{port}" in self._allowed
        standard = target.scheme == "https" and target.port is None
        if not trusted and not (standard and host in self._allowed):
            raise _unreachable(f"{shown}:{port} is not in the allow-list")
        try:
            found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except OSError as error:
            raise _unreachable(f"{type(error).__name__} for {host}") from error
        addresses = [str(entry[4][0]) for entry in found]
        if not trusted and not all(is_public(address) for address in addresses):
            raise _unreachable(f"{host} has a private address")
        # IPv4 first: a name such as localhost often has an IPv6 address on which nobody listens.
        return min(addresses, key=lambda address: ":" in address)


def is_public(address: str) -> bool:
    """Whether an address is somewhere on the internet, and no way to another one behind it."""
    found = ip_address(address)
    if isinstance(found, IPv6Address):
        return found.is_global and found in _INTERNET and found not in _WRAPPED
    return found.is_global and not found.is_multicast and not any(found in odd for odd in _ODD)


@lru_cache(maxsize=1)
def _trusted_roots() -> ssl.SSLContext:
    """Whom https believes; reading the certificates takes some 20 ms, so they are read once."""
    return httpx.create_ssl_context(trust_env=False)


def _closing_what_was_cut() -> Callable[[str, Mapping[str, Any]], Awaitable[None]]:
    """What a request tells of its connection; closes one whose TLS handshake failed.

    httpcore leaves it to the garbage collector when the handshake is cancelled, as by our time limit.
    """
    connected: list[Any] = []

    async def hear(event: str, told: Mapping[str, Any]) -> None:
        if event == "connection.connect_tcp.complete":
            connected.append(told["return_value"])
        elif event == "connection.start_tls.failed":
            await connected[-1].aclose()

    return hear


async def _pieces(response: httpx.Response) -> AsyncGenerator[bytes, None]:
    """The bytes of the body, as many as are allowed."""
    if response.is_redirect:
        raise _unavailable("a redirect is not followed")
    size = 0
    async for piece in response.aiter_raw():
        size += len(piece)
        if size > LARGEST_BODY:
            raise _unavailable(f"the body is larger than {LARGEST_BODY} bytes")
        yield piece


async def _read(response: httpx.Response) -> HttpReply:
    """The decoded body; of a failed request the status is enough, so its body may be anything."""
    content = b"".join([piece async for piece in _pieces(response)])
    try:
        return HttpReply(response.status_code, _decode(response, content))
    except (ValueError, RecursionError) as error:
        if response.is_success:
            raise _unavailable("the body is not JSON") from error
        return HttpReply(response.status_code, None)


def _kind(response: httpx.Response) -> str:
    """The media type, empty for a body that would have to be decoded first: we asked for none such."""
    if response.headers.get("content-encoding"):
        return ""
    return str(response.headers.get("content-type", "")).split(";")[0].strip().lower()


def _decode(response: httpx.Response, content: bytes) -> Any:
    if not content and response.status_code == httpx.codes.NO_CONTENT:
        return None
    kind = _kind(response)
    if not (kind == "application/json" or kind.endswith("+json")):
        raise ValueError(kind)
    return json.loads(content)


def _unavailable(reason: str) -> ToolUnavailable:
    """The customer reads the standard sentence; the note is for the log."""
    error = ToolUnavailable()
    error.add_note(reason)
    return error


def _unreachable(reason: str) -> ToolUnreachable:
    """The same when nothing can have been sent."""
    error = ToolUnreachable()
    error.add_note(reason)
    return error
