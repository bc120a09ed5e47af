"""Reads what a customer wishes a product to cost and how good it should be, and whether like another."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from desk.retrieval.refusals import split_refused

LONGEST_READ: Final = 1000
DEAREST: Final = 1_000_000.0
_CENT: Final = 0.01

_MONEY = (
    r"(?:[$€£]\s?)?(?P<{0}>\d{{1,6}}+(?:[.,]\d{{1,2}}+)?+)(?:\s?(?:[$€£]|euros?\b|eur\b|dollars?\b|usd\b|bucks\b"
    r"|pounds?\b|quid\b|gbp\b))?+"
)
_NO_STARS = (
    r"(?!\s*(?:\+|stars?|sterne?|étoiles|estrellas|stelle|sterren|estrelas|of|out|years?|pages?|books?))"
)
_UNDER = re.compile(
    r"\b(?:(?P<strict>cheaper than|less than|under|below|billiger als|günstiger als|unter|moins de|menos de"
    r"|meno di|sotto i|minder dan|onder de)|at most|up to|no more than|not more than|max(?:imum)?(?: of)?"
    rf"|within|höchstens|bis zu)\s+{_MONEY.format('under')}{_NO_STARS}",
    re.IGNORECASE,
)
_OVER = re.compile(
    r"\b(?:more than|over|above|at least|from|dearer than|mehr als|über|mindestens|plus de|más de|più di"
    r"|meer dan|mais de)\s+(?=[$€£]|\d[\d.,]{0,8}\s?(?:[$€£]|eur|dollar|usd|bucks|pound))"
    rf"{_MONEY.format('over')}",
    re.IGNORECASE,
)
_BETWEEN = re.compile(
    rf"\b(?:between|zwischen|entre|tra|tussen)\s+{_MONEY.format('low')}\s+(?:and|und|et|y|e|en)\s+"
    rf"{_MONEY.format('high')}{_NO_STARS}",
    re.IGNORECASE,
)
_NUMBER_WORDS: Final = {"three": 3.0, "four": 4.0, "five": 5.0, "drei": 3.0, "vier": 4.0, "quatre": 4.0}
_STARS = re.compile(
    rf"(?:\b(?:with )?(?:at least|mindestens|minimum) )?\b"
    rf"(?P<stars>[1-5](?:[.,]\d{{1,2}})?|{'|'.join(_NUMBER_WORDS)})\s?\+?\s?-?(?:or more |and up )?"
    r"(?:stars?|sterne?n?|étoiles|estrellas|stelle|sterren|estrelas)\b"
    r"|\b(?:rated|rating|ratings)(?: (?:of|is))?(?: (?:at least|over|above|higher than|better than))?"
    r"\s+(?P<rated>[1-5](?:[.,]\d{1,2})?)\b",
    re.IGNORECASE,
)
_LIKE = re.compile(
    r"(?<!would )(?<!'d )\b(?:like|similar to|such as|reminds me of|loved|enjoyed|liked|fan of|after reading"
    r"|wie(?! (?:viele?|lang|alt|teuer|gut|heißt|geht))|comme|como|come|zoals)\b",
    re.IGNORECASE,
)
_CHEAP = re.compile(
    r"\b(?:cheap(?:er|est)?|günstig\w{0,4}|billig\w{0,4}|(?:pas|moins) cher|barat[oa]s?|economic[oa]"
    r"|goedkoop\w{0,3}|goedkoper)\b",
    re.IGNORECASE,
)
# Who asks so names one thing: "is Rebecca in stock", "haben Sie Dune auf Lager", "anything by Stephen King".
_ASKS_FOR_ONE = (
    r"is there a (?:sequel|prequel) to|who (?:wrote|published)|who is the (?:author|publisher) of|when was"
    r"|how many pages (?:does|has|are in)|what language is|what(?:'s| is) the isbn of|wer (?:hat|schrieb)"
    r"|wann (?:ist|wurde)|wie viele seiten hat|qui a écrit|quién escribió|chi ha scritto|wie schreef"
    r"|quem escreveu|i(?:'d like| would like| want) to (?:buy|order)"
    r"|do (?:you|u) (?:have|sell|carry|stock)|have you got|you have|got|is|how much (?:is|does|for)|what does"
    r"|(?:what is the )?price of|can i (?:buy|get|order)|(?:i(?: am|'m)? )?looking for"
    r"|haben sie|habt ihr|gibt es|ist|was kostet|avez[- ]vous|vous avez|combien coûte|c'est combien"
    r"|tienen|tenéis|tiene|cuánto cuesta|avete|quanto costa|hebben jullie|hebt u|wat kost|têm|tem"
    r"|quanto custa"
)
_WHETHER_IT_IS_THERE = (
    r"(?:back |still )?(?:in stock|available|sold out|cost)|in the shop|from you|please|auf lager|vorrätig"
    r"|(?:first )?(?:published|written|released)|have|in|geschrieben|erschienen"
    r"|verfügbar|en stock|disponible|en existencias|disponibile|in magazzino|op voorraad|disponível|em stock"
)
_ONE_THING = re.compile(
    rf"(?:^|[.!?,]\s{{1,3}})(?:(?:hi|hello|hey|and|so) )?(?:{_ASKS_FOR_ONE})\s{{1,3}}"
    r"(?:(?:any |a |the )?cop(?:y|ies) of |the (?:new|latest|newest) (?:(?:book|novel|one) by )?"
    r"(?-i:(?=[A-Z]))|(?:the book|das buch|le livre|el libro|il libro|het boek) )?"
    rf"(?P<name>[^?!.\n]{{2,80}}?)(?:\s{{1,3}}(?:{_WHETHER_IT_IS_THERE})){{0,3}}\s{{0,3}}[?!.]{{0,3}}\s{{0,3}}$",
    re.IGNORECASE,
)
_BY_SOMEBODY = re.compile(
    r"\b(?:by|von|par|por|di|door)\s{1,3}(?P<name>[^?!.,\n]{3,60}?)\s{0,3}[?!.]{0,3}\s{0,3}$", re.IGNORECASE
)
# What stands behind "by" and wrote no book: "por favor", "by the pool", "by Friday", "by card".
_NOBODY = re.compile(
    r"\b(?:the|a|an|my|your|me|it|now|then|next|today|tonight|tomorrow|noon|morning|evening|night|week\w*|month"
    r"|\w{3,6}day|christmas|e?-?mail|post|phone|card|chance|name|title|price|genre|rating|der|die|das|dem|den|mir"
    r"|montag|dienstag|mittwoch|donnerstag|freitag|samstag|sonntag|heute|morgen|weihnachten|le|la|les|un|une"
    r"|exemple|mail|lundi|mardi|mercredi|jeudi|vendredi|samedi|dimanche|demain|noël|favor|favore|ejemplo|el|los"
    r"|lunes|martes|miércoles|jueves|viernes|sábado|domingo|mañana|navidad|il|lo|esempio|domani|natale|exemplo"
    r"|amanhã|natal|het|een|de|morgen|kerst)\b",
    re.IGNORECASE,
)
_MOST_NAMES = 4
# Words of a wish that many things fulfil.
_MANY_THINGS = re.compile(
    r"\b(?:it|this|that|these|those|they|one|something|anything|any|some|a|an|books?|novels?|stories|titles?"
    r"|for|about|like|new|good|best|similar|etwas|ein|eine|einen|bücher|buch|romane?|für|über|wie|livres?"
    r"|romans?|pour|un|une|des|libros?|novelas?|para|una|unos|libri|romanzi|per|boeken|een|voor|over|livros?"
    r"|um|uma|sobre)\b",
    re.IGNORECASE,
)
_TELLS_NOTHING = re.compile(
    r"[^\w]+|\b(?:what|whats|which|who|is|are|s|the|your|a|an|one|ones|book|books|novel|novels|you|do|have|got|sell|in"
    r"|stock|me|my|i|want|need|show|recommend|suggest|give|something|anything|any|some|please|of|them|that|these"
    r"|was|ist|euer|eure|ihr|das|die|der|buch|bücher|mir|etwas|zeig|quel|quels|est|sont|le|la|les|livre|livres|vos|votre"
    r"|cuál|cual|es|el|libro|libros|qual|è|il|libri|wat|het|boek|boeken|livro|livros|o|os)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Wishes:
    """Bounds in the catalogue's currency and in stars of 5; `like` wants others than the titles it names.

    `name` is what somebody wants who asks for one thing, in their own words, and `author` who wrote it;
    `about` says that words are left which tell what it is about. `refused` is what they do not want.

    `words` is the query without what was read out of it, for a search by words and by meaning.
    """

    words: str
    price_from: float = 0.0
    price_to: float = DEAREST
    rating_from: float = 0.0
    like: bool = False
    cheapest: bool = False
    name: str = ""
    author: str = ""
    about: bool = False
    refused: str = ""


def read_wishes(query: str) -> Wishes:
    """What the query wishes; only its beginning is read. Bounds are inclusive."""
    text = query[:LONGEST_READ]
    low, high, stars = 0.0, DEAREST, 0.0
    if found := _BETWEEN.search(text):
        low, high = sorted((_number(found["low"]), _number(found["high"])))
        text = _without(text, found)
    if found := _UNDER.search(text):
        high = min(high, _number(found["under"]) - (_CENT if found["strict"] else 0.0))
        text = _without(text, found)
    if found := _STARS.search(text):
        stars = _number(found["stars"] or found["rated"])
        text = _without(text, found)
    if found := _OVER.search(text):
        low = max(low, _number(found["over"]))
        text = _without(text, found)
    text, refused = split_refused(text)
    like, cheapest = bool(_LIKE.search(text)), bool(_CHEAP.search(text))
    author = _somebody(text)
    name = "" if author or like else _one_thing(text)
    about = bool(_TELLS_NOTHING.sub(" ", _CHEAP.sub(" ", text)).strip())
    bounds = (text.strip(), low, high, stars)
    return Wishes(
        *bounds, like=like, cheapest=cheapest, name=name, author=author, about=about, refused=refused
    )


def _somebody(text: str) -> str:
    found = _BY_SOMEBODY.search(text)
    if found is None or _NOBODY.search(found["name"]):
        return ""
    return found["name"] if len(found["name"].split()) <= _MOST_NAMES else ""


def _one_thing(text: str) -> str:
    found = _ONE_THING.search(text)
    return found["name"] if found and not _MANY_THINGS.search(found["name"]) else ""


def _number(written: str) -> float:
    known = _NUMBER_WORDS.get(written.lower())
    return float(written.replace(",", ".")) if known is None else known


def _without(text: str, found: re.Match[str]) -> str:
    return f"{text[: found.start()]} {text[found.end() :]}"
