"""Orders as the shop's API tells them, found only for their owner or after proof."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any
from urllib.parse import quote

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from desk.errors import ToolUnavailable
from desk.tooling import HttpReply, ToolContext

# Nothing is on its way to the customer any more.
OVER = frozenset({"delivered", "cancelled", "returned"})

NOT_REACHABLE = "Our order system is not answering right now. Please try again in a few minutes."

Line = Annotated[str, Field(max_length=300, pattern=r"^[^\x00-\x1f\x7f]*$")]
OrderNumber = Annotated[
    str,
    Field(
        min_length=1,
        max_length=40,
        pattern=r"^#?[A-Za-z0-9][A-Za-z0-9-]*$",
        description="The order number exactly as the customer wrote it.",
    ),
]


class OrderItem(BaseModel):
    """One line of an order."""

    model_config = ConfigDict(frozen=True)

    title: Line
    quantity: int = Field(ge=1)
    category: Line | None = None


class OrderCustomer(BaseModel):
    """Whose order it is."""

    model_config = ConfigDict(frozen=True)

    email: Line = ""
    postcode: Line = ""


class Order(BaseModel):
    """An order as the shop's API tells it."""

    model_config = ConfigDict(frozen=True)

    id: Line
    status: Line
    placed_on: date | None = None
    shipped_on: date | None = None
    eta: date | None = None
    delivered_on: date | None = None
    carrier: Line | None = None
    items: tuple[OrderItem, ...] = Field(default=(), max_length=100)
    customer: OrderCustomer = OrderCustomer()

    @property
    def is_over(self) -> bool:
        """Whether nothing of it is on its way any more."""
        return self.status in OVER

    def facts(self) -> dict[str, Any]:
        """The order as plain data for a reply, without its customer."""
        return self.model_dump(mode="json", exclude={"customer"})


class Orders(BaseModel):
    """The orders of one customer as the shop's API tells them."""

    model_config = ConfigDict(frozen=True)

    orders: tuple[Order, ...] = Field(max_length=500)


async def find_own_order(order_id: str, context: ToolContext) -> Order | None:
    """The order; None for an unknown one and for one of somebody else alike.

    Raises ToolUnavailable when the shop does not answer or answers nonsense.
    """
    order = await _fetch(order_id, context)
    return order if order is not None and _owns(context, order.customer) else None


async def own_orders(context: ToolContext) -> list[Order] | None:
    """The orders of the customer whom the issuer vouches for, newest first.

    None when nobody vouches for the customer, or the shop does not list orders. Raises ToolUnavailable when
    the shop does not answer or answers nonsense.
    """
    email = context.principal.email
    if not email:
        return None
    # In a header: addresses stand in the logs of servers, and this one would be a person's.
    headers = {"X-API-Key": context.shop_api_key, "X-Customer-Email": email}
    try:
        reply = await context.http.get(f"{shop_url(context)}/api/orders", headers=headers)
    except ToolUnavailable as error:
        raise ToolUnavailable(NOT_REACHABLE) from error
    if reply.status in {404, 405}:
        return None
    if reply.status != 200:
        raise ToolUnavailable(NOT_REACHABLE)
    try:
        orders = Orders.model_validate(reply.body).orders
    except ValidationError:
        raise ToolUnavailable(NOT_REACHABLE) from None
    own = [order for order in orders if _among(order.customer.email, {email})]
    return sorted(own, key=lambda order: (order.placed_on or date.min, order.id), reverse=True)


def order_url(order_id: str, what: str, context: ToolContext) -> str:
    """Where the shop's API has `what` of an order; raises ToolUnavailable without a shop."""
    return f"{shop_url(context)}/api/orders/{quote(order_id, safe='')}/{what}"


def shop_url(context: ToolContext) -> str:
    """The shop's API; raises ToolUnavailable when the tenant has none."""
    if not context.shop_api_url:
        raise ToolUnavailable(NOT_REACHABLE)
    return context.shop_api_url.rstrip("/")


async def _fetch(order_id: str, context: ToolContext) -> Order | None:
    url = order_url(order_id, "status", context)
    try:
        reply = await context.http.get(url, headers={"X-API-Key": context.shop_api_key})
    except ToolUnavailable as error:
        raise ToolUnavailable(NOT_REACHABLE) from error
    return _parse(reply, order_id)


def _parse(reply: HttpReply, order_id: str) -> Order | None:
    if reply.status == 404:
        return None
    if reply.status != 200:
        raise ToolUnavailable(NOT_REACHABLE)
    try:
        order = Order.model_validate(reply.body)
    except ValidationError:
        # The error's text would quote the customer, so it is not kept as the cause.
        raise ToolUnavailable(NOT_REACHABLE) from None
    if _plain(order.id) != _plain(order_id):
        raise ToolUnavailable(NOT_REACHABLE)
    return order


def _owns(context: ToolContext, customer: OrderCustomer) -> bool:
    """Whether the verified e-mail is the customer's, or the customer wrote the order's e-mail or postcode.

    The order number itself is the other half of the proof: without it the order was not found.
    """
    emails = {context.principal.email, *context.known_emails}
    return _among(customer.email, emails) or _among(customer.postcode, set(context.known_postcodes))


def _among(wanted: str, given: set[str | None]) -> bool:
    """Compared without case, spaces and hyphens in postcodes; an empty value proves nothing."""
    key = _comparable(wanted)
    return bool(key) and key in {_comparable(value) for value in given if value}


def _comparable(value: str) -> str:
    if "@" in value:
        return value.strip().casefold()
    return "".join(char for char in value.casefold() if char.isalnum())


def _plain(order_id: str) -> str:
    return "".join(char for char in order_id.casefold() if char.isalnum())
