"""The built-in issuer: signs short-lived tokens, and publishes the key that verifies them as a JWKS."""

from __future__ import annotations

import hashlib
import os
import time
from pathlib import Path
from typing import Any, Literal
from uuid import uuid4

import jwt
import orjson
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from jwt.algorithms import OKPAlgorithm

from desk.domain import Scope
from desk.errors import Misconfigured
from desk.settings import Settings

ALGORITHM = "EdDSA"
TokenType = Literal["at+jwt", "session+jwt", "login+jwt"]


class Issuer:
    """Signs with one Ed25519 key. Each token is for one use: access, session cookie or login link."""

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
        role: Scope,
        seconds: int,
        typ: TokenType = "at+jwt",
        azp: str = "desk",
    ) -> str:
        """A token for the person with this e-mail address, which the issuer vouches for."""
        now = int(time.time())
        claims = {
            "iss": self.name,
            "aud": self.audience,
            "azp": azp,
            "sub": email.casefold(),
            "tenant": tenant,
            "role": role,
            "email": email.casefold(),
            "email_verified": True,
            "jti": str(uuid4()),
            "iat": now,
            "exp": now + seconds,
        }
        return jwt.encode(claims, self._key, ALGORITHM, headers={"kid": self.kid, "typ": typ})


def load_issuer(settings: Settings) -> Issuer:
    """The issuer with its configured key; development makes one under `<home>/keys`."""
    path = settings.signing_key_path or settings.home / "keys" / "issuer.pem"
    if not path.exists():
        if settings.environment == "production" or settings.signing_key_path is not None:
            raise Misconfigured(
                f"There is no signing key at {path}; make one with `openssl genpkey -algorithm ed25519`"
                " and set DESK_SIGNING_KEY_PATH."
            )
        _write_new_key(path)
    key = serialization.load_pem_private_key(path.read_bytes(), password=None)
    if not isinstance(key, Ed25519PrivateKey):
        raise Misconfigured(
            f"{path} holds no Ed25519 key; make one with `openssl genpkey -algorithm ed25519`."
        )
    return Issuer(settings.issuer, settings.audience, key)


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
