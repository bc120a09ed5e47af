"""Data keys: one per subject, wrapped by the master key, and the keyed hash that finds a subject."""

from __future__ import annotations

import base64
import binascii
import hmac
import os
import time
from collections import OrderedDict
from typing import Generic, TypeVar

from desk.domain import Principal, SubjectId, TenantId
from desk.errors import Misconfigured, NotFound
from desk.privacy.sealing import DataKey, MasterKey
from desk.settings import Settings
from desk.storage import subjects
from desk.storage.pool import Database

Value = TypeVar("Value")

# An erased person's key may live on in other processes' memory for this long, no longer.
_CACHE_SECONDS = 30.0
_CACHE_ENTRIES = 20_000


class _Cache(Generic[Value]):
    """A bounded map whose entries expire."""

    def __init__(self) -> None:
        self._entries: OrderedDict[object, tuple[float, Value]] = OrderedDict()

    def get(self, key: object) -> Value | None:
        entry = self._entries.get(key)
        if entry is None or entry[0] < time.monotonic():
            return None
        return entry[1]

    def put(self, key: object, value: Value) -> None:
        self._entries[key] = (time.monotonic() + _CACHE_SECONDS, value)
        if len(self._entries) > _CACHE_ENTRIES:
            self._entries.popitem(last=False)


class KeyRing:
    """Finds or makes subjects, and opens their data keys."""

    def __init__(self, database: Database, master: MasterKey) -> None:
        self._database = database
        self._master = master
        self._identity_secret = master.derive("subjects.identity")
        self._subjects: _Cache[SubjectId] = _Cache()
        self._keys: _Cache[DataKey] = _Cache()

    async def subject(self, tenant_id: TenantId, issuer: str, sub: str, *, kind: str = "person") -> SubjectId:
        """The subject whom `issuer` calls `sub`; made with a fresh data key at the first sight."""
        identity = self.keyed_hash(b"\0".join((tenant_id.bytes, issuer.encode(), sub.encode())))
        cached = self._subjects.get(identity)
        if cached is not None:
            return cached
        async with self._database.tenant_tx(Principal(tenant_id, "worker")) as tx:
            found = await subjects.find(tx, identity)
            if found is None:
                subject_id = subjects.new_subject_id()
                wrapped = self._master.wrap(DataKey.new(), subject=subject_id)
                found = await subjects.add(tx, tenant_id, subject_id, identity, wrapped, kind=kind)
        self._subjects.put(identity, found.id)
        return found.id

    async def data_key(self, principal: Principal) -> DataKey:
        """The subject's data key; raises NotFound when the subject is unknown or was erased."""
        subject_id = principal.subject_id
        if subject_id is None:
            raise NotFound
        cached = self._keys.get(subject_id)
        if cached is not None:
            return cached
        async with self._database.tenant_tx(principal) as tx:
            wrapped = await subjects.wrapped_key(tx, subject_id)
        if wrapped is None:
            raise NotFound
        key = self._master.unwrap(wrapped, subject=subject_id)
        self._keys.put(subject_id, key)
        return key

    def keyed_hash(self, data: bytes) -> bytes:
        """A 32-byte hash that nobody without the master key can compare guesses against."""
        return hmac.digest(self._identity_secret, data, "sha256")


def load_master_key(settings: Settings) -> MasterKey:
    """The configured master key; development makes one under `<home>/keys`, production refuses to."""
    if settings.master_key is not None:
        return MasterKey(_decode(settings.master_key.get_secret_value(), "DESK_MASTER_KEY"))
    path = settings.home / "keys" / "master.key"
    if path.exists():
        return MasterKey(_decode(path.read_text().strip(), str(path)))
    if settings.environment == "production":
        raise Misconfigured("Set DESK_MASTER_KEY to 32 random bytes in base64: `openssl rand -base64 32`.")
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    secret = os.urandom(32)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(base64.b64encode(secret).decode())
    return MasterKey(secret)


def _decode(text: str, where: str) -> bytes:
    try:
        secret = base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise Misconfigured(f"{where} is not base64; make one with `openssl rand -base64 32`.") from error
    if len(secret) != 32:
        raise Misconfigured(f"{where} holds {len(secret)} bytes; it must hold 32.")
    return secret
