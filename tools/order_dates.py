"""Finds out which order a customer means who names no number: their last one, or the one of some day."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

LONGEST_READ: Final = 1000
_DAY: Final = timedelta(days=1)

# By day of the week, Monday first, in English, German, French, Spanish, Italian, Dutch and Portuguese.
_WEEKDAYS: Final = (
    ("monday", "montag", "lundi", "lunes", "lunedì", "maandag", "segunda-feira"),
    ("tuesday", "dienstag", "mardi", "martes", "martedì", "dinsdag", "terça-feira"),
    ("wednesday", "mittwoch", "mercredi", "miércoles", "mercoledì", "woensdag", "quarta-feira"),
    ("thursday", "donnerstag", "jeudi", "jueves", "giovedì", "donderdag", "quinta-feira"),
    ("friday", "freitag", "vendredi", "viernes", "venerdì", "vrijdag", "sexta-feira"),
    ("saturday", "samstag", "samedi", "sábado", "sabato", "zaterdag"),
    ("sunday", "sonntag", "dimanche", "domingo", "domenica", "zondag"),
)
_DAY_OF: Final = {name: number for number, names in enumerate(_WEEKDAYS) for name in names}
_MONTHS: Final = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_YESTERDAY: Final = frozenset(("yesterday", "gestern", "hier", "ayer", "ieri", "gisteren", "ontem"))
_TODAY: Final = frozenset(("today", "heute", "aujourd'hui", "hoy", "oggi", "vandaag", "hoje"))

_LAST = "last|latest|newest|most recent|letzten?|neuesten?|dernière|último|ultimo|laatste|última"
_ORDER = "order|purchase|bestellung|commande|pedido|compra|ordine|bestelling|encomenda"
_LATEST = re.compile(
    rf"\b(?:{_LAST}) (?:{_ORDER})\b|\b(?:{_ORDER}) (?:la plus récente|más reciente|mais recente)\b"
    r"|\b(?:order|one) i (?:last|just) (?:placed|made)\b|\bi (?:last|just) ordered\b",
    re.IGNORECASE,
)
# Behind one of these a day is that of the order; "will it come on Tuesday" asks for something else.
_OF = (
    r"\b(?:from|of|(?:placed|ordered|bought|made)(?: it| that| one| this)?(?: on)?"
    r"|vom|von|de|du|del|dal|di|van|da)\s+(?:the |last |this |den |letzten? )?"
)
_NAMED = re.compile(
    rf"{_OF}(?P<of>{'|'.join((*_DAY_OF, *_YESTERDAY, *_TODAY))})\b"
    r"|\b(?P<own>(?:mon|tues|wednes|thurs|fri|satur|sun|yester|to)day)'s (?:order|one|purchase)\b",
    re.IGNORECASE,
)
_LAST_WEEK = re.compile(r"\b(?:from|ordered|placed|bought|made) (?:it )?last week\b", re.IGNORECASE)
_ISO = re.compile(rf"{_OF}(?P<year>\d{{4}})-(?P<month>\d{{1,2}})-(?P<day>\d{{1,2}})\b", re.IGNORECASE)
_WRITTEN = re.compile(
    rf"{_OF}(?:(?P<day>\d{{1,2}})(?:st|nd|rd|th)?\.? (?:of )?(?P<month>{'|'.join(_MONTHS)})[a-z]*"
    rf"|(?P<month2>{'|'.join(_MONTHS)})[a-z]*\.? (?P<day2>\d{{1,2}})(?:st|nd|rd|th)?)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Placed:
    """When the order that is meant was placed: on one of these days, or (both None) last of all."""

    first: date | None = None
    last: date | None = None


def placed_when(text: str, today: date) -> Placed | None:
    """Which order the text means by its day, seen from `today`; None when it says nothing of the kind.

    "Tuesday" is the last one before today, and today if it is one. A day without a year has been already.
    """
    text = text[:LONGEST_READ].replace("\u2019", "'")
    if _LATEST.search(text):
        return Placed()
    if found := _NAMED.search(text):
        return _named((found["of"] or found["own"]).lower(), today)
    if _LAST_WEEK.search(text):
        monday = today - _DAY * (today.weekday() + 7)
        return Placed(monday, monday + _DAY * 6)
    return _dated(text, today)


def _named(word: str, today: date) -> Placed:
    if word in _TODAY:
        return Placed(today, today)
    back = 1 if word in _YESTERDAY else (today.weekday() - _DAY_OF[word]) % 7
    day = today - _DAY * back
    return Placed(day, day)


def _dated(text: str, today: date) -> Placed | None:
    try:
        if found := _ISO.search(text):
            day = date(int(found["year"]), int(found["month"]), int(found["day"]))
        elif found := _WRITTEN.search(text):
            month = _MONTHS.index((found["month"] or found["month2"]).lower()) + 1
            day = date(today.year, month, int(found["day"] or found["day2"]))
            day = day if day <= today else day.replace(year=today.year - 1)
        else:
            return None
    except ValueError:  # there is no 31 February
        return None
    return Placed(day, day)
