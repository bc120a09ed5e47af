"""Finds street addresses and post boxes, as far as rules go: by their form and by the words before them."""

from __future__ import annotations

import re
from collections.abc import Iterator

from desk.privacy.normalise import small
from desk.privacy.postcodes import STATE
from desk.privacy.spans import Found

_SUFFIX = (
    r"(?=[abcdghlmprstw])(?:street|st|avenue|ave|road|rd|lane|ln|boulevard|blvd|terrace|crescent|parkway|pkwy|highway|hwy|mews|broadway"
    # These are everyday words too, and a street only with a capital letter.
    r"|(?-i:Av|Drive|Dr|Court|Ct|Place|Pl|Square|Sq|Ter|Way|Close|Cres|Circle|Cir|Alley|Row|Walk|Grove|Gardens|Trail))"
)
_NAME = r"[^\W\d_][\w'.-]{0,24}"
_UNIT = r"(?:apt|apartment|suite|ste|unit|flat|room|bldg|building|floor)\b\.?\s?#?\s?[0-9]\w{0,5}"
_CITY_STATE = rf"(?:{_NAME}[ ]?){{1,3}},?[ ](?-i:{STATE})(?:,?[ ][0-9]{{5}}(?:-[0-9]{{4}})?)?\b"
_TAIL = rf"(?:[\s,]{{1,3}}{_UNIT})?(?:[\s,]{{1,3}}{_CITY_STATE})?"
_NUMBERED = re.compile(
    rf"(?i)[0-9](?:(?<![\w#$.,].)[0-9]{{0,5}}[a-z]?,?[ ](?:[0-9]{{1,5}}[a-z]{{0,2}}[ ])?"
    rf"(?:(?:{_NAME}[ ]){{1,4}}?{_SUFFIX}|[0-9]{{1,3}}(?:st|nd|rd|th)[ ]{_SUFFIX}|broadway)\b\.?{_TAIL}"
    r"|(?<![\w#$.].)[0-9]{0,4}(?:[ ]?(?:bis|ter))?,?[ ](?:rue|chemin|quai|cours|place|impasse|allee)[ ]"
    rf"(?:{_NAME}[ ]?){{1,4}})"
)
# This one and those of boxes and labels read small letters: not to mind case halves the engine's work.
_BEFORE_NUMBER = re.compile(
    r"(?<!\w)(?:(?<![#$.])[0-9]{1,5}[ ,]{1,2})?(?:[^\W\d_]{2,30}?(?:strasse|straße|str\.|gasse|weg|platz"
    r"|allee|laan|straat|gracht|vej|veien|gade|gatan|vagen|gata|katu|tie|utca)"
    rf"|(?:{_NAME}[ ]){{1,2}}(?:utca|ulica|strasse|straße|str\.|allee|platz|weg|gasse|laan|damm|ring)"
    r"|(?:rue|avenue|boulevard|chemin|via|viale|piazza|calle|avenida|plaza|paseo|rua|ulica|ul\.|cours|quai|strada)"
    rf"[ ](?:{_NAME},?[ ]){{0,3}}{_NAME},?)[ ][0-9]{{1,5}}[a-z]?\b"
)
_MILITARY = r"(?:a|f|d)po[ ]a[aep][ ][0-9]{5}(?:-[0-9]{4})?\b"
_BOX = re.compile(
    rf"\b(?:p\.?\s?o\.?\s?box[ ][0-9]{{1,8}}\b|(?:unit|psc)[ ][0-9]{{3,5}},?[ ]box[ ][0-9]{{2,5}}\b)"
    rf"(?:\s{{1,3}}{_MILITARY})?"
    rf"|\b{_MILITARY}|\b{_UNIT}(?=\s*(?:,|\n|$))"
)
_STRONG = "address"
_LABEL = re.compile(
    r"\baddress(?:es)?[0-9]?\b(?:[^\w\n]{0,4}\b(?:is|are|to|was|will|be|here|they|the|same|as|follows|it)\b){0,6}"
    r"[ '\"]{0,4}(?::\s{0,8}|[ ](?=[0-9])|['\"]:\s?['\"])"
    r"|\bmy (?:new |home |old |postal |delivery |shipping )?address(?: is| to be| as| to)? (?:is )?"
    r"(?!(?:is|as|not|wrong|right|correct|incorrect|missing|different|changed|still|already|invalid|on|in|for|at|to|the|a)\b)"
    r"(?=[^\W\d_])"
    r"|\b(?:lives?|lived|living|resides?|located)[ ](?:at|in)[ ](?=[0-9])"
    r"|\b(?:ship|deliver|send|mail|post)(?:[ ](?!up\b)\w{1,8}){0,4}[ ]to[ ](?=[0-9])"
    r"|\b(?:office|house|shop|station|stop|you off)[ ](?:is[ ])?(?:at|on)[ ](?=[0-9])"
)
_LINE = re.compile(r"[^\n?!;{}\"]{0,90}")
_LINE_BREAK = re.compile(r"[ ]*\n[ ]*(?!\n)")
_OTHER_FIELD = re.compile(r"(?i)[ ]*(?:\w{2,12}[ ]?:|[+(]?[0-9][0-9 ().-]{6,18}[ -]?(?:office|fax|mobile)|$)")
_SENTENCE_END = re.compile(
    r"(?i)(?<!\b\w)(?<!\b\w\w)(?<!\bapt)\.(?=\s+[a-z]|\s*$)|['\"]"
    r"|,?[ ](?:and (?:my|i|the)|please|but|so|because|thanks|for)\b"
)
_LINES = 5
_DIGIT = re.compile(r"[0-9]")
_HOUSE = re.compile(r"(?<!\w)[0-9]{1,5}[a-zA-Z]?,?[ ](?:[0-9]{1,5}[ ])?[^\W\da-z_][^\W\d_]+")

# Words without which a pattern cannot match: looking for them first is much the quicker.
_BOX_WORDS = (
    "box",
    "po a",
    "apt",
    "apartment",
    "suite",
    "ste",
    "unit",
    "flat",
    "room",
    "bldg",
    "building",
    "floor",
)
_NUMBERED_WORDS = (
    *("st", "av", "road", "rd", "lane", "ln", "boulevard", "blvd", "ter", "cres", "parkway", "pkwy", "hwy"),
    *("highway", "mews", "broadway", "dr", "court", "ct", "pl", "sq", "way", "close", "cir", "alley", "row"),
    *("walk", "grove", "gardens", "trail", "rue", "chemin", "quai", "cours", "impasse", "allee"),
)
_STREET_WORDS = (
    *(
        "str",
        "gasse",
        "weg",
        "platz",
        "allee",
        "laan",
        "gracht",
        "vej",
        "veien",
        "gade",
        "gata",
        "vagen",
        "katu",
        "tie",
    ),
    *(
        "utca",
        "ulica",
        "ul.",
        "rue",
        "avenue",
        "boulevard",
        "chemin",
        "via",
        "piazza",
        "calle",
        "avenida",
        "plaza",
    ),
    *("paseo", "rua", "cours", "quai"),
)
_TO_A_NUMBER = re.compile(r" (?:at|in|to|on) [0-9]")


def find_addresses(text: str) -> Iterator[Found]:
    """Street addresses by their form, and what follows the word address up to the sentence's end."""
    lowered = small(text)
    if _STRONG in lowered or _TO_A_NUMBER.search(lowered):
        yield from _find_labelled(text, lowered)
    patterns = (
        (_NUMBERED_WORDS, _NUMBERED, text),
        (_STREET_WORDS, _BEFORE_NUMBER, lowered),
        (_BOX_WORDS, _BOX, lowered),
    )
    for words, pattern, read in patterns:
        if _mentions(lowered, words):
            for match in pattern.finditer(read):
                yield Found(match.start(), match.end(), "ADDRESS")


def _mentions(lowered: str, words: tuple[str, ...]) -> bool:
    return any(word in lowered for word in words)


def _find_labelled(text: str, lowered: str) -> Iterator[Found]:
    reached = 0
    for label in _LABEL.finditer(lowered):
        if label.end() < reached:
            continue
        reached = _labelled_end(text, label.end())
        certain = _STRONG in label.group()
        if (_DIGIT if certain else _HOUSE).search(text, label.end(), reached):
            yield Found(label.end(), reached, "ADDRESS")


def _labelled_end(text: str, start: int) -> int:
    """Where a labelled address ends: with its sentence or field, at most five lines on."""
    end = start
    for _ in range(_LINES):
        line = _LINE.match(text, end)
        line_end = line.end() if line else end
        stop = _SENTENCE_END.search(text, end, line_end)
        if stop:
            return stop.start()
        end = line_end
        following = _LINE_BREAK.match(text, end)
        if not following or _OTHER_FIELD.match(text, following.end()):
            break
        end = following.end()
    return end
