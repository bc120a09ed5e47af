"""What the API description says of answers, errors and ways to sign in; read by people, used by no code."""

from __future__ import annotations

from typing import Any, Final

from fastapi import FastAPI, Security
from fastapi.security import APIKeyHeader, HTTPBearer
from pydantic import BaseModel

from server.errors import MEDIA_TYPE

BEARER = Security(HTTPBearer(auto_error=False, description="A token of a configured issuer."))
API_KEY = Security(APIKeyHeader(name="X-API-Key", auto_error=False, description="A service's key."))

Responses = dict[int | str, dict[str, Any]]

LINES: Final = "application/x-ndjson"
_JSON: Final = "application/json"


class Problem(BaseModel):
    """Every error, as application/problem+json."""

    type: str
    title: str
    status: int
    detail: str
    correlation_id: str


def answers(shape: Any = None, *more: int, status: int = 200) -> Responses:
    """The `responses` of a route: the shape of its answer, and the errors that every caller may meet."""
    described: Responses = {error: {"model": Problem} for error in (401, 403, 404, 422, 429, *more)}
    if shape is not None:
        described[status] = {"model": shape}
    return described


def sent_as(*media_types: str, told: str) -> Responses:
    """The `responses` of a route that sends a file or a stream: which it is, and what stands in it."""
    content = {media_type: {"schema": {"type": "string"}} for media_type in media_types}
    return {200: {"description": told, "content": content}}


def describe_media_types(app: FastAPI) -> None:
    """Have the description name media types as they are sent: FastAPI takes all for JSON."""
    describe = app.openapi

    def described() -> dict[str, Any]:
        if app.openapi_schema is None:
            for methods in describe()["paths"].values():
                for operation in methods.values():
                    _name_media_types(operation["responses"])
        return describe()

    app.openapi = described  # type: ignore[method-assign]  # as FastAPI's manual does


def _name_media_types(responses: dict[str, Any]) -> None:
    for status, answer in responses.items():
        content = answer.get("content", {})
        if status >= "400" and _JSON in content:
            answer["content"] = {MEDIA_TYPE: content[_JSON]}
        elif len(content) > 1 and content.get(_JSON) == {"schema": {}}:
            del content[_JSON]
