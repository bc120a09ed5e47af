"""Envelope encryption: a master key wraps data keys, a data key seals one person's content."""

from __future__ import annotations

import os
import zlib
from collections.abc import Sequence
from contextlib import suppress
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
# Sealed bytes do not compress, so a long JSON is deflated before; no JSON begins with the first byte of zlib.
_DEFLATED = b"x"
_DEFLATE_FROM_BYTES = 256
# A wrapped data key says which master key wrapped it, so that those of an old one can be found.
_WRAPPED = b"\x02"
_ID_BYTES = 8
_MARK_BYTES = len(_WRAPPED) + _ID_BYTES
_ROOT_AAD = b"master_keys.root:"


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
        plain = orjson.dumps(value)
        return self.seal(zlib.compress(plain, 1) if len(plain) >= _DEFLATE_FROM_BYTES else plain, aad=aad)

    def open_json(self, sealed: bytes, *, aad: bytes) -> Any:
        """Open what `seal_json` sealed."""
        return orjson.loads(inflated(self.open(sealed, aad=aad)))

    def __repr__(self) -> str:
        return "DataKey(<secret>)"

    def __reduce__(self) -> str:
        raise TypeError("A data key is wrapped by its master key, never pickled.")


def inflated(plain: bytes) -> bytes:
    """The JSON of what `seal_json` sealed, once it is opened."""
    return zlib.decompress(plain) if plain[:1] == _DEFLATED else plain


class MasterKey:
    """The secret of the installation; it wraps data keys and derives keys for other purposes.

    `others` are known too, old ones and one that comes next: what they wrapped opens. `root` is what other
    keys are derived from, so that they stay when the secret is replaced; without it, the secret itself.
    """

    __slots__ = ("_root", "_secrets", "_wrapping", "id")

    def __init__(self, secret: bytes, *, others: Sequence[bytes] = (), root: bytes | None = None) -> None:
        self._secrets = (secret, *others)
        if any(len(one) != _KEY_BYTES for one in self._secrets):
            raise Misconfigured("The master key must be 32 bytes; make one with `openssl rand -base64 32`.")
        self._root = root or secret
        self._wrapping = {_key_id(one): DataKey(_expand(one, "wrap data keys")) for one in self._secrets}
        self.id = _key_id(secret)

    @property
    def ids(self) -> tuple[bytes, ...]:
        """The known keys by their ids of 8 bytes, the one that wraps first."""
        return tuple(self._wrapping)

    @property
    def mark(self) -> bytes:
        """What every data key that this one wraps begins with: 9 bytes."""
        return _WRAPPED + self.id

    def wrap(self, data_key: DataKey, *, subject: UUID) -> bytes:
        """The data key sealed for one subject; it opens for no other."""
        return self.mark + self._wrapping[self.id].seal(data_key._secret, aad=subject.bytes)

    def unwrap(self, wrapped: bytes, *, subject: UUID) -> DataKey:
        """The data key behind `wrapped`; SealBroken under another master key or subject."""
        if wrapped[:1] == _WRAPPED and (key := self._wrapping.get(wrapped[1:_MARK_BYTES])):
            return DataKey(key.open(wrapped[_MARK_BYTES:], aad=subject.bytes))
        for key in self._wrapping.values():  # wrapped before a wrapped key said by which
            with suppress(SealBroken):
                return DataKey(key.open(wrapped, aad=subject.bytes))
        raise SealBroken

    def wrap_root(self, root: bytes | None = None) -> bytes:
        """The root, this one or another, sealed under the key that wraps."""
        return self._wrapping[self.id].seal(root or self._root, aad=_ROOT_AAD + self.id)

    def rooted(self, key_id: bytes, root_wrapped: bytes) -> MasterKey:
        """The same keys with the root that one of them has wrapped; SealBroken if it did not."""
        key = self._wrapping.get(key_id)
        if key is None:
            raise SealBroken
        secret, *others = self._secrets
        return MasterKey(secret, others=others, root=key.open(root_wrapped, aad=_ROOT_AAD + key_id))

    def derive(self, purpose: str) -> bytes:
        """32 bytes for one named purpose, by HKDF-SHA256; always the same for the same root."""
        return _expand(self._root, purpose)

    def __repr__(self) -> str:
        return "MasterKey(<secret>)"

    def __reduce__(self) -> str:
        raise TypeError("A master key is never pickled.")


def _key_id(secret: bytes) -> bytes:
    return _expand(secret, "master key id")[:_ID_BYTES]


def _expand(secret: bytes, purpose: str) -> bytes:
    return HKDF(SHA256(), _KEY_BYTES, salt=None, info=b"deskgraph/" + purpose.encode()).derive(secret)
