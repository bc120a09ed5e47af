"""Finds what opens a door: passwords, codes, account and booking numbers, by the word before them."""

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
# With the surname a booking's code opens it. It is often typed in pieces, so a short word may begin it.
_BOOKING = re.compile(
    r"(?i)\b(?:booking|conf[io]rmation|reservation|pnr)(?: conf[io]rmation)?"
    r" ?(?:number|no|num|nr|code|id|ref|reference)\b\.?(?:\W{1,3}(?:is|was|it'?s)\b)?[\s:#=\"'-]{1,4}"
    r"(?P<code>(?!(?:in|on|at|my|to|for|of|by|and|or|is|it|was|has|had|have|are|not|with|as|if|the|from)\b)"
    r"(?:[a-z]{1,4} ?\d{1,8}|\d{1,5} ?[a-z]{1,3}|(?=[a-z]{0,8}\d)[a-z\d]{4,12})(?!\w)"
    r"(?: (?:[b-hj-z]|a(?= \d)|\d{1,3}|[a-z]{2,3}(?= \d|\s*$))(?!\w)){0,5})"
)
_BOOKING_SIGNS = ("booking", "confirmation", "conformation", "reservation", "pnr")
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


def find_bookings(text: str) -> Iterator[Found]:
    """Codes of bookings that their own word names; a tenant whose orders they are has kept them before."""
    lowered = text.lower()
    if any(sign in lowered for sign in _BOOKING_SIGNS):
        for match in _BOOKING.finditer(text):
            yield Found(*match.span("code"), "BOOKING_REF")
