"""What the API description says of answers, errors and ways to sign in; read by people, used by no code."""

from __future__ import annotations

import asyncio
from threading import Lock
from typing import Any, Final, get_args

from fastapi import FastAPI, Security
from fastapi.security import APIKeyHeader, HTTPBearer
from pydantic import BaseModel, TypeAdapter
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from server.errors import MEDIA_TYPE

BEARER = Security(HTTPBearer(auto_error=False, description="A token of a configured issuer."))
API_KEY = Security(APIKeyHeader(name="X-API-Key", auto_error=False, description="A service's key."))

LINES: Final = "application/x-ndjson"

Responses = dict[int | str, dict[str, Any]]

_JSON: Final = "application/json"
_REF: Final = "#/components/schemas/{model}"
# Whatever an answer is described by. FastAPI's `model` would have every start build what validates them all.
_shapes: dict[Any, None] = {}


class Problem(BaseModel):
    """Every error, as application/problem+json."""

    type: str
    title: str
    status: int
    detail: str
    correlation_id: str


def answers(shape: Any = None, *more: int, status: int = 200) -> Responses:
    """The `responses` of a route: the shape of its answer, and the errors that every caller may meet."""
    problem = {"content": {MEDIA_TYPE: {"schema": _schema(Problem)}}}
    errors: Responses = dict.fromkeys((401, 403, 404, 422, 429, *more), problem)
    return errors if shape is None else errors | {status: shown_as(shape)}


def shown_as(shape: Any, *others: str) -> dict[str, Any]:
    """One of a route's `responses`: JSON of this shape, or text of another media type where that is asked."""
    text = {media_type: {"schema": {"type": "string"}} for media_type in others}
    return {"content": {_JSON: {"schema": _schema(shape)}, **text}}


def sent_as(media_type: str, *, told: str) -> Responses:
    """The `responses` of a route that sends a file or a stream: of which media type, and what is in it."""
    return {200: {"description": told, "content": {media_type: {"schema": {"type": "string"}}}}}


def describe_answers(app: FastAPI) -> None:
    """Have the application's description hold the shapes that its answers name.

    It is made for its first reader, in a thread: that takes long enough for others to notice.
    """
    describe, making = app.openapi, Lock()

    def described() -> dict[str, Any]:
        with making:
            if app.openapi_schema is None:
                _complete(describe())
            return describe()

    async def document(_request: Request) -> Response:
        return JSONResponse(await asyncio.to_thread(described))

    app.openapi = described  # type: ignore[method-assign]  # as FastAPI's manual does
    for place, route in enumerate(app.router.routes):
        if isinstance(route, Route) and route.path == app.openapi_url:
            app.router.routes[place] = Route(route.path, document, include_in_schema=False)


def _complete(document: dict[str, Any]) -> None:
    document["components"]["schemas"] |= _definitions()
    for methods in document["paths"].values():
        for operation in methods.values():
            _leave_out_json(operation["responses"])


def _schema(shape: Any) -> dict[str, Any]:
    """A reference to the shape, or to the ones of a union."""
    refs = []
    for one in get_args(shape) or (shape,):
        _shapes[one] = None
        refs.append({"$ref": _REF.format(model=one.__name__)})
    return refs[0] if len(refs) == 1 else {"anyOf": refs}


def _definitions() -> dict[str, Any]:
    """Every shape with those that it is made of, by name."""
    _, found = TypeAdapter.json_schemas(
        [(shape, "serialization", TypeAdapter(shape)) for shape in _shapes], ref_template=_REF
    )
    definitions: dict[str, Any] = found["$defs"]
    return definitions


def _leave_out_json(responses: dict[str, Any]) -> None:
    """FastAPI takes every answer for JSON, also one that is said to be something else."""
    for answer in responses.values():
        content = answer.get("content", {})
        if len(content) > 1 and content.get(_JSON) == {"schema": {}}:
            del content[_JSON]
