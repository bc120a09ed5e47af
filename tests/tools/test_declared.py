"""A tenant's own operation is called as it was declared, and as nothing else."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest
from pydantic import ValidationError

from desk.domain import HttpTool
from desk.errors import Misconfigured, ToolUnavailable
from desk.tooling import Tool, ToolContext, ToolResult
from tests.tools.contexts import tool_context
from tests.tools.local_server import HANG, LocalServer, answer, json_answer, serving
from tools.calling import LONGEST_RESULT
from tools.declared import declared_tool
from tools.http import TenantHttp

POINTS = HttpTool(
    name="loyalty_points",
    description="How many points a member has",
    url="https://crm.example/points/{member}?lang={language}",
    arguments={
        "type": "object",
        "properties": {
            "member": {"type": "string", "maxLength": 20, "description": "The member's number."},
            "language": {"type": "string", "enum": ["en", "de"]},
            "details": {"type": "boolean"},
        },
        "required": ["member", "language"],
    },
    changes=False,
    secret="crm",
    error="Your points cannot be looked up right now.",
)
NONE: dict[str, str] = {}
BEARER = {"crm": "Bearer abc"}
PATH = "/points/M%201?lang=en"
GIVEN = {"member": "M 1", "language": "en"}


@pytest.fixture
async def service() -> AsyncIterator[LocalServer]:
    async with serving({PATH: json_answer({"points": 120})}) as server:
        yield server


def at(service: LocalServer, declared: HttpTool = POINTS, **changes: Any) -> HttpTool:
    """The declaration, for the local service."""
    changed = replace(declared, **changes)
    return replace(changed, url=changed.url.replace("https://crm.example", service.url()))


async def call(tool: Tool[Any], given: dict[str, Any], context: ToolContext | None = None) -> ToolResult:
    return await tool.run(tool.arguments.model_validate(given), context or tool_context())


def opened(service: LocalServer, declared: HttpTool) -> tuple[TenantHttp, Tool[Any]]:
    http = TenantHttp([service.origin])
    return http, declared_tool(declared, http, BEARER.get)


async def test_it_is_asked_as_declared(service: LocalServer) -> None:
    http, tool = opened(service, at(service))
    async with http:
        result = await call(tool, GIVEN)
    assert json.loads(result.text) == {"points": 120}
    assert tool.writing is None
    (heard,) = service.heard
    assert heard.startswith(b"GET /points/M%201?lang=en ")
    assert b"authorization: bearer abc" in heard.lower()
    assert b"x-customer-email" not in heard.lower()


@pytest.mark.parametrize(
    "given",
    [
        {"member": "1"},
        {"member": "1", "language": "xx"},
        {"member": "1" * 21, "language": "en"},
        {"member": "1", "language": "en", "more": "x"},
        {"member": 1, "language": "en", "details": "perhaps"},
    ],
)
def test_arguments_must_fit(given: dict[str, Any]) -> None:
    tool = declared_tool(POINTS, TenantHttp([]), NONE.get)
    with pytest.raises(ValidationError):
        tool.arguments.model_validate(given)
    assert tool.schema()["function"]["parameters"]["required"] == ["member", "language"]


@pytest.mark.parametrize("member", ["..", "../admin", "a/b", "x?y=1", "x#y", "x%2f..", "@evil.example"])
async def test_an_argument_stays_one_piece_of_the_path(service: LocalServer, member: str) -> None:
    http, tool = opened(service, at(service))
    async with http:
        result = await call(tool, {"member": member, "language": "en"})
    assert not result.ok
    for heard in service.heard:
        path = heard.split(b" ")[1]
        assert path.startswith(b"/points/")
        assert path.count(b"/") == 2
        assert path.endswith(b"?lang=en")


async def test_a_private_or_foreign_host_is_not_reached(service: LocalServer) -> None:
    async with TenantHttp(["127.0.0.1"]) as http:
        tool = declared_tool(at(service), http, BEARER.get)
        with pytest.raises(ToolUnavailable, match="cannot be looked up"):
            await call(tool, GIVEN)
    assert service.heard == []


async def test_without_its_secret_nothing_is_asked(service: LocalServer) -> None:
    async with TenantHttp([service.origin]) as http:
        tool = declared_tool(at(service), http, NONE.get)
        with pytest.raises(ToolUnavailable):
            await call(tool, GIVEN)
    assert service.heard == []


async def test_who_it_is_comes_from_the_issuer_alone(service: LocalServer) -> None:
    http, tool = opened(service, at(service, for_customer=True))
    async with http:
        assert (await call(tool, GIVEN)).ok is False
        assert service.heard == []
        assert (await call(tool, GIVEN, tool_context(email="ada@example.com"))).ok
    assert b"x-customer-email: ada@example.com" in service.heard[0].lower()


@pytest.mark.parametrize(("retry", "asked"), [("never", 1), ("once", 2)])
async def test_it_is_asked_again_as_often_as_declared(service: LocalServer, retry: Any, asked: int) -> None:
    service.answers[PATH] = answer(b"not json", kind="text/plain")
    http, tool = opened(service, at(service, retry=retry))
    async with http:
        with pytest.raises(ToolUnavailable, match="cannot be looked up"):
            await call(tool, GIVEN)
    assert len(service.heard) == asked


async def test_what_hangs_is_left(service: LocalServer) -> None:
    service.answers[PATH] = HANG
    http, tool = opened(service, at(service, timeout_seconds=0.2))
    async with http:
        with pytest.raises(ToolUnavailable, match="cannot be looked up"):
            await call(tool, GIVEN)


async def test_an_answer_is_kept_for_the_same_arguments(service: LocalServer) -> None:
    http, tool = opened(service, at(service, cache_seconds=60))
    async with http:
        assert await call(tool, GIVEN) == await call(tool, GIVEN)
        await call(tool, GIVEN | {"language": "de"})
    assert len(service.heard) == 2


async def test_a_no_is_read_and_a_long_answer_is_cut(service: LocalServer) -> None:
    http, tool = opened(service, at(service))
    async with http:
        service.answers[PATH] = json_answer({"x": "y"}, 404)
        assert (await call(tool, GIVEN)).text == POINTS.error
        service.answers[PATH] = json_answer({"x": "y" * 10_000})
        assert len((await call(tool, GIVEN)).text) == LONGEST_RESULT


async def test_what_changes_something_is_offered_and_posts_the_rest(service: LocalServer) -> None:
    declared = at(service, method="POST", changes=True)
    service.answers[PATH] = json_answer({"done": True})
    http, tool = opened(service, declared)
    assert tool.writing is not None
    async with http:
        context = replace(tool_context(), effect_key="key-1")
        offered = await tool.writing.check(tool.arguments.model_validate(GIVEN), context)
        assert offered.spoken is not None
        assert offered.spoken.values == {"what": POINTS.description}
        assert service.heard == []
        assert (await tool.writing.trace(context)).times is None
        await call(tool, GIVEN | {"details": True}, context)
    (heard,) = service.heard
    assert b"idempotency-key: key-1" in heard.lower()
    assert json.loads(heard.partition(b"\r\n\r\n")[2]) == {"details": True}


def test_a_tool_of_unknown_class_counts_as_one_that_changes_something() -> None:
    bare = HttpTool(name="look", description="Look at it", url="https://crm.example/look")
    assert declared_tool(bare, TenantHttp([]), NONE.get).writing is not None
    read = replace(bare, changes=False)
    assert declared_tool(read, TenantHttp([]), NONE.get).writing is None


@pytest.mark.parametrize(
    "changes",
    [
        {"name": "Loyalty Points"},
        {"name": ""},
        {"description": ""},
        {"url": "ftp://crm.example/x"},
        {"url": "https://user:pw@crm.example/{member}"},
        {"url": "https://{member}.example/{language}"},
        {"url": "https://crm.example/{member.__class__}/{language}"},
        {"url": "https://crm.example/{member}/{language}/{other}"},
        {"url": "https://crm.example/{details}"},
        {"url": "https://crm.example/{"},
        {"arguments": {"type": "array"}},
        {"arguments": {"type": "object", "properties": {"member": {"type": "object"}}}},
        {"arguments": POINTS.arguments | {"$ref": "https://evil.example"}},
        {"method": "POST"},
        {"changes": True, "retry": "once"},
        {"changes": True, "cache_seconds": 5},
        {"for_customer": True, "cache_seconds": 5},
        {"timeout_seconds": 60},
        {"cache_seconds": 3600},
        {"secret_header": "X-Customer-Email"},
        {"secret_header": "Bad Header"},
        {"error": "x" * 301},
    ],
)
def test_a_wrong_declaration_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(Misconfigured, match="The tool"):
        declared_tool(replace(POINTS, **changes), TenantHttp([]), NONE.get)
