"""Finds what opens a door: passwords, one-time codes and account numbers, by the word before them."""

from __future__ import annotations

import re
from collections.abc import Iterator

from desk.privacy.spans import Found

_IS = r"(?:[\s:=\"'-]{1,4}(?:is|was|to|as|it'?s|ist|lautet|est|es|e)\b)?[\s:=\"'-]{1,4}"
_TOLD = r"(?:[\s\"'-]{1,4}(?:is|ist|lautet|est|es|e)\b[\s:=\"'-]{1,4}|\s?[:=][\s\"'-]{0,4})"
# At least four signs with a digit among them, as words and small numbers stand in any text; or a word and a
# number, and where it is told outright smaller ones.
_PASSWORD = re.compile(
    r"(?i)\b(?:pas{1,2} ?(?:word|code|phrase)|pass(?=\s?(?:is\b|[:=]))|pwd|one[ -]time (?:code|password|pin)"
    r"|otp|pin(?: number)?|cvv2?|cvc2?|security code|passwort|kennwort|mot de passe|contraseña|contrasena"
    r"|wachtwoord|senha)"
    rf"(?:{_TOLD}(?P<told>[^\W\d_]{{1,15}} \d{{2,8}}(?: [^\W\d_]{{1,2}})?(?!\w)|\d{{3}}(?!\w|[.,]\d))"
    rf"|{_IS}(?P<value>(?=[^\s\d]{{0,30}}\d)\S{{4,40}}|[^\W\d_]{{1,15}} \d{{3,8}}(?!\w)))"
)
# A number may be short where a word says that it is one.
_ACCOUNT = re.compile(
    r"(?i)\b(?:account|acct|acc|ac|a/c|konto|compte|cuenta|conto|rekening)"
    rf"(?:(?:[\s.]{{0,2}}(?:no|nr|num|number|nummer)\b\.?)?{_IS}(?P<long>\d(?:[ -]?\d){{5,19}})(?!\w)"
    rf"|[\s.]{{0,2}}(?:no|nr|num|number|nummer)\b\.?{_IS}(?P<short>\d{{4,5}})(?![\w-])"
    r"|[\s:#]{1,3}(?P<plain>\d{4,5})(?![\w-]))"
)
_LAST_FOUR = re.compile(
    r"(?i)\blast (?:4|four) (?:digit|number)s?(?:\s[^\W\d_]{1,12}){0,6}[\s:]{1,2}(?P<four>\d{4})(?!\w)"
)
_SIGNS = ("pas", "pwd", "one", "otp", "pin", "cv", "code", "kennwort", "contras", "wachtwoord", "senha")
_ACCOUNT_SIGNS = ("acc", "ac ", "a/c", "konto", "compte", "cuenta", "conto", "rekening")


def find_secrets(text: str) -> Iterator[Found]:
    """Passwords, codes and account numbers that their own word names."""
    lowered = text.lower()
    if any(sign in lowered for sign in _SIGNS):
        for match in _PASSWORD.finditer(text):
            yield Found(*match.span(match.lastgroup or 0), "PASSWORD")
    if any(sign in lowered for sign in _ACCOUNT_SIGNS):
        for match in _ACCOUNT.finditer(text):
            yield Found(*match.span(match.lastgroup or 0), "ACCOUNT_NUMBER")
    if "last " in lowered:
        for match in _LAST_FOUR.finditer(text):
            yield Found(*match.span("four"), "ACCOUNT_NUMBER")
