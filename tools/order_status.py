"""The order_status tool: what became of an order, told only to its owner."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any
from urllib.parse import quote

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from desk.errors import ToolUnavailable
from desk.tooling import HttpReply, Tool, ToolContext, ToolResult
from prompts.replies import DEFAULT_LANGUAGE, phrase

NOT_REACHABLE = "Our order system is not answering right now. Please try again in a few minutes."

Line = Annotated[str, Field(max_length=300, pattern=r"^[^\x00-\x1f\x7f]*$")]


class OrderStatusArguments(BaseModel):
    """Which order; whose it is never comes from here."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    order_id: str = Field(
        min_length=1,
        max_length=40,
        pattern=r"^#?[A-Za-z0-9][A-Za-z0-9-]*$",
        description="The order number exactly as the customer wrote it.",
    )


class OrderItem(BaseModel):
    """One line of an order."""

    model_config = ConfigDict(frozen=True)

    title: Line
    quantity: int = Field(ge=1)


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
    carrier: Line | None = None
    items: tuple[OrderItem, ...] = Field(default=(), max_length=100)
    customer: OrderCustomer = OrderCustomer()

    def facts(self) -> dict[str, Any]:
        """The order as plain data for a reply, without its customer."""
        return self.model_dump(mode="json", exclude={"customer"})


async def run(arguments: OrderStatusArguments, context: ToolContext) -> ToolResult:
    """The order's facts; the same "not found" for an unknown order and for one of somebody else.

    Raises ToolUnavailable when the shop does not answer or answers nonsense.
    """
    order = await _fetch(arguments.order_id, context)
    if order is None or not _owns(context, order.customer):
        return _not_found(arguments.order_id)
    facts = order.facts()
    return ToolResult(order_reply(facts, DEFAULT_LANGUAGE), {"found": True, "order": facts})


def order_reply(facts: dict[str, Any], language: str) -> str:
    """The facts of `Order.facts()` in sentences of the language; dates stay in ISO form."""
    sentences = [phrase("order_status", language, id=facts["id"], status=_status(facts["status"], language))]
    for key, field in (
        ("order_placed_on", "placed_on"),
        ("order_shipped_on", "shipped_on"),
        ("order_eta", "eta"),
    ):
        if facts[field]:
            sentences.append(phrase(key, language, date=facts[field]))
    if facts["carrier"]:
        sentences.append(phrase("order_carrier", language, carrier=facts["carrier"]))
    if facts["items"]:
        lines = ", ".join(f"{item['quantity']} x {item['title']}" for item in facts["items"])
        sentences.append(phrase("order_items", language, items=lines))
    return " ".join(sentences)


def _status(status: str, language: str) -> str:
    """The status in the language; a status that only this shop knows stays as the shop spells it."""
    known = {"processing", "shipped", "delivered", "cancelled", "returned"}
    return phrase(f"status_{status}", language) if status in known else status


def _not_found(order_id: str) -> ToolResult:
    text = phrase("order_not_found", DEFAULT_LANGUAGE, id=order_id)
    return ToolResult(text, {"found": False, "order_id": order_id}, ok=False)


async def _fetch(order_id: str, context: ToolContext) -> Order | None:
    if not context.shop_api_url:
        raise ToolUnavailable(NOT_REACHABLE)
    url = f"{context.shop_api_url.rstrip('/')}/api/orders/{quote(order_id, safe='')}/status"
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


TOOL = Tool(
    name="order_status",
    description="Look up the status, dates, carrier and items of one of the customer's own orders.",
    arguments=OrderStatusArguments,
    run=run,
)
