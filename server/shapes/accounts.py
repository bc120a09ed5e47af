"""The shapes of who comes: accounts, tokens, API keys and the caller."""

from __future__ import annotations

from datetime import datetime
from typing import Literal, NotRequired
from uuid import UUID

from typing_extensions import TypedDict

from desk.storage.accounts import AccountRole, AccountState
from server.shapes.tenants import BrandingOut


class AccountOut(TypedDict):
    """Somebody's account; an invitation is answered without `created_at`."""

    id: UUID
    email: str
    role: AccountRole
    state: AccountState
    created_at: NotRequired[datetime]


class AccountsOut(TypedDict):
    """One page of accounts."""

    accounts: list[AccountOut]
    next_cursor: UUID | None


class ApiKeyOut(TypedDict):
    """A key without its secret; one without `expires_at` has no end."""

    id: UUID
    name: str
    rights: list[str]
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    last_used_at: datetime | None


class ApiKeysOut(TypedDict):
    """All keys."""

    api_keys: list[ApiKeyOut]


class NewApiKeyOut(TypedDict):
    """A key with its secret, which is never shown again: `key` is what goes into `X-API-Key`."""

    id: UUID
    key: str


class TokensOut(TypedDict):
    """`access_token` holds for `expires_in` seconds; `refresh_token` is good once, for new ones."""

    access_token: str
    token_type: Literal["Bearer"]
    expires_in: int
    refresh_token: str


class SessionOut(TypedDict):
    """The session is in the cookies, for so many seconds."""

    expires_in: int


class SentOut(TypedDict):
    """A code was sent, if there was somebody to send it to."""

    state: Literal["sent"]


class IssuerOut(TypedDict):
    """An identity provider; the sign-in by it begins at `/login/{name}`."""

    name: str
    label: str


class IssuersOut(TypedDict):
    """The identity providers that one can choose."""

    issuers: list[IssuerOut]


class MeOut(TypedDict):
    """The caller; `tenant` is a slug, and `email` is null where nobody vouches for one."""

    tenant: str
    role: Literal["user", "agent", "admin", "platform"]
    email: str | None
    branding: BrandingOut


class AdoptedOut(TypedDict):
    """How many conversations were taken over."""

    conversations: int


class JwkOut(TypedDict):
    """A public key as RFC 8037 writes it."""

    kty: Literal["OKP"]
    crv: Literal["Ed25519"]
    x: str
    kid: str
    use: Literal["sig"]
    alg: Literal["EdDSA"]


class JwksOut(TypedDict):
    """Every public key of the built-in issuer."""

    keys: list[JwkOut]
