"""Reads what a customer does not want: "a thriller, but no horror", "not science fiction", "ohne Krimis"."""

from __future__ import annotations

import re
from typing import Final

_WANTS: Final = r"(?:like|want|need|enjoy|read|care for)"
_NOT: Final = (
    # "is there no ...", "do you have no ...": asked for, and not refused.
    rf"(?:do(?:es)?(?:n['’]?t| not) {_WANTS}|(?<!there )(?<!have )(?<!got )no|not|nothing|without"
    r"|except(?: for)?|(?:any|every)thing but|other than|instead of|hates?|dislikes?|tired of"
    r"|kein(?:e[nmrs]?)?|nicht|ohne|außer|statt|n['’]aime pas|pas|sans|sauf|no me gustan?|no quiero|sin"
    r"|nada de|excepto|salvo|non mi piac\w{2,6}|non voglio|senza|tranne|geen|niet|zonder|behalve"
    r"|não gosto de|não quero|sem|exceto)"
)
# "Not only", "not sure", "no more than": nothing is refused by it.
_ONLY: Final = (
    r"(?! (?:only|just|sure|certain|so|too|very|really|more|less|nur|so|zu|seulement|trop|plus|sólo|solo|muy"
    r"|troppo|alleen|te|só|muito|idea|problem|preference|matter)\b)"
)
_ENDS: Final = (
    r"(?=\s{0,2}(?:[.,;:!?]|$)|\s{1,2}(?:but|please|something|anything|i|and|then|though|aber|bitte|sondern|etwas|und|mais"
    r"|plutôt|et|pero|sino|por|y|ma|per|maar|graag|en|mas|e)\b)"
)
_MOST_WORDS: Final = 4
_WORD: Final = r"\s{1,2}[\w'’-]{1,30}"
_REFUSED: Final = re.compile(
    rf"\b{_NOT}\b{_ONLY}(?P<what>(?:{_WORD}){{1,{_MOST_WORDS}}}?{_ENDS}|(?:{_WORD}){{{_MOST_WORDS}}})",
    re.IGNORECASE,
)


def split_refused(text: str) -> tuple[str, str]:
    """What of a text is wanted, and what is not, at most four words each time; the latter is mostly empty."""
    refused = [found["what"].strip() for found in _REFUSED.finditer(text)]
    return (_REFUSED.sub(" ", text).strip(), ", ".join(refused)) if refused else (text, "")
