"""The front: one pure ASGI layer for body limits, secure headers, correlation ids, access log and metrics."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from uuid import uuid4

import orjson
import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from desk.errors import DeskError, InvalidInput, PayloadTooLarge, RateLimited
from desk.telemetry.metrics import REQUEST_SECONDS, REQUESTS
from server.overload import Overload

LARGEST_BODY = 64 * 1024
# All of a shop's intents are one text, and are sent whole by the pages that write and try them.
LARGEST_PACK = 256 * 1024
_PACKS = ("/api/v1/intents/", "/api/v1/prompts/intents/", "/api/v1/playground/")
CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self';"
    " font-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
# Third-party pages get what their scripts need, and no more: inline ones in the API docs, and in LangServe's
# playground also the schema compiler, which evaluates what it generates.
_THIRD_PARTY_CSP = (
    "default-src 'self'; script-src 'self' 'unsafe-inline'{}; style-src 'self' 'unsafe-inline';"
    " img-src 'self' data:; frame-ancestors 'none'"
)
_CSP_BY_PATH = {
    "/docs": _THIRD_PARTY_CSP.format(""),
    "/langserve/": _THIRD_PARTY_CSP.format(" 'unsafe-eval'"),
}

_Header = tuple[bytes, bytes]
_SAME_FOR_ALL: tuple[_Header, ...] = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
)
_ONLY_HTTPS: _Header = (b"strict-transport-security", b"max-age=31536000")
_OURS = frozenset(
    {
        b"x-correlation-id",
        b"content-security-policy",
        b"ratelimit-policy",
        b"ratelimit",
        *(name for name, _ in _SAME_FOR_ALL),
    }
)

_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"})
_TURNS = frozenset({"/api/v1/chat/", "/api/v1/chat/send", "/api/v1/chat/stream", "/chat"})
_SLASH = "An address may hold no encoded slash."

log = structlog.get_logger("desk.access")


def correlation_id(scope: Scope) -> str:
    """The id that ties a request's answer to its log lines."""
    state: dict[str, str] = scope.setdefault("state", {})
    return state.setdefault("correlation_id", uuid4().hex)


class Front:
    """Wraps the application; turns are refused here, before anything is spent on them, in an overload."""

    def __init__(self, app: ASGIApp, overload: Overload, *, secure: bool = False) -> None:
        """`secure` says that browsers come by https: they are told to come by nothing else from then on."""
        self._app = app
        self._overload = overload
        self._same = (*_SAME_FOR_ALL, _ONLY_HTTPS) if secure else _SAME_FOR_ALL

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request or pass another kind of connection through."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = time.perf_counter()
        status = 500
        request_id = correlation_id(scope)
        under_way = ExitStack()

        async def send_with_headers(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                under_way.close()
                message["headers"] = _with_ours(message.get("headers", ()), self._same, scope, request_id)
            await send(message)

        try:
            if b"%2f" in scope.get("raw_path", b"").lower():
                # Decoded, it would lead to another route than a proxy that sees it takes it for.
                await _refuse(send_with_headers, request_id, InvalidInput(_SLASH))
            elif _is_turn(scope) and self._overload.refuses:
                await _refuse(send_with_headers, request_id, self._overload.refusal())
            elif _declared_length(scope) > _largest(scope):
                await _refuse(send_with_headers, request_id, _too_large(scope))
            else:
                if _is_turn(scope):
                    under_way.enter_context(self._overload.turn())
                await self._app(scope, _limited(scope, receive), send_with_headers)
        finally:
            under_way.close()
            _note(scope, status, time.perf_counter() - began, request_id)


def _with_ours(
    headers: Iterable[_Header], same: Sequence[_Header], scope: Scope, request_id: str
) -> list[_Header]:
    """A response's headers with those that all of ours have; what a route says of caching stands."""
    kept = [header for header in headers if header[0] not in _OURS]
    kept += same
    kept.append((b"x-correlation-id", request_id.encode()))
    kept.append((b"content-security-policy", _csp(scope["path"])))
    if not any(name == b"cache-control" for name, _ in kept):
        kept.append((b"cache-control", b"no-store"))
    told = scope["state"].get("rate_limit")
    if told is not None:
        kept += ((b"ratelimit-policy", told[0].encode()), (b"ratelimit", told[1].encode()))
    return kept


def _csp(path: str) -> bytes:
    csp = next((csp for start, csp in _CSP_BY_PATH.items() if path.startswith(start)), CSP)
    return csp.encode()


def _declared_length(scope: Scope) -> int:
    for name, value in scope["headers"]:
        if name == b"content-length":
            return int(value) if value.isdigit() else LARGEST_PACK + 1
    return 0


def _largest(scope: Scope) -> int:
    """How many bytes the body may hold that is sent to this address."""
    return LARGEST_PACK if scope["path"].startswith(_PACKS) else LARGEST_BODY


def _too_large(scope: Scope) -> PayloadTooLarge:
    return PayloadTooLarge(f"A request body may hold at most {_largest(scope) // 1024} KB here.")


def _limited(scope: Scope, receive: Receive) -> Receive:
    """A body sent in chunks is counted as it comes; the framework hides our error, so the scope keeps it."""
    seen = 0

    async def receive_counted() -> Message:
        nonlocal seen
        message = await receive()
        seen += len(message.get("body", b""))
        if seen > _largest(scope):
            scope["state"]["too_large"] = True
            raise PayloadTooLarge
        return message

    return receive_counted


def _is_turn(scope: Scope) -> bool:
    path: str = scope["path"]
    return scope["method"] == "POST" and (path in _TURNS or path.startswith("/langserve/"))


async def _refuse(send: Send, request_id: str, error: DeskError) -> None:
    body = orjson.dumps(
        {
            "type": "about:blank",
            "title": error.title,
            "status": error.status,
            "detail": error.detail,
            "correlation_id": request_id,
        }
    )
    headers = [(b"content-type", b"application/problem+json"), (b"content-length", b"%d" % len(body))]
    if isinstance(error, RateLimited):
        headers.append((b"retry-after", b"%d" % error.retry_after))
    await send({"type": "http.response.start", "status": error.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _note(scope: Scope, status: int, seconds: float, request_id: str) -> None:
    route = getattr(scope.get("route"), "path", "unmatched")
    method = scope["method"] if scope["method"] in _METHODS else "other"
    REQUESTS.labels(method, route, str(status)).inc()
    REQUEST_SECONDS.labels(route).observe(seconds)
    log.info(
        "request",
        method=method,
        route=route,
        status=status,
        ms=round(seconds * 1000, 2),
        correlation_id=request_id,
    )
