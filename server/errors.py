"""Errors on the wire: every one is problem+json, names a correlation id, and leaks nothing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson
import structlog
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection, Request
from starlette.responses import Response

from desk.errors import DeskError, InvalidInput, NotFound, PayloadTooLarge, RateLimited, Unavailable
from server.front import correlation_id

MEDIA_TYPE = "application/problem+json"

log = structlog.get_logger("desk.http")


def problem(error: DeskError, request: HTTPConnection) -> dict[str, Any]:
    """The body of an error."""
    return {
        "type": "about:blank",
        "title": error.title,
        "status": error.status,
        "detail": error.detail,
        "correlation_id": correlation_id(request.scope),
    }


def respond(error: DeskError, request: Request) -> Response:
    """The error as a response."""
    headers = {"www-authenticate": "Bearer"} if error.status == 401 else {}
    if isinstance(error, RateLimited | Unavailable):
        headers["retry-after"] = str(error.retry_after)
    return Response(orjson.dumps(problem(error, request)), error.status, headers, MEDIA_TYPE)


def handle_errors(app: FastAPI) -> None:
    """Register the handlers: our tree, the framework's own errors, and whatever nobody expected."""

    @app.exception_handler(DeskError)
    async def _desk(request: Request, error: DeskError) -> Response:
        if error.status >= 500:
            log.error(
                "request_failed", error=type(error).__name__, correlation_id=correlation_id(request.scope)
            )
        return respond(error, request)

    @app.exception_handler(RequestValidationError)
    async def _invalid(request: Request, error: RequestValidationError) -> Response:
        return respond(InvalidInput(explain(error.errors())), request)

    @app.exception_handler(HTTPException)
    async def _http(request: Request, error: HTTPException) -> Response:
        too_large = request.scope["state"].get("too_large", False)
        return respond(PayloadTooLarge() if too_large else _translated(error), request)

    @app.exception_handler(Exception)
    async def _unexpected(request: Request, error: Exception) -> Response:
        log.error(
            "request_crashed",
            error=type(error).__name__,
            correlation_id=correlation_id(request.scope),
            exc_info=error,
        )
        return respond(DeskError(), request)


def explain(errors: Sequence[Any]) -> str:
    """Which field is wrong and why, without the value: it may be personal, or not even text."""
    said = []
    for item in errors[:5]:
        place = ".".join(str(part) for part in item["loc"] if part != "body") or "body"
        said.append(f"{place}: {item['msg']}")
    return "; ".join(said).encode("utf-8", "replace").decode()


def _translated(error: HTTPException) -> DeskError:
    if error.status_code == 404:
        return NotFound()
    if error.status_code == 400:
        return InvalidInput("The body is not valid JSON in UTF-8.")
    if error.status_code == 405:
        return _Known(405, "Method not allowed", "This address does not take that method.")
    return _Known(error.status_code, "Request refused", str(error.detail))


class _Known(DeskError):
    """An error of the framework, with the status it chose."""

    def __init__(self, status: int, title: str, detail: str) -> None:
        super().__init__(detail)
        self.status = status  # type: ignore[misc]
        self.title = title  # type: ignore[misc]
