"""A process that accepts turns, runs them and says how they ended; for tests that freeze and kill it.

`python -m tests.graphs.lone_runner TENANT MESSAGE COUNT LEASE` says `turn ID SUBJECT` for each accepted turn,
whose lease is LEASE seconds; then `end STATUS` for each, where 200 is done.
"""

from __future__ import annotations

import asyncio
import sys
from uuid import uuid4

from desk.domain import Principal
from desk.settings import Settings
from desk.storage import turn_commits, turn_queue
from desk.telemetry.logs import configure_logs
from graphs.commits.inbox import TurnRequest
from graphs.registry import open_services
from graphs.runtime.runner import TurnRunner
from graphs.streams.turn_stream import TurnStream
from tests.graphs.speaking import speaking_flow


async def _run(slug: str, message: str, count: int) -> None:
    settings = Settings()
    configure_logs("error")
    assert settings.database_url is not None
    url = settings.database_url.get_secret_value()
    async with open_services(settings, url, on_degraded=lambda _what, _instead: None) as services:
        services.flow = speaking_flow()
        tenant = await services.engine.tenants.get(slug)
        runner = TurnRunner(services, on_end=lambda *_: None)
        await runner.start(take_orphans=False)
        streams: list[TurnStream] = []
        for number in range(count):
            subject = await services.engine.keys.subject(tenant.id, settings.issuer, f"p{number}@x.org")
            principal = Principal(tenant.id, "user", subject, f"p{number}@x.org")
            streams.append(await runner.submit(principal, tenant, TurnRequest(message, str(uuid4()))))
            _say(f"turn {streams[-1].turn_id} {subject}")
        for stream in streams:
            outcome = await stream.outcome()
            _say(f"end {outcome['status'] if stream.failed else 200}")
        await runner.stop()


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    for module in (turn_commits, turn_queue):
        module.LEASE_SECONDS = int(sys.argv[4])  # type: ignore[attr-defined]
    asyncio.run(_run(sys.argv[1], sys.argv[2], int(sys.argv[3])))
