"""Makes a tool of a tenant's own REST operation, as the tenant declared it."""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from string import Formatter
from typing import Any, Final, Literal
from urllib.parse import quote, urlsplit

from pydantic import BaseModel, ConfigDict, Field, create_model

from desk.domain import HttpTool
from desk.errors import Misconfigured, ToolUnavailable
from desk.tooling import HttpClient, HttpReply, Spoken, Tool, ToolContext, ToolResult, Trace, Writing

LONGEST_RESULT: Final = 4000
LONGEST_TEXT: Final = 1000
MOST_ARGUMENTS: Final = 20
MOST_KEPT: Final = 1000
LONGEST_WAIT, LONGEST_CACHE = 10.0, 60
UNAVAILABLE: Final = "The service for this is not answering right now. Please try again in a few minutes."

_NAME = re.compile(r"[a-z][a-z0-9_]{1,47}")
_HEADER = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,63}")
# What the client sets itself, or what says who a customer is.
_OURS = frozenset(
    ("host", "content-length", "content-type", "transfer-encoding", "x-customer-email", "cookie")
)
_TYPES: Final[Mapping[str, type]] = {"string": str, "integer": int, "number": float, "boolean": bool}
_BOUNDS: Final = {"minLength": "min_length", "maxLength": "max_length", "minimum": "ge", "maximum": "le"}
_KNOWN: Final = frozenset(("type", "description", "enum", *_BOUNDS))

_Secret = Callable[[str], str | None]


def declared_tool(declared: HttpTool, http: HttpClient, secret: _Secret) -> Tool[Any]:
    """The tool; it reaches its service by `http`, which must allow the host, and asks `secret` at each call.

    Raises Misconfigured with what is wrong about the declaration.
    """
    check(declared)
    call = _Call(declared, http, secret)
    return Tool(
        name=declared.name,
        description=declared.description,
        arguments=_model(declared),
        run=call.run,
        writing=_writing(declared) if _writes(declared) else None,
        timeout_seconds=declared.timeout_seconds * (2 if declared.retry == "once" else 1) + 1.0,
    )


def check(declared: HttpTool) -> None:
    """Raises Misconfigured with what is wrong about a declaration."""
    wrong = next((said for said in _wrong(declared) if said), None)
    if wrong:
        raise Misconfigured(f"The tool {declared.name!r}: {wrong}")


def _wrong(declared: HttpTool) -> list[str]:
    parts = urlsplit(declared.url)
    placed = set(_placeholders(declared.url))
    properties = declared.arguments.get("properties", {})
    plain = isinstance(properties, dict) and len(properties) <= MOST_ARGUMENTS
    said = {
        "a name is 2 to 48 of a-z, 0-9 and _, and begins with a letter.": _NAME.fullmatch(declared.name),
        "the description has 1 to 500 characters.": 1 <= len(declared.description) <= 500,
        "the url must be http(s), without a login, and its host has no placeholder.": parts.scheme
        in ("https", "http")
        and parts.hostname
        and "@" not in parts.netloc
        and "{" not in parts.scheme + parts.netloc,
        "`arguments` is a JSON schema {type: object, properties: ..} with at most 20 properties.": plain
        and declared.arguments.get("type", "object") == "object"
        and not declared.arguments.keys() - {"type", "properties", "required", "additionalProperties"},
        "each placeholder of the url must be a required argument.": plain
        and placed <= set(declared.arguments.get("required", ())) <= set(properties),
        "a property is {type: string|integer|number|boolean, description, enum, bounds}.": plain
        and all(_is_property(name, shape) for name, shape in properties.items()),
        "only a GET can be without effect.": declared.changes or declared.method == "GET",
        "only what is without effect is retried or cached, and what is for a customer is not cached.": (
            not _writes(declared) or (declared.retry == "never" and not declared.cache_seconds)
        )
        and not (declared.for_customer and declared.cache_seconds),
        f"timeout_seconds is above 0 and at most {LONGEST_WAIT:g}, cache_seconds 0 to {LONGEST_CACHE}.": 0
        < declared.timeout_seconds
        <= LONGEST_WAIT
        and 0 <= declared.cache_seconds <= LONGEST_CACHE,
        "secret_header is a header's name, and none that the desk sets itself.": _HEADER.fullmatch(
            declared.secret_header
        )
        and declared.secret_header.lower() not in _OURS,
        "the error has at most 300 characters.": len(declared.error) <= 300,
    }
    return [what for what, holds in said.items() if not holds]


def _placeholders(url: str) -> list[str]:
    try:
        found = [name for _, name, _, _ in Formatter().parse(url) if name is not None]
    except ValueError:
        return ["{"]
    return [name if re.fullmatch(r"[A-Za-z_]\w*", name) else "{" for name in found]


def _is_property(name: str, shape: Any) -> bool:
    if not re.fullmatch(r"[A-Za-z]\w{0,47}", name) or not isinstance(shape, dict) or shape.keys() - _KNOWN:
        return False
    choices = shape.get("enum", [])
    return (
        shape.get("type") in _TYPES
        and isinstance(choices, list)
        and all(isinstance(choice, str) for choice in choices)
        and (not choices or shape["type"] == "string")
        and all(isinstance(shape[bound], int | float) for bound in _BOUNDS if bound in shape)
    )


def _model(declared: HttpTool) -> type[BaseModel]:
    required = set(declared.arguments.get("required", ()))
    fields: dict[str, Any] = {}
    for name, shape in declared.arguments.get("properties", {}).items():
        kind: Any = Literal[tuple(shape["enum"])] if shape.get("enum") else _TYPES[shape["type"]]
        bounds = {ours: shape[theirs] for theirs, ours in _BOUNDS.items() if theirs in shape}
        if kind is str:
            bounds = {"max_length": LONGEST_TEXT, **bounds}
        about = Field(... if name in required else None, description=shape.get("description"), **bounds)
        fields[name] = (kind if name in required else kind | None, about)
    config = ConfigDict(extra="forbid", frozen=True)
    made: type[BaseModel] = create_model(f"{declared.name}_arguments", __config__=config, **fields)
    return made


def _writes(declared: HttpTool) -> bool:
    return declared.changes or declared.method != "GET"


def _writing(declared: HttpTool) -> Writing[Any]:
    """It is offered by its description, and nobody can be asked afterwards whether it was done."""

    async def offered(_arguments: BaseModel, context: ToolContext) -> ToolResult:
        if declared.for_customer and not context.principal.email:
            return _sign_in()
        return ToolResult(
            declared.description, spoken=Spoken("action_declared", {"what": declared.description})
        )

    async def untold(_context: ToolContext) -> Trace:
        return Trace(None)

    return Writing(route="model", draft=lambda _text, _ids: None, check=offered, trace=untold)


def _written(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _sign_in() -> ToolResult:
    return ToolResult("The customer must sign in for that.", ok=False, spoken=Spoken("action_sign_in"))


class _Call:
    """One operation, with the answers that it keeps for a while."""

    def __init__(self, declared: HttpTool, http: HttpClient, secret: _Secret) -> None:
        self._declared, self._http, self._secret = declared, http, secret
        self._kept: OrderedDict[str, tuple[float, ToolResult]] = OrderedDict()

    async def run(self, arguments: BaseModel, context: ToolContext) -> ToolResult:
        """What the service answered; raises ToolUnavailable with what the customer may read."""
        declared = self._declared
        if declared.for_customer and not context.principal.email:
            return _sign_in()
        given = arguments.model_dump(exclude_none=True)
        if any(_written(value) in {".", ".."} for value in given.values()):
            return ToolResult("The arguments do not fit the tool's schema.", ok=False)
        key = json.dumps(given, sort_keys=True)
        kept = self._kept.get(key)
        if kept is not None and kept[0] > time.monotonic():
            return kept[1]
        result = self._result(await self._ask(given, context))
        if declared.cache_seconds and result.ok:
            self._kept[key] = (time.monotonic() + declared.cache_seconds, result)
            while len(self._kept) > MOST_KEPT:
                self._kept.popitem(last=False)
        return result

    async def _ask(self, given: dict[str, Any], context: ToolContext) -> HttpReply:
        tries = 2 if self._declared.retry == "once" else 1
        for left in reversed(range(tries)):
            try:
                return await self._send(given, context)
            except ToolUnavailable as error:
                if not left:
                    raise type(error)(self._declared.error or UNAVAILABLE) from error
        raise ToolUnavailable(UNAVAILABLE)

    async def _send(self, given: dict[str, Any], context: ToolContext) -> HttpReply:
        placed = set(_placeholders(self._declared.url))
        values = {name: quote(_written(value), safe="") for name, value in given.items() if name in placed}
        url = self._declared.url.format(**values)
        headers = self._headers(context)
        try:
            async with asyncio.timeout(self._declared.timeout_seconds):
                if self._declared.method == "GET":
                    return await self._http.get(url, headers=headers)
                rest = {name: value for name, value in given.items() if name not in placed}
                return await self._http.post(url, headers=headers, json=rest)
        except TimeoutError as error:
            raise ToolUnavailable from error

    def _headers(self, context: ToolContext) -> dict[str, str]:
        headers = {"Idempotency-Key": context.effect_key} if context.effect_key else {}
        if self._declared.for_customer and context.principal.email:
            headers["X-Customer-Email"] = context.principal.email
        if self._declared.secret is not None:
            value = self._secret(self._declared.secret)
            if value is None:
                raise ToolUnavailable(self._declared.error or UNAVAILABLE)
            headers[self._declared.secret_header] = value
        return headers

    def _result(self, reply: HttpReply) -> ToolResult:
        if not 200 <= reply.status < 300:
            if reply.status >= 500:
                raise ToolUnavailable(self._declared.error or UNAVAILABLE)
            return ToolResult(self._declared.error or "The service says no to that.", ok=False)
        text = json.dumps(reply.body, ensure_ascii=False)
        return ToolResult(text[:LONGEST_RESULT], {"body": reply.body})
