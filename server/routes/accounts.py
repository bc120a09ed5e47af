"""Accounts: whom a tenant's admin invites, and what each of them may do."""

from __future__ import annotations

from typing import Any, Literal
from uuid import UUID

from fastapi import APIRouter, Query
from starlette.responses import Response

from desk.domain import Principal, SubjectId
from desk.errors import Conflict, NotFound
from desk.storage import accounts, audit
from desk.storage.accounts import Account, AccountState
from desk.subjects.keys import KeyRing
from server.deps import CurrentCaller, CurrentDesk
from server.openapi import answers
from server.routes.auth import Email
from server.routes.chat import json_response, person
from server.schemas import Body
from server.shapes.accounts import AccountOut, AccountsOut

router = APIRouter(prefix="/api/v1/accounts", tags=["accounts"])

InvitedRole = Literal["user", "agent", "admin"]


class InvitationBody(Body):
    """Who is invited, as what."""

    email: Email
    role: InvitedRole = "agent"


class AccountBody(Body):
    """What changes; what is left out stays."""

    role: InvitedRole | None = None
    disabled: bool | None = None


@router.get("", summary="The tenant's accounts", responses=answers(AccountsOut))
async def list_accounts(
    desk: CurrentDesk,
    caller: CurrentCaller,
    cursor: UUID | None = None,
    limit: int = Query(100, ge=1, le=200),
) -> Response:
    """One page; registrations that nobody confirmed are left out."""
    admin, keys = person(caller), desk.services.engine.keys
    async with desk.services.engine.database.tenant_tx(admin) as tx:
        found = await accounts.list_page(tx, after=SubjectId(cursor) if cursor else None, limit=limit)
    page = [await _shown(keys, admin, account) for account in found]
    return json_response({"accounts": page, "next_cursor": page[-1]["id"] if len(page) == limit else None})


@router.post(
    "", summary="Invite somebody by mail", status_code=201, responses=answers(AccountOut, 409, status=201)
)
async def invite(body: InvitationBody, desk: CurrentDesk, caller: CurrentCaller) -> Response:
    """They get a code, choose a password with it, and so prove the address."""
    account_id = await desk.reception.invite(person(caller), caller.tenant, body.email, body.role)
    shown = {"id": str(account_id), "email": body.email, "role": body.role, "state": "pending"}
    return json_response(shown, 201)


@router.put(
    "/{account_id}", summary="Change a role, or disable an account", responses=answers(AccountOut, 409)
)
async def change(account_id: UUID, body: AccountBody, desk: CurrentDesk, caller: CurrentCaller) -> Response:
    """It counts within ten seconds everywhere: what was signed for the account before is refused."""
    admin, chosen = person(caller), SubjectId(account_id)
    if admin.subject_id == chosen:
        raise Conflict("Another admin must change your own account.")
    async with desk.services.engine.database.tenant_tx(admin) as tx:
        account = await accounts.get(tx, chosen)
        if account is None:
            raise NotFound
        role, state = body.role or account.role, _state(account, body.disabled)
        await accounts.change(tx, chosen, state=state, role=role)
        await accounts.sign_out(tx, chosen)
        await audit.record(tx, admin, "account.changed", str(chosen), {"role": role, "state": state})
        changed = await accounts.get(tx, chosen)
    desk.services.engine.keys.forget(chosen)
    assert changed is not None
    return json_response(await _shown(desk.services.engine.keys, admin, changed))


def _state(account: Account, disabled: bool | None) -> AccountState:  # noqa: FBT001 - as it came
    """An account that is enabled again is what it was: confirmed, if it has a password."""
    if disabled is None:
        return account.state
    if disabled:
        return "disabled"
    return "active" if account.password_hash and account.state != "pending" else "pending"


async def _shown(keys: KeyRing, admin: Principal, account: Account) -> dict[str, Any]:
    owner = Principal(admin.tenant_id, admin.scope, account.id)
    key = await keys.data_key(owner)
    return {
        "id": str(account.id),
        "email": key.open_text(account.email_sealed, aad=accounts.email_aad(account.id)),
        "role": account.role,
        "state": account.state,
        "created_at": account.created_at.isoformat(),
    }
