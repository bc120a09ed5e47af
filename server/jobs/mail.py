"""Mail: tells a shop's people that somebody waits: since when, why and where, never what was said."""

from __future__ import annotations

import asyncio
from datetime import datetime
from uuid import UUID

from structlog import get_logger

from desk.domain import HandoffId, Tenant
from desk.errors import MailUnavailable
from desk.mail.port import Mail
from desk.storage import deliveries, handoffs
from desk.storage.deliveries import Delivery
from desk.storage.handoffs import WAITING, Handoff
from desk.telemetry.metrics import DEGRADED
from graphs.crash_points import crash_point
from graphs.handoffs.office_hours import office_hours, spoken_time
from prompts.mails import handoff_mail
from server.jobs import outbox
from server.jobs.outbox import Outcome
from server.jobs.workplace import Workplace

log = get_logger("desk.mail")


async def deliver_mail(place: Workplace, tenant: Tenant) -> bool:
    """Mail what is due to the tenant's `handoff_mail_to`; True when more may be left.

    A mail may come twice, with the same Message-ID. None is sent about somebody who waits no longer, nor to
    an address that was taken off the list since.
    """
    taken = await outbox.take(place, tenant, "mail")
    if not taken:
        return False
    async with place.tx(tenant) as tx:
        addresses = await deliveries.recipients(tx)
        about = [await handoffs.get(tx, HandoffId(UUID(delivery.ids["handoff_id"]))) for delivery in taken]
    shop = await place.tenants.read(tenant.id)
    letters = [
        _letter(place, shop, delivery, handoff, addresses.get(delivery.ids["recipient_id"]))
        for delivery, handoff in zip(taken, about, strict=True)
    ]
    outcomes = await asyncio.gather(*map(_send, [place] * len(taken), taken, letters))
    crash_point(place.settings, "mail_sent")
    return await outbox.note(place, tenant, "mail", taken, outcomes)


def still_waits(kind: str, handoff: Handoff) -> bool:
    """Whether the mail is still news: nobody took who waits, or whoever took them has not answered."""
    if kind == "handoff.sla_due":
        return handoff.state in handoffs.OPEN and handoff.waiting_since is not None
    return handoff.state in WAITING


def _letter(
    place: Workplace, shop: Tenant, delivery: Delivery, handoff: Handoff | None, address: str | None
) -> Mail | None:
    """The mail, or None when there is no reason or nobody to send it to."""
    if address is None or handoff is None or not still_waits(delivery.kind, handoff):
        return None
    told = handoff_mail(
        delivery.kind.replace(".", "_"),
        shop.settings.locale,
        handoff.reason,
        shop=shop.name,
        since=_spoken(shop, handoff.waiting_since or delivery.created_at),
        due=_spoken(shop, handoff.due_at or delivery.created_at),
        link=f"{place.settings.public_address}/console#{handoff.id}",
    )
    return Mail(delivery.id, address, told.subject, told.text)


def _spoken(shop: Tenant, moment: datetime) -> str:
    return spoken_time(moment.astimezone(office_hours(shop.settings).zone))


async def _send(place: Workplace, delivery: Delivery, mail: Mail | None) -> Outcome:
    if mail is None:
        return "needless"
    try:
        await place.mailer.send(mail)
    except MailUnavailable as error:
        DEGRADED.labels("mail").inc()
        why = " ".join(error.__notes__)
        log.warning("degraded", what="mail", instead=f"kept and tried again: {why}", attempts=delivery.tries)
        return "missed"
    return "delivered"
