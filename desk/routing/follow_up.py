"""Tells a message that goes on with the one before by how it begins, and whether an answer speaks of it."""

from __future__ import annotations

import re
from typing import Final

from desk.routing.person import plain
from desk.routing.shown import without_places

FEW_WORDS: Final = 8
_FEWEST_LETTERS: Final = 4

_BEGINS: Final = re.compile(
    r"(?:and|or|but|also|then|what about|how about|what if|same for|also for"
    r"|und|oder|aber|auch|dann|was ist mit|wie sieht es mit|wie ist es mit|wie steht es mit"
    r"|et|ou|mais|qu en est il|et si|aussi"
    r"|y|o|pero|que tal|que pasa con|tambien"
    r"|e|ma|anche|che ne dite|che mi dite"
    r"|en|of|maar|ook|hoe zit het met|wat met"
    r"|mas|tambem|e quanto a"
    # A refusal: "not science fiction", "ohne Krimis".
    r"|not|without|nothing|nicht|ohne|keine?|pas de|sans|sin|senza|geen|zonder|sem)\b"
)
# "What's in it?", "which is the cheapest?", "she likes dragons": it speaks of what was shown before.
_POINTS: Final = re.compile(
    r"\b(?:it|its|they|them|their|that one|this one|those|these|cheaper|cheapest"
    r"|the (?:carrier|courier|price|author)|(?:i|we|he|she) (?:likes?|loves?|prefers?|enjoys?|hates?)"
    r"|was kostet (?:es|das)|was ist (?:da )?drin|der (?:spediteur|preis)|billig\w{2,4}|guenstig\w{2,4}"
    r"|(?:le )?moins cher|le (?:transporteur|prix)|c est combien|ca coute combien"
    r"|mas barat[oa]s?|cuanto cuesta eso|piu economic[oa]|quanto costa questo|goedkoper|goedkoopste"
    r"|wat kost (?:het|dat)|mais barat[oa]s?|quanto custa isso)\b"
)
# "Something else", "any others?": it wants what was not shown before.
_OTHERS: Final = re.compile(
    r"\b(?:(?:something|anything|what|any|some|which) (?:else|others?|more)|others|another(?: one)?"
    r"|etwas anderes|ein anderes|einen anderen|autre chose|d autres|un autre|otr[oa]s?|un altro|altri"
    r"|iets anders|een ander|outr[oa]s?)\b"
    r"|^(?:more|show more|mehr|weitere|encore|plus|mas|altro|ancora|meer|mais)(?: please| bitte)?$"
)
# "What is it about?", "worum geht es in Dune": it wants to know what stands in a thing.
_CONTENT: Final = re.compile(
    r"\bwhat (?:is|are|s|was)\b.{0,60}\babout\b|\btell me (?:more )?about\b"
    r"|\b(?:plot|synopsis|summary|blurb)\b|\b(?:worum|wovon)\b.{0,20}\b(?:geht|handelt)\b|\binhalt\b"
    r"|\bde quoi (?:parle|s agit|traite)\b"
    r"|\bresume\b|\bde que (?:trata|va)\b|\bdi (?:cosa|che) (?:parla|tratta)\b|\bwaar gaat\b.{0,60}\bover\b"
    r"|\b(?:sobre o que|do que (?:trata|fala))\b"
)
# "How many pages has it?", "is there a sequel?": what a catalogue seldom says.
_DETAILS: Final = re.compile(
    r"\b(?:pages|how long is|isbn|publish(?:ed|er)|was .{1,60} written|released|(?:se|pre)quel|edition"
    r"|hard ?(?:cover|back)|paperback|large print|illustrat\w+|translat\w+|what language|(?:what|which) age"
    r"|how old|suitable for|wie viele seiten|verlag|erschienen|fortsetzung|gebunden|taschenbuch|auflage"
    r"|ab welchem alter|(?:welcher|welche) sprache|combien de pages|editeur|la suite|relie|format poche"
    r"|quel age|quelle langue|cuantas paginas|editorial|secuela|tapa (?:dura|blanda)|que (?:edad|idioma)"
    r"|quante pagine|editore|copertina|che (?:eta|lingua)|hoeveel (?:pagina s|bladzijden)|uitgever"
    r"|welke (?:leeftijd|taal)|quantas paginas|editora|capa (?:dura|mole)|que (?:idade|lingua))\b"
)
# "To Canada?", "mit Express?": a preposition begins a follow-up of very few words.
_LEANS: Final = re.compile(
    r"(?:to|for|with|in|on|by|from|under|over|below|above|less than|more than|cheaper than|at least|at most"
    r"|nach|fuer|mit|bei|unter|ueber|pour|avec|vers|sous|moins de|plus de|para|con|menos de|mas de|per"
    r"|meno di|sotto|naar|voor|met|onder|minder dan|com)\b"
)
_FEWEST: Final = 4
_FEW_THAT_POINT: Final = 7
_LONGEST_THAT_POINTS: Final = 100
_EMPTY: Final = frozenset(
    (
        *("about", "also", "and", "does", "from", "have", "here", "how", "long", "many", "much", "same"),
        *("that", "then", "them", "there", "they", "this", "those", "take", "takes", "what", "when", "where"),
        *("which", "one", "ones", "with", "would", "your", "will", "work", "apply", "true", "case", "well"),
        *("auch", "dann", "eine", "einem", "einen", "einer", "fuer", "gilt", "geht", "kann", "oder", "sieht"),
        *("steht", "wenn", "ist", "sind", "aussi", "avec", "dans", "pour", "quel", "quelle", "sont", "vers"),
        *("como", "para", "pasa", "pero", "tambien", "anche", "come", "dite", "sono", "voor", "naar", "zijn"),
        *("quanto", "tambem", "sobre", "hoe", "zit", "wat"),
    )
)
_COST: Final = re.compile(
    r"\b(?:how much|cost|costs|price|expensive|kostet|kosten|teuer|combien|coute|cuesta"
    r"|cuanto|costa|kost|custa)\b"
)
_AMOUNT: Final = re.compile(r"[$€£]\s?\d")


def begins_like_one(text: str) -> bool:
    """Whether a short message begins as one does that goes on: "and to Canada?", "was ist mit Express?"."""
    words = plain(text)
    return 0 < len(words.split()) <= FEW_WORDS and bool(_BEGINS.match(words) or narrows(text))


def narrows(text: str) -> bool:
    """Whether very few words begin with a preposition, as what narrows a wish does: "for less than $10"."""
    words = plain(text)
    return words.count(" ") < _FEWEST and bool(_LEANS.match(words))


def points_back(text: str) -> bool:
    """Whether a short message speaks of a thing that was shown before: "what's in it?", "cheaper"."""
    if len(text) > _LONGEST_THAT_POINTS:
        return False
    words = plain(text)
    if words.count(" ") >= _FEW_THAT_POINT:
        return False
    return bool(_POINTS.search(words) or _OTHERS.search(words)) or without_places(words) != words


def says_nothing_alone(text: str) -> bool:
    """Whether what points back names nothing itself: "how much is it?", but not "can I return it?"."""
    if not points_back(text):
        return False
    return not _named(_COST.sub(" ", _OTHERS.sub(" ", _POINTS.sub(" ", without_places(plain(text))))))


def asks_only_its_cost(text: str) -> bool:
    """Whether a message asks what something costs and says nothing of what: "how much does that cost?"."""
    words = plain(text)
    return bool(_COST.search(words)) and not _named(_COST.sub(" ", words))


def asks_for_others(text: str) -> bool:
    """Whether a message wants other things than those that were shown: "something else", "any others?"."""
    return bool(_OTHERS.search(plain(text)))


def asks_for_content(text: str) -> bool:
    """Whether a message wants to know what something is about: "what is Dune about?"."""
    return bool(_CONTENT.search(plain(text)))


def asks_for_details(text: str) -> bool:
    """Whether a message asks of a thing what a catalogue seldom says: its pages, publisher or sequel."""
    return bool(_DETAILS.search(plain(text)))


def speaks_of(answer: str, text: str) -> bool:
    """Whether an answer holds all that the message asks about: its longer words, a price if it asks for one.

    A word counts in another form too, as long as it begins alike. A message that names nothing is spoken of
    by no answer.
    """
    said = plain(text)
    asks_cost = bool(_COST.search(said))
    said = _COST.sub(" ", said)
    named = _named(said)
    if asks_cost and not _AMOUNT.search(answer):
        return False
    words = [*plain(answer).split(), *plain(answer.replace("-", "")).split()]
    return (asks_cost or bool(named)) and all(
        any(word.startswith(name[: max(_FEWEST_LETTERS, len(name) - 2)]) for word in words) for name in named
    )


def _named(said: str) -> list[str]:
    return [word for word in said.split() if len(word) >= _FEWEST_LETTERS and word not in _EMPTY]
