"""Data keys: one per subject, wrapped by the master key, and the keyed hash that finds a subject."""

from __future__ import annotations

import base64
import hashlib
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from desk.domain import Principal, SubjectId, TenantId
from desk.errors import NotFound
from desk.privacy.sealing import DataKey, MasterKey
from desk.storage import subjects
from desk.storage.pool import Database

Value = TypeVar("Value")

# An erased person's key is let go of within seconds (graphs/runtime/forgetting.py); without that, after this.
_KEY_SECONDS = 30.0
# And somebody who signed out everywhere may be let in by another process for this long.
SUBJECT_SECONDS = 5.0
_CACHE_ENTRIES = 20_000


class _Cache(Generic[Value]):
    """A bounded map whose entries expire."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._entries: OrderedDict[object, tuple[float, Value]] = OrderedDict()

    def get(self, key: object) -> Value | None:
        entry = self._entries.get(key)
        if entry is None or entry[0] < time.monotonic():
            return None
        return entry[1]

    def put(self, key: object, value: Value) -> None:
        self._entries[key] = (time.monotonic() + self._seconds, value)
        if len(self._entries) > _CACHE_ENTRIES:
            self._entries.popitem(last=False)

    def drop(self, unwanted: Callable[[Value], bool]) -> None:
        """Forget the values of this kind."""
        for key in [key for key, (_, value) in self._entries.items() if unwanted(value)]:
            del self._entries[key]

    def pop(self, key: object) -> None:
        """Forget one value, if it is there."""
        self._entries.pop(key, None)


@dataclass(frozen=True, slots=True)
class Known:
    """A subject as requests meet it: what was signed for it before `valid_after` (seconds) is refused."""

    id: SubjectId
    valid_after: float = 0.0


class KeyRing:
    """Finds or makes subjects, and opens their data keys."""

    def __init__(self, database: Database, master: MasterKey) -> None:
        self._database = database
        self._master = master
        self._identity_secret = master.derive("subjects.identity")
        self._subjects: _Cache[Known] = _Cache(SUBJECT_SECONDS)
        self._keys: _Cache[tuple[TenantId, DataKey]] = _Cache(_KEY_SECONDS)

    async def subject(self, tenant_id: TenantId, issuer: str, sub: str, *, kind: str = "person") -> SubjectId:
        """The subject whom `issuer` calls `sub`; made with a fresh data key at the first sight."""
        return (await self.known(tenant_id, issuer, sub, kind=kind)).id

    async def known(self, tenant_id: TenantId, issuer: str, sub: str, *, kind: str = "person") -> Known:
        """The same, with until when what was signed before counts; remembered for five seconds."""
        identity = self.identity_hash(tenant_id, issuer, sub)
        cached = self._subjects.get(identity)
        if cached is not None:
            return cached
        async with self._database.tenant_tx(Principal(tenant_id, "worker")) as tx:
            found = await subjects.find(tx, identity)
            if found is None:
                subject_id = subjects.new_subject_id()
                wrapped = self._master.wrap(DataKey.new(), subject=subject_id)
                found = await subjects.add(tx, tenant_id, subject_id, identity, wrapped, kind=kind)
        known = Known(found.id, found.valid_after.timestamp() if found.valid_after else 0.0)
        self._subjects.put(identity, known)
        return known

    async def find(self, by: Principal, issuer: str, sub: str) -> SubjectId | None:
        """The living subject whom `issuer` calls `sub`, if `by` may see them; nobody is made."""
        async with self._database.tenant_tx(by) as tx:
            found = await subjects.find(tx, self.identity_hash(by.tenant_id, issuer, sub))
        return found.id if found else None

    def forget(self, subject_id: SubjectId) -> None:
        """Let go of the subject's key, and look the subject up again at the next request of this process."""
        self._subjects.drop(lambda known: known.id == subject_id)
        self._keys.pop(subject_id)

    def identity_hash(self, tenant_id: TenantId, issuer: str, sub: str) -> bytes:
        """What a subject is found by."""
        return self.keyed_hash(b"\0".join((tenant_id.bytes, issuer.encode(), sub.encode())))

    async def data_key(self, principal: Principal) -> DataKey:
        """The subject's data key; raises NotFound when the subject is unknown or was erased."""
        subject_id = principal.subject_id
        if subject_id is None:
            raise NotFound
        cached = self._keys.get(subject_id)
        if cached is not None and cached[0] == principal.tenant_id:
            return cached[1]
        async with self._database.tenant_tx(principal) as tx:
            wrapped = await subjects.wrapped_key(tx, subject_id)
        if wrapped is None:
            self.forget(subject_id)  # erased: whoever comes by this name again is somebody new
            raise NotFound
        key = self._master.unwrap(wrapped, subject=subject_id)
        self._keys.put(subject_id, (principal.tenant_id, key))
        return key

    def keyed_hash(self, data: bytes) -> bytes:
        """A 32-byte hash that nobody without the master key can compare guesses against."""
        return hashlib.blake2b(data, key=self._identity_secret, digest_size=32).digest()

    def derive(self, purpose: str) -> str:
        """A secret of its own for one purpose, as text; always the same for the same installation."""
        return base64.urlsafe_b64encode(self.secret(purpose)).decode().rstrip("=")

    def secret(self, purpose: str) -> bytes:
        """The same as bytes."""
        return self._master.derive(purpose)
