"""Makes a tool of a tenant's own REST operation, as the tenant declared it."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Mapping
from string import Formatter
from typing import Any, Final
from urllib.parse import quote, urlsplit

from desk.domain import HttpTool
from desk.errors import Misconfigured, ToolUnavailable
from desk.tooling import HttpClient, HttpReply, Tool, ToolContext, ToolResult
from tools.calling import (
    LONGEST_RESULT,
    Calling,
    Secret,
    headers_of,
    seconds_of,
    writing_of,
    wrong_manner,
)
from tools.schemas import model_of, wrong_schema

TOOL_NAME: Final = re.compile(r"[a-z][a-z0-9_]{1,47}")
_HEADER = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,63}")
# What the client sets itself, or what says who a customer is.
_OURS = frozenset(
    ("host", "content-length", "content-type", "transfer-encoding", "x-customer-email", "cookie")
)


def declared_tool(declared: HttpTool, http: HttpClient, secret: Secret) -> Tool[Any]:
    """The tool; it reaches its service by `http`, which must allow the host, and asks `secret` at each call.

    Raises Misconfigured with what is wrong about the declaration.
    """
    check(declared)
    return Tool(
        name=declared.name,
        description=declared.description,
        arguments=model_of(declared.name, declared.arguments),
        run=Calling(declared, _Call(declared, http, secret).ask).run,
        writing=writing_of(declared, declared.description) if _writes(declared) else None,
        timeout_seconds=seconds_of(declared),
    )


def check(declared: HttpTool) -> None:
    """Raises Misconfigured with what is wrong about a declaration."""
    wrong = next((said for said in _wrong(declared) if said), None)
    if wrong:
        raise Misconfigured(f"The tool {declared.name!r}: {wrong}")


def is_address(url: str) -> bool:
    """Whether a url is http(s) with a host and without a login."""
    parts = urlsplit(url)
    return parts.scheme in ("https", "http") and bool(parts.hostname) and "@" not in parts.netloc


def is_header(name: str) -> bool:
    """Whether a secret may be sent as the header of this name, which the desk does not set itself."""
    return bool(_HEADER.fullmatch(name)) and name.lower() not in _OURS


def _wrong(declared: HttpTool) -> list[str | None]:
    parts = urlsplit(declared.url)
    said = {
        "a name is 2 to 48 of a-z, 0-9 and _, and begins with a letter.": TOOL_NAME.fullmatch(declared.name),
        "the description has 1 to 500 characters.": 1 <= len(declared.description) <= 500,
        "the url must be http(s), without a login, and its host has no placeholder.": is_address(declared.url)
        and "{" not in parts.scheme + parts.netloc,
        "only a GET can be without effect.": declared.changes or declared.method == "GET",
        "secret_header is a header's name, and none that the desk sets itself.": is_header(
            declared.secret_header
        ),
    }
    return [
        *(what for what, holds in said.items() if not holds),
        wrong_schema(declared.arguments) or _wrong_places(declared),
        wrong_manner(declared, writes=_writes(declared)),
    ]


def _wrong_places(declared: HttpTool) -> str | None:
    shapes: Mapping[str, Any] = declared.arguments.get("properties", {})
    if any(shape.get("type") not in ("string", "integer", "number", "boolean") for shape in shapes.values()):
        return "an argument of a REST operation is one string, integer, number or boolean."
    if not set(_placeholders(declared.url)) <= set(declared.arguments.get("required", ())):
        return "each placeholder of the url must be a required argument."
    return None


def _placeholders(url: str) -> list[str]:
    try:
        found = [name for _, name, _, _ in Formatter().parse(url) if name is not None]
    except ValueError:
        return ["{"]
    return [name if re.fullmatch(r"[A-Za-z_]\w*", name) else "{" for name in found]


def _writes(declared: HttpTool) -> bool:
    return declared.changes or declared.method != "GET"


def _written(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


class _Call:
    """One operation, asked for once."""

    def __init__(self, declared: HttpTool, http: HttpClient, secret: Secret) -> None:
        self._declared, self._http, self._secret = declared, http, secret

    async def ask(self, values: dict[str, Any], context: ToolContext) -> ToolResult:
        """What the service answered; raises ToolUnavailable."""
        if any(_written(value) in {".", ".."} for value in values.values()):
            return ToolResult("The arguments do not fit the tool's schema.", ok=False)
        placed = set(_placeholders(self._declared.url))
        parts = {name: quote(_written(value), safe="") for name, value in values.items() if name in placed}
        url = self._declared.url.format(**parts)
        headers = self._headers(context)
        try:
            async with asyncio.timeout(self._declared.timeout_seconds):
                if self._declared.method == "GET":
                    return self._result(await self._http.get(url, headers=headers))
                rest = {name: value for name, value in values.items() if name not in placed}
                return self._result(await self._http.post(url, headers=headers, json=rest))
        except TimeoutError as error:
            raise ToolUnavailable from error

    def _headers(self, context: ToolContext) -> dict[str, str]:
        headers = headers_of(self._declared, context)
        if context.effect_key:
            headers["Idempotency-Key"] = context.effect_key
        if self._declared.secret is not None:
            value = self._secret(self._declared.secret)
            if value is None:
                raise ToolUnavailable
            headers[self._declared.secret_header] = value
        return headers

    def _result(self, reply: HttpReply) -> ToolResult:
        if reply.status >= 500:
            raise ToolUnavailable
        if not 200 <= reply.status < 300:
            return ToolResult(self._declared.error or "The service says no to that.", ok=False)
        text = json.dumps(reply.body, ensure_ascii=False)
        return ToolResult(text[:LONGEST_RESULT], {"body": reply.body})
