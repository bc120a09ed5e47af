"""Number words turned into digits, so that "thirty days" and "30 days" are one figure."""

from __future__ import annotations

import re
from itertools import chain

from graphs.grounding.figure_words import MONTHS, NUMBERS, ORDINALS, SCALES, UNITS

_UNIT = "|".join(
    re.escape(unit) for unit in sorted(chain.from_iterable(UNITS.values()), key=len, reverse=True)
)
_ADJECTIVE = r"(?:(?:full|calendar|whole|single|further|more)\s+)?"
_NUMBER_WORD = "|".join(sorted((*NUMBERS, *SCALES), key=len, reverse=True))
_RUN = re.compile(
    rf"\b(?:(?:one|a)\s+(?=(?:{'|'.join(SCALES)})\b))?(?:{_NUMBER_WORD})"
    rf"(?:(?:\s+|-)(?:{_NUMBER_WORD}|one)|(?<=hundred)\s+and\s+(?:{_NUMBER_WORD}|one)"
    rf"|(?<=thousand)\s+and\s+(?:{_NUMBER_WORD}|one))*\b",
    re.IGNORECASE,
)
# "One" and "a" are numbers only before a unit: "one business day", "within an hour".
ONE = re.compile(
    rf"\b(?:one|eine?n?|une?|uma?|één|(?<=within )an?|(?<=in )an?|(?<=after )an?|(?<=for )an?|(?<=takes )an?"
    rf"|(?<=about )an?|(?<=under )an?)(?=\s+{_ADJECTIVE}(?:{_UNIT})\b)",
    re.IGNORECASE,
)
_TWICE = re.compile(r"\btwice\b", re.IGNORECASE)
_ORDINAL = "|".join(sorted(ORDINALS, key=len, reverse=True))
_MONTH = "|".join(sorted(MONTHS, key=len, reverse=True))
_DAY_OF_MONTH = re.compile(
    rf"\b(?:the\s+)?(?P<before>{_ORDINAL})(?=\s+(?:of\s+)?(?:{_MONTH})\b)"
    rf"|(?P<month>\b(?:{_MONTH})\s+)(?:the\s+)?(?P<after>{_ORDINAL})\b",
    re.IGNORECASE,
)


def with_digits(text: str) -> str:
    """The text with its number words as digits; words that are numbers only at times stay, unless sure."""
    text = _DAY_OF_MONTH.sub(_day, text)
    text = _TWICE.sub("2 times", text)
    text = _RUN.sub(lambda match: _spelled(match.group()), text)
    return ONE.sub("1", text)


def _day(match: re.Match[str]) -> str:
    if match["before"]:
        return str(ORDINALS[match["before"].casefold()])
    return match["month"] + str(ORDINALS[match["after"].casefold()])


def _spelled(words: str) -> str:
    """The run of number words as numbers: "one hundred and fifty" is 150, "two three" is "2 3"."""
    numbers: list[str] = []
    total = current = 0
    began = False
    for word in re.split(r"[\s-]+", words.casefold()):
        if word == "and":
            continue
        if scale := SCALES.get(word):
            current = (current or 1) * scale
            if scale > 100:
                total, current = total + current, 0
        else:
            value = 1 if word in ("one", "a") else NUMBERS[word]
            if began and not _continues(total + current, value):
                numbers.append(str(total + current))
                total = current = 0
            current += value
        began = True
    return " ".join([*numbers, str(total + current)])


def _continues(so_far: int, value: int) -> bool:
    if value < 10:
        return so_far % 10 == 0 and so_far % 100 != 10
    return so_far % 100 == 0
