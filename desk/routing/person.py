"""Tells a request for a person by fixed rules in seven languages: no model and no score can veto it."""

from __future__ import annotations

import re
import unicodedata

# Verb-ish openings and the person asked for, per language; both must stand near each other.
_ASK = (
    r"talk|speak|spaek|chat|connect|transfer|escalate|get|give|need|want|put|let|reach|contact|can i|may i"
    r"|sprech\w*|red\w{0,3}|verbind\w*|brauche|moechte|will|geben"
    r"|parler|discuter|veux|voudrais|passez|besoin"
    r"|hablar|quiero|necesito|paseme|comunicar\w*"
    r"|parlare|vorrei|voglio|passatemi|bisogno"
    r"|praten|spreken|wil|verbind|nodig"
    r"|falar|quero|preciso|passe"
)
_PERSON = (
    r"(?:real|actual|live|human|true)? ?(?:person|persn|human|humn|agent|agnet|representative|rep|operator"
    r"|advisor|adviser|colleague|someone|somebody|staff|employee|manager|supervisor|customer service"
    r"|support team)"
    r"|mensch\w*|mitarbeiter\w*|person|kollege\w*|kundendienst|berater\w*"
    r"|humain|conseiller|personne|agent|quelqu un|operateur"
    r"|persona|humano|agente|alguien|operador|asesor"
    r"|operatore|umano|qualcuno|addetto|consulente"
    r"|medewerker|mens|iemand|persoon"
    r"|pessoa|atendente|alguem|operador"
)
_REQUEST = re.compile(rf"\b(?:{_ASK})\b.{{0,30}}\b(?:{_PERSON})\b")
_BARE = re.compile(
    rf"(?:(?:a |an |the |real |live |human |eine?n? |une? |una |um |een )*(?:{_PERSON})"
    r"(?: please| bitte| por favor| svp| per favore| alstublieft)?"
    r"|not a (?:bot|robot|machine)|no (?:bot|robot)s?|kein (?:bot|roboter))"
)
# "Talk to someone about my book club" still wants a person; "contact the author" does not.
_NOT_A_REQUEST = re.compile(
    r"\b(?:person who|someone else s|for someone|about (?:a|the) person|personal|gift for"
    r"|book\w* (?:for|about))\b"
)
_NEXT_SENTENCE = re.compile(r"[.!?]\s+(?=[A-Z])")
# "Where is my parcel?? HUMAN!!"; what is asked there ("Is the hero a dog? Human?") is no request.
_LAST_WORDS = re.compile(r"[.!?\n]\s{0,3}(?P<words>[^.!?\n]{2,40})[.!\s]{0,9}$")
# Who is angry writes at length, and asks in the beginning or at the end.
_LONGEST = 400


def wants_person(text: str) -> bool:
    """Whether the customer asks to talk to a human being."""
    if len(text) > _LONGEST:
        return _asks(text[:_LONGEST]) or _asks(text[-_LONGEST:])
    return _asks(text)


def _asks(text: str) -> bool:
    said = plain(text)
    last = _LAST_WORDS.search(text[-60:])
    if _BARE.fullmatch(said) or (last and _BARE.fullmatch(plain(last["words"]))):
        return True
    # "Can I return it? My colleague asks." asks for nobody: what belongs together stands in one sentence.
    asked = any(_REQUEST.search(plain(sentence)) for sentence in _NEXT_SENTENCE.split(text))
    return asked and not _NOT_A_REQUEST.search(said)


def plain(text: str) -> str:
    """Lower case, without accents and punctuation, one space between words."""
    folded = text.casefold().replace("ö", "oe").replace("ü", "ue").replace("ä", "ae")
    stripped = "".join(c for c in unicodedata.normalize("NFKD", folded) if not unicodedata.combining(c))
    return " ".join(re.sub(r"[^\w]+", " ", stripped).split())
