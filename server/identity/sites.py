"""Sites that were asked for a moment ago: which key stands for which pages, and whose pages may call."""

from __future__ import annotations

import time
from collections import OrderedDict

from desk.errors import Unavailable
from desk.storage import sites
from desk.storage.pool import Database
from desk.storage.sites import Site

REMEMBER_SECONDS = 10.0
_MOST = 5_000
_LONGEST_KEY = 100


class Sites:
    """Looks sites up; what an operator changes counts within ten seconds."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._known: OrderedDict[str, tuple[float, Site]] = OrderedDict()
        self._origins: frozenset[str] = frozenset()
        self._origins_until = 0.0

    async def find(self, key: str) -> Site | None:
        """The site with this key."""
        known = self._known.get(key)
        if known is not None and known[0] > time.monotonic():
            return known[1]
        if len(key) > _LONGEST_KEY or not key.isascii() or not key.isprintable():
            return None
        async with self._database.control_tx() as tx:
            found = await sites.find(tx, key)
        self._known.pop(key, None)
        if found is not None:
            self._known[key] = (time.monotonic() + REMEMBER_SECONDS, found)
            if len(self._known) > _MOST:
                self._known.popitem(last=False)
        return found

    async def stands_on(self, origin: str) -> bool:
        """Whether some site's pages are there. One look at the database serves ten seconds, whoever asks."""
        if self._origins_until <= time.monotonic():
            self._origins_until = time.monotonic() + REMEMBER_SECONDS
            try:
                async with self._database.control_tx() as tx:
                    self._origins = await sites.origins(tx)
            except Unavailable:
                self._origins_until = 0.0
        return origin in self._origins
