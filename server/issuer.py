"""The built-in issuer: signs short-lived tokens, and publishes the key that verifies them as a JWKS."""

from __future__ import annotations

import hashlib
import math
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal
from uuid import uuid4

import jwt
import orjson
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from jwt.algorithms import OKPAlgorithm

from desk.errors import Misconfigured
from desk.settings import Settings
from server.access import Role

ALGORITHM = "EdDSA"
WIDGET = "widget"
PARTIES = frozenset(("desk", WIDGET))
TokenType = Literal["at+jwt", "session+jwt", "login+jwt", "visitor+jwt", "oidc+jwt"]


class Issuer:
    """Signs with one Ed25519 key. Each token is for one use, which its type names.

    These are: access, session cookie, login link, a visitor of a widget, a login under way elsewhere.
    """

    def __init__(self, name: str, audience: str, key: Ed25519PrivateKey) -> None:
        self.name = name
        self.audience = audience
        self._key = key
        public: dict[str, Any] = OKPAlgorithm.to_jwk(key.public_key(), as_dict=True)
        self.kid = hashlib.sha256(orjson.dumps(public, option=orjson.OPT_SORT_KEYS)).hexdigest()[:16]
        self.jwks = {"keys": [{**public, "kid": self.kid, "use": "sig", "alg": ALGORITHM}]}

    def sign(
        self,
        *,
        tenant: str,
        email: str,
        role: Role,
        seconds: int,
        typ: TokenType = "at+jwt",
        not_before: float = 0,
    ) -> str:
        """A token for the person with this e-mail address, which the issuer vouches for."""
        claims = {"tenant": tenant, "role": role, "email": email.casefold(), "email_verified": True}
        return self.sign_claims(email.casefold(), claims, seconds=seconds, typ=typ, not_before=not_before)

    def sign_claims(
        self,
        sub: str,
        claims: Mapping[str, Any],
        *,
        seconds: int,
        typ: TokenType,
        azp: str = "desk",
        not_before: float = 0,
    ) -> str:
        """A token that says these things of `sub`.

        `not_before` is when the person was last signed out everywhere: a token counts from then on, so one
        that is made within that very second does too.
        """
        now = max(int(time.time()), math.ceil(not_before))
        said = {
            "iss": self.name,
            "aud": self.audience,
            "azp": azp,
            "sub": sub,
            "jti": str(uuid4()),
            "iat": now,
            "exp": now + seconds,
        }
        return jwt.encode({**claims, **said}, self._key, ALGORITHM, headers={"kid": self.kid, "typ": typ})


def load_issuer(settings: Settings) -> Issuer:
    """The issuer with its configured key; development makes one under `<home>/keys`."""
    if _is_to_make(settings):
        _write_new_key(_key_path(settings))
    return Issuer(settings.issuer, settings.audience, _read_key(_key_path(settings)))


def check_issuer(settings: Settings) -> None:
    """Raises Misconfigured where `load_issuer` would; makes no key."""
    if not _is_to_make(settings):
        load_issuer(settings)


def _key_path(settings: Settings) -> Path:
    return settings.signing_key_path or settings.home / "keys" / "issuer.pem"


def _is_to_make(settings: Settings) -> bool:
    may = settings.environment != "production" and settings.signing_key_path is None
    return may and not _key_path(settings).exists()


def _read_key(path: Path) -> Ed25519PrivateKey:
    try:
        key = serialization.load_pem_private_key(path.read_bytes(), password=None)
    except FileNotFoundError:
        raise Misconfigured(
            f"There is no signing key at {path}; make one with `openssl genpkey -algorithm ed25519`"
            " and set DESK_SIGNING_KEY_PATH."
        ) from None
    except OSError as error:
        raise Misconfigured(
            f"The signing key cannot be read from {path}: {error.strerror}; set DESK_SIGNING_KEY_PATH to a"
            " PEM file that this user may read."
        ) from None
    except (ValueError, TypeError, UnsupportedAlgorithm):
        key = None  # no PEM, one with a password, or of a kind that nobody knows
    if not isinstance(key, Ed25519PrivateKey):
        raise Misconfigured(
            f"{path} holds no Ed25519 key; make one with `openssl genpkey -algorithm ed25519`."
        )
    return key


def _write_new_key(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    pem = Ed25519PrivateKey.generate().private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    # Two processes may start at once: the first one's key counts, and it is whole when it appears.
    draft = path.with_suffix(f".{os.getpid()}")
    draft.write_bytes(pem)
    draft.chmod(0o600)
    try:
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        draft.unlink()
