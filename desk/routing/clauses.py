"""Cuts a message where it may hold several wishes, and judges by a router's verdicts whether it does."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from desk.routing.openings import asks, is_courtesy, is_introduction
from desk.routing.person import plain

# Longer messages are stories: they are heard as a whole.
LONGEST: Final = 1000
MOST_CLAUSES: Final = 8
MOST_PARTS: Final = 3
# So many places to cut are a list, or somebody's try to keep us busy.
MOST_CUTS: Final = 40
# By how much a router must prefer the intent of a clause that asks, and of one that only states something.
ASKING: Final = 0.25
STATING: Final = 0.5
# A message with one wish is one intent's by more than this; with two wishes both pull at it.
ONE_WISH: Final = 0.45

_AND: Final = (
    r"and also|and then|and|also|plus|as well as|&"
    r"|und auch|und dann|und noch|und|sowie|außerdem|ausserdem"
    r"|et aussi|et puis|et|y también|y además|y|e anche|e inoltre|e também|e também|e|inoltre|además"
    r"|en ook|en dan|en"
)
_OPENING: Final = re.compile(r"[^\w\n]{0,4}(.{1,24})")
# What is never cut, each bounded so that hostile text costs linear time.
_KEPT: Final = (
    r'"[^"\n]{1,200}"|“[^”\n]{1,200}”|„[^“”"\n]{1,200}[“”"]|«[^»\n]{1,200}»'
    r"|(?<!\w)['‘][^'’\n]{1,200}['’](?!\w)|\([^()\n]{1,200}\)|\[[^\[\]\n]{1,60}\]"
    r"|https?://\S{1,500}|www\.\S{1,500}|(?<!\S)\S{1,64}@\S{1,255}|\d[\d.,:/-]{0,40}\d"
    r"|\b(?:dr|mr|mrs|ms|prof|no|nr|st|vol|ed|ca|bzw|etc|vs|e\.g|i\.e|z\.b|p\.ex|n)\."
)
_CUT: Final = re.compile(
    rf"{_KEPT}|(?P<end>(?:[.!?…;]{{1,9}}\s|\n)\s{{0,9}}(?:(?:{_AND}),?\s)?)"
    rf"|(?P<joined>,\s{{1,3}}(?:(?:{_AND})\s{{1,3}})?|\s{{1,3}}(?:{_AND}),?\s{{1,3}})",
    re.IGNORECASE,
)
_SIGN: Final = re.compile(r"[.!?…;,]\s|\n|\s(?:and|und|et|y|e|en|also|plus|&|sowie|as well)\s", re.IGNORECASE)
_FEWEST_WORDS: Final = 2


@dataclass(frozen=True, slots=True)
class Clause:
    """A piece of a message, `start` to `end`, that might be a wish of its own."""

    start: int
    end: int
    text: str
    asks: bool


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a router makes of a text: the intent that it is sure of, else None, and by which margin."""

    intent: str | None
    margin: float


@dataclass(frozen=True, slots=True)
class Wish:
    """Clauses `first` to `last` as one wish; `best` is the one that tells its intent most clearly."""

    first: int
    last: int
    best: int
    intent: str | None


def clauses(text: str) -> tuple[Clause, ...]:
    """The pieces of a message, in order, none of them in the middle of a quotation, a number or an address.

    Fewer than two for most messages: cheap signs are looked for first. Courtesies are left out.
    """
    if len(text) > LONGEST or not _SIGN.search(text):
        return ()
    found: list[Clause] = []
    for began, end in _pieces(text):
        start = began + _courtesy_before(text[began:end])
        words = plain(text[start:end])
        if is_courtesy(words) or is_introduction(text[start:end]):
            continue
        asking = text[start:end].rstrip().endswith("?") or _begins_asking(text, start)
        if found and words.count(" ") + 1 < _FEWEST_WORDS:
            found[-1] = _clause(text, found[-1].start, end, asks=found[-1].asks)
        else:
            found.append(_clause(text, start, end, asks=asking))
    return tuple(found) if len(found) <= MOST_CLAUSES else ()


def _pieces(text: str) -> list[tuple[int, int]]:
    """Where the text could be cut, without what joins the pieces; a sentence keeps its end."""
    pieces, start = [], 0
    for number, cut in enumerate(_CUT.finditer(text)):
        if number == MOST_CUTS:
            return []
        if cut.lastgroup is None or (cut["joined"] and not _begins_asking(text, cut.end())):
            continue
        kept = len(cut["end"]) - len(cut["end"].lstrip(".!?…;")) if cut["end"] else 0
        pieces.append((start, cut.start() + kept))
        start = cut.end()
    return [*pieces, (start, len(text))]


def _courtesy_before(piece: str) -> int:
    """How many characters of a greeting or thanks stand before what is wished for, with a comma between."""
    before, comma, _ = piece.partition(",")
    return len(before) + 1 if comma and before.strip() and is_courtesy(before) else 0


def _begins_asking(text: str, at: int) -> bool:
    opening = _OPENING.match(text, at)
    return opening is not None and asks(opening[1])


def _clause(text: str, start: int, end: int, *, asks: bool) -> Clause:
    return Clause(start, end, text[start:end].strip(), asks)


def wishes(found: Sequence[Clause], verdicts: Sequence[Verdict], whole: Verdict) -> tuple[Wish, ...]:
    """The wishes of a message by the verdicts on its clauses; none if it is better heard as one.

    There must be two different intents, each clearer in its clause than any in the whole. What is no wish
    goes to the one before it; a question that nobody is sure of is a wish of its own.
    """
    if whole.margin > ONE_WISH:
        return ()
    heard: list[Wish] = []
    for place, (clause, verdict) in enumerate(zip(found, verdicts, strict=True)):
        intent = verdict.intent if _is_clear(clause, verdict, whole) else None
        last = heard[-1] if heard else None
        if last is not None and (intent == last.intent if intent else not clause.asks):
            best = place if intent and verdict.margin > verdicts[last.best].margin else last.best
            heard[-1] = Wish(last.first, place, best, last.intent)
        elif last is not None and last.intent is None and not found[last.last].asks:
            heard[-1] = Wish(last.first, place, place, intent)
        else:
            heard.append(Wish(place, place, place, intent))
    told = {wish.intent for wish in heard if wish.intent}
    return tuple(heard) if len(told) > 1 else ()


def _is_clear(clause: Clause, verdict: Verdict, whole: Verdict) -> bool:
    least = ASKING if clause.asks else STATING
    return verdict.intent is not None and verdict.margin >= max(least, whole.margin)
