"""The shop API: only by service key, effects once per key, remembered over a restart."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from desk.domain import Principal, Tenant, TenantId, new_id
from desk.errors import KeyReused, Misconfigured
from desk.settings import Settings
from desk.tooling import Passage, Product, ToolContext
from server.demo.effects import EffectStore
from server.demo.shop import ShopApi, read_shop_url, serve_shop
from tools.http import TenantHttp
from tools.order_status import TOOL, OrderStatusArguments

KEY = {"X-API-Key": "secret"}


def client_of(store: EffectStore) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(ShopApi(store, "secret").app())
    return httpx.AsyncClient(transport=transport, base_url="http://shop", headers=KEY)


@pytest.fixture
async def shop(tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    store = EffectStore(tmp_path / "effects.sqlite")
    async with client_of(store) as client:
        yield client
    store.close()


async def post(shop: httpx.AsyncClient, path: str, key: str | None, body: Any) -> httpx.Response:
    return await shop.post(path, json=body, headers={"Idempotency-Key": key} if key else {})


async def test_order_status_is_as_the_contract_says(shop: httpx.AsyncClient) -> None:
    reply = await shop.get("/api/orders/100234/status")
    assert reply.status_code == 200
    body = reply.json()
    assert body.keys() == {
        *("id", "status", "placed_on", "shipped_on", "eta", "delivered_on", "carrier", "items"),
        "customer",
    }
    assert (body["id"], body["status"]) == ("100234", "shipped")
    assert body["customer"] == {"email": "ada@example.com", "postcode": "90210"}
    assert body["items"][1] == {"title": "Dune", "quantity": 2}


async def test_spellings_of_a_number_and_unknown_numbers(shop: httpx.AsyncClient) -> None:
    assert (await shop.get("/api/orders/%23100-234/status")).json()["id"] == "100234"
    unknown = await shop.get("/api/orders/999999/status")
    assert unknown.status_code == 404
    assert unknown.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("given", ["", "wrong", "secret2", "\xe9"])
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/api/orders/100234/status"),
        ("GET", "/api/effects/k"),
        ("POST", "/api/tickets"),
        ("POST", "/api/orders/100234/returns"),
    ],
)
async def test_nothing_without_the_service_key(
    shop: httpx.AsyncClient, given: str, method: str, path: str
) -> None:
    headers = {b"x-api-key": given.encode("latin-1"), b"idempotency-key": b"k"}
    assert (await shop.request(method, path, headers=headers, json={})).status_code == 401
    assert (await shop.get("/api/effects/k")).status_code == 404


async def test_a_repeated_key_does_nothing_again(shop: httpx.AsyncClient) -> None:
    first = await post(shop, "/api/orders/100234/returns", "k1", {"reason": "torn"})
    again = await post(shop, "/api/orders/100234/returns", "k1", {"reason": "torn"})
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.json() == again.json()
    assert again.headers["Idempotency-Replayed"] == "true"
    assert (await shop.get("/api/effects/k1")).json() == {
        "key": "k1",
        "count": 1,
        "effects": [first.json()],
    }


async def test_a_key_belongs_to_one_request(shop: httpx.AsyncClient) -> None:
    await post(shop, "/api/tickets", "k1", {"subject": "a"})
    assert (await post(shop, "/api/tickets", "k1", {"subject": "b"})).status_code == 422
    assert (await post(shop, "/api/orders/100234/returns", "k1", {"subject": "a"})).status_code == 422
    assert (await shop.get("/api/effects/k1")).json()["count"] == 1
    other = await post(shop, "/api/tickets", "k2", {"subject": "a"})
    assert other.json()["id"] != (await post(shop, "/api/tickets", "k1", {"subject": "a"})).json()["id"]


@pytest.mark.parametrize(
    ("path", "key", "content", "status"),
    [
        ("/api/tickets", None, b"{}", 422),
        ("/api/tickets", "k" * 201, b"{}", 422),
        ("/api/tickets", "k", b"", 422),
        ("/api/tickets", "k", b"[]", 422),
        ("/api/tickets", "k", b"[" * 9000, 422),
        ("/api/tickets", "k", b'"' + b"x" * 20_000 + b'"', 413),
        ("/api/orders/999999/returns", "k", b"{}", 404),
        ("/api/orders/100235/returns", "k", b"{}", 409),
    ],
)
async def test_what_cannot_be_done_leaves_no_effect(
    shop: httpx.AsyncClient, path: str, key: str | None, content: bytes, status: int
) -> None:
    headers = {"Idempotency-Key": key} if key else {}
    assert (await shop.post(path, content=content, headers=headers)).status_code == status
    assert (await shop.get("/api/effects/k")).status_code == 404


async def test_effects_outlive_a_restart(tmp_path: Path) -> None:
    before = EffectStore(tmp_path / "e.sqlite")
    async with client_of(before) as shop:
        first = await post(shop, "/api/tickets", "k", {"subject": "a"})
    before.close()
    after = EffectStore(tmp_path / "e.sqlite")
    async with client_of(after) as shop:
        assert (await post(shop, "/api/tickets", "k", {"subject": "a"})).json() == first.json()
        assert (await shop.get("/api/effects/k")).json()["count"] == 1
    after.close()


def test_a_shop_that_ignores_keys_counts_every_effect(tmp_path: Path) -> None:
    store = EffectStore(tmp_path / "e.sqlite", deduplicate=False)
    results = [store.perform("k", "ticket", {"subject": "a"}) for _ in range(3)]
    assert [repeated for _, repeated in results] == [False, False, False]
    assert len({effect.number for effect, _ in results}) == 3
    assert len(store.find("k")) == 3
    store.close()


def test_key_reuse_is_an_error_of_the_store(tmp_path: Path) -> None:
    store = EffectStore(tmp_path / "deep" / "e.sqlite")
    store.perform("k", "ticket", {"subject": "a"})
    with pytest.raises(KeyReused):
        store.perform("k", "return", {"subject": "a"})
    store.close()


def test_no_service_key_no_shop(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="DESK_SHOP_API_KEY"):
        serve_shop(Settings(home=tmp_path, shop_api_key=None))
    assert read_shop_url(tmp_path) is None


def start(home: Path) -> subprocess.Popen[bytes]:
    environment = os.environ | {"DESK_HOME": str(home), "DESK_SHOP_API_KEY": "secret"}
    return subprocess.Popen([sys.executable, "-m", "server.demo.shop"], env=environment)


def wait_for_url(home: Path, process: subprocess.Popen[bytes]) -> str:
    for _ in range(200):
        url = read_shop_url(home)
        if url:
            return url
        assert process.poll() is None
        time.sleep(0.05)
    raise AssertionError("the shop wrote no address")


async def no_passages(principal: Principal, query: str, *, limit: int) -> list[Passage]:
    return []


async def no_products(
    principal: Principal,
    query: str,
    *,
    genre: str | None,
    author: str | None,
    limit: int,
    price_to: float | None = None,
    rating_from: float | None = None,
) -> list[Product]:
    return []


async def test_the_order_tool_asks_the_running_shop(tmp_path: Path) -> None:
    process = start(tmp_path)
    try:
        url = await asyncio.to_thread(wait_for_url, tmp_path, process)
        tenant = Tenant(TenantId(new_id()), "bookshop", "Bookshop")
        async with TenantHttp([url.removeprefix("http://")]) as http:
            context = ToolContext(
                Principal(tenant.id, "user", email="ada@example.com"),
                *(tenant, http, no_passages, no_products, url, "secret"),
            )
            own = await TOOL.run(OrderStatusArguments(order_id="100234"), context)
            foreign = await TOOL.run(OrderStatusArguments(order_id="100235"), context)
        assert own.data["order"]["status"] == "shipped"
        assert foreign.data == {"found": False, "order_id": "100235"}
        process.send_signal(signal.SIGTERM)
        assert await asyncio.to_thread(process.wait, 10) in (0, -signal.SIGTERM)
    finally:
        process.kill()
        process.wait()
    assert json.loads((tmp_path / "run" / "shop.json").read_text()) == {"url": url}


async def test_the_orders_of_a_customer_are_listed(shop: httpx.AsyncClient) -> None:
    listed = await shop.get("/api/orders", headers={"X-Customer-Email": "ADA@example.com"})
    assert {order["id"] for order in listed.json()["orders"]} == {"100234", "100198", "100251"}
    assert (await shop.get("/api/orders", headers={"X-Customer-Email": "x@y"})).json() == {"orders": []}
    assert (await shop.get("/api/orders")).status_code == 422
