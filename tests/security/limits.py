"""Limits: what two processes together let in, of one person, of one tenant, and while Redis is dead.

Two real processes stand on one Postgres and one Redis. Two hundred clients ask both, over HTTP, as fast as
they can, until each process has refused each client; the limit is 1,000 a minute. Then the same with Redis
stopped, where each process has its part of the limit.
"""

from __future__ import annotations

from pathlib import Path

from desk.embedded import Engines
from tests.measured.figures import Say, Section
from tests.server.crowds import CLIENTS, LEAST, LIMIT, two_processes


async def measure(stores: Engines, home: Path, rounds: int, say: Say) -> Section:
    """P10, so many rounds, each with people and tenants of its own; the least and the most of them count."""
    section = Section.of("P10", "A limit holds over processes", __doc__)
    persons, tenants, dead = [], [], []
    with section.timed():
        async with two_processes(stores, home) as crowd:
            for number in range(rounds):
                persons.append(await crowd.as_one_person())
                tenants.append(await crowd.as_one_tenant())
                dead.append(await crowd.with_redis_dead())
                say(f"round {number + 1} of {rounds}: {persons[-1]}, {tenants[-1]}, dead {dead[-1]}")
    of = f"{CLIENTS} clients, 2 processes, {rounds} rounds"
    for who, found in (("one person", persons), ("one tenant", tenants)):
        section.at_least(f"let in of {LIMIT:,}, {who}, least", min(found), LEAST, of)
        section.none(f"let in beyond the limit, {who}", max(0, max(found) - LIMIT), of)
    section.at_least("let in with Redis dead, least", min(dead), 1, of)
    section.none("let in beyond the limit with Redis dead", max(0, max(dead) - LIMIT), of)
    return section
