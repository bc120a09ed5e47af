"""Passwords: what one must be, and argon2, which takes its time in a few threads and no more."""

from __future__ import annotations

import asyncio
import secrets
import unicodedata
from collections.abc import Callable
from functools import cached_property
from typing import TypeVar

from pwdlib.hashers.argon2 import Argon2Hasher

from desk.errors import InvalidInput, RateLimited
from server.identity.known_passwords import is_known

SHORTEST, LONGEST = 10, 200
FEWEST_SIGNS = 5
_AT_ONCE = 2
_MOST_WAITING = 32

Result = TypeVar("Result")


class Passwords:
    """Hashes and compares, two at a time; each takes 64 MiB and some 0.2 s of a core."""

    def __init__(self) -> None:
        self._hasher = Argon2Hasher()
        self._room = asyncio.Semaphore(_AT_ONCE)
        self._waiting = 0

    async def hash(self, password: str) -> str:
        """What is kept of a password; raises RateLimited when too many wait."""
        return await self._work(lambda: self._hasher.hash(normal(password)))

    async def matches(self, password: str, kept: str | None) -> bool:
        """Whether it is the password; without one to compare with it takes just as long, and is not."""
        found = await self._work(lambda: self._hasher.verify(normal(password), kept or self._nobodys))
        return found and kept is not None

    async def warm_up(self) -> None:
        """Make the hash that stands in for those that are not there, and the list of known passwords.

        So the first one who has no account is told no later, and the first who chooses holds up nobody.
        """
        await asyncio.to_thread(lambda: (self._nobodys, is_known("")))

    @cached_property
    def _nobodys(self) -> str:
        return self._hasher.hash(secrets.token_urlsafe(32))

    async def _work(self, work: Callable[[], Result]) -> Result:
        if self._waiting >= _MOST_WAITING:
            raise RateLimited(2, "Many people sign in right now; try again in a moment.")
        self._waiting += 1
        try:
            async with self._room:
                return await asyncio.to_thread(work)
        finally:
            self._waiting -= 1


def normal(password: str) -> str:
    """The password as every keyboard spells it."""
    return unicodedata.normalize("NFKC", password)


def refuse_weak(password: str, email: str) -> None:
    """Raises InvalidInput unless it may be chosen."""
    if not SHORTEST <= len(normal(password)) <= LONGEST:
        raise InvalidInput(f"A password has {SHORTEST} to {LONGEST} characters.")
    if len(set(normal(password).casefold())) < FEWEST_SIGNS:
        raise InvalidInput(f"A password has at least {FEWEST_SIGNS} different characters.")
    if normal(password).casefold() == email.casefold():
        raise InvalidInput("The password must not be the e-mail address.")
    if is_known(normal(password)):
        raise InvalidInput(
            "This password is known: many people use it, or a word or name with a few signs around it. Choose"
            " another, four words that have nothing to do with each other for example."
        )
