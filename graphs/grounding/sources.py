"""Sources: what an answer may stand on, and which claims of a sentence stand in them."""

from __future__ import annotations

import re
from collections import Counter, OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from graphs.grounding.content_words import content_words
from graphs.grounding.denials import Clause, affirms, clauses_in, denied_clauses
from graphs.grounding.figures import FREE, Figure
from graphs.grounding.links import links_in, without_links
from graphs.grounding.sentences import plain, split_sentences
from graphs.grounding.statements import Statement, statements_in

_PSEUDONYM = re.compile(r"\[[A-Z]+(?:_[A-Z]+)*_\d+\]")
# "1." of a list and "Step 2:" say nothing about the shop.
_LIST_MARK = re.compile(
    r"^\s*(?:[-*•]\s*)?\(?\d{1,2}[.)]\s+|\b(?:step|option|schritt|étape|etape|paso|passo|passaggio|stap)\s+\d{1,2}\b",
    re.IGNORECASE,
)
# "Here are three books:" counts what follows.
_COUNT = re.compile(
    r"\W*(?:here (?:are|is)|i (?:found|have)|these|there are|hier sind|voici|aquí|ecco|aqui)\b.*:\W*",
    re.IGNORECASE | re.DOTALL,
)
_MARKUP = re.compile(r"\*\*|__|`")
_OWN_DIGITS = 5  # a number of the customer's own may be repeated from this length on: it is no amount or span
_MOST_FIGURES = 40  # in one sentence; more would take long to compare, and nobody reads them
CUSTOMER = -1


@dataclass(frozen=True, slots=True)
class Source:
    """A passage or the result of a tool; `title` is the question that a passage answers.

    What is read of a `shared` one is remembered for other turns: the shop's own words, and nobody's data.
    In an `outside` one no link stands: what a tool tells of orders and articles, others may have written.
    """

    text: str
    title: str = ""
    shared: bool = False
    outside: bool = False


@dataclass(frozen=True, slots=True)
class _Reading:
    """What a source says, read once: its names, statements, clauses by sentence, and its title's words."""

    names: frozenset[str]
    statements: tuple[tuple[Statement, frozenset[str]], ...]
    clauses: tuple[tuple[Clause, ...], ...]
    title: frozenset[str]
    affirms: bool


@dataclass(frozen=True, slots=True)
class _Known:
    """A statement of a source, with the words of the source's title as its own."""

    source: int
    statement: Statement
    words: frozenset[str]


@dataclass(frozen=True, slots=True)
class _Denied:
    """What a source denies, by a clause or by answering "No"; `nearby` are the words of its sentence."""

    source: int
    words: frozenset[str]
    nearby: frozenset[str]
    answers_no: bool


@dataclass(frozen=True)
class Sources:
    """What an answer may stand on, and what the customer wrote: their own numbers may be repeated."""

    sources: tuple[Source, ...]
    customer_text: str = ""

    def lacks(self, sentence: str) -> list[str]:
        """The claims of the sentence that stand in no source; empty when all of it is covered."""
        return [claim for claim, places in self._claims(sentence) if not places]

    @property
    def read_before(self) -> bool:
        """Whether all sources are remembered, so that `prepare` takes no time."""
        return all(source.shared and source in _REMEMBERED for source in self.sources)

    def prepare(self) -> None:
        """Read all sources now: some milliseconds of work, which may be done in a thread."""
        _ = self._weights, self._denied, self._stated

    def places_of(self, sentence: str) -> frozenset[int]:
        """The positions of the sources in which the sentence's claims stand."""
        return frozenset(place for _, places in self._claims(sentence) for place in places) - {CUSTOMER}

    def _claims(self, sentence: str) -> Iterator[tuple[str, list[int]]]:
        text = _MARKUP.sub("", plain(sentence))
        for name in (*_PSEUDONYM.findall(text), *links_in(text)):
            yield name, self._holding(name)
        text = _bare(text)
        statements = statements_in(text)
        if sum(len(statement.figures) for statement in statements) > _MOST_FIGURES:
            yield "too many figures", []
            return
        for statement in statements:
            for figure in statement.figures:
                yield figure.shown, self._standing(figure, statement)
        for clause in denied_clauses(FREE.sub(" ", text)):
            yield "negation", self._denying(clause)

    def _holding(self, name: str) -> list[int]:
        found = [index for index, names in enumerate(self._names) if name.casefold() in names]
        return found + [CUSTOMER] * bool(name[0] == "[" and name in self.customer_text)

    def _standing(self, figure: Figure, said: Statement) -> list[int]:
        """Where the figure stands and is said of what the statement says it of."""
        if figure.kind == "plain" and _COUNT.fullmatch(said.sentence):
            return [CUSTOMER]
        supporting = [known for known in self._known if known.statement.states(figure, said)]
        if not supporting:
            return [CUSTOMER] * self._is_customers(figure)
        supporting = [
            known for known in supporting if not _parts_from_companions(known.statement, figure, said)
        ]
        if figure.kind in ("weekday", "code", "plain", "stated") or not said.words:
            return [known.source for known in supporting]
        if self._is_of_another(said.words, [known.words for known in supporting]):
            return []
        rivals = [
            known
            for known in self._known
            if known.statement.rivals(figure) and not known.statement.states(figure, said)
        ]
        return [
            known.source
            for known in supporting
            if not any(self._outweighs(rival.words, known.words, said.words) for rival in rivals)
        ]

    def _denying(self, clause: Clause) -> list[int]:
        """Where the same is denied, and not stated more nearly."""
        words = clause.words or content_words(self.customer_text)
        if (
            not words & self._weights.keys()
        ):  # another language, or other words: only the denial itself compares
            return [denied.source for denied in self._denied]
        return [
            denied.source
            for denied in self._denied
            if len(words & denied.nearby) * 3 >= len(words)
            and ((clause.answers_no and denied.answers_no) or not self._is_stated(words, denied.words))
        ]

    def _is_stated(self, words: frozenset[str], denied: frozenset[str]) -> bool:
        """Whether some statement shares words with what was said, and what is denied shares none besides."""
        return any(words & stated - denied and not words & denied - stated for stated in self._stated)

    def _outweighs(self, rival: frozenset[str], known: frozenset[str], said: frozenset[str]) -> bool:
        """Whether what was said shares much more with the rival alone than with the known statement alone."""
        return self._weight(said & rival - known) > 2 * self._weight(said & known - rival)

    def _is_of_another(self, said: frozenset[str], supporting: list[frozenset[str]]) -> bool:
        """Whether it shares nothing with what supports it, but two words with some other statement."""
        if any(said & words for words in supporting):
            return False
        return any(len(said & known.words) > 1 for known in self._known)

    def _is_customers(self, figure: Figure) -> bool:
        digits = re.sub(r"\D", "", figure.shown)
        if figure.kind not in ("plain", "code") or len(digits) < _OWN_DIGITS:
            return False
        return (
            re.search(rf"(?<!\w){re.escape(figure.shown)}(?!\w)", self.customer_text, re.IGNORECASE)
            is not None
        )

    def _weight(self, words: frozenset[str]) -> float:
        return sum(self._weights.get(word, 0.0) for word in words)

    @cached_property
    def _names(self) -> list[frozenset[str]]:
        """The links and pseudonyms of each source."""
        return [reading.names for reading in self._readings]

    @cached_property
    def _weights(self) -> dict[str, float]:
        """A word counts the more, the fewer statements it stands in."""
        counts = Counter(word for known in self._known for word in known.words)
        return {word: count**-0.5 for word, count in counts.items()}

    @cached_property
    def _known(self) -> list[_Known]:
        return [
            _Known(index, statement, words)
            for index, reading in enumerate(self._readings)
            for statement, words in reading.statements
        ]

    @cached_property
    def _readings(self) -> list[_Reading]:
        return [_reading(source) for source in self.sources]

    @cached_property
    def _denied(self) -> list[_Denied]:
        denied: list[_Denied] = []
        for index, reading in enumerate(self._readings):
            for clauses in reading.clauses:
                nearby = frozenset[str]().union(*(clause.words for clause in clauses))
                if clauses and clauses[0].answers_no:
                    denied.append(_Denied(index, reading.title, reading.title | nearby, answers_no=True))
                denied += [
                    _Denied(index, clause.words, nearby, answers_no=False)
                    for clause in clauses
                    if clause.denies
                ]
        return denied

    @cached_property
    def _stated(self) -> list[frozenset[str]]:
        """The words of what is so; a passage that begins with yes says so of its title."""
        affirmed = [reading.title for reading in self._readings if reading.affirms]
        return affirmed + [
            clause.words
            for reading in self._readings
            for clauses in reading.clauses
            for clause in clauses
            if not clause.denies
        ]


_REMEMBERED: OrderedDict[Source, _Reading] = OrderedDict()
_MOST_REMEMBERED = 2000


def _reading(source: Source) -> _Reading:
    known = _REMEMBERED.get(source) if source.shared else None
    if known is not None:
        return known
    reading = _read(source)
    if source.shared:
        _REMEMBERED[source] = reading
        if len(_REMEMBERED) > _MOST_REMEMBERED:
            _REMEMBERED.popitem(last=False)
    return reading


def _read(source: Source) -> _Reading:
    title, whole = content_words(source.title), plain(f"{source.title}\n{source.text}")
    sentences = [_bare(plain(sentence)) for sentence in split_sentences(source.text)]
    links = () if source.outside else links_in(whole)
    return _Reading(
        names=frozenset(map(str.casefold, (*links, *_PSEUDONYM.findall(whole)))),
        statements=tuple(
            (statement, statement.words | title)
            for sentence in sentences
            for statement in statements_in(sentence)
        ),
        clauses=tuple(tuple(clauses_in(FREE.sub(" ", text), of_source=True)) for text in sentences),
        title=title,
        affirms=affirms(source.text),
    )


def _bare(text: str) -> str:
    """The text without what is no figure: links, pseudonyms, the marks of a list."""
    return _PSEUDONYM.sub(" ", without_links(_LIST_MARK.sub(" ", text)))


def _parts_from_companions(known: Statement, figure: Figure, said: Statement) -> bool:
    """Whether it was said beside a figure of another kind for which this statement has one of its own."""
    return any(
        other.family != figure.family and known.rivals(other) and not known.states(other, said)
        for other in said.figures
    )
