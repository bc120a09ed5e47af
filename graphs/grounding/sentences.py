"""Sentences: where they end, also in a text that still grows, and how a text reads without its disguises."""

from __future__ import annotations

import re
import unicodedata

_UNSEEN = re.compile(r"[\u00ad\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufeff]")
_END = re.compile(r"[.!?…。！？][\"'”’)\]*_]*$")
_NO_END = re.compile(
    r"(?:^|[(\[\"'])(?:e\.g|i\.e|a\.m|p\.m|approx|ca|no|nr|mr|mrs|ms|dr|st|vs|incl|excl|max|min|inc|ltd|tel|vol|art"
    r"|bzw|inkl|zzgl|zz?t|z\.b|d\.h|u\.a|p\.ej|jan|feb|mar|apr|jun|jul|aug|sept?|oct|okt|nov|dec|dez"
    r"|[^\W\d_]|\d{1,2})\.$",
    re.IGNORECASE,
)


def plain(text: str) -> str:
    """The text in compatibility form, without characters that nobody sees."""
    if text.isascii():
        return text
    return _UNSEEN.sub("", unicodedata.normalize("NFKC", text)).replace("’", "'")


def ends_sentence(word: str) -> bool:
    """Whether a sentence ends with this word: not after an abbreviation, an initial or the "3." of a list."""
    return not word[-1:].isalnum() and bool(_END.search(word)) and not _NO_END.search(word)


def split_sentences(text: str) -> list[str]:
    """The sentences of a finished text; a line break always ends one."""
    sentences: list[str] = []
    for line in text.splitlines():
        words: list[str] = []
        for word in line.split():
            words.append(word)
            if ends_sentence(word):
                sentences.append(" ".join(words))
                words = []
        if words:
            sentences.append(" ".join(words))
    return sentences
