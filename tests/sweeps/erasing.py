"""P13: who is erased is gone within a minute, whatever ran, and nothing of them is found afterwards.

Each person begins a turn that records, acts, asks for a person or only talks, and is erased at another
replica at a moment of their own: before it is accepted, at one of its events, after its end. Each message,
comment and address holds a marker. When all erasures are done, all tables are read by the database's
owner, and Redis, logs, mails, and the raw files of Postgres with its write-ahead log.
"""

from __future__ import annotations

import asyncio
import random
import re
import time
from contextlib import aclosing
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path
from uuid import uuid4

import psycopg

from desk.domain import Tenant
from tests.chaos.fleet import Replica
from tests.chaos.history import PASSING
from tests.chaos.stage import Stage
from tests.chaos.wire import Unreached, fetch, opened
from tests.measured.figures import Section
from tests.sweeps.hunting import Hunt, files, redis_keys, tables

MARK = "zqcanary"
WITHIN_SECONDS = 60.0
AT_ONCE = 16
PATIENCE_SECONDS = 60.0
SAMPLE = 100  # people whose hash and key are looked for in raw files
# What remains of an erased person: that there was one, that they were erased, and what they did to others.
REMAINS = {"subjects", "erasures", "audit", "audit_seals"}
TURNS = (
    "say 8 every 0.03; {mark}",
    "say 3 every 0.01; record; effect; say 3 every 0.03; {mark}",
    "record; effect; record; {mark}",
    "say 2 every 0.02; person; {mark}",
    "say 4 every 0.02; cite; tool; revise; say 4 every 0.02; {mark}",
)


@dataclass(frozen=True, slots=True)
class Effort:
    """How many people are erased, and whether the raw files are read too."""

    people: int
    raw: bool = True


@dataclass(slots=True)
class Erased:
    """One person: how they were known, and what became of them."""

    email: str
    subject: str = ""
    identity_hash: bytes = b""
    wrapped_key: bytes = b""
    asked: dict[str, float] = field(default_factory=dict)
    done: dict[str, float] = field(default_factory=dict)
    turns: set[str] = field(default_factory=set)
    told_to_wait: int = 0
    refused: str = ""

    @property
    def is_gone(self) -> bool:
        """Whether every erasure of theirs is done."""
        return bool(self.asked) and self.done.keys() == self.asked.keys()


async def measure(stage: Stage, effort: Effort) -> Section:
    """P13, the erasing."""
    section = Section.of("P13", "Who is erased is gone", __doc__)
    with section.timed():
        pair = [await stage.fleet.start(environment={"DESK_LOG_LEVEL": "debug"}) for _ in range(2)]
        tenant = await stage.tenant()
        people = [Erased(f"{MARK}{number}@x.org") for number in range(effort.people)]
        gate, chance = asyncio.Semaphore(AT_ONCE), random.Random(13)
        watching = asyncio.create_task(_watch(stage, people))
        await asyncio.gather(*(_race(stage, tenant, pair, one, gate, chance) for one in people))
        stage.say(f"  {len(people)} people have been erased while they talked")
        await watching
        await _look(stage, section, tenant, people)
        logs = "\n".join(stage.fleet.log_of(replica) for replica in pair).encode()
        await stage.fleet.end_all()
        section.none("markers in logs", Hunt([MARK]).hits(logs), f"{len(logs):,} bytes at level debug")
        if effort.raw:
            await _look_at_raw_files(stage, section, people)
    return section


async def _race(
    stage: Stage,
    tenant: Tenant,
    pair: list[Replica],
    person: Erased,
    gate: asyncio.Semaphore,
    chance: random.Random,
) -> None:
    async with gate:
        here, there = chance.sample(pair, 2)
        headers = stage.fleet.headers(person.email, tenant.slug) | {"x-forwarded-for": address_of(person)}
        await _known(stage, tenant, person)
        if chance.random() < 0.5:
            await _talk(here, headers, person, chance.choice(TURNS), rate=True)
        moment = chance.randint(0, 12)
        seen = asyncio.Event()
        talking = [
            asyncio.create_task(_talk(at, headers, person, chance.choice(TURNS), moment=moment, seen=seen))
            for at in chance.sample(pair, chance.randint(1, 2))
        ]
        waiting = asyncio.create_task(seen.wait())
        await asyncio.wait([*talking, waiting], return_when="FIRST_COMPLETED")
        waiting.cancel()
        await _ask_to_erase(there, headers, person)
        await asyncio.gather(*talking)
        # What they sent before reached a server after: that is somebody new, who is erased, too.
        await _ask_to_erase(there, headers, person)


def address_of(person: Erased) -> str:
    """Where they call from: all from one address would mostly be told that it asks too often."""
    number = int(person.email.removeprefix(MARK).partition("@")[0])
    return str(ip_address("10.0.0.0") + number)


async def _ask_to_erase(at: Replica, headers: dict[str, str], person: Erased) -> None:
    """Ask, and again as long as the server says that it has no time now."""
    until = time.monotonic() + PATIENCE_SECONDS
    while True:
        answer = await fetch(at.port, "POST", "/api/v1/privacy/erase", {"confirm": "erase"}, headers)
        if answer.status not in PASSING or time.monotonic() > until:
            break
        person.told_to_wait += 1
        await asyncio.sleep(0.5)
    if answer.status == 202:
        person.asked[answer.body["id"]] = time.monotonic()
    else:
        person.refused = f"{answer.status} {answer.body}"


async def _known(stage: Stage, tenant: Tenant, person: Erased) -> None:
    keys = stage.services.engine.keys
    person.subject = str(await keys.subject(tenant.id, "deskgraph", person.email))
    async with await psycopg.AsyncConnection.connect(stage.stores.engines.migration_database_url) as conn:
        cursor = await conn.execute(
            "select identity_hash, wrapped_key from shared.subjects where id = %s", (person.subject,)
        )
        row = await cursor.fetchone()
    assert row is not None
    person.identity_hash, person.wrapped_key = bytes(row[0]), bytes(row[1])


async def _talk(
    at: Replica,
    headers: dict[str, str],
    person: Erased,
    turn: str,
    *,
    rate: bool = False,
    moment: int = 99,
    seen: asyncio.Event | None = None,
) -> None:
    """One turn, read to whatever end it has; `seen` is set at its `moment`-th event."""
    if seen and moment == 0:
        seen.set()
    body = {"message": turn.format(mark=f"{MARK}{person.email.partition('@')[0]}")}
    keyed = {**headers, "idempotency-key": str(uuid4())}
    try:
        async with opened(at.port, "POST", "/api/v1/chat/stream", body, keyed) as answer:
            if answer.status == 200:
                async with aclosing(answer.events()) as events:
                    count = 0
                    async for event in events:
                        count += 1
                        if event.name == "accepted":
                            person.turns.add(event.data["turn_id"])
                        if seen and count >= moment:
                            seen.set()
    except Unreached:
        pass
    for turn_id in list(person.turns) if rate else ():
        rating = {"turn_id": turn_id, "rating": "up", "tags": ["unclear"], "comment": f"{MARK}-comment"}
        await fetch(at.port, "POST", "/api/v1/chat/feedback", rating, headers)


async def _watch(stage: Stage, people: list[Erased]) -> None:
    """Note when each erasure is done."""
    url = stage.stores.engines.migration_database_url
    gives_up = time.monotonic() + 600
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as conn:
        while not all(one.is_gone or one.refused for one in people):
            cursor = await conn.execute("select id::text from desk_control.erasures where state = 'done'")
            done = {row[0] for row in await cursor.fetchall()}
            for one in people:
                for erasure in one.asked.keys() & done - one.done.keys():
                    one.done[erasure] = time.monotonic() - one.asked[erasure]
            if time.monotonic() > gives_up:
                return
            await asyncio.sleep(0.5)


async def _look(stage: Stage, section: Section, tenant: Tenant, people: list[Erased]) -> None:
    of = f"{len(people)} people, {sum(len(one.turns) for one in people):,} turns"
    times = [seconds for one in people for seconds in one.done.values()]
    waiting = sum(not one.is_gone for one in people)
    section.none("people whose erasure was refused, or never done", waiting, of)
    section.notes += [f"Refused: {one.refused}" for one in people if one.refused][:3]
    waits = sum(one.told_to_wait for one in people)
    section.notes.append(f"Requests to erase told to come back later (429 or 503), and sent again: {waits}.")
    section.at_most("from the request to done, worst", max(times, default=999.0), WITHIN_SECONDS, "s", of)
    subjects = {one.subject.encode() for one in people}
    turns = {turn.encode() for one in people for turn in one.turns}
    secret = {value.hex().encode() for one in people for value in (one.identity_hash, one.wrapped_key)}
    hunt = Hunt([MARK])
    undone: set[bytes] = set()
    marks = secrets = 0
    async for name, data in tables(stage.stores.engines.migration_database_url):
        words = set(re.findall(rb"[0-9a-f-]{36}", data))
        gone = (subjects & words) if name.partition(".")[2] not in REMAINS else set()
        undone |= gone | (turns & words)
        marks += hunt.hits(data)
        secrets += len(secret & set(re.findall(rb"[0-9a-f]{64,}", data)))
        if gone or turns & words or hunt.hits(data):
            section.notes.append(f"Left in {name}: {len(gone)} people, {len(turns & words)} turns.")
    section.none("people or turns named in a table besides the tombstones", len(undone), of)
    section.none("markers in any table, in any encoding", marks, of)
    section.none("identity hashes and wrapped keys in live rows", secrets, of)
    keys = [(key, data) async for key, data in redis_keys(stage.stores.engines)]
    left = sum(hunt.hits(data) + any(turn in data for turn in turns) for _, data in keys)
    section.none("markers and turns in Redis", left, f"{len(keys)} keys")
    mails = list(files(stage.home, below=("mail",))) if (stage.home / "mail").exists() else []
    section.none("markers in files of mail", sum(hunt.hits(data) for _, data in mails), f"{len(mails)} mails")


async def _look_at_raw_files(stage: Stage, section: Section, people: list[Erased]) -> None:
    """After an orderly stop, which writes everything out; again after VACUUM, and after VACUUM FULL."""
    folder = stage.stores._pid_file.parent
    sample = people[:: max(1, len(people) // SAMPLE)][:SAMPLE]
    for what, command in (("a checkpoint", ""), ("VACUUM", "vacuum"), ("VACUUM FULL", "vacuum full")):
        if command:
            await _as_owner(stage, f"{command} shared.subjects")
        await stage.stores.stop("postgres")
        marks, found, size = await asyncio.to_thread(_raw, folder, sample)
        await stage.stores.start("postgres")
        if not command:
            section.none("markers in the raw data directory and write-ahead log", marks, f"{size >> 20} MB")
        hits = "; ".join(
            f"{kind}: {count} of {len(sample)} in {place}" for (kind, place), count in found.items()
        )
        section.notes.append(f"Raw files after {what}: {hits}.")


def _raw(folder: Path, people: list[Erased]) -> tuple[int, dict[tuple[str, str], int], int]:
    """Markers; whose hashes and wrapped keys lie in tables' files and in the log; bytes read."""
    hunt = Hunt([MARK])
    marks = size = 0
    found: dict[tuple[str, str], set[str]] = {
        (kind, place): set()
        for kind in ("identity hashes", "wrapped keys")
        for place in ("tables", "the log")
    }
    for name, data in files(folder):
        place = "the log" if name.startswith("pg_wal") else "tables"
        marks, size = marks + hunt.hits(data), size + len(data)
        for one in people:
            for kind, value in (("identity hashes", one.identity_hash), ("wrapped keys", one.wrapped_key)):
                if value in data:
                    found[kind, place].add(one.subject)
    return marks, {where: len(who) for where, who in found.items()}, size


async def _as_owner(stage: Stage, command: str) -> None:
    url = stage.stores.engines.migration_database_url
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as conn:
        await conn.execute(command.encode())
