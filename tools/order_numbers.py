"""Finds order numbers in what a customer wrote, by the tenant's patterns and the words around them."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from desk.errors import Misconfigured
from tools.order_cues import Cue, kind_of, said_after, said_before

MOST_PARTS: Final = 8
LONGEST: Final = 40
REACH: Final = 10
READ_AT_MOST: Final = 4000
THOUSANDS: Final = 3

_YEAR_WORDS: Final = frozenset(
    ("in", "since", "from", "of", "by", "seit", "im", "depuis", "en", "desde", "nel", "sinds", "em")
)
# Words of one letter: before a number they are no letter of an order number.
_SHORT_WORDS: Final = frozenset("aeiouyàéèó")

# What is certainly something else is taken out before anything is looked for. Repeats are bounded, so that
# hostile text costs linear time.
_ELSEWHERE: Final = re.compile(
    r"""\S{1,64}@\S{1,255} | \b(?:https?://|www\.)\S{1,500}
    | [$€£¥]\s?\d[\d.,]{0,15} | \b\d[\d.,]{0,15}\s?[$€£¥%]
    | \b\d[\d.,]{0,15}\s?(?:usd|eur|gbp|dollars?|euros?|pounds?|bucks|cents?)\b
    | (?<![\d-])\d{1,12}[.,]\d{2}(?![\d.,-])
    | \b\d{4}[-/.]\d{1,2}[-/.]\d{1,2}\b | \b\d{1,2}[-/.]\d{1,2}[-/.]\d{2,4}\b | \b\d{1,2}:\d{2}\b
    | \+\d[\d ()./-]{6,30} | \(\d{2,5}\)[\d ./-]{5,30} | (?<![\w-])\d{3}[-. ]\d{3}[-. ]\d{4}(?![\w-])
    """,
    re.IGNORECASE | re.VERBOSE,
)
_GLUED: Final = re.compile(
    r"\b(order|purchase|bestellung|commande|pedido|ordine|nummer|number|nr|no)(?=\d)", re.IGNORECASE
)
_ABBREVIATION: Final = re.compile(r"\b(no|nr|num|núm|ord)\.", re.IGNORECASE)
_INVISIBLE: Final = re.compile("[\u00ad\u200b-\u200f\u2060\ufeff]")
_LETTERS_THEN_DIGITS: Final = re.compile(r"(?<=[A-Za-z])(?=\d)")
_WORD: Final = re.compile(r"(?P<hash>[#№]\s?)?(?P<text>[^\W_]+)")
_JOINT: Final = re.compile(r"[ \t]{0,2}[-‐‑‒–—._]?[ \t]{0,2}")
_SENTENCE_END: Final = re.compile(r"[.!?;](?:\s|$)|\n")


@dataclass(frozen=True, slots=True)
class _Word:
    text: str
    start: int
    end: int
    hashed: bool
    sentence: int


@dataclass(frozen=True, slots=True)
class _Message:
    text: str
    words: tuple[_Word, ...]
    about_orders: bool

    def gap(self, left: int) -> str:
        """What stands between word `left` and the next one."""
        return self.text[self.words[left].end : self.words[left + 1].start]


def find_order_numbers(text: str, patterns: Sequence[str]) -> list[str]:
    """Order numbers in the order they were written, each once, spelled as the tenant's pattern spells them.

    "100 234", "100-234" and "#100234" all give "100234" for the pattern `\\d{6}`. Phone numbers, prices,
    dates and whatever the words around it name otherwise are left out. The first READ_AT_MOST characters are
    read. Raises Misconfigured on a bad pattern.
    """
    compiled = _compile(tuple(patterns))
    message = _read(text)
    found: dict[str, None] = {}
    position = 0
    while position < len(message.words):
        number, length = _number_at(message, position, compiled)
        if number is not None:
            found[number] = None
        position += length
    return list(found)


@lru_cache(maxsize=256)
def _compile(patterns: tuple[str, ...]) -> tuple[re.Pattern[str], ...]:
    try:
        return tuple(re.compile(pattern) for pattern in patterns)
    except re.error as error:
        raise Misconfigured(f"An order pattern is not a regular expression: {error}") from error


def _read(text: str) -> _Message:
    plain = _INVISIBLE.sub("", unicodedata.normalize("NFKC", text[:READ_AT_MOST]))
    plain = "".join(str(unicodedata.digit(char)) if char.isdigit() else char for char in plain)
    plain = _GLUED.sub(r"\1 ", _ABBREVIATION.sub(r"\1 ", _ELSEWHERE.sub(" , ", plain)))
    words, sentence, before = [], 0, 0
    for match in _WORD.finditer(plain):
        sentence += bool(_SENTENCE_END.search(plain, before, match.start()))
        words.append(_Word(match["text"], match.start(), match.end(), bool(match["hash"]), sentence))
        before = match.end()
    return _Message(plain, tuple(words), any(kind_of(word.text) == "order" for word in words))


def _number_at(
    message: _Message, position: int, patterns: tuple[re.Pattern[str], ...]
) -> tuple[str | None, int]:
    """The order number that begins at a word, and how many words to go on."""
    for length in range(1, min(MOST_PARTS, len(message.words) - position) + 1):
        if length > 1 and not _joinable(message, position + length - 1):
            break
        spelled = _spelled(message.words[position : position + length], patterns)
        if spelled and _meant(message, position, length):
            return spelled, length
    return None, 1


def _joinable(message: _Message, last: int) -> bool:
    """Whether a word may be a further part of a number that its predecessor began."""
    gap, parts = message.gap(last - 1), message.words[last - 1 : last + 1]
    if gap == ",":  # as thousands are grouped; anything else between commas is a list
        return parts[1].text.isdecimal() and len(parts[1].text) == THOUSANDS
    if not gap or not _JOINT.fullmatch(gap) or parts[1].hashed:
        return False
    return gap == "-" or all(
        part.text.isdecimal() or part.text.isupper() or len(part.text) == 1 for part in parts
    )


def _spelled(words: Sequence[_Word], patterns: tuple[re.Pattern[str], ...]) -> str | None:
    """The words as one number in the spelling of the first pattern that fits."""
    texts = [word.text for word in words]
    if sum(map(len, texts)) > LONGEST or not any(char.isdecimal() for text in texts for char in text):
        return None
    for pattern in patterns:
        for variant in _variants(texts):
            if pattern.fullmatch(variant):
                return variant
    return None


def _variants(texts: list[str]) -> Iterator[str]:
    """The spellings to try: glued and hyphenated, as written and in capitals, without and with a #."""
    parts = _LETTERS_THEN_DIGITS.split(texts[0]) if len(texts) == 1 else texts
    joined = ["".join(texts)] if len(parts) == 1 else ["".join(texts), "-".join(parts)]
    for spelled in joined:
        yield spelled
        yield "#" + spelled
        if not spelled.isdecimal():
            yield spelled.upper()
            yield "#" + spelled.upper()


def _meant(message: _Message, position: int, length: int) -> bool:
    """Whether the words around it let this be an order number."""
    words = message.words[position : position + length]
    cue = _cue(message, position, length)
    if words[0].hashed and cue != "other":
        return True
    if cue == "other" or _inside_longer(message, position, length, cue):
        return False
    if length == 1 and _is_year(words[0].text):
        previous = message.words[position - 1].text.casefold() if position else ""
        return cue == "order" and previous not in _YEAR_WORDS
    return length == 1 or _lettered(message, position) or cue == "order" or len(message.words) - length <= 4


def _lettered(message: _Message, position: int) -> bool:
    """Whether a number begins with letters of its own: then it needs no word that says what it is."""
    first = message.words[position].text
    return first.isalpha() and first.casefold() not in _SHORT_WORDS


def _is_year(text: str) -> bool:
    return len(text) == 4 and text[:2] in {"19", "20"} and text.isdecimal()


def _inside_longer(message: _Message, position: int, length: int, cue: Cue | None) -> bool:
    """Whether it is a piece of a longer number: an area code before it, a hyphen and digits beside it."""
    end = position + length
    if end < len(message.words) and message.words[end].text.isdecimal():
        gap = message.gap(end - 1)
        if _JOINT.fullmatch(gap) and (gap.strip() or (length > 1 and not _lettered(message, position))):
            return True
    if position == 0 or not message.words[position - 1].text.isdecimal():
        return False
    gap, before = message.gap(position - 1), message.words[position - 1].text
    tight = bool(_JOINT.fullmatch(gap))
    return tight and (bool(gap.strip()) or length > 1 or (cue is None and len(before) <= 4))


def _cue(message: _Message, position: int, length: int) -> Cue | None:
    """What its sentence says it is: the words before, then those after; then what the message is about."""
    words, end = message.words, position + length
    sentence = words[position].sentence
    before = [word.text for word in words[max(0, position - REACH) : position] if word.sentence == sentence]
    after = [word.text for word in words[end : end + REACH // 2] if word.sentence == sentence]
    about: Cue | None = "order" if message.about_orders else None
    return said_before(reversed(before)) or said_after(after) or about
