"""Sources: what an answer may stand on, and which claims of a sentence stand in them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from graphs.content_words import content_words
from graphs.denials import Clause, begins_with_no, denied_clauses, source_clauses
from graphs.figures import Figure
from graphs.sentences import plain, split_sentences
from graphs.statements import Statement, statements_in

LINK = re.compile(
    r"[a-z][a-z0-9+.-]{1,20}://[^\s<>\")\]]+|\b(?:mailto|tel|data|javascript|sms):[^\s<>\")\]]+"
    r"|\]\(\s*(?P<target>[^)\s]+)"
    r"|[\w.+-]*@?\b(?:[\w-]+\.)+(?:com|net|org|edu|gov|info|biz|example|shop|store|online|site|app|dev|io|co|ai"
    r"|xyz|top|club|link|click|page|web|test|onion|ly|me|gg|tv|cc|to|de|fr|es|it|nl|pt|uk|eu|us|ch|at|be|ru|cn)"
    r"\b(?![\w-])(?::\d+)?(?:/[^\s<>\")\]]*)?"
    r"|\b(?:[\w-]+\.)+[a-z]{2,24}(?::\d+)?/[^\s<>\")\]]*",
    re.IGNORECASE,
)
_PSEUDONYM = re.compile(r"\[[A-Z]+(?:_[A-Z]+)*_\d+\]")
# "1." of a list and "Step 2:" say nothing about the shop.
_LIST_MARK = re.compile(
    r"^\s*(?:[-*•]\s*)?\(?\d{1,2}[.)]\s+|\b(?:step|option|schritt|étape|etape|paso|passo|passaggio|stap)\s+\d{1,2}\b",
    re.IGNORECASE,
)
# "Here are three books:" counts what follows.
_COUNT = re.compile(
    r"\W*(?:here (?:are|is)|i (?:found|have)|these|there are|hier sind|voici|aquí|ecco|aqui)\b.*:\W*",
    re.I | re.S,
)
_MARKUP = re.compile(r"\*\*|__|`")
_OWN_DIGITS = 5  # a number of the customer's own may be repeated from this length on: it is no amount or span
CUSTOMER = -1


@dataclass(frozen=True, slots=True)
class Source:
    """A passage or the result of a tool; `title` is the question that a passage answers."""

    text: str
    title: str = ""


@dataclass(frozen=True, slots=True)
class _Known:
    """A statement of a source, with the words of the source's title as its own."""

    source: int
    statement: Statement
    words: frozenset[str]


@dataclass(frozen=True, slots=True)
class _Said:
    """A sentence of a source by its clauses; a sentence that answers "no" denies its title."""

    source: int
    clauses: tuple[Clause, ...]
    words: frozenset[str]


@dataclass(frozen=True)
class Sources:
    """What an answer may stand on, and what the customer wrote: their own numbers may be repeated."""

    sources: tuple[Source, ...]
    customer_text: str = ""

    def lacks(self, sentence: str) -> list[str]:
        """The claims of the sentence that stand in no source; empty when all of it is covered."""
        return [claim for claim, places in self._claims(sentence) if not places]

    def places_of(self, sentence: str) -> frozenset[int]:
        """The positions of the sources in which the sentence's claims stand."""
        return frozenset(place for _, places in self._claims(sentence) for place in places) - {CUSTOMER}

    def _claims(self, sentence: str) -> Iterator[tuple[str, list[int]]]:
        text = _MARKUP.sub("", plain(sentence))
        for name in (*_PSEUDONYM.findall(text), *links_in(text)):
            yield name, self._holding(name)
        text = _bare(text)
        for statement in statements_in(text):
            for figure in statement.figures:
                yield figure.shown, self._standing(figure, statement)
        for clause in denied_clauses(text):
            yield "negation", self._denying(clause)

    def _holding(self, name: str) -> list[int]:
        whole = re.compile(rf"(?<![\w./@-]){re.escape(name)}(?![\w@-]|[./:]\w)", re.IGNORECASE)
        found = [
            index
            for index, source in enumerate(self.sources)
            if whole.search(f"{source.title}\n{source.text}")
        ]
        return found + [CUSTOMER] * bool(name[0] == "[" and name in self.customer_text)

    def _standing(self, figure: Figure, said: Statement) -> list[int]:
        """Where the figure stands and is said of what the statement says it of."""
        if figure.kind == "plain" and _COUNT.fullmatch(said.sentence):
            return [CUSTOMER]
        supporting = [known for known in self._known if known.statement.states(figure, said)]
        if not supporting:
            return [CUSTOMER] * self._is_customers(figure)
        if figure.kind in ("weekday", "code", "plain", "stated") or not said.words:
            return [known.source for known in supporting]
        rivals = [
            known for known in self._known if known not in supporting and known.statement.rivals(figure)
        ]
        fitting = [
            known
            for known in supporting
            if not any(self._outweighs(rival.words, known.words, said.words, 1.0) for rival in rivals)
        ]
        if self._is_of_another(said.words, [known.words for known in supporting]):
            return []
        return [known.source for known in fitting]

    def _denying(self, clause: Clause) -> list[int]:
        """Where the same is denied, and not stated more nearly."""
        words = clause.words or content_words(self.customer_text)
        denying = [said for said in self._said if any(part.denies for part in said.clauses)]
        stating = [part for said in self._said for part in said.clauses if not part.denies]
        if (
            not words & self._weights.keys()
        ):  # another language, or other words: only the denial itself compares
            return [said.source for said in denying]
        return [
            said.source
            for said in denying
            if self._denies(said, words)
            and not any(self._outweighs(part.words, said.words, words, 2.0) for part in stating)
        ]

    def _denies(self, said: _Said, words: frozenset[str]) -> bool:
        return len(words & said.words) * 3 >= len(words)

    def _outweighs(
        self, rival: frozenset[str], known: frozenset[str], said: frozenset[str], times: float
    ) -> bool:
        """Whether what was said shares more with the rival alone than with the known statement alone."""
        return self._weight(said & rival - known) > times * self._weight(said & known - rival)

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
    def _weights(self) -> dict[str, float]:
        """A word counts the more, the fewer statements it stands in."""
        counts = Counter(word for known in self._known for word in known.words)
        return {word: 1 / count for word, count in counts.items()}

    @cached_property
    def _known(self) -> list[_Known]:
        return [
            _Known(index, statement, statement.words | content_words(source.title))
            for index, source in enumerate(self.sources)
            for sentence in split_sentences(source.text)
            for statement in statements_in(_bare(plain(sentence)))
        ]

    @cached_property
    def _said(self) -> list[_Said]:
        return [
            _Said(index, tuple(clauses), _words_of(sentence, source.title, clauses))
            for index, source in enumerate(self.sources)
            for sentence in split_sentences(source.text)
            if (clauses := source_clauses(_bare(plain(sentence))))
        ]


def links_in(text: str) -> list[str]:
    """The links, addresses and e-mail addresses of a text, without the punctuation after them."""
    return [(match["target"] or match.group()).rstrip(".,;:!?") for match in LINK.finditer(text)]


def _bare(text: str) -> str:
    """The text without what is no figure: links, pseudonyms, the marks of a list."""
    return _PSEUDONYM.sub(" ", LINK.sub(" ", _LIST_MARK.sub(" ", text)))


def _words_of(sentence: str, title: str, clauses: list[Clause]) -> frozenset[str]:
    words = frozenset[str]().union(*(clause.words for clause in clauses))
    return words | content_words(title) if begins_with_no(sentence) else words
