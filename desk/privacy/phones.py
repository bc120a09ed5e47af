"""Finds telephone numbers by their form, by the words beside them, and by the numbering plans."""

from __future__ import annotations

import re
from collections.abc import Iterator

from desk.privacy.numbering import is_dialled
from desk.privacy.spans import Found
from desk.privacy.verdicts import Verdicts

# Patterns begin with a class of characters and look back from its end: so the engine skips to it.
_EXTENSION = r"(?:\s?(?:x|ext\.?|extension)\s?[0-9]{1,6})?"
_INTERNATIONAL = re.compile(
    r"[+0](?:(?<=\+)(?<!\+\+)[ ]?|(?<![\w+]0)(?<=0)0(?=[1-9][0-9]{0,2}[ .\-(]))\(?[1-9][0-9]{0,2}\)?"
    rf"(?:[ ().\-/]{{0,3}}[0-9]){{6,13}}{_EXTENSION}(?![0-9])"
)
_NORTH_AMERICAN = re.compile(
    r"[0-9(](?<!\w.)(?<![0-9][.,-].)(?:(?<=1)[ .\-]?\(?[0-9]{3}|(?<=\()[0-9]{3}|(?<=[0-9])[0-9]{2})"
    rf"(?:\)[ ]?|[ .\-])[0-9]{{3}}[ .\-][0-9]{{4}}{_EXTENSION}(?!\w|[.,-][0-9])"
)
_NATIONAL = re.compile(
    r"[0(](?<![\w.,#/-].)(?:(?<=\()0)?[1-9](?:[ ()./\-]{0,2}[0-9]){7,10}"
    rf"{_EXTENSION}(?![\w/]|[.,-][0-9])"
)
_BARE = re.compile(r"[1-9](?<![\w.,#$€£¥/-].)(?<![$€£¥] .)[0-9]{9,10}(?![\w/%]|[.,-][0-9]|\s?[$€£¥])")
# What a label may hold: 5 to 15 digits, separators between them.
_NUMBER = re.compile(
    rf"[0-9(](?<![\w#].)(?<![0-9][.,].)(?:[ ().\-/]{{0,3}}[0-9]){{4,15}}(?<=[0-9]){_EXTENSION}"
    r"(?!\w|[.,][0-9])"
)
_WORD = (
    r"(?:tele)?phone|phones|tel(?:efono?)?|handy|mobile?|cell(?:phone|ular)?|fax|whats ?app|sms|movil"
    r"|call(?:ed|ing)?(?: me| us| him| her)?|text(?: me)?|ring(?: me)?|reach(?: me| us)?|telefon(?:nummer)?"
    r"|landline|portable|hotline|registered|contact (?:no|number)|nummer|ph|my (?:new )?number"
)
_LABEL_BEFORE = re.compile(
    rf"(?i)\b(?:{_WORD})\b(?:\W{{0,4}}\b(?:is|are|was|number|no|num|nr|on|at|my|the|back|to|me|via|under|it'?s)\b)"
    r"{0,4}[^\w+]{0,4}$"
)
_LABEL_AFTER = re.compile(
    r"(?i)[\s,;:(\\-]{0,3}(?:office|fax|mobile|cell|home|work|landline|phone|tel)\b(?!\s?(?:order|address))"
)
# No label is without one of these; looking for them first is much the quicker.
_LABEL_SIGNS = (
    *(
        "phone",
        "tel",
        "handy",
        "mob",
        "cell",
        "fax",
        "whats",
        "sms",
        "movil",
        "landline",
        "call",
        "text",
        "ring",
    ),
    *("reach", "portable", "hotline", "registered", "contact", "number", "nummer", "office", "home", "work"),
    "ph",
)
_CONTEXT = 48
_DATE = re.compile(r"\(?\d{1,2}([./-])\d{1,2}\1\d{2,4}(?!\d)")


def find_labelled_phones(text: str) -> Iterator[Found]:
    """Numbers with a country prefix, dialled North American ones, and what a word calls a number."""
    for match in _INTERNATIONAL.finditer(text):
        yield Found(match.start(), match.end(), "PHONE")
    dialled = Verdicts(is_dialled)
    for match in _NORTH_AMERICAN.finditer(text):
        if _is_grouped(match.group()) and dialled[match.group()]:
            yield Found(match.start(), match.end(), "PHONE")
    lowered = text.lower()
    if not any(sign in lowered for sign in _LABEL_SIGNS):
        return
    for match in _NUMBER.finditer(text):
        if _is_labelled(text, match.start(), match.end()):
            yield Found(match.start(), match.end(), "PHONE")


def find_unlabelled_phones(text: str) -> Iterator[Found]:
    """Numbers whose grouping, or whose place in a numbering plan, makes them telephone numbers."""
    dialled = Verdicts(is_dialled)
    for match in _NORTH_AMERICAN.finditer(text):
        if _is_grouped(match.group()) or dialled[match.group()]:
            yield Found(match.start(), match.end(), "PHONE")
    for pattern in (_NATIONAL, _BARE):
        for match in pattern.finditer(text):
            if not _DATE.match(match.group()) and dialled[match.group()]:
                yield Found(match.start(), match.end(), "PHONE")


def _is_grouped(number: str) -> bool:
    """Whether its separators are more than the spaces that also part plain quantities."""
    return any(sign in number for sign in "(-.")


def _is_labelled(text: str, start: int, end: int) -> bool:
    if _LABEL_AFTER.match(text, end):
        return True
    return _LABEL_BEFORE.search(text, max(0, start - _CONTEXT), start) is not None
