"""Which tokens hold: each is judged by the rules of the issuer that it names, and what held is remembered."""

from __future__ import annotations

import hashlib
import time
from collections import OrderedDict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast, get_args

import httpx

from desk.errors import Misconfigured, Unauthenticated
from desk.settings import TrustedIssuer
from server.access import Role
from server.identity import claims as judged
from server.identity.claims import Rules, Times
from server.identity.jwks import FetchedKeys, Keys
from server.identity.jws import LONGEST_TOKEN, Token, parse
from server.issuer import ALGORITHM, PARTIES, WIDGET, Issuer, TokenType

RESERVED_TENANT = "platform"
_CACHED_TOKENS = 10_000
_RANKS: Sequence[Role] = ("user", "agent", "admin")
# Marks of an ID token, which says who signed in somewhere, and opens nothing here.
_OF_ID_TOKENS = frozenset(("at_hash", "c_hash", "s_hash"))


@dataclass(frozen=True, slots=True)
class Identity:
    """What a verified token says. `issuer` and `sub` together name the person."""

    issuer: str
    sub: str
    tenant: str
    role: Role
    email: str | None
    jti: str
    issued_at: float
    expires_at: float


class OwnTokens:
    """Verifies what the built-in issuer signed: one algorithm, one type for each use."""

    def __init__(self, issuer: Issuer, elsewhere: Collection[str]) -> None:
        self.name = issuer.name
        self._elsewhere = elsewhere
        self._keys = Keys(issuer.jwks)
        self._rules = Rules(issuer.name, issuer.audience, one_audience=True, longest_seconds=float("inf"))

    def check(self, token: Token, typ: TokenType) -> Times:
        """When the token counts; raises Unauthenticated unless we signed it for this use."""
        made_so = token.typ == typ and token.algorithm == ALGORITHM
        if not made_so or not _is_signed(token, self._keys):
            raise Unauthenticated
        return judged.check(token.claims, self._rules, time.time())

    def identity(self, token: Token, typ: TokenType) -> Identity:
        """The person of the token; raises Unauthenticated on any doubt."""
        times, claims = self.check(token, typ), token.claims
        role, azp = claims.get("role"), claims.get("azp", "desk")
        if role not in get_args(Role) or azp not in PARTIES or (role == "visitor") != (azp == WIDGET):
            raise Unauthenticated
        return Identity(
            issuer=self._issuer_of(claims, typ),
            sub=judged.text(claims, "sub"),
            tenant=judged.slug(claims.get("tenant")),
            role=cast("Role", role),
            email=judged.email(claims),
            jti=_text_or_nothing(claims, "jti"),
            issued_at=times.issued_at,
            expires_at=times.expires_at,
        )

    def _issuer_of(self, claims: Mapping[str, Any], typ: TokenType) -> str:
        """Who knows the person: a session of somebody who signed in elsewhere is theirs, not a namesake's."""
        if "idp" not in claims:
            return self.name
        elsewhere = judged.text(claims, "idp")
        if typ != "session+jwt" or elsewhere not in self._elsewhere:
            raise Unauthenticated
        return elsewhere


class ExternalTokens:
    """Verifies the tokens of one issuer of `DESK_ISSUERS`, and says who its people are here."""

    def __init__(self, trusted: TrustedIssuer, client: httpx.AsyncClient) -> None:
        self.trusted = trusted
        self.keys = FetchedKeys(trusted, client)
        self._rules = Rules(trusted.issuer, trusted.audience, frozenset(trusted.authorized_parties))

    async def identity(self, token: Token) -> Identity:
        """The person of an access token; raises Unauthenticated on any doubt."""
        claims = token.claims
        if token.typ not in self.trusted.token_types or _OF_ID_TOKENS & claims.keys():
            raise Unauthenticated
        if claims.get("typ", "Bearer") != "Bearer":  # how Keycloak tells its tokens apart
            raise Unauthenticated
        return await self._person(token, self._rules)

    async def signed_in(self, token: Token, nonce: str) -> Identity:
        """The person of an ID token that was made for our client and this login; raises Unauthenticated."""
        client_id = self.trusted.client_id or ""
        right_kind = token.typ in (None, "JWT") and token.claims.get("typ", "ID") == "ID"
        if not right_kind or token.claims.get("nonce") != nonce:
            raise Unauthenticated
        if isinstance(token.claims.get("aud"), list) and "azp" not in token.claims:
            raise Unauthenticated
        parties = frozenset((client_id,)) if "azp" in token.claims else frozenset[str]()
        return await self._person(token, Rules(self.trusted.issuer, client_id, parties))

    async def _person(self, token: Token, rules: Rules) -> Identity:
        claims = token.claims
        times = judged.check(claims, rules, time.time())  # first: a token that is old costs no fetch
        if token.algorithm not in self.trusted.algorithms or token.key_id is None:
            raise Unauthenticated
        if not _is_signed(token, await self.keys.having(token.key_id)):
            raise Unauthenticated
        return Identity(
            issuer=self.trusted.issuer,
            sub=judged.text(claims, "sub"),
            tenant=self._tenant(claims),
            role=self._role(claims),
            email=judged.email(claims),
            jti=_text_or_nothing(claims, "jti"),
            issued_at=times.issued_at,
            expires_at=times.expires_at,
        )

    def _tenant(self, claims: Mapping[str, Any]) -> str:
        if self.trusted.tenant is not None:
            return self.trusted.tenant
        named = judged.slug(judged.at(claims, self.trusted.tenant_claim or ""))
        if named == RESERVED_TENANT:  # nobody outside says who runs the installation
            raise Unauthenticated
        return named

    def _role(self, claims: Mapping[str, Any]) -> Role:
        """The highest of our roles that the token's roles stand for; raises Unauthenticated without one."""
        said = judged.at(claims, self.trusted.roles_claim)
        if not isinstance(said, list) or not all(isinstance(role, str) for role in said):
            raise Unauthenticated
        ours = {self.trusted.roles[role] for role in said if role in self.trusted.roles}
        found = [role for role in _RANKS if role in ours]
        if not found:
            raise Unauthenticated
        return found[-1]


class Verifier:
    """Verifies tokens of every known issuer."""

    def __init__(self, issuer: Issuer, external: Sequence[ExternalTokens] = ()) -> None:
        self.external = {tokens.trusted.name: tokens for tokens in external}
        self._by_issuer = {tokens.trusted.issuer: tokens for tokens in external}
        self._own = OwnTokens(issuer, self._by_issuer)
        self._verified: OrderedDict[bytes, tuple[Identity, int]] = OrderedDict()
        if issuer.name in self._by_issuer:
            raise Misconfigured("An issuer of DESK_ISSUERS has the built-in one's name; change DESK_ISSUER.")

    async def verify(self, text: str) -> Identity:
        """The identity of an access token; raises Unauthenticated on any doubt."""
        digest = _digest(text, "at+jwt")
        known = self._known(digest)
        if known is not None:
            return known
        token = parse(text)
        external = self._by_issuer.get(judged.text(token.claims, "iss"))
        if external is None:
            return self._remember(digest, self._own.identity(token, "at+jwt"), 0)
        identity = await external.identity(token)
        return self._remember(digest, identity, external.keys.generation)

    def own(self, text: str, typ: TokenType) -> Identity:
        """The identity of a token that we made for this use; raises Unauthenticated on any doubt."""
        digest = _digest(text, typ)
        return self._known(digest) or self._remember(digest, self._own.identity(parse(text), typ), 0)

    def knows(self, text: str, typ: TokenType) -> bool:
        """Whether `verify` or `own` would find it without any work."""
        return len(text) <= LONGEST_TOKEN and self._known(_digest(text, typ)) is not None

    def own_claims(self, text: str, typ: TokenType) -> Mapping[str, Any]:
        """What a token says that we made for this use and that names nobody; raises Unauthenticated."""
        token = parse(text)
        self._own.check(token, typ)
        return token.claims

    async def close(self) -> None:
        """Let go of fetches under way."""
        for tokens in self.external.values():
            await tokens.keys.close()

    def _known(self, digest: bytes) -> Identity | None:
        known = self._verified.get(digest)
        if known is None or known[0].expires_at <= time.time():
            return None
        identity, generation = known
        external = self._by_issuer.get(identity.issuer) if generation else None
        if external is None:
            return identity
        external.keys.refresh_if_old()
        return identity if external.keys.usable and external.keys.generation == generation else None

    def _remember(self, digest: bytes, identity: Identity, generation: int) -> Identity:
        self._verified[digest] = identity, generation
        if len(self._verified) > _CACHED_TOKENS:
            self._verified.popitem(last=False)
        return identity


def _digest(text: str, typ: str) -> bytes:
    if len(text) > LONGEST_TOKEN:
        raise Unauthenticated
    return hashlib.sha256(f"{typ} {text}".encode("utf-8", "surrogatepass")).digest()


def _is_signed(token: Token, keys: Keys) -> bool:
    if token.key_id is None:
        return False
    return keys.verify(token.key_id, token.algorithm, token.signed, token.signature)


def _text_or_nothing(claims: Mapping[str, Any], name: str) -> str:
    return judged.text(claims, name) if name in claims else ""
