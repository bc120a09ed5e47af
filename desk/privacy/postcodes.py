"""Finds postcodes by their name or their country's form, and dates of birth by the words before them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from desk.privacy.spans import Found

STATE: Final = (
    r"(?:A[KLRZ]|C[AOT]|D[CE]|FL|GA|HI|I[ADLN]|K[SY]|LA|M[ADEINOST]|N[CDEHJMVY]|O[HKR]|P[AR]|RI|S[CD]|T[NX]|UT"
    r"|V[AT]|W[AIVY])"
)
_STATE_ZIP = re.compile(rf"{STATE}[ ,]{{1,2}}[0-9]{{5}}(?:-[0-9]{{4}})?\b")
_UK = re.compile(
    r"[A-PR-UWYZ](?<!\w.)(?:[0-9]{1,2}|[A-HK-Y][0-9]{1,2}|[0-9][A-HJKSTUW]|[A-HK-Y][0-9][ABEHMNPRVWXY])"
    r" [0-9][ABD-HJLNP-UW-Z]{2}\b"
)
_LABELLED = re.compile(
    r"(?i)\b(?:zip|post(?:al)?)[ -]?(?:code)?s?\b(?:\W{0,4}\b(?:is|was|code|number|to|of)\b){0,2}"
    r"[\s:=#'\"]{0,5}"
    r"(?P<code>[0-9]{3,6}(?:[ -]?[0-9A-Z]{2,4})?\b|[A-Z]{1,2}[0-9][0-9A-Z]?[ ]?[0-9][A-Z]{2}\b)"
)
_LAST_ON_LINE = re.compile(r"\n[ ]?[^\W\d][^\n\d:,;.?!]{1,40}[ ,](?P<code>[0-9]{5})(?=\s*\n)")
_MONTH = r"(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]{0,6}"
_BIRTH = re.compile(
    r"(?i)\b(?:born(?:[ ](?:on|in))?|date of birth|birth ?(?:date|day)|d\.?o\.?b\.?)(?!\w)[^\d\n]{0,20}?"
    rf"(?P<date>(?:\b{_MONTH}\.?[ ])?[0-9]{{1,4}}"
    rf"(?:(?:st|nd|rd|th)?(?:[ ./,-]{{1,2}}|[ ]of[ ])(?:[0-9]{{1,4}}|{_MONTH})){{1,2}})\b"
)


def find_birth_dates(text: str) -> Iterator[Found]:
    """Dates that the words before them call a date of birth."""
    lowered = text.lower()
    if "b" in lowered and any(word in lowered for word in ("birth", "born", "dob", "d.o.b")):
        for match in _BIRTH.finditer(text):
            yield Found(match.start("date"), match.end("date"), "DATE_OF_BIRTH")


def find_postcodes(text: str) -> Iterator[Found]:
    """Postcodes after their name or at the end of an address line, US state with ZIP, UK postcodes."""
    lowered = text.lower()
    if "zip" in lowered or "post" in lowered:
        for match in _LABELLED.finditer(text):
            yield Found(match.start("code"), match.end("code"), "ADDRESS")
    if "\n" in text:
        for match in _LAST_ON_LINE.finditer(text):
            yield Found(match.start("code"), match.end("code"), "ADDRESS")
    for match in _STATE_ZIP.finditer(text):
        if not (match.start() and text[match.start() - 1].isalnum()):
            yield Found(match.start(), match.end(), "ADDRESS")
    for match in _UK.finditer(text):
        yield Found(match.start(), match.end(), "ADDRESS")
