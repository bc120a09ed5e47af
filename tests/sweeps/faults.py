"""P11: a scrubber or a guard that fails lets nothing out.

First a tenant whose order pattern no scrubber can read: every turn with a value must end without a request.
Then the scrubber is left out: every canary in every promised spelling goes straight to the last hop, the
transport with its guard, where each must stop; and requests without a value must pass.
"""

from __future__ import annotations

import json
from functools import partial

import httpx2
import psycopg

from desk.errors import EgressBlocked
from desk.models.egress import GuardedTransport
from desk.privacy.egress import check_egress
from desk.privacy.vaults import Vault
from tests.chaos.stage import Stage
from tests.measured.figures import Section
from tests.sweeps.canaries import PROMISED, make
from tests.sweeps.containment import QUESTION
from tests.sweeps.ground import open_ground

UNREADABLE = "("
TURNS = 20


class _Counting(httpx2.AsyncBaseTransport):
    """Where a request would leave: it is counted."""

    def __init__(self) -> None:
        self.sent = 0

    async def handle_async_request(self, _request: httpx2.Request) -> httpx2.Response:
        """Answer anything."""
        self.sent += 1
        return httpx2.Response(200)


async def measure(stage: Stage, canaries: int) -> Section:
    """P11, when parts fail."""
    section = Section.of("P11", "What fails, sends nothing", __doc__)
    with section.timed():
        await _unreadable_pattern(stage, section)
        await _without_scrubber(section, canaries)
    return section


async def _unreadable_pattern(stage: Stage, section: Section) -> None:
    async with open_ground(stage, model_host="127.1") as ground:
        tenant = await stage.tenant()
        sound = ground.person("ada@example.com", tenant.slug)
        await sound.say(QUESTION)
        before = len(ground.wire.requests)
        broken = await stage.tenant()
        async with await psycopg.AsyncConnection.connect(stage.stores.engines.migration_database_url) as conn:
            await conn.execute(
                "update desk_control.tenants set settings = settings || %s::jsonb where id = %s",
                (json.dumps({"order_patterns": [UNREADABLE]}), broken.id),
            )
        for one in make(TURNS, seed=14):
            person = ground.person("ada@example.com", broken.slug)
            await person.say(f"{QUESTION} It is {one.value}.")
        sent = len(ground.wire.requests) - before
    section.none("requests of a scrubber that fails", sent, f"{TURNS} turns; a sound tenant's made {before}")
    section.none("sound turns that did not reach the model", int(before == 0), "1 turn")


async def _without_scrubber(section: Section, canaries: int) -> None:
    out = _Counting()
    transport = GuardedTransport(out, partial(check_egress, vault=Vault()))
    passed: list[str] = []
    tried = harmless = 0
    for number, one in enumerate(make(canaries, seed=15)):
        for way, spell in PROMISED.items():
            tried += 1
            if await _passes(transport, f"Hello, it is {spell(one)} and that is so."):
                passed.append(f"{one.kind}, {way}: {spell(one)}")
        if number % 50 == 0:
            harmless += await _passes(transport, "How long does shipping take, please?")
    of = f"{tried:,} requests, {len(PROMISED)} spellings of {canaries:,} values"
    section.none("values past the guard alone", len(passed), of)
    section.all("requests without a value that pass", harmless, (canaries + 49) // 50, of)
    section.notes += passed[:10]


async def _passes(transport: GuardedTransport, text: str) -> bool:
    body = json.dumps({"messages": [{"role": "user", "content": text}]}).encode()
    try:
        await transport.handle_async_request(httpx2.Request("POST", "https://model.example/v1", content=body))
    except EgressBlocked:
        return False
    return True
