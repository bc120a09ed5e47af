"""Doors: every operation with its parameters, from the OpenAPI document and from what it does not list."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from fastapi import FastAPI

from server.access import right_of, served
from server.socket_messages import Said
from tests.security.parameters import ELSEWHERE, IN_BODY, KINDS, PLAIN

Place = Literal["path", "query", "header", "body"]

SOCKET = "/api/v1/chat/ws"
# Routes that the document leaves out and that take what another one takes.
TWINS: Mapping[tuple[str, str], tuple[str, str]] = {
    ("POST", "/api/v1/chat/send"): ("POST", "/api/v1/chat/"),
    ("GET", "/api/v1/conversations/{conversation_id}/history"): (
        "GET",
        "/api/v1/conversations/{conversation_id}/messages",
    ),
}
# Routes that the document leaves out, and the parameters that do not stand in their path.
UNLISTED: Mapping[tuple[str, str], tuple[str, ...]] = {
    ("GET", "/"): (),
    ("GET", "/health"): (),
    ("GET", "/metrics"): (),
    ("GET", "/login"): ("code",),
    ("GET", "/login/callback"): (),
    ("GET", "/login/{issuer_name}"): (),
    ("GET", "/playground/graph.json"): (),
    ("GET", "/langserve/support/playground/{file_path:path}"): (),
}


class UnknownParameter(Exception):
    """Nobody said whether this parameter names an object."""


@dataclass(frozen=True, slots=True)
class Slot:
    """A place where an id is sent; `path` leads to it inside of a body."""

    name: str
    kind: str
    place: Place
    path: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Door:
    """One operation; `query` and `body` hold what it needs besides ids; `variant` is a socket message."""

    method: str
    path: str
    slots: tuple[Slot, ...]
    query: Mapping[str, Any] = field(default_factory=dict)
    body: Mapping[str, Any] | None = None
    variant: str = ""

    @property
    def name(self) -> str:
        return f"{self.method} {self.path}{self.variant and f' {self.variant}'}"

    @property
    def right(self) -> str:
        return right_of(self.method, self.path) or ""


def doors(app: FastAPI) -> tuple[Door, ...]:
    """Every door of the application; raises UnknownParameter, or KeyError for a route nobody described."""
    document = app.openapi()
    listed = {door.name: door for door in _listed(document)}
    found: list[Door] = []
    for method, route in served(app):
        name = f"{method} {route.path}"
        if method == "WS":
            found += _socket(route.path)
        elif name in listed:
            found.append(listed[name])
        elif (method, route.path) in TWINS:
            twin = listed[" ".join(TWINS[method, route.path])]
            found.append(Door(method, route.path, twin.slots, twin.query, twin.body))
        else:
            found.append(_unlisted(method, route.path))
    # A route may be served at two places of the table of routes; once is enough.
    return tuple({door.name: door for door in found}.values())


def _listed(document: dict[str, Any]) -> Iterator[Door]:
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            yield _door(document, method.upper(), path, operation)


def _door(document: dict[str, Any], method: str, path: str, operation: dict[str, Any]) -> Door:
    name = f"{method} {path}"
    slots: list[Slot] = []
    query: dict[str, Any] = {}
    for parameter in operation.get("parameters", ()):
        known = parameter["name"]
        if known in KINDS:
            slots.append(Slot(known, _kind(name, known), parameter["in"]))
        elif parameter["in"] == "query" and (parameter.get("required") or known == "after"):
            query[known] = _value(name, known, parameter["schema"])
        else:
            _plain(name, known)
    contents = operation.get("requestBody", {}).get("content", {}).values()
    body = None
    for content in contents:
        body = dict(_fields(document, name, content["schema"], (), slots))
    return Door(method, path, (*slots, *_tenant(method, path)), query, body)


def _fields(
    document: dict[str, Any], name: str, schema: dict[str, Any], above: tuple[str, ...], slots: list[Slot]
) -> Iterator[tuple[str, Any]]:
    """What a body must hold; the ids that it may hold are added to `slots`."""
    title = schema.get("$ref", "").rsplit("/", 1)[-1]
    schema = document["components"]["schemas"][title] if title else schema
    for known, inner in schema.get("properties", {}).items():
        required = known in schema.get("required", ())
        if (title, known) in IN_BODY:
            yield known, IN_BODY[title, known]
        elif known in KINDS:
            slots.append(Slot(known, _kind(name, known), "body", (*above, known)))
        elif "$ref" in inner:
            yield known, dict(_fields(document, name, inner, (*above, known), slots))
        elif required or known == "message":
            yield known, _value(name, known, inner)
        else:
            _plain(name, known)


def _socket(path: str) -> list[Door]:
    """One door for each message that a client may send."""
    found = []
    for message in get_args(Said):
        kind = message.model_fields["type"].annotation
        variant = get_args(kind)[0]
        name = f"WS {path} {variant}"
        slots = [
            Slot(known, KINDS[known], "body", (known,)) for known in message.model_fields if known in KINDS
        ]
        body = {"type": variant}
        for known in message.model_fields:
            if known not in KINDS and known != "type" and (value := _plain(name, known)) is not None:
                body[known] = value
        found.append(Door("WS", path, tuple(slots), {}, body, variant))
    return found


def _unlisted(method: str, path: str) -> Door:
    name = f"{method} {path}"
    query = {known: _plain(name, known) for known in UNLISTED[method, path]}
    slots: list[Slot] = []
    for known in re.findall(r"{(\w+)", path):
        if known in KINDS:
            slots.append(Slot(known, _kind(name, known), "path"))
        else:
            _plain(name, known)
    return Door(method, path, (*slots, *_tenant(method, path)), query)


def _tenant(method: str, path: str) -> tuple[Slot, ...]:
    """The header that no document names, at every door that asks who is there."""
    right = right_of(method, path)
    return () if right in (None, "public") else (Slot("X-Tenant-ID", "tenant", "header"),)


def _kind(name: str, known: str) -> str:
    return ELSEWHERE.get((name, known), KINDS[known])


def _value(name: str, known: str, schema: dict[str, Any]) -> Any:
    value = _plain(name, known)
    if value is not None:
        return value
    choices = schema.get("enum") or [schema.get("const")]
    return choices[0]


def _plain(name: str, known: str) -> Any:
    if known not in PLAIN:
        raise UnknownParameter(f"{name}: is {known} an id? tests/security/parameters.py must say")
    return PLAIN[known]
