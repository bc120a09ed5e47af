"""Claims in an answer: the numbers, money, dates, links and negations that must stand in a source."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

_LINK = re.compile(r"(?:https?://|www\.)[^\s<>\")\]]+", re.IGNORECASE)
_NUMBER = re.compile(r"\d[\d., \u00a0\u202f]{0,30}\d|\d")
# Months but "may" (a verb), days of the week, number words but "one" (a pronoun).
_WORD_CLAIM = re.compile(
    r"\b(?:january|february|march|april|june|july|august|september|october|november|december"
    r"|januar|februar|märz|mai|juni|juli|oktober|dezember"
    r"|monday|tuesday|wednesday|thursday|friday|saturday|sunday"
    r"|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|thirteen|fourteen|fifteen"
    r"|twenty|thirty|forty|fifty|sixty|ninety|hundred|thousand)\b",
    re.IGNORECASE,
)
_NEGATION = re.compile(
    r"\b(?:no|not|never|none|cannot|without|n't|nicht|kein\w*|nie|pas|jamais|aucun\w*|nunca|ningun\w*|non|mai"
    r"|niet|geen|não)\b|n['’]t\b",
    re.IGNORECASE,
)
# "I do not know" and the like state nothing about the shop.
_MODEST = re.compile(
    r"\bI(?:['’]m| am| do| did| could| can| have)? ?(?:not\b|n['’]t\b|cannot\b)"
    r"|\bI (?:can|don|couldn|didn|haven)['’]t\b|\bI found no\b",
    re.IGNORECASE,
)
_MARK = re.compile(r"[\d€$£%]|https?:|www\.", re.IGNORECASE)
_SENTENCE_END = re.compile(r"[.!?…][\"')\]]*(?=\s)|\n")
_WORD = re.compile(r"[^\W\d_]{3,}")
_PSEUDONYM = re.compile(r"\[[A-Z_]+_\d+\]")
_SEPARATORS = "., \u00a0\u202f"
_MOST_HELD = 2000


@dataclass(frozen=True, slots=True)
class Sources:
    """What an answer may stand on: passages and tool results; and ids that the customer named."""

    texts: tuple[str, ...]
    customer_text: str = ""

    def lacks(self, sentence: str) -> list[str]:
        """The claims of the sentence that stand in no source; empty when all of it is covered."""
        plain = _PSEUDONYM.sub(" ", sentence)
        missing = [link for link in map(_trim, _LINK.findall(plain)) if not self._holds_text(link)]
        plain = _LINK.sub(" ", plain)
        missing += [number for number in numbers_in(plain) if not self._holds_number(number)]
        missing += [word for word in _WORD_CLAIM.findall(plain) if not self._holds_word(word)]
        if _NEGATION.search(plain) and not _MODEST.search(plain) and not self._holds_negation(plain):
            missing.append("negation")
        return missing

    def _holds_text(self, text: str) -> bool:
        return any(text.casefold() in source.casefold() for source in self.texts)

    def _holds_number(self, number: str) -> bool:
        if any(number in numbers_in(source) for source in self.texts):
            return True
        # An id that the customer typed may be repeated; an amount or a span of days may not.
        return len(number) >= 5 and number in numbers_in(self.customer_text)

    def _holds_word(self, word: str) -> bool:
        pattern = re.compile(rf"\b{re.escape(word)}\b", re.IGNORECASE)
        return any(pattern.search(source) for source in self.texts)

    def _holds_negation(self, sentence: str) -> bool:
        words = _content_words(sentence)
        for source in self.texts:
            for part in re.split(r"(?<=[.!?])\s|\n", source):
                shared = words & _content_words(part)
                if _NEGATION.search(part) and len(shared) * 3 >= len(words):
                    return True
        return False


def numbers_in(text: str) -> list[str]:
    """Every number of the text without thousands separators: "1,000.50" is "1000.50", "5-7" is 5 and 7."""
    return [_plain_number(found) for found in _NUMBER.findall(text)]


class ClaimGate:
    """Lets text through as it streams, but holds a sentence from its first claim until it is checked.

    `feed` and `finish` return what may be shown; once `rejected` is not empty, nothing more comes out.
    """

    def __init__(self, sources: Sources) -> None:
        self._sources = sources
        self._sentence = ""
        self._shown = 0
        self.rejected: list[str] = []

    def feed(self, piece: str) -> str:
        """Take the next piece of the answer."""
        if self.rejected:
            return ""
        self._sentence += piece
        out = self._pass_whole_sentences()
        if not self.rejected and not self._holds_claim(self._sentence):
            # The last word may still grow into a claim ("can" + "not"), so it waits for its end.
            settled = max(self._sentence.rfind(" ") + 1, self._shown)
            out += self._sentence[self._shown : settled]
            self._shown = settled
        if len(self._sentence) > _MOST_HELD:
            out += self._check(len(self._sentence))
        return out

    def finish(self) -> str:
        """The rest, checked."""
        return "" if self.rejected else self._check(len(self._sentence))

    def _pass_whole_sentences(self) -> str:
        out = ""
        while not self.rejected and (end := _SENTENCE_END.search(self._sentence, self._shown)):
            out += self._check(end.end())
        return out

    def _check(self, end: int) -> str:
        sentence, rest = self._sentence[:end], self._sentence[end:]
        if self._holds_claim(sentence):
            self.rejected = self._sources.lacks(sentence)
        out = "" if self.rejected else sentence[self._shown :]
        self._sentence, self._shown = rest, 0
        return out

    @staticmethod
    def _holds_claim(text: str) -> bool:
        return bool(_MARK.search(text) or _NEGATION.search(text) or _WORD_CLAIM.search(text))


def _plain_number(found: str) -> str:
    digits = found.strip(_SEPARATORS)
    head, separator, tail = digits.rpartition("." if "." in digits else ",")
    if separator and len(tail) in (1, 2):  # a decimal part; anything else separates thousands
        return re.sub(r"\D", "", head) + "." + tail
    return re.sub(r"\D", "", digits)


def _trim(link: str) -> str:
    return link.rstrip(".,;:!?")


def _content_words(text: str) -> set[str]:
    return {word.casefold() for word in _WORD.findall(text)} - {
        "not",
        "non",
        "pas",
        "and",
        "the",
        "you",
        "your",
    }


def check_whole(text: str, sources: Sources) -> list[str]:
    """The uncovered claims of a finished text, sentence by sentence."""
    missing: list[str] = []
    for sentence in _split(text):
        missing += sources.lacks(sentence)
    return missing


def _split(text: str) -> Sequence[str]:
    parts, start = [], 0
    for end in _SENTENCE_END.finditer(text):
        parts.append(text[start : end.end()])
        start = end.end()
    return [*parts, text[start:]]
