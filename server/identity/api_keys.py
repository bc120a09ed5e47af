"""API keys that were seen a moment ago, so that a service's request asks the database only now and then."""

from __future__ import annotations

import hashlib
import time
from collections import OrderedDict
from uuid import UUID

from desk.errors import Unauthenticated
from desk.storage import api_keys
from desk.storage.api_keys import ApiKey
from desk.storage.pool import Database

REMEMBER_SECONDS = 10.0
_MOST = 10_000
_LONGEST_KEY = 200


class ApiKeys:
    """Verifies keys; a key that was revoked may hold in another process for ten seconds."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._known: OrderedDict[bytes, tuple[float, ApiKey]] = OrderedDict()

    def knows(self, presented: str) -> bool:
        """Whether `verify` would not ask the database."""
        return len(presented) <= _LONGEST_KEY and self._find(_digest(presented)) is not None

    async def verify(self, presented: str) -> ApiKey:
        """The key; raises Unauthenticated when it does not hold."""
        if len(presented) > _LONGEST_KEY:
            raise Unauthenticated
        digest = _digest(presented)
        known = self._find(digest)
        if known is not None:
            return known
        async with self._database.control_tx() as tx:
            key = await api_keys.verify(tx, presented)
        if key is None:
            self._known.pop(digest, None)
            raise Unauthenticated
        self._known[digest] = (time.monotonic() + REMEMBER_SECONDS, key)
        if len(self._known) > _MOST:
            self._known.popitem(last=False)
        return key

    def forget(self, key_id: UUID) -> None:
        """Look the key up again at its next request to this process."""
        for digest in [digest for digest, (_, key) in self._known.items() if key.id == key_id]:
            del self._known[digest]

    def _find(self, digest: bytes) -> ApiKey | None:
        until, key = self._known.get(digest, (0.0, None))
        return key if key is not None and until > time.monotonic() and not _is_over(key) else None


def _digest(presented: str) -> bytes:
    return hashlib.sha256(presented.encode("utf-8", "surrogatepass")).digest()


def _is_over(key: ApiKey) -> bool:
    return key.expires_at is not None and key.expires_at.timestamp() <= time.time()
