"""Finds what opens a door: passwords, one-time codes and account numbers, by the word before them."""

from __future__ import annotations

import re
from collections.abc import Iterator

from desk.privacy.spans import Found

_IS = r"(?:[\s:=\"'-]{1,4}(?:is|was|to|as|it'?s|ist|lautet|est|es|e)\b)?[\s:=\"'-]{1,4}"
# At least four signs with a digit among them: words and small numbers stand in any text.
_PASSWORD = re.compile(
    r"(?i)\b(?:pass ?(?:word|code|phrase)|pwd|one[ -]time (?:code|password|pin)|otp|pin(?: number)?"
    r"|cvv2?|cvc2?|security code|passwort|kennwort|mot de passe|contraseña|contrasena|wachtwoord|senha)"
    rf"{_IS}(?P<value>(?=[^\s\d]{{0,30}}\d)\S{{4,40}})"
)
# A number may be short where a word says that it is one.
_ACCOUNT = re.compile(
    r"(?i)\b(?:account|acct|acc|ac|a/c|konto|compte|cuenta|conto|rekening)"
    rf"(?:(?:[\s.]{{0,2}}(?:no|nr|num|number|nummer)\b\.?)?{_IS}(?P<long>\d(?:[ -]?\d){{5,19}})(?!\w)"
    rf"|[\s.]{{0,2}}(?:no|nr|num|number|nummer)\b\.?{_IS}(?P<short>\d{{4,5}})(?![\w-]))"
)
_SIGNS = ("pass", "pwd", "one", "otp", "pin", "cv", "code", "kennwort", "contras", "wachtwoord", "senha")
_ACCOUNT_SIGNS = ("acc", "ac ", "a/c", "konto", "compte", "cuenta", "conto", "rekening")


def find_secrets(text: str) -> Iterator[Found]:
    """Passwords, codes and account numbers that their own word names."""
    lowered = text.lower()
    if any(sign in lowered for sign in _SIGNS):
        for match in _PASSWORD.finditer(text):
            yield Found(match.start("value"), match.end("value"), "PASSWORD")
    if any(sign in lowered for sign in _ACCOUNT_SIGNS):
        for match in _ACCOUNT.finditer(text):
            yield Found(*match.span(match.lastgroup or 0), "ACCOUNT_NUMBER")
