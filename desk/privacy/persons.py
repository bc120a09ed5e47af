"""Finds people's names where the words around them leave no doubt."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial
from typing import Final

from desk.privacy.spans import Found
from desk.privacy.verdicts import Verdicts


def _words(listed: str) -> frozenset[str]:
    return frozenset(listed.split())


# Words that follow an introduction and are no name.
_NO_NAME = _words(
    """
    a about after all also am an and any are as asking at back be because been being but buying by
    calling can care center centre changing channels checking contacting currently customer day
    details do does done for from going good happy have having he hello help here hi his how i id if
    in info interested is it its just knows late looking madam missing my needs never new no not now
    number of ok okay on or order our out please ready really service she sir so sorry still support
    sure team thank thanks that the their there they this to today too trying unable under upset us
    using very waiting was we what when where who why with writing wrong yes you your
    """
)
# Names that are everyday words: in lower case they are taken for the word.
EVERYDAY_NAMES: Final = _words(
    """
    art bill chance chase china christian daisy dean drew faith fox frank gene grace grant guy hope
    hunter ivy jack jean joy king lane lee mark mason may mike miles old page paris pat penny price
    rich rob robin rose ruby sandy sky star sue summer trip van violet wade walker ward will winter
    wood woods young
    """
)
# By the group of a pattern that found them.
_UNLIKELY: Final = {"name": _NO_NAME, "lower": _NO_NAME | EVERYDAY_NAMES}
_CAPITAL = r"[A-Z\u0370-\uFFFF](?:[^\W\d_]|['-](?=[^\W\d_])){0,29}\.?"
_MORE = rf"(?:[ ](?:(?:van|von|de|der|den|da|di|la|le|del|dos|bin|al|el|y)[ ])?{_CAPITAL}){{0,3}}"
_NAME = rf"(?P<name>{_CAPITAL}{_MORE})"
_LOWER = r"(?P<lower>[a-z](?:[a-z]|['-](?=[a-z])){1,29}(?: [a-z](?:[a-z]|['-](?=[a-z])){1,29}){0,2})"
_TITLE = r"(?:Mr|Mrs|Ms|Miss|Mx|Dr|Prof|Herr|Frau|Monsieur|Madame|Sra|Sr)\b\.?"

_TITLED = re.compile(rf"{_TITLE}[ ]{_NAME}")
_LOWER_TITLED = re.compile(r"(?:mrs|mr|ms|dr|prof)\b\.? (?P<name>[a-z]{2,29})\b")
_INTRODUCED = re.compile(
    r"(?i:(?:my|his|her|your|their|full|customer'?s?|patient'?s?)[ ](?:full[ ]|first[ ]|last[ ]|sur)?"
    r"name(?:[ ]is|'s|[ ]was)?|name is|call[ ]me|named[ ](?:him|her|me)|mein[ ]name[ ]ist|je[ ]m'appelle"
    rf"|me[ ]llamo|mi[ ]chiamo|meu[ ]nome[ ]e|mijn[ ]naam[ ]is|ich[ ]hei(?:ss|ß)e)[ ]?[:\n]?[ ]{{0,4}}"
    rf"(?:{_TITLE}[ ])?{_NAME}"
)
_MY_NAME_IS = re.compile(rf"(?i:my[ ](?:full[ ]|first[ ]|last[ ])?name(?:[ ]is|'s)?)[ ]{_LOWER}")
_SIGNED = re.compile(rf"(?i:regards|sincerely|signed|yours)[ ]?[,:\n]\s{{0,3}}{_NAME}\s*$")
_LABELLED = re.compile(
    rf"(?i:(?<![\"'])name(?:['\"]?:\s{{0,6}}['\"]?|=))(?:{_TITLE}[ ])?(?:{_NAME}|{_LOWER})"
)
_SPEAKING = re.compile(
    rf"(?i:this[ ]is|it'?s|i[ ]am|i'm)[ ](?:{_TITLE}[ ])?{_NAME}"
    r"(?=,?[ ](?i:speaking|here|calling|from|originally|writing)\b|[.,!]?\s*$)"
)
_ROLE = re.compile(
    r"(?:(?:[Cc]ustomer|[Pp]atient|[Cc]lient|[Dd]ear|[Rr]ecipient|[Mm]ember|[Aa]ccount [Hh]older|request for"
    r"|belong to)"
    r"|[Cc]ontact(?=[ ]\w+[ ]\w+[ ](?:at|on|via|by)\b))"
    rf"[ ]{_NAME}"
)
# Each pattern with words of which a text must hold one: looking for them first is much the quicker.
_RULES: tuple[tuple[tuple[str, ...], re.Pattern[str]], ...] = (
    (("mr", "ms", "miss", "mx", "dr", "prof", "herr", "frau", "mons", "mada", "sr"), _TITLED),
    (("mr", "ms", "dr", "prof"), _LOWER_TITLED),
    (("name", "call me", "llamo", "appelle", "chiamo", "nome", "naam", "heiß", "heiss"), _INTRODUCED),
    (("my ",), _MY_NAME_IS),
    (("regards", "sincerely", "signed", "yours"), _SIGNED),
    (("name",), _LABELLED),
    (("this is", "it's", "its", "i am", "i'm"), _SPEAKING),
    (
        (
            "customer",
            "patient",
            "client",
            "dear",
            "recipient",
            "member",
            "holder",
            "quest for",
            "belong to",
            "contact",
        ),
        _ROLE,
    ),
)
_WORD = re.compile(r"\S+")


def find_persons(text: str) -> Iterator[Found]:
    """Names after a title, a label, an introduction or a role."""
    lowered = text.lower()
    lengths = {group: Verdicts(partial(_name_length, unlikely)) for group, unlikely in _UNLIKELY.items()}
    for words, pattern in _RULES:
        if any(word in lowered for word in words):
            for match in pattern.finditer(text):
                group = match.lastgroup or ""
                start, length = match.start(group), lengths[group][match[group]]
                if length and not (match.start() and text[match.start() - 1].isalnum()):
                    yield Found(start, start + length, "PERSON")


def _name_length(unlikely: frozenset[str], words: str) -> int:
    """How much of the words, from the first on, can be a name; 0 if the first one cannot."""
    end = 0
    for word in _WORD.finditer(words):
        if word.group().strip(".'").lower() in unlikely:
            break
        end = word.end()
    length = len(words[:end].rstrip(".'-"))
    return length if length > 1 else 0
