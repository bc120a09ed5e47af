"""The proofs by name, each with what it measures in its whole form."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping
from typing import Any

from tests.measured.figures import Say, Section
from tests.measured.kept import HOME, read
from tests.security import fuzz, isolation, limits, mutate, rows, tokens
from tests.security.ground import open_ground, open_stores

Proof = Callable[[int, Say], Coroutine[Any, Any, list[Section]]]

FOLDER = HOME / "proofs"
UNCHECKED_ROUNDS = 3
ROW_ROUNDS = 3
LIMIT_ROUNDS = 3


async def isolation_proof(times: int, say: Say) -> list[Section]:
    """P8: as it is, with the checks off, and below the application."""
    async with open_stores() as (stores, home):
        async with open_ground(stores, home) as ground:
            whole = await isolation.measure(ground, isolation.ROUNDS * times, say)
            below = await rows.measure(ground, ROW_ROUNDS * times)
        async with open_ground(stores, home, unchecked=True) as ground:
            unchecked = await isolation.measure(ground, UNCHECKED_ROUNDS * times, say)
    return [whole, unchecked, below]


async def tokens_proof(_times: int, say: Say) -> list[Section]:
    """P9: bad tokens at every door, and keys that nobody has."""
    async with open_stores() as (stores, home):
        return [await tokens.measure(stores, home, say)]


async def limits_proof(times: int, say: Say) -> list[Section]:
    """P10: a limit over two processes, with Redis and without."""
    async with open_stores() as (stores, home):
        return [await limits.measure(stores, home, LIMIT_ROUNDS * times, say)]


async def fuzz_proof(times: int, say: Say) -> list[Section]:
    """P17: nonsense at every door."""
    async with open_stores() as (stores, home), open_ground(stores, home) as ground:
        return [await fuzz.measure(ground, fuzz.CASES_EACH * times, say)]


async def mutate_proof(_times: int, say: Say) -> list[Section]:
    """P17: every seeded bug is caught."""
    return [await mutate.measure(say)]


async def mutate_again_proof(_times: int, say: Say) -> list[Section]:
    """The same for the bugs that were not caught the last time, once the tests were mended."""
    kept = read("mutate", FOLDER)
    return [await mutate.measure(say, kept.sections[0] if kept else None)]


PROOFS: Mapping[str, Proof] = {
    "isolation": isolation_proof,
    "tokens": tokens_proof,
    "limits": limits_proof,
    "fuzz": fuzz_proof,
    "mutate": mutate_proof,
}
