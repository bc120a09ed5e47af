"""Figures: the numbers, amounts, spans, times and dates of a sentence, in whatever spelling they stand."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from decimal import Decimal

from graphs.grounding.figure_words import (
    CURRENCIES,
    DURATIONS,
    MONTHS,
    STATED,
    UNITS,
    UNSURE_MONTHS,
    WEEKDAYS,
)
from graphs.grounding.number_words import with_digits

Value = Decimal | str | int | tuple[int | None, int | None, int | None]


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure: its kind, one end or the two of a range (each with its possible readings), and where.

    Kinds: a unit ("day", "percent"), "money usd", "clock" (minutes), "date" (year, month, day), "weekday",
    "code", "free", "stated", and "plain"; `counts` says that a plain number counts things ("3 books").
    """

    kind: str
    ends: tuple[frozenset[Value], ...]
    start: int
    end: int
    shown: str
    counts: bool = False

    @property
    def family(self) -> str:
        """Kinds that compete: all spans of time do, and so do all amounts, in any currency or none."""
        if self.kind in DURATIONS:
            return "duration"
        return "money" if self.kind == "free" or self.kind.startswith("money") else self.kind


def _any(words: Iterable[str]) -> str:
    return "|".join(re.escape(word) for word in sorted(words, key=len, reverse=True))


_MONTH = _any(MONTHS)
_SURE_MONTH = _any(MONTHS.keys() - UNSURE_MONTHS)
_DAY_OF = r"(?:st|nd|rd|th|\.|º|er)?"
_DATES = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        r"\b(?P<y>\d{4})-(?P<m>\d{1,2})-(?P<d>\d{1,2})\b",
        r"\b(?P<a>\d{1,2})(?P<by>[./-])(?P<b>\d{1,2})(?P=by)(?P<y>\d{4}|\d{2})\b",
        rf"\b(?P<d>\d{{1,2}}){_DAY_OF}\s+(?:of\s+|de\s+)?(?P<n>{_MONTH})\b\.?(?:,?\s+(?:de\s+)?(?P<y>\d{{4}}))?",
        rf"\b(?P<n>{_MONTH})\b\.?\s+(?:the\s+)?(?P<d>\d{{1,2}})(?:st|nd|rd|th)?(?![\d:%]|[.,]\d)"
        r"(?:,?\s+(?P<y>\d{4}))?",
        rf"\b(?P<n>{_MONTH})\b\.?\s+(?P<y>\d{{4}})\b",
        rf"\b(?P<n>{_SURE_MONTH})\b",
    )
)
_CLOCK = re.compile(
    r"\b(?P<h>\d{1,2})(?:[:.](?P<m>\d{2}))?\s?(?P<half>am|pm|a\.m\.?|p\.m\.?)(?!\w)"
    r"|\b(?P<h2>\d{1,2})[:h](?P<m2>\d{2})\b(?:\s?(?:h|uhr)\b)?|\b(?P<h3>\d{1,2})\s?(?:uhr|o'clock)\b",
    re.IGNORECASE,
)
_WEEKDAY = _any(WEEKDAYS)
_WEEKDAYS = re.compile(
    rf"\b(?P<first>{_WEEKDAY})s?(?:\s*(?:-|–|to|through|until|bis|à|au|al?|tot|até)\s*(?P<last>{_WEEKDAY})s?)?\b",
    re.IGNORECASE,
)
_CODE = re.compile(r"#?\b(?:[a-z]+(?:-[a-z]+)*-?\d[\w-]*|\d+[a-z]+\d[\w-]*)", re.IGNORECASE)
FREE = re.compile(
    r"\b(?<!feel )free\b(?: of charge)?(?! to\b)|\b(?:gratis|kosten(?:los|frei)\w*|gratuit\w*|gratuiti?)\b"
    r"|\b(?:at )?(?:no|without) (?:extra |additional |any )?(?:costs?|charges?|fees?)\b",
    re.IGNORECASE,
)
_STATED = {word: name for name, words in STATED.items() for word in words}
_STATED_WORD = re.compile(rf"\b(?<!help you )(?<!assist you )(?:{_any(_STATED)})\b", re.IGNORECASE)

_NUM = r"\d{1,3}(?:[,.'\u00a0\u202f ]\d{3})+(?:[.,]\d{1,2})?(?!\d)|\d+(?:[.,]\d+)*"
_CURRENCY_OF = {word: name for name, words in CURRENCIES.items() for word in words}
_UNIT_OF = {word: name for name, words in UNITS.items() for word in words}
_CURRENCY = _any(_CURRENCY_OF)
_NUMBER = re.compile(
    rf"(?P<before>(?<![a-z])(?:{_CURRENCY}))?\s?(?P<number>{_NUM})(?:st|nd|rd|th)?(?![\d])"
    rf"(?:\s?(?P<after>(?:{_CURRENCY})(?![a-z]))"
    r"|[\s-]{0,2}(?:(?:full|calendar|whole|further|more|additional|consecutive)\s)?"
    rf"(?P<unit>(?:{_any(_UNIT_OF)})(?!\w)))?",
    re.IGNORECASE,
)
_TO = re.compile(
    r"\s*(?P<sure>-|–|—|to|bis|à|a|al|until|up to|tot|até)\s*|\s*(?:and|or|und|oder|et|ou|y|e|o|of)\s*"
)
_COUNTED = re.compile(r"[\s-]?(?P<word>[^\W\d_]{3,})")
_NOT_COUNTED = frozenset(
    word
    for words in (
        "and for from with after per are the can may will apply applies",
        "each only when once und für nach",
    )
    for word in words.split()
)


def figures_in(sentence: str) -> tuple[list[Figure], str]:
    """The figures of a plain sentence by position; and the sentence with blanks in their place."""
    rest = with_digits(sentence)
    found: list[Figure] = []
    for read in (_dates, _clocks, _weekdays, _codes, _free, _stated, _numbers):
        figures = list(read(rest))
        for figure in figures:
            rest = rest[: figure.start] + " " * (figure.end - figure.start) + rest[figure.end :]
        found += figures
    return sorted(found, key=lambda figure: figure.start), rest


def _figure(kind: str, match: re.Match[str], *values: Value) -> Figure:
    return Figure(kind, (frozenset(values),), match.start(), match.end(), match.group().strip())


def _dates(text: str) -> Iterator[Figure]:
    taken: list[tuple[int, int]] = []
    for pattern in _DATES:
        for match in pattern.finditer(text):
            if any(match.start() < end and start < match.end() for start, end in taken):
                continue
            if readings := _readings(match.groupdict()):
                taken.append(match.span())
                yield _figure("date", match, *readings)


def _readings(parts: dict[str, str | None]) -> list[Value]:
    """What a date may mean: of two numbers with a year either may be the month."""
    year, day = _whole(parts.get("y")), _whole(parts.get("d"))
    if year is not None and year < 100:
        year += 2000
    first, second = _whole(parts.get("a")), _whole(parts.get("b"))
    if first is not None and second is not None:
        pairs = {(first, second), (second, first)}
    else:
        name = parts.get("n")
        pairs = {(day or 1, MONTHS[name.casefold()] if name else _whole(parts.get("m")) or 0)}
    given = day is not None or first is not None
    return [(year, month, one if given else None) for one, month in pairs if 1 <= month <= 12 and one <= 31]


def _whole(digits: str | None) -> int | None:
    return int(digits) if digits else None


def _clocks(text: str) -> Iterator[Figure]:
    for match in _CLOCK.finditer(text):
        hour = int(match["h"] or match["h2"] or match["h3"])
        minutes = int(match["m"] or match["m2"] or 0)
        half = (match["half"] or "")[:1].lower()
        hours = {hour % 12 + 12 * (half == "p")} if half else {hour}
        if match["h3"] and hour <= 12:
            hours.add(hour % 12 + 12)
        if hour <= 24 and minutes < 60:
            yield _figure("clock", match, *(Decimal(one * 60 + minutes) for one in hours))


def _weekdays(text: str) -> Iterator[Figure]:
    for match in _WEEKDAYS.finditer(text):
        first = WEEKDAYS[match["first"].casefold()]
        last = WEEKDAYS[match["last"].casefold()] if match["last"] else first
        yield _figure("weekday", match, *((first + step) % 7 for step in range((last - first) % 7 + 1)))


def _codes(text: str) -> Iterator[Figure]:
    for match in _CODE.finditer(text):
        if match.group().rstrip("0123456789").casefold() not in _CURRENCY_OF:
            yield _figure("code", match, match.group().strip("#-").casefold())


def _free(text: str) -> Iterator[Figure]:
    return (_figure("free", match, Decimal(0)) for match in FREE.finditer(text))


def _stated(text: str) -> Iterator[Figure]:
    return (
        _figure("stated", match, _STATED[match.group().casefold()]) for match in _STATED_WORD.finditer(text)
    )


def _numbers(text: str) -> Iterator[Figure]:
    """Numbers with their units; two that a "to" joins are a range, or share the unit of the second."""
    waiting: Figure | None = None
    for match in _NUMBER.finditer(text):
        figure = _number(match, text)
        if waiting is not None:
            joint = _TO.fullmatch(text, waiting.end, figure.start)
            if joint and (joint["sure"] or (waiting.kind == "plain" and not waiting.counts)):
                yield from _joined(waiting, figure)
                waiting = None
                continue
            yield waiting
        waiting = figure
    if waiting is not None:
        yield waiting


def _number(match: re.Match[str], text: str) -> Figure:
    start = match.start("before") if match["before"] else match.start("number")
    ends, shown = (_values(match["number"]),), text[start : match.end()].strip()
    if currency := match["before"] or match["after"]:
        kind = "money " + _CURRENCY_OF[currency.casefold()]
        return Figure(kind, ends, start, match.end(), shown)
    if match["unit"]:
        return Figure(_UNIT_OF[match["unit"].casefold()], ends, start, match.end(), shown)
    counted = _COUNTED.match(text, match.end())
    counts = counted is not None and counted["word"].casefold() not in _NOT_COUNTED
    return Figure("plain", ends, start, match.end(), shown, counts)


def _joined(left: Figure, right: Figure) -> Iterator[Figure]:
    kind = right.kind if left.kind == "plain" else left.kind
    if right.kind not in (kind, "plain"):
        yield from (left, right)
    elif kind.startswith("money") or kind == "percent":
        yield replace(left, kind=kind, counts=False)
        yield replace(right, kind=kind, counts=False)
    else:
        shown = f"{left.shown}-{right.shown}"
        yield Figure(kind, left.ends + right.ends, left.start, right.end, shown, right.counts)


def _values(number: str) -> frozenset[Value]:
    """What a number may mean: "1.500" is fifteen hundred to one reader and one and a half to another."""
    found: set[Value] = set()
    whole, point, part = number.rpartition("." if number.rfind(".") > number.rfind(",") else ",")
    if not point:
        return frozenset({Decimal(re.sub(r"\D", "", number))})
    digits = re.sub(r"\D", "", whole)
    if len(part) != 3 or len(digits) == 1:
        found.add(Decimal(f"{digits}.{part}").normalize())
    if len(part) == 3:
        found.add(Decimal(digits + part))
    return frozenset(found)
