"""Isolation: every door, every id, every way to be foreign, every caller.

Two tenants are planted with people whose every field holds a word of its own. Each operation of the OpenAPI
document, and each that it does not list, is called by everybody with every id that is not theirs: nothing of
the other may be in the answer, nothing of theirs may change, and foreign must look like unknown. In the end
those who may are asked the same, so that no door is closed for another reason.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from dataclasses import dataclass

from tests.measured.figures import Say, Section
from tests.security.allowed import may_see
from tests.security.askers import Asker, all_askers
from tests.security.asking import Answer, ask
from tests.security.controls import call_as_who_may
from tests.security.doors import Door, Slot, doors
from tests.security.fingerprints import fingerprints
from tests.security.foreign import Foreign, foreign_ids
from tests.security.ground import Ground
from tests.security.judge import Verdict, differs, leaks
from tests.security.owners import build_town

AT_ONCE = 12
GOAL_CASES = 50_000
# A round has a little more than 5,000 cases.
ROUNDS = 10
_UNCHECKED = (
    "The table of rights answers yes: whoever has any identity calls every route, and row-level security with"
    " the keys is what is left. It knows people and staff, and not agents from admins; API keys belong to a"
    " tenant and to no person, so here every caller of the tenant reaches them."
)
# After these the caller is nobody any more.
_LAST = ("POST /api/v1/auth/logout-everywhere", "POST /api/v1/privacy/erase")


async def measure(ground: Ground, rounds: int, say: Say, *, share: float = 1.0) -> Section:
    """P8 as it is, or with the application's own checks switched off; `share` of the cases, drawn by seed."""
    title = "The same with the application's checks off" if ground.unchecked else "Nobody reaches another's"
    section = Section.of("P8", title, __doc__)
    if ground.unchecked:
        section.how = _UNCHECKED
    verdict, told = Verdict(), 0
    with section.timed():
        for number in range(rounds):
            await one_round(ground, random.Random(number), verdict, share)
            say(f"round {number + 1} of {rounds}: {verdict.cases:,} cases, {len(_found(verdict))} findings")
            for finding in _found(verdict)[told:]:
                say(f"  {finding[:300]}")
            told = len(_found(verdict))
    trials = f"{verdict.cases:,} cases, {len(doors(ground.app))} doors, 11 callers"
    if rounds >= ROUNDS:
        section.at_least("cases", verdict.cases, GOAL_CASES, "at every door")
    section.none("answers that hold something of somebody else", len(verdict.leaks), trials)
    section.none("rows of somebody else that were changed", len(verdict.changes), trials)
    compared = f"{verdict.compared:,} comparisons"
    section.none("foreign ids that can be told from unknown ones", len(verdict.differences), compared)
    if not ground.unchecked:
        controls = f"{verdict.controls:,} calls"
        section.none("doors that are closed to those who may enter", len(verdict.dead), controls)
    section.notes += _found(verdict)[:10]
    return section


def _found(verdict: Verdict) -> list[str]:
    return [*verdict.leaks, *verdict.changes, *verdict.differences, *verdict.dead]


async def one_round(ground: Ground, chance: random.Random, verdict: Verdict, share: float = 1.0) -> None:
    """Two fresh towns, and everybody at every door."""
    towns = (await build_town(ground), await build_town(ground))
    everything = sorted(doors(ground.app), key=lambda door: (door.name in _LAST, door.name))
    async with all_askers(ground, towns) as askers:
        before = await fingerprints(ground.owner_url, towns)
        for door in everything:
            await _everybody_at(Place(ground, door, chance, verdict, share), askers)
            after = await fingerprints(ground.owner_url, towns)
            changed = [table for table in after if after[table] != before[table]]
            if changed:
                verdict.changes.append(f"{door.name}: {', '.join(changed)}")
                before = after
    if not ground.unchecked:
        for town in towns:
            await call_as_who_may(ground, everything, town, verdict)


@dataclass(frozen=True, slots=True)
class Place:
    """Where callers stand: a door, what is noted there, and the share of the cases that are tried."""

    ground: Ground
    door: Door
    chance: random.Random
    verdict: Verdict
    share: float


async def _everybody_at(place: Place, askers: Sequence[Asker]) -> None:
    room = asyncio.Semaphore(AT_ONCE)
    door = place.door

    async def one(asker: Asker, slot: Slot | None) -> None:
        async with room:
            await _case(place, asker, slot)

    if door.right == "public" and not door.slots:
        askers = [asker for asker in askers if asker.role in ("anonymous", "admin")]
    slots: list[list[Slot | None]] = [[*door.slots]]
    if all(slot.name == "X-Tenant-ID" for slot in door.slots):
        slots.append([None])  # last, as it may end what the caller is
    for together in slots:
        cases = [(asker, slot) for slot in together for asker in askers if _is_drawn(place, asker, askers)]
        await asyncio.gather(*(one(*case) for case in cases))


def _is_drawn(place: Place, asker: Asker, askers: Sequence[Asker]) -> bool:
    """A person and an admin of the first town always, so that a door that leaks is never passed over."""
    always = asker.role in ("user", "admin") and asker.home is askers[0].home
    return always or place.chance.random() < place.share


async def _case(place: Place, asker: Asker, slot: Slot | None) -> None:
    """One caller at one place for an id, with every way to be foreign."""
    door, verdict = place.door, place.verdict
    if slot is None:
        _look(place, asker, None, "", await ask(asker, door, None, ""))
        return
    ids = foreign_ids(asker, slot, place.chance)
    other = ids.pop("unknown")
    unknown = await ask(asker, door, slot, other)
    _look(place, asker, slot, other, unknown)
    for way, value in ids.items():
        if _is_theirs(place, asker, way):
            continue
        answer = await ask(asker, door, slot, value)
        _look(place, asker, slot, value, answer)
        verdict.compared += 1
        difference = differs(slot, way, answer, unknown, value, other)
        if difference:
            where = f"{door.name} {slot.name} ({way}) by {asker.role}"
            verdict.differences.append(f"{where}: {difference}")


def _is_theirs(place: Place, asker: Asker, way: Foreign) -> bool:
    """Whether the caller may reach this, so that it is no foreign id."""
    own_town = way in ("neighbour", "deleted", "another kind")
    return own_town and may_see(place.door.name, asker.role, unchecked=place.ground.unchecked)


def _look(place: Place, asker: Asker, slot: Slot | None, sent: str, answer: Answer) -> None:
    place.verdict.cases += 1
    found = leaks(asker, place.door, sent, answer, unchecked=place.ground.unchecked)
    if found:
        where = f"{place.door.name} {slot.name if slot else ''} by {asker.role}"
        place.verdict.leaks.append(f"{where}: {answer.status}, {', '.join(found[:4])}")
