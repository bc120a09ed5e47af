"""Statements: the parts of a sentence, each with its figures and the words that they are bound to."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from itertools import pairwise

from graphs.grounding.content_words import content_words
from graphs.grounding.figures import Figure, Value, figures_in

_PART_END = re.compile(
    r"[,;:()–—]|[.!?](?=\s|$)|\s(?:and|or|but|while|whereas|und|oder|aber|während|et|ou|mais|y|o|pero|e|ma|en|maar|mas)\s",
    re.IGNORECASE,
)
_HIGH = re.compile(
    r"\b(?:up to|at most|at the latest|no (?:more|later|longer) than|maximum|max|within|bis|höchstens"
    r"|spätestens|jusqu|au plus|hasta|máximo|fino a|massimo|até|tot|maximaal)\b",
    re.IGNORECASE,
)
_LOW = re.compile(
    r"\b(?:at least|from|minimum|min|as (?:little|few|early) as|earliest|start\w*|mindestens|ab|frühestens"
    r"|au moins|dès|à partir|desde|al menos|mínimo|almeno|da|minstens|vanaf|pelo menos)\b",
    re.IGNORECASE,
)
_EITHER_END = frozenset({"clock", "percent"})  # what begins and ends there may be said of each end alone


@dataclass(frozen=True, slots=True)
class Statement:
    """A part of a sentence: its figures, the stems of its words, and all figures of the sentence."""

    figures: tuple[Figure, ...]
    words: frozenset[str]
    sentence: str
    beside: tuple[Figure, ...]

    def states(self, figure: Figure, said: Statement) -> bool:
        """Whether this statement of a source holds a figure that was said in another."""
        if any(_same(figure, known, said, self) for known in self.figures):
            return True
        if len(figure.ends) == 2:  # both ends may stand here one by one
            return all(
                any(_fits(figure.kind, known, self) and end & known.ends[0] for known in self.figures)
                for end in figure.ends
            )
        return False

    def rivals(self, figure: Figure) -> bool:
        """Whether it holds a figure that could be mistaken for this one."""
        return any(
            known.family == figure.family or (figure.kind != "plain" and _fits(figure.kind, known, self))
            for known in self.figures
        )


def statements_in(sentence: str) -> list[Statement]:
    """The sentence cut where one figure's part ends; one without words has those of the part before."""
    figures, rest = figures_in(sentence)
    statements: list[Statement] = []
    words: frozenset[str] = frozenset()
    for start, end in pairwise([0, *_cuts(figures, rest), len(rest)]):
        own = tuple(figure for figure in figures if start <= figure.start < end)
        words = content_words(rest[start:end]) or words
        statements.append(Statement(own, words, sentence, tuple(figures)))
    return statements


def _cuts(figures: list[Figure], rest: str) -> list[int]:
    """Where a new part begins: the first break after a figure, if another figure follows."""
    cuts = []
    for figure, following in pairwise(figures):
        found = _PART_END.search(
            rest, figure.end - 1 if rest[figure.end - 1 : figure.end].isspace() else figure.end
        )
        if found and found.end() <= following.start + 1:
            cuts.append(found.end())
    return sorted(set(cuts))


def _same(said: Figure, known: Figure, saying: Statement, knowing: Statement) -> bool:
    if said.kind == "date" == known.kind:
        return any(_dates_agree(one, other) for one in said.ends[0] for other in known.ends[0])
    if said.kind == "weekday":
        return _is_weekday_of(said, known, saying)
    if said.kind == "plain" and not said.counts:
        return known.kind not in ("date", "code", "weekday") and _ends_agree(said, known, saying)
    return _fits(said.kind, known, knowing) and _ends_agree(said, known, saying)


def _fits(kind: str, known: Figure, knowing: Statement) -> bool:
    """Whether the kinds agree; a bare number of a source shares the unit of its sentence."""
    if known.kind == kind:
        return True
    return known.kind == "plain" and not known.counts and any(kind == other.kind for other in knowing.beside)


def _ends_agree(said: Figure, known: Figure, saying: Statement) -> bool:
    if len(said.ends) == len(known.ends):
        return all(one & other for one, other in zip(said.ends, known.ends, strict=True))
    if len(said.ends) == 2:
        return False
    low, high = (bool(said.ends[0] & end) for end in known.ends)
    if known.kind in _EITHER_END or known.kind.startswith("money"):
        return low or high
    return bool((high and _HIGH.search(saying.sentence)) or (low and _LOW.search(saying.sentence)))


def _dates_agree(said: Value, known: Value) -> bool:
    assert isinstance(said, tuple)
    assert isinstance(known, tuple)
    return all(one is None or one == other for one, other in zip(said, known, strict=True))


def _is_weekday_of(said: Figure, known: Figure, saying: Statement) -> bool:
    """A day of the week stands in a source, or is that of the date there that it is said of."""
    dates = [figure for figure in saying.beside if figure.kind == "date"]
    if known.kind == "weekday":
        return not dates and said.ends[0] <= known.ends[0]
    if known.kind != "date" or not all(_same(date, known, saying, saying) for date in dates):
        return False
    return said.ends[0] <= {_weekday(day) for day in known.ends[0]}


def _weekday(value: Value) -> int | None:
    if not isinstance(value, tuple) or None in value:
        return None
    try:
        return date(*value).weekday()  # type: ignore[arg-type]
    except ValueError:
        return None
