"""Envelope encryption: a master key wraps data keys, a data key seals one person's content."""

from __future__ import annotations

import os
from typing import Any, ClassVar
from uuid import UUID

import orjson
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from desk.errors import DeskError, Misconfigured

_VERSION = b"\x01"
_NONCE_BYTES = 12
_TAG_BYTES = 16
_KEY_BYTES = 32
_HEADER_BYTES = len(_VERSION) + _NONCE_BYTES


class SealBroken(DeskError):
    """Sealed content was changed, moved to another place, or belongs to another key."""

    title: ClassVar[str] = "Unreadable content"
    detail = "Stored content could not be read."


class DataKey:
    """A key of 256 bits that seals bytes with AES-GCM: version byte, nonce of 12 bytes, ciphertext and tag.

    `aad` names the place the content belongs to; it must be the same when opening.
    """

    __slots__ = ("_cipher", "_secret")

    def __init__(self, secret: bytes) -> None:
        if len(secret) != _KEY_BYTES:
            raise SealBroken
        self._secret = secret
        self._cipher = AESGCM(secret)

    @classmethod
    def new(cls) -> DataKey:
        """A fresh random key."""
        return cls(os.urandom(_KEY_BYTES))

    def seal(self, plaintext: bytes, *, aad: bytes) -> bytes:
        """Encrypt; 29 bytes longer than the plaintext."""
        nonce = os.urandom(_NONCE_BYTES)
        return _VERSION + nonce + self._cipher.encrypt(nonce, plaintext, aad)

    def open(self, sealed: bytes, *, aad: bytes) -> bytes:
        """Decrypt; SealBroken if anything but this key, these bytes and this `aad` made it."""
        if len(sealed) < _HEADER_BYTES + _TAG_BYTES or sealed[:1] != _VERSION:
            raise SealBroken
        try:
            return self._cipher.decrypt(sealed[1:_HEADER_BYTES], sealed[_HEADER_BYTES:], aad)
        except InvalidTag:
            raise SealBroken from None

    def seal_text(self, text: str, *, aad: bytes) -> bytes:
        """Seal a text as UTF-8."""
        return self.seal(text.encode(), aad=aad)

    def open_text(self, sealed: bytes, *, aad: bytes) -> str:
        """Open what `seal_text` sealed."""
        return self.open(sealed, aad=aad).decode()

    def seal_json(self, value: Any, *, aad: bytes) -> bytes:
        """Seal a plain JSON value (str keys; also what orjson writes natively: UUID, datetime, dataclass)."""
        return self.seal(orjson.dumps(value), aad=aad)

    def open_json(self, sealed: bytes, *, aad: bytes) -> Any:
        """Open what `seal_json` sealed."""
        return orjson.loads(self.open(sealed, aad=aad))

    def __repr__(self) -> str:
        return "DataKey(<secret>)"

    def __reduce__(self) -> str:
        raise TypeError("A data key is wrapped by its master key, never pickled.")


class MasterKey:
    """The secret of the installation; it wraps data keys and derives keys for other purposes."""

    __slots__ = ("_secret", "_wrapping")

    def __init__(self, secret: bytes) -> None:
        if len(secret) != _KEY_BYTES:
            raise Misconfigured("The master key must be 32 bytes; make one with `openssl rand -base64 32`.")
        self._secret = secret
        self._wrapping = DataKey(self.derive("wrap data keys"))

    def wrap(self, data_key: DataKey, *, subject: UUID) -> bytes:
        """The data key sealed for one subject; it opens for no other."""
        return self._wrapping.seal(data_key._secret, aad=subject.bytes)

    def unwrap(self, wrapped: bytes, *, subject: UUID) -> DataKey:
        """The data key behind `wrapped`; SealBroken under another master key or subject."""
        return DataKey(self._wrapping.open(wrapped, aad=subject.bytes))

    def derive(self, purpose: str) -> bytes:
        """32 bytes for one named purpose, by HKDF-SHA256; always the same for the same secret."""
        return HKDF(SHA256(), _KEY_BYTES, salt=None, info=b"deskgraph/" + purpose.encode()).derive(
            self._secret
        )

    def __repr__(self) -> str:
        return "MasterKey(<secret>)"

    def __reduce__(self) -> str:
        raise TypeError("A master key is never pickled.")
