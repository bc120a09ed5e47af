"""Erasing: the one way to ask for it, by whoever may."""

from __future__ import annotations

from desk.domain import Principal, SubjectId
from desk.errors import NotFound
from desk.storage import accounts, erasures, subjects
from desk.storage.erasures import Erasure
from desk.storage.pool import Database
from desk.subjects.keys import KeyRing


async def erase(database: Database, keys: KeyRing, by: Principal, subject_id: SubjectId) -> Erasure:
    """Destroy the key, fence the turns and queue the rest; a second request gives the first one.

    Raises NotFound for somebody whom `by` may not see.
    """
    async with database.tenant_tx(by) as tx:
        if not await subjects.exist(tx, subject_id):
            raise NotFound
    address = await mailed_address(database, keys, Principal(by.tenant_id, "worker", subject_id))
    async with database.tenant_tx(Principal(by.tenant_id, "worker")) as tx:
        erasure = await erasures.accept(tx, by, subject_id, address)
    keys.forget(subject_id)
    return erasure


async def mailed_address(database: Database, keys: KeyRing, person: Principal) -> str | None:
    """The address of the person's account, if they have one: where this service writes to."""
    assert person.subject_id is not None
    async with database.tenant_tx(person) as tx:
        account = await accounts.get(tx, person.subject_id, hold=False)
    if account is None:
        return None
    try:
        key = await keys.data_key(person)
    except NotFound:
        return None  # erased in this moment
    return key.open_text(account.email_sealed, aad=accounts.email_aad(account.id))
