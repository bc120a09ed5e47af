"""Webhooks: tells a tenant's own service what happened, signed, until it is heard or five tries are over."""

from __future__ import annotations

import asyncio
import base64
import hmac
import time
from urllib.parse import urlsplit

import orjson
from structlog import get_logger

from desk.domain import Tenant, TenantId
from desk.errors import ToolUnavailable
from desk.privacy.sealing import MasterKey
from desk.storage.deliveries import Delivery
from graphs.crash_points import crash_point
from server.jobs import outbox
from server.jobs.outbox import Outcome
from server.jobs.workplace import Workplace
from tools.http import TenantHttp

SIGNATURE = "X-Desk-Signature"

log = get_logger("desk.webhooks")


async def deliver_webhooks(place: Workplace, tenant: Tenant) -> bool:
    """Send what is due to the tenant's `webhook_url`; True when more may be left.

    A receiver may hear a delivery twice, and not in order: it keeps the `id`s that it has seen.
    """
    taken = await outbox.take(place, tenant, "webhook")
    if not taken:
        return False
    # Read after taking: what the tenant wants now is at least as new as what made it owe these.
    url = (await place.tenants.read(tenant.id)).settings.webhook_url
    outcomes: list[Outcome] = ["needless"] * len(taken)
    if url is not None:
        outcomes = await _send_all(place, tenant.id, url, taken)
        crash_point(place.settings, "webhook_sent")
    return await outbox.note(place, tenant, "webhook", taken, outcomes)


def webhook_secret(master: MasterKey, tenant_id: TenantId) -> str:
    """What the tenant's receiver checks signatures with; derived from the master key, stored nowhere."""
    derived = master.derive(f"webhooks/{tenant_id}")
    return "whsec_" + base64.urlsafe_b64encode(derived).decode().rstrip("=")


def sign(secret: str, timestamp: int, body: bytes) -> str:
    """The header's value: the second of signing and HMAC-SHA256 over `timestamp.body`, in hex.

    A receiver computes the same over the raw body, compares in constant time, and refuses old timestamps.
    """
    mac = hmac.digest(secret.encode(), b"%d.%s" % (timestamp, body), "sha256").hex()
    return f"t={timestamp},v1={mac}"


async def _send_all(place: Workplace, tenant_id: TenantId, url: str, taken: list[Delivery]) -> list[Outcome]:
    secret = webhook_secret(place.master, tenant_id)
    async with TenantHttp([*place.settings.webhook_hosts, *_public_host(url)]) as http:
        return await asyncio.gather(*(_send(http, url, secret, delivery) for delivery in taken))


async def _send(http: TenantHttp, url: str, secret: str, delivery: Delivery) -> Outcome:
    body = orjson.dumps(
        {
            "id": str(delivery.id),
            "kind": delivery.kind,
            "created_at": delivery.created_at.isoformat(),
            "ids": delivery.ids,
        }
    )
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "Deskgraph",
        SIGNATURE: sign(secret, int(time.time()), body),
    }
    try:
        status = await http.deliver(url, headers=headers, content=body)
    except ToolUnavailable as error:
        log.warning("webhook_missed", what=" ".join(error.__notes__), attempts=delivery.tries)
        return "missed"
    if not 200 <= status < 300:
        log.warning("webhook_missed", status=status, attempts=delivery.tries)
        return "missed"
    return "delivered"


def _public_host(url: str) -> list[str]:
    """The host that the tenant named: reachable by https and only at public addresses."""
    host = urlsplit(url).hostname
    return [host] if host else []
