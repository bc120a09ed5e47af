"""One-time codes: 58 random bits that somebody reads in a mail and types."""

from __future__ import annotations

import secrets

# Without what is mistaken for something else: 0 and O, 1 and I and L, U and V.
_ALPHABET = "23456789ABCDEFGHJKMNPQRSTVWXYZ"
_LENGTH = 12


def new_code() -> str:
    """A code as it stands in the mail: `ABCD-EFGH-JKMN`."""
    letters = "".join(secrets.choice(_ALPHABET) for _ in range(_LENGTH))
    return "-".join(letters[at : at + 4] for at in range(0, _LENGTH, 4))


def plain(code: str) -> bytes:
    """What is hashed of a code, however it was typed."""
    return "".join(letter for letter in code.upper() if letter.isalnum()).encode()
