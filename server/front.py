"""The front: one pure ASGI layer for body limits, secure headers, correlation ids, access log and metrics."""

from __future__ import annotations

import time
from uuid import uuid4

import orjson
import structlog
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from desk.errors import PayloadTooLarge
from desk.telemetry.metrics import REQUEST_SECONDS, REQUESTS

LARGEST_BODY = 64 * 1024
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

log = structlog.get_logger("desk.access")


def correlation_id(scope: Scope) -> str:
    """The id that ties a request's answer to its log lines."""
    state: dict[str, str] = scope.setdefault("state", {})
    return state.setdefault("correlation_id", uuid4().hex)


class Front:
    """Wraps the application; the outermost layer of all."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request or pass another kind of connection through."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = time.perf_counter()
        status = 500
        request_id = correlation_id(scope)

        async def send_with_headers(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                _add_headers(MutableHeaders(scope=message), scope["path"], request_id)
            await send(message)

        try:
            if _declared_length(scope) > LARGEST_BODY:
                await _refuse(send_with_headers, request_id)
            else:
                await self._app(scope, _limited(scope, receive), send_with_headers)
        finally:
            _note(scope, status, time.perf_counter() - began, request_id)


def _add_headers(headers: MutableHeaders, path: str, request_id: str) -> None:
    headers["x-correlation-id"] = request_id
    headers["x-content-type-options"] = "nosniff"
    headers["referrer-policy"] = "no-referrer"
    headers["content-security-policy"] = _csp(path)
    headers.setdefault("cache-control", "no-store")


def _csp(path: str) -> str:
    return next((csp for start, csp in _CSP_BY_PATH.items() if path.startswith(start)), CSP)


def _declared_length(scope: Scope) -> int:
    for name, value in scope["headers"]:
        if name == b"content-length":
            return int(value) if value.isdigit() else LARGEST_BODY + 1
    return 0


def _limited(scope: Scope, receive: Receive) -> Receive:
    """A body sent in chunks is counted as it comes; the framework hides our error, so the scope keeps it."""
    seen = 0

    async def receive_counted() -> Message:
        nonlocal seen
        message = await receive()
        seen += len(message.get("body", b""))
        if seen > LARGEST_BODY:
            scope["state"]["too_large"] = True
            raise PayloadTooLarge
        return message

    return receive_counted


async def _refuse(send: Send, request_id: str) -> None:
    error = PayloadTooLarge()
    body = orjson.dumps(
        {
            "type": "about:blank",
            "title": error.title,
            "status": error.status,
            "detail": f"A request body may hold at most {LARGEST_BODY // 1024} KB.",
            "correlation_id": request_id,
        }
    )
    headers = [(b"content-type", b"application/problem+json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": error.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _note(scope: Scope, status: int, seconds: float, request_id: str) -> None:
    route = getattr(scope.get("route"), "path", "unmatched")
    REQUESTS.labels(scope["method"] if status != 405 else "other", route, str(status)).inc()
    REQUEST_SECONDS.labels(route).observe(seconds)
    log.info(
        "request",
        method=scope["method"],
        route=route,
        status=status,
        ms=round(seconds * 1000, 2),
        correlation_id=request_id,
    )
