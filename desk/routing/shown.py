"""What a message asks of things that were shown: which of them it means, and when one comes."""

from __future__ import annotations

import re
from typing import Final

from desk.routing.person import plain

# By place, in seven languages as `plain` spells them. "First" alone is an adverb, and "second" a time.
_PLACES: Final = (
    r"the (?:first|1st)|(?:number|no|nr) (?:1|one)|(?:das|die|den|der|dem) erste[nrs]?|(?:la|le) premiere?"
    r"|(?:el|la) primer[oa]|(?:il|la) prim[oa]|de eerste|[oa] primeir[oa]",
    r"the (?:second|2nd)|(?:number|no|nr) (?:2|two)|(?:das|die|den|der|dem) zweite[nrs]?"
    r"|(?:la|le) (?:deuxieme|seconde?)|(?:el|la) segund[oa]|(?:il|la) second[oa]|de tweede|[oa] segund[oa]",
    r"the (?:third|3rd)|(?:number|no|nr) (?:3|three)|(?:das|die|den|der|dem) dritte[nrs]?|(?:la|le) troisieme"
    r"|(?:el|la) tercer[oa]|(?:il|la) terz[oa]|de derde|[oa] terceir[oa]",
)
_LAST: Final = (
    r"the last|(?:das|die|den|der|dem) letzte[nrs]?|(?:la|le) derniere?|(?:el|la) ultim[oa]|l ultim[oa]"
    r"|de laatste|[oa] ultim[oa]"
)
_ONE_BY_PLACE: Final = tuple(
    re.compile(rf"\b(?:{place})(?: (?:one|book|title|buch|livre|libro|boek|livro))?\b")
    for place in (*_PLACES, _LAST)
)
_IT: Final = re.compile(
    r"\b(?:it|its|that one|this one|they|them|their|those|these|both|cela|celui la|celle ci|eso|este|questo"
    r"|deze|dit|isso)\b"
)
# "When does it arrive?", "wann kommt es an?", "has it shipped yet?": of a thing that was sent.
_ITS_COURSE: Final = re.compile(
    r"\b(?:(?:when|has|have|did|does|do|will|is|was|why|where)\b.{0,30}\b(?:it|they)\b.{0,30}"
    r"\b(?:arriv\w+|com(?:e|ing)|here|deliver\w+|ship|shipped|sent|dispatch\w+|get (?:here|there)|late"
    r"|delayed|on (?:its|the) way|now)"
    r"|when (?:will|do|can|should) (?:i|we) (?:get|receive|have|expect) (?:it|them)"
    r"|where (?:is|are) (?:it|they)|wo (?:ist|sind|bleibt|bleiben) (?:es|er|sie|das|die)"
    r"|(?:wann|warum|ist|sind|kommt|kommen|wurde)\b.{0,20}\b(?:es|sie|das|die)\b.{0,20}"
    r"\b(?:an|da|hier|unterwegs|verschickt|versandt|verspaetet|jetzt)"
    r"|quand (?:arrive\w*|vais je l[ae]? recevoir|est ce (?:qu il|qu elle|que ca) arrive\w*)"
    r"|ou est (?:il|elle)"
    r"|cuando (?:llega\w*|lo recib\w+)|donde esta|quando (?:arriva\w*|lo ricev\w+|chega\w*)|dov e"
    r"|wanneer (?:komt|krijg ik) (?:het|die|hij)|waar is (?:het|hij|ie)|onde esta)\b"
)
_FEW_WORDS: Final = 9


def which_listed(text: str, count: int) -> tuple[int, ...]:
    """The places in a list of `count` that a message names: "the second one", "das letzte"."""
    said = plain(text)
    *by_place, last = (place.search(said) for place in _ONE_BY_PLACE)
    meant = [place for place, found in enumerate(by_place) if found and place < count]
    if last and count:
        meant.append(count - 1)
    return tuple(dict.fromkeys(meant))


def means_what_was_shown(text: str) -> bool:
    """Whether a message speaks of "it" or "them"."""
    return bool(_IT.search(plain(text)))


def without_places(said: str) -> str:
    """Plain text without "the second one", "das letzte"."""
    for place in _ONE_BY_PLACE:
        said = place.sub(" ", said)
    return said


def asks_its_course(text: str) -> bool:
    """Whether a short message asks when a thing comes, or where it is: "when does it arrive?"."""
    said = plain(text)
    return len(said.split()) <= _FEW_WORDS and bool(_ITS_COURSE.search(said))
