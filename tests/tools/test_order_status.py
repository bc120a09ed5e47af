"""An order is told to its owner, and to nobody else is it even known to exist."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from pydantic import ValidationError

from desk.errors import ToolUnavailable
from desk.tooling import ToolResult
from prompts.replies import LANGUAGES
from tests.tools.contexts import tool_context
from tests.tools.local_server import LocalServer, json_answer, serving
from tools.http import TenantHttp
from tools.order_status import TOOL, OrderStatusArguments, order_reply

PATH = "/api/orders/100235/status"
GRACE_ORDER = {
    "id": "100235",
    "status": "processing",
    "placed_on": "2026-11-16",
    "shipped_on": None,
    "eta": None,
    "carrier": None,
    "items": [{"title": "Neuromancer", "quantity": 1}],
    "customer": {"email": "grace@example.com", "postcode": "SW1A 1AA"},
}


@pytest.fixture
async def shop() -> AsyncIterator[LocalServer]:
    async with serving({PATH: json_answer(GRACE_ORDER)}) as server:
        yield server


async def ask(shop: LocalServer, order_id: str = "100235", **known: Any) -> ToolResult:
    async with TenantHttp([shop.origin]) as http:
        context = tool_context(http=http, shop_api_url=shop.url(), **known)
        return await TOOL.run(OrderStatusArguments(order_id=order_id), context)


OWNERS = [
    {"email": "grace@example.com"},
    {"email": "GRACE@Example.com"},
    {"email": " grace@example.com "},
    {"known_emails": ("grace@example.com",)},
    {"known_emails": ("ada@example.com", "Grace@example.COM")},
    {"known_postcodes": ("SW1A 1AA",)},
    {"known_postcodes": ("sw1a1aa",)},
    {"known_postcodes": ("90210", "SW1A-1AA")},
    {"email": "ada@example.com", "known_emails": ("grace@example.com",)},
    {"email": "ada@example.com", "known_postcodes": ("SW1A 1AA",)},
]

STRANGERS = [
    {},
    {"email": "ada@example.com"},
    {"email": "grace@example.com.evil.test"},
    {"email": "grace"},
    {"email": ""},
    {"known_emails": ("ada@example.com",)},
    {"known_emails": ("",)},
    {"known_emails": ("SW1A 1AA",)[:0], "known_postcodes": ("90210",)},
    {"known_postcodes": ("",)},
    {"known_postcodes": ("SW1A",)},
    {"known_postcodes": ("SW1A 1AA 2",)},
    {"known_postcodes": ("grace@example.com",)},
    {"known_emails": ("SW1A 1AA",)},
]


@pytest.mark.parametrize("known", OWNERS)
async def test_owners_are_told(shop: LocalServer, known: dict[str, Any]) -> None:
    result = await ask(shop, **known)
    assert result.ok
    assert result.data["order"]["status"] == "processing"
    assert "100235" in result.text


@pytest.mark.parametrize("known", STRANGERS)
async def test_strangers_get_exactly_what_an_unknown_order_gives(
    shop: LocalServer, known: dict[str, Any]
) -> None:
    foreign = await ask(shop, **known)
    shop.answers.clear()
    unknown = await ask(shop, **known)
    assert foreign == unknown
    assert not foreign.ok
    assert foreign.data == {"found": False, "order_id": "100235"}


@pytest.mark.parametrize("customer", [{"email": "", "postcode": ""}, {}, {"email": "  ", "postcode": " - "}])
@pytest.mark.parametrize(
    "known", [{}, {"email": ""}, {"known_emails": ("", " ")}, {"known_postcodes": ("-",)}]
)
async def test_an_order_without_a_customer_belongs_to_nobody(
    shop: LocalServer, customer: dict[str, str], known: dict[str, Any]
) -> None:
    shop.answers[PATH] = json_answer(GRACE_ORDER | {"customer": customer})
    assert not (await ask(shop, **known)).ok


async def test_the_customer_is_never_in_the_result(shop: LocalServer) -> None:
    result = await ask(shop, email="grace@example.com")
    assert result.ok
    assert "grace@" not in repr(result)
    assert "SW1A" not in repr(result)


async def test_the_service_key_goes_along_and_the_number_is_quoted(shop: LocalServer) -> None:
    await ask(shop, "#W1234567")
    head = shop.heard[0].decode()
    assert head.startswith("GET /api/orders/%23W1234567/status ")
    assert "x-api-key: service-key" in head.lower()


@pytest.mark.parametrize("order_id", ["", "../secrets", "1/2", "1?x=1", "a b", "1" * 41, "100235\n", "1%2f"])
def test_odd_numbers_are_refused_before_any_call(order_id: str) -> None:
    with pytest.raises(ValidationError):
        OrderStatusArguments(order_id=order_id)


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (500, None),
        (401, {}),
        (403, GRACE_ORDER),
        (200, None),
        (200, []),
        (200, {"id": "100235"}),
        (200, GRACE_ORDER | {"id": "100234"}),
        (200, GRACE_ORDER | {"placed_on": "soon"}),
        (200, GRACE_ORDER | {"status": "x" * 301}),
        (200, GRACE_ORDER | {"status": "a\x00b"}),
        (200, GRACE_ORDER | {"carrier": "\ud800"}),
        (200, GRACE_ORDER | {"items": [{"title": "x", "quantity": 1}] * 101}),
    ],
)
async def test_nonsense_from_the_shop_is_unavailable(shop: LocalServer, status: int, body: Any) -> None:
    shop.answers[PATH] = json_answer(body, status)
    with pytest.raises(ToolUnavailable, match="order system is not answering") as caught:
        await ask(shop, email="grace@example.com")
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


async def test_a_shop_that_is_not_there_is_unavailable(shop: LocalServer) -> None:
    arguments = OrderStatusArguments(order_id="100235")
    for url in (None, "http://127.0.0.1:1", shop.url()):
        with pytest.raises(ToolUnavailable, match="try again in a few minutes"):
            await TOOL.run(arguments, tool_context(shop_api_url=url))
    assert shop.heard == []


SHIPPED = {
    "id": "100234",
    "status": "shipped",
    "placed_on": "2026-11-10",
    "shipped_on": "2026-11-12",
    "eta": "2026-11-20",
    "carrier": "Parcel Post",
    "items": [{"title": "Dune", "quantity": 2}, {"title": "Emma", "quantity": 1}],
}


def test_the_reply_holds_every_fact() -> None:
    assert order_reply(SHIPPED, "en") == (
        "Order 100234 is: shipped. It was placed on 2026-11-10. It was shipped on 2026-11-12. "
        "Expected delivery is 2026-11-20. The carrier is Parcel Post. It contains: 2 x Dune, 1 x Emma."
    )


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_reply_is_in_every_language(language: str) -> None:
    reply = order_reply(SHIPPED, language)
    facts = ["100234", "2026-11-10", "2026-11-12", "2026-11-20", "Parcel Post", "2 x Dune"]
    assert [fact for fact in facts if fact not in reply] == []
    assert ("shipped" in reply) == (language == "en")


def test_what_is_missing_is_left_out_and_odd_statuses_stay() -> None:
    bare = SHIPPED | {"status": "on hold", "placed_on": None, "shipped_on": None, "eta": None}
    bare |= {"carrier": None, "items": []}
    assert order_reply(bare, "de") == "Status der Bestellung 100234: on hold."


@pytest.mark.parametrize(("status", "told"), [("shipped", True), ("delivered", False), ("cancelled", False)])
def test_a_delivery_is_expected_until_the_parcel_is_there(status: str, told: bool) -> None:
    facts = {**GRACE_ORDER, "status": status, "eta": "2026-11-20"}
    assert ("2026-11-20" in order_reply(facts, "en")) is told
