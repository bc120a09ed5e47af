"""What may be approved of an MCP server's tools, and the sentence for what may not."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from desk.domain import McpServer, McpTool
from desk.errors import InvalidInput, Misconfigured
from server.tenant_settings import changed_settings
from tests.servers.mcp_server import POINTS
from tools.mcp.definition import LONGEST_DESCRIPTION, Definition
from tools.mcp.tool import check_server

TOOL = McpTool(
    name="member.points",
    description="How many points a member has.",
    arguments=POINTS["inputSchema"],
    changes=False,
)
SERVER = McpServer(name="crm", url="https://crm.example/mcp", tools=(TOOL,))
STORED: dict[str, Any] = {
    "name": "crm",
    "url": "https://crm.example/mcp",
    "tools": [{"name": "points", "description": "How many points.", "arguments": {}, "changes": False}],
}


def listed(**changes: Any) -> Definition:
    """The server's tool, as it lists it now."""
    found = Definition.of(POINTS | changes)
    assert found is not None
    return found


def schema_of(shape: dict[str, Any], *, required: bool = True) -> dict[str, Any]:
    return {"type": "object", "properties": {"x": shape}, "required": ["x"] if required else []}


def test_the_same_is_the_same_however_it_is_written() -> None:
    spaced = {"required": ["x"], "properties": {"x": {"minimum": 100.0, "type": "number"}}, "type": "object"}
    stored = {"type": "object", "properties": {"x": {"type": "number", "minimum": 100}}, "required": ["x"]}
    assert listed(inputSchema=spaced).same_as(listed(inputSchema=stored))
    assert listed(inputSchema=spaced).sha == listed(inputSchema=stored).sha
    assert listed().same_as(Definition.approved(TOOL))


@pytest.mark.parametrize(
    "changes",
    [
        {"name": "points"},
        {"description": "How many points a member has. "},
        {"inputSchema": POINTS["inputSchema"] | {"required": []}},
        {"inputSchema": schema_of({"type": "number", "minimum": True})},
    ],
)
def test_any_change_is_another_tool(changes: dict[str, Any]) -> None:
    assert not listed(**changes).same_as(Definition.approved(TOOL))
    assert listed(**changes).sha != Definition.approved(TOOL).sha


@pytest.mark.parametrize("wrong", [{"name": 7}, {"description": []}, {"inputSchema": None}])
def test_what_is_no_tool_is_none(wrong: dict[str, Any]) -> None:
    assert Definition.of(POINTS | wrong) is None


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"name": "two words"}, "a name is"),
        ({"name": "x" * 65}, "a name is"),
        ({"description": ""}, "the description has"),
        ({"description": "x" * (LONGEST_DESCRIPTION + 1)}, "the description has"),
        ({"inputSchema": schema_of({"type": "string", "title": "x" * 9000})}, "all of it has"),
        ({"description": "Points.\U000e0041\U000e0042"}, "characters that nobody sees"),
        ({"description": "Points.\u202e"}, "characters that nobody sees"),
        ({"inputSchema": schema_of({"type": "string", "description": "x\u200b"})}, "that nobody sees"),
        ({"description": "Ask ada@example.com for them."}, "a personal value"),
        ({"inputSchema": schema_of({"type": "object"})}, "a property is"),
        ({"inputSchema": schema_of({"$ref": "#/$defs/x"})}, "a property is"),
        ({"inputSchema": {"type": "object", "anyOf": []}}, "`arguments` is"),
        ({"inputSchema": {"type": "object", "properties": {}, "required": ["x"]}}, "`required` names"),
    ],
)
def test_what_cannot_be_offered_is_told(changes: dict[str, Any], said: str) -> None:
    assert said in (listed(**changes).why_not() or "")


@pytest.mark.parametrize(
    "changes",
    [
        {"name": "a/b.c-d_E"},
        {"description": "x" * LONGEST_DESCRIPTION},
        {"description": "Zeigt die Punkte.\n\n\tNur für Mitglieder: 名前."},
        {"inputSchema": {"type": "object"}},
    ],
)
def test_what_can_be_offered_is(changes: dict[str, Any]) -> None:
    assert listed(**changes).why_not() is None


@pytest.mark.parametrize(
    "changes",
    [
        {"name": "C R M"},
        {"name": "crm_"},
        {"url": "stdio:crm"},
        {"url": "https://user:pw@crm.example/mcp"},
        {"secret_header": "X-Customer-Email"},
        {"tools": (replace(TOOL, changes=True),)},
        {"tools": (replace(TOOL, label="x" * 101),)},
        {"tools": (replace(TOOL, changes=True, label="Do it", retry="once"),)},
        {"tools": (replace(TOOL, changes=True, label="Do it", cache_seconds=5),)},
        {"tools": (replace(TOOL, for_customer=True, cache_seconds=5),)},
        {"tools": (replace(TOOL, timeout_seconds=60),)},
        {"tools": (replace(TOOL, name="x" * 62),)},
        {"tools": (replace(TOOL, error="x" * 301),)},
    ],
)
def test_a_wrong_approval_is_refused(changes: dict[str, Any]) -> None:
    check_server(SERVER)
    with pytest.raises(Misconfigured, match="MCP server"):
        check_server(replace(SERVER, **changes))


def test_approvals_are_checked_when_they_are_set() -> None:
    kept = changed_settings({}, {"mcp_servers": [STORED]})
    assert kept["mcp_servers"][0]["tools"][0]["name"] == "points"
    tool = STORED["tools"][0]
    order = {"name": "order", "url": STORED["url"], "tools": [tool | {"name": "status"}]}
    http = {"name": "crm_points", "description": "x", "url": "https://crm.example/", "changes": False}
    for wrong in (
        {"mcp_servers": [STORED, STORED]},
        {"mcp_servers": [order]},
        {"mcp_servers": [STORED], "http_tools": [http]},
        {"mcp_servers": [STORED | {"tools": [tool | {"name": f"t{number}"} for number in range(21)]}]},
        {"mcp_servers": [STORED | {"tools": [tool | {"name": "a.b"}, tool | {"name": "a_b"}]}]},
        {"mcp_servers": [STORED | {"command": "npx"}]},
        {"mcp_servers": [STORED | {"tools": [tool | {"sha": "x"}]}]},
        {"mcp_servers": [STORED | {"tools": [tool | {"description": ""}]}]},
        {"mcp_servers": [STORED | {"tools": [tool | {"changes": True}]}]},
    ):
        with pytest.raises(InvalidInput):
            changed_settings({}, wrong)
