"""A tool that a tenant declared is offered to its model alone, called through the graph, and confirmed."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from pydantic import SecretStr

from desk.domain import HttpTool, TenantSettings
from desk.errors import InvalidInput
from graphs.acting.tenant_tools import TenantTools, secret_of
from graphs.services import Services
from server.tenant_settings import changed_settings
from tests.graphs.conversing import POINTS, Customer, calls, contents
from tests.tools.local_server import LocalServer, json_answer, serving

DECLARED = {
    "name": "loyalty_points",
    "description": "How many points a member has",
    "url": "https://crm.example/points/{member}",
    "arguments": {
        "type": "object",
        "properties": {"member": {"type": "string"}},
        "required": ["member"],
    },
    "changes": False,
}


@pytest.fixture
async def service() -> AsyncIterator[LocalServer]:
    async with serving({"/points/m1": json_answer({"points": "one hundred and twenty"})}) as server:
        yield server


@pytest.fixture
async def member(bookshop: Services, service: LocalServer) -> AsyncIterator[Customer]:
    """Ada, at a tenant that declared two tools, with an operator that lets them reach the local service."""
    ada = await Customer.of(bookshop, "ada@example.com")
    look = HttpTool(**DECLARED | {"url": service.url("/points/{member}")})  # type: ignore[arg-type]
    spend = replace(look, name="spend_points", description="Spend the points", method="POST", changes=True)
    ada.tenant = replace(ada.tenant, settings=replace(ada.tenant.settings, http_tools=(look, spend)))
    told = bookshop.engine.settings.model_copy(update={"tool_hosts": (service.origin,)})
    before, bookshop._declared = bookshop._declared, TenantTools(told)
    yield ada
    await bookshop._declared.aclose()
    bookshop._declared, bookshop.engine.model = before, None


async def test_a_model_asks_and_is_told(member: Customer, service: LocalServer) -> None:
    model = member.script(calls("loyalty_points", '{"member": "m1"}'), "You have them.")
    told = await member.say(POINTS)
    assert ("loyalty_points", "ended") in told.tools
    assert len(service.heard) == 1
    assert "one hundred and twenty" in contents(model.requests[-1])
    names = [tool["function"]["name"] for tool in model.requests[0].tools]
    assert {"loyalty_points", "spend_points", "order_status"} <= set(names)


async def test_another_tenant_has_no_such_tool(ada: Customer) -> None:
    model = ada.script(calls("loyalty_points", '{"member": "m1"}'), "I do not know.")
    told = await ada.say(POINTS)
    assert told.tools == []
    assert "loyalty_points" not in str(model.requests[0].tools)


async def test_what_changes_something_waits_for_a_yes(member: Customer, service: LocalServer) -> None:
    member.script(calls("spend_points", '{"member": "m1"}'), "Shall I?")
    told = await member.say(POINTS)
    (action,) = told.reply["reply"]["actions"]
    assert action["label"] == "For you: Spend the points"
    assert service.heard == []
    await member.confirm(action["id"])
    (heard,) = service.heard
    assert heard.startswith(b"POST /points/m1 ")
    assert f"idempotency-key: {action['id']}".encode() in heard.lower()


def test_a_tenant_names_its_own_secrets_alone(bookshop: Services) -> None:
    kept = {"bookshop/crm": SecretStr("ours"), "other/crm": SecretStr("theirs")}
    settings = bookshop.engine.settings.model_copy(update={"tool_secrets": kept})
    assert secret_of(settings, "bookshop", "crm") == "ours"
    assert secret_of(settings, "third", "crm") is None
    assert secret_of(settings, "bookshop", "../other/crm") is None


def test_declarations_are_checked_when_they_are_set() -> None:
    stored = changed_settings({}, {"http_tools": [DECLARED]})
    assert stored["http_tools"][0]["name"] == "loyalty_points"
    assert TenantSettings().http_tools == ()
    for wrong in (
        [DECLARED, DECLARED],
        [DECLARED | {"name": "calculator"}],
        [DECLARED | {"url": "https://{member}.example/"}],
        [DECLARED | {"unknown": 1}],
        [DECLARED | {"method": "DELETE"}],
        [DECLARED | {"name": f"tool_{number}"} for number in range(21)],
    ):
        with pytest.raises(InvalidInput):
            changed_settings({}, {"http_tools": wrong})
