"""B7 tenants: a turn and the timers among 1,000 tenants beside one, and what migrating all of them takes."""

from __future__ import annotations

import shutil
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import migrations
from bench.result import Figures, Result, at_most, require_equal
from bench.rounds import percentile
from bench.stage import Cast, Effort, Stage, open_cast
from desk.domain import Principal, Tenant, TenantId, new_id
from desk.storage import handoffs, tenants
from desk.storage.migrate import connected_owner, make_placement, migrate
from graphs.commits.inbox import AcceptedTurn, TurnRequest, accept
from graphs.handoffs.sweep import sweep
from graphs.turn import run_turn
from graphs.untraced import spawn

TENANTS = 1000
PLACEMENTS = 100
QUESTION = "hello"
NEW_TABLE = (
    "-- scope: placement\ncreate table bench_later (tenant_id uuid not null, id uuid primary key);"
    "select desk_control.fence_tenant('bench_later');"
)


async def measure(stage: Stage, effort: Effort) -> Result:
    """The peer is one tenant asked again and again, in turns with the others, and a sweep that asks all."""
    many, own = (max(4, size * min(effort.rounds, 5) // 5) for size in (TENANTS, PLACEMENTS))
    async with open_cast(stage) as cast:
        await _ask_in_turns(cast, [cast.tenant] * effort.turns)  # until it is warm
        (alone,) = await _ask_in_turns(cast, [cast.tenant] * effort.turns)
        crowd = await _add_shared(stage, cast, many)
        shared_s = await _migrated_s(stage, "shared")
        made_s, placed = await _add_own(stage, cast, own)
        own_s = await _migrated_s(stage, "own")
        stage.say("tenants: a first turn of each")
        await _ask_in_turns(cast, crowd)
        await _ask_in_turns(cast, placed)
        took: list[list[float]] = [[], [], []]
        for _ in range(effort.rounds):
            sides = await _ask_in_turns(
                cast, [cast.tenant] * effort.turns, crowd[: effort.turns], placed[: effort.turns]
            )
            took = [[*before, *side] for before, side in zip(took, sides, strict=True)]
        swept = await _ms_of(lambda: sweep(cast.services, datetime.now(UTC)), effort)
        asked_each = await _ms_of(lambda: _ask_each_for_the_late(cast), effort)
    one, among, in_own = took
    ours: Figures = {
        "turn_p50_ms": _ms(among, 0.5),
        "turn_p95_ms": _ms(among, 0.95),
        "own_schema_turn_p50_ms": _ms(in_own, 0.5),
        "sweep_ms": swept,
        "migrate_shared_s": shared_s,
        "migrate_own_s": own_s,
        "make_own_ms": round(made_s / own * 1000),
    }
    peer: Figures = {"turn_p50_ms": _ms(one, 0.5), "turn_p95_ms": _ms(one, 0.95), "sweep_ms": asked_each}
    ratio = {name: round(peer[name] / ours[name], 2) for name in peer}
    goals = [
        at_most("p50 of a turn beside one tenant", round(ours["turn_p50_ms"] / peer["turn_p50_ms"], 2), 1.2),
        at_most("ms of a sweep in which nobody waits", swept, 50),
    ]
    axis: list[dict[str, Any]] = [
        {"tenants": 1, "turn_p50_ms": _ms(alone, 0.5)},
        {"tenants": many, "turn_p50_ms": ours["turn_p50_ms"], "migrate_s": shared_s},
        {"own schemas": own, "turn_p50_ms": ours["own_schema_turn_p50_ms"], "migrate_s": own_s},
    ]
    title = f"{many} tenants in one schema and {own} in schemas of their own, beside one tenant"
    return Result("tenants", title, ours, peer, ratio, axis, goals)


async def _add_shared(stage: Stage, cast: Cast, count: int) -> list[Tenant]:
    made = []
    async with cast.services.engine.database.control_tx() as tx:
        for number in range(count):
            made.append(await tenants.create(tx, f"crowd-{uuid4().hex}", "A shop"))
            if number % 100 == 0:
                stage.say(f"tenants: {number}/{count} made")
    return made


async def _add_own(stage: Stage, cast: Cast, count: int) -> tuple[float, list[Tenant]]:
    """Seconds for all of them, and the tenants."""
    made, began = [], time.perf_counter()
    async with connected_owner(stage.stores.migration_database_url) as conn:
        for number in range(count):
            stage.say(f"tenants: {number}/{count} schemas made")
            tenant_id = TenantId(new_id())
            tenant = Tenant(tenant_id, f"own-{tenant_id.hex}", "A shop", f"tenant_{tenant_id.hex}")
            await make_placement(conn, tenant.placement, migrations.FOLDER, say=lambda _: None)
            async with cast.services.engine.database.control_tx() as tx:
                await tenants.add(tx, tenant, {})
            made.append(tenant)
    return time.perf_counter() - began, made


async def _ask_in_turns(cast: Cast, *sides: list[Tenant]) -> list[list[float]]:
    """Seconds of the turns of each side; they take turns, so that what the machine does hits all alike."""
    took: list[list[float]] = [[] for _ in sides]
    for row in zip(*sides, strict=False):
        for side, tenant in zip(took, row, strict=True):
            side.append(await _ask(cast, tenant))
    return took


async def _ask(cast: Cast, listed: Tenant) -> float:
    """Seconds of a whole turn, from accepting to the commit."""
    tenant = await cast.services.engine.tenants.get(listed.slug)
    subject = await cast.services.engine.keys.subject(tenant.id, "bench", "someone@example.com")
    principal = Principal(tenant.id, "user", subject, "someone@example.com")
    await cast.services.engine.keys.data_key(principal)
    began = time.perf_counter()
    turn = await accept(cast.services, principal, tenant, TurnRequest(QUESTION, uuid4().hex))
    assert isinstance(turn, AcceptedTurn)
    events: list[Any] = []
    await spawn(run_turn(cast.services, turn, events.append))
    took = time.perf_counter() - began
    require_equal("ours", events[-1].reply["reply"]["route"], "canned")
    return took


async def _ask_each_for_the_late(cast: Cast) -> None:
    """What a sweep does that does not know who waits: it asks every tenant."""
    async with cast.services.engine.database.control_tx() as tx:
        found = await tenants.list_all(tx)
    for tenant in found:
        async with cast.services.engine.database.tenant_tx(Principal(tenant.id, "worker")) as tx:
            await handoffs.list_late(tx, datetime.now(UTC), limit=100)


async def _ms_of(act: Callable[[], Awaitable[Any]], effort: Effort) -> float:
    took = []
    for _ in range(effort.rounds):
        began = time.perf_counter()
        await act()
        took.append(time.perf_counter() - began)
    return _ms(took, 0.5)


async def _migrated_s(stage: Stage, name: str) -> float:
    """Seconds to bring one more table, with its policy, to every placement."""
    folder = stage.settings.home / f"migrations-{name}"
    shutil.copytree(migrations.FOLDER, folder, ignore=shutil.ignore_patterns("__*"))
    for before in sorted(stage.settings.home.glob("migrations-*")):
        _copy_later(before, folder)
    number = len(list(folder.glob("*.sql"))) + 1
    text = NEW_TABLE.replace("bench_later", f"bench_{name}")
    (folder / f"{number:04d}_bench_{name}.sql").write_text(text)
    began = time.perf_counter()
    await migrate(stage.stores.migration_database_url, folder, say=stage.say)
    return round(time.perf_counter() - began, 2)


def _copy_later(before: Path, folder: Path) -> None:
    for file in before.glob("*_bench_*.sql"):
        if not (folder / file.name).exists():
            shutil.copy(file, folder)


def _ms(took: list[float], share: float) -> float:
    return round(percentile(took, share) * 1000, 2)
