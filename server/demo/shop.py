"""The demo bookshop's order API, a process of its own: order status, returns, tickets, counted effects."""

from __future__ import annotations

import asyncio
import hmac
import json
import socket
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Final

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from desk.errors import (
    Conflict,
    DeskError,
    InvalidInput,
    Misconfigured,
    NotFound,
    PayloadTooLarge,
    Unauthenticated,
)
from desk.settings import Settings, load_settings
from server.demo.data import DemoOrder, load_orders
from server.demo.effects import EffectStore

LARGEST_BODY: Final = 16 * 1024
LONGEST_KEY: Final = 200

_Handler = Callable[[Request], Awaitable[Response]]


class ShopApi:
    """The handlers; every one asks for the service key first."""

    def __init__(self, effects: EffectStore, service_key: str) -> None:
        self._effects = effects
        self._service_key = service_key.encode()

    def app(self) -> Starlette:
        """The API as an ASGI application."""
        routes = [
            ("/api/orders", "GET", self.orders_of_customer),
            ("/api/orders/{order_id}/status", "GET", self.order_status),
            ("/api/orders/{order_id}/returns", "POST", self.start_return),
            ("/api/tickets", "POST", self.create_ticket),
            ("/api/effects/{key}", "GET", self.effects_of_key),
        ]
        return Starlette(
            routes=[
                Route(path, self._guarded(handler), methods=[method]) for path, method, handler in routes
            ],
            exception_handlers={DeskError: _problem},
        )

    async def orders_of_customer(self, request: Request) -> Response:
        """The orders of the customer with the e-mail address in the header X-Customer-Email."""
        email = request.headers.get("X-Customer-Email", "").casefold()
        if not email:
            raise InvalidInput("Say whose orders: X-Customer-Email.")
        found = [order.body() for order in load_orders().values() if order.email.casefold() == email]
        return JSONResponse({"orders": found})

    async def order_status(self, request: Request) -> Response:
        """What became of an order, with its customer: who may see it is the caller's to decide."""
        return JSONResponse(_order(request).body())

    async def start_return(self, request: Request) -> Response:
        """Open a return for an order that was sent."""
        order, body = _order(request), await _json_body(request)
        if order.status not in {"shipped", "delivered"}:
            raise Conflict(f"An order that is {order.status} cannot be returned.")
        return await self._perform(request, "return", {"order_id": order.id, "body": body})

    async def create_ticket(self, request: Request) -> Response:
        """Open a ticket for the shop's staff."""
        return await self._perform(request, "ticket", {"body": await _json_body(request)})

    async def effects_of_key(self, request: Request) -> Response:
        """What was done under an Idempotency-Key, and how often."""
        key = request.path_params["key"]
        if not self._effects.deduplicate:  # a shop that does not heed keys knows nothing of them
            raise NotFound
        found = await asyncio.to_thread(self._effects.find, key)
        kept = {"key": key, "count": len(found), "effects": [effect.body() for effect in found]}
        return JSONResponse(kept, status_code=200 if found else 404)

    async def _perform(self, request: Request, kind: str, wanted: dict[str, Any]) -> Response:
        key = request.headers.get("Idempotency-Key", "")
        if not key or len(key) > LONGEST_KEY:
            raise InvalidInput(f"Send an Idempotency-Key of 1 to {LONGEST_KEY} characters.")
        effect, repeated = await asyncio.to_thread(self._effects.perform, key, kind, wanted)
        headers = {"Idempotency-Replayed": "true"} if repeated else {}
        return JSONResponse(effect.body(), status_code=201, headers=headers)

    def _guarded(self, handler: _Handler) -> _Handler:
        async def guarded(request: Request) -> Response:
            given = request.headers.get("X-API-Key", "").encode()
            if not hmac.compare_digest(given, self._service_key):
                raise Unauthenticated("The service key is missing or wrong.")
            return await handler(request)

        return guarded


def serve_shop(
    settings: Settings, *, host: str = "127.0.0.1", port: int = 0, deduplicate: bool = True
) -> None:
    """Serve until told to stop, by default on a free port; the address is in `<home>/run/shop.json`.

    `deduplicate=False` is a shop that ignores Idempotency-Keys. Raises Misconfigured without a service key.
    """
    import uvicorn

    if settings.shop_api_key is None:
        raise Misconfigured("The demo shop needs a service key: set DESK_SHOP_API_KEY.")
    effects = EffectStore(settings.home / "shop" / "effects.sqlite", deduplicate=deduplicate)
    app = ShopApi(effects, settings.shop_api_key.get_secret_value()).app()
    config = uvicorn.Config(app, log_level="warning", access_log=False, timeout_graceful_shutdown=2)
    with socket.create_server((host, port)) as listener:
        taken = listener.getsockname()[1]
        _publish(settings.home / "run" / "shop.json", {"url": f"http://{host}:{taken}"})
        try:
            uvicorn.Server(config).run(sockets=[listener])
        finally:
            effects.close()


def read_shop_url(home: Path) -> str | None:
    """The address that the last demo shop of this home wrote down; None when there was none."""
    try:
        return str(json.loads((home / "run" / "shop.json").read_text(encoding="utf-8"))["url"])
    except FileNotFoundError:
        return None


def _publish(path: Path, content: dict[str, str]) -> None:
    """Write the file whole or not at all, so that a reader never sees half an address."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(".tmp")
    draft.write_text(json.dumps(content), encoding="utf-8")
    draft.replace(path)


def _order(request: Request) -> DemoOrder:
    number = "".join(char for char in request.path_params["order_id"] if char.isalnum())
    order = load_orders().get(number)
    if order is None:
        raise NotFound
    return order


async def _json_body(request: Request) -> dict[str, Any]:
    raw = bytearray()
    async for chunk in request.stream():
        raw += chunk
        if len(raw) > LARGEST_BODY:
            raise PayloadTooLarge
    try:
        body = json.loads(raw)
    except (ValueError, RecursionError):
        raise InvalidInput("The body must be JSON.") from None
    if not isinstance(body, dict):
        raise InvalidInput("The body must be a JSON object.")
    return body


async def _problem(_request: Request, error: Exception) -> Response:
    assert isinstance(error, DeskError)
    body = {"type": "about:blank", "title": error.title, "status": error.status, "detail": error.detail}
    return JSONResponse(body, status_code=error.status, media_type="application/problem+json")


if __name__ == "__main__":
    serve_shop(load_settings())
