"""What a tool is lent in a turn: the customer's rights and what the customer wrote, never a model's word."""

from __future__ import annotations

import re

from desk.privacy.vaults import token_type
from desk.tooling import ToolContext
from graphs.state import TurnContext

_POSTCODE = re.compile(r"\b[A-Z]{1,2}\d[A-Z\d]? ?\d[A-Z]{2}\b|\b\d{4,5}(?:-\d{4})?\b", re.IGNORECASE)
# Few enough that a postcode cannot be found by listing them all.
_MOST_PROOFS = 2


def tool_context(context: TurnContext, *, proofs: bool) -> ToolContext:
    """The context of a tool call in this turn.

    `proofs` lends what the customer wrote as a proof of ownership. Only our own nodes may ask for that: an
    order number is half of the proof, and one that a model chose proves nothing.
    """
    engine, settings = context.services.engine, context.services.engine.settings
    key = settings.shop_api_key
    return ToolContext(
        principal=context.principal,
        tenant=context.tenant,
        http=context.services.http,
        search_knowledge=engine.faqs,
        search_products=engine.catalogue,
        shop_api_url=shop_url(context),
        shop_api_key=key.get_secret_value() if key else "",
        known_emails=_emails(context) if proofs else (),
        known_postcodes=tuple(_POSTCODE.findall(context.text))[:_MOST_PROOFS] if proofs else (),
    )


def shop_url(context: TurnContext) -> str | None:
    """Where the tenant's orders are asked for; None when no order service is connected."""
    return context.tenant.settings.shop_api_url or context.services.engine.settings.shop_api_url


def _emails(context: TurnContext) -> tuple[str, ...]:
    """E-mail addresses that the customer wrote in this message."""
    written = [
        value
        for token, value in context.vault.values.items()
        if token_type(token) == "EMAIL" and value in context.text
    ]
    return tuple(written[:_MOST_PROOFS])
