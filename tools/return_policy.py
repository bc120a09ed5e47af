"""Whether an order may still go back, by the shop's policy: days since delivery, and what is excepted."""

from __future__ import annotations

from datetime import date, timedelta

from desk.domain import TenantSettings
from desk.tooling import Spoken
from tools.orders import Order

RETURNABLE = frozenset({"shipped", "delivered"})


def why_not(order: Order, policy: TenantSettings, today: date) -> Spoken | None:
    """What the customer is told when the order cannot go back; None when it may.

    An order that the shop does not say the delivery of is the shop's own to judge, and so is one of which
    only a part is excepted.
    """
    if order.status not in RETURNABLE:
        return Spoken("return_not_yet", {"id": order.id})
    excepted = {category.casefold() for category in policy.return_exceptions}
    if order.items and all((item.category or "").casefold() in excepted for item in order.items):
        categories = sorted({item.category or "" for item in order.items})
        return Spoken("return_excepted", {"id": order.id, "what": ", ".join(categories)})
    if policy.return_days is None or order.delivered_on is None:
        return None
    allowed = timedelta(days=policy.return_days)
    if today - order.delivered_on <= allowed:
        return None
    last = order.delivered_on + allowed
    values = {"id": order.id, "days": str(policy.return_days), "date": last.isoformat()}
    return Spoken("return_too_late", values)
