"""Webhooks: tells a tenant's own service what happened, signed, until it is heard or five tries are over."""

from __future__ import annotations

import asyncio
import base64
import hmac
import random
import time
from urllib.parse import urlsplit

import orjson
from structlog import get_logger

from desk.domain import Tenant, TenantId
from desk.errors import ToolUnavailable
from desk.privacy.sealing import MasterKey
from desk.storage import webhook_deliveries
from desk.storage.pool import Tx
from desk.storage.webhook_deliveries import Delivery
from server.jobs.workplace import Workplace
from tools.http import TenantHttp

BATCH = 8
TRIES = 5
WAIT_SECONDS = (10, 60, 600, 3600)
SIGNATURE = "X-Desk-Signature"

log = get_logger("desk.webhooks")


async def deliver_webhooks(place: Workplace, tenant: Tenant) -> bool:
    """Send what is due to the tenant's `webhook_url`; True when more may be left.

    A receiver may hear a delivery twice, and not in order: it keeps the `id`s that it has seen.
    """
    url = tenant.settings.webhook_url
    async with place.tx(tenant) as tx:
        if url is None:
            await webhook_deliveries.drop_waiting(tx)
            return False
        taken = await webhook_deliveries.take(tx, limit=BATCH)
    if not taken:
        return False
    secret = webhook_secret(place.master, tenant.id)
    async with TenantHttp([*place.settings.webhook_hosts, *_public_host(url)]) as http:
        heard = await asyncio.gather(*(_send(http, url, secret, delivery) for delivery in taken))
    async with place.tx(tenant) as tx:
        for delivery, ok in zip(taken, heard, strict=True):
            await _note(tx, delivery, ok=ok)
    return len(taken) == BATCH


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


async def _send(http: TenantHttp, url: str, secret: str, delivery: Delivery) -> bool:
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
        return False
    if not 200 <= status < 300:
        log.warning("webhook_missed", status=status, attempts=delivery.tries)
    return 200 <= status < 300


async def _note(tx: Tx, delivery: Delivery, *, ok: bool) -> None:
    if ok:
        await webhook_deliveries.note_delivered(tx, delivery.id)
        return
    wait = _wait(delivery.tries)
    if wait is None:
        log.error("webhook_dead", attempts=delivery.tries)
    await webhook_deliveries.note_missed(tx, delivery.id, seconds=wait)


def _wait(tries: int) -> float | None:
    """Seconds until the next try, half of them by chance; None after the last."""
    if tries >= TRIES:
        return None
    return WAIT_SECONDS[tries - 1] * (0.5 + random.random() / 2)  # noqa: S311


def _public_host(url: str) -> list[str]:
    """The host that the tenant named: reachable by https and only at public addresses."""
    host = urlsplit(url).hostname
    return [host] if host else []
