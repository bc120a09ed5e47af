"""Denials: sentences that say what is not so, without those that only say that we do not know."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from graphs.grounding.content_words import content_words

DENYING: Final = frozenset(
    word
    for line in """
no not never none cannot without nothing neither nor nobody nowhere unavailable impossible unable excluded
excludes ineligible prohibited forbidden refuse refuses nicht kein keine keinen keinem keiner keines nie
niemals ohne ausgeschlossen ausgenommen pas jamais aucun aucune sans rien nunca ningún ninguna ninguno jamás
non nessun nessuna senza niet geen nooit zonder não nenhum nenhuma sem sin
""".splitlines()
    for word in line.split()
)
_DENIAL = re.compile(
    rf"\b(?:{'|'.join(sorted(DENYING, key=len, reverse=True))})\b|n't\b|\bnon-", re.IGNORECASE
)
_EXCEPT = re.compile(r"\b(?:except|außer|sauf|salvo|behalve|exceto|tranne)\b", re.IGNORECASE)
_YES = re.compile(r"\W*(?:yes|ja|oui|sí|sì|sim)\b", re.IGNORECASE)
_NUMERO = re.compile(r"\bno\.?\s*(?=#?\d)", re.IGNORECASE)
_HARMLESS = re.compile(
    # what we ourselves do not know or cannot do
    r"\bI(?:'m| am| do| did| could| can| have| was)? ?(?:not|n't|cannot|unable)\b"
    r"[^.;!?]*?(?=[.;!?]|, but\b|$)"
    r"|\bI (?:can|don|couldn|didn|haven|wasn)'t\b[^.;!?]*?(?=[.;!?]|, but\b|$)|\bI found (?:no|nothing)\b"
    r"|\b(?:sources?|passages?|help pages?|pages?|information|details?)\b[^.,;]{0,30}?"
    r"(?:do(?:es)? not|don't|doesn't|did not)\s+(?:say|mention|state|contain|include|cover|tell)"
    r"|\bthere is no (?:information|mention)\b|\bno (?:information|details?) (?:about|on)\b"
    r"|\bich\b[^.,;]{0,60}\b(?:nicht|kein\w*)|\bje n['e][^.,;]{0,50}\bpas\b"
    r"|\bno (?:he |pude |puedo |encontr|sé\b|tengo )|\bnon (?:ho |posso |so\b|sono )"
    r"|\bik\b[^.,;]{0,60}\b(?:niet|geen)|\bnão (?:encontrei|sei\b|posso|tenho|consegui)"
    # a condition, and phrases that deny nothing
    r"|\b(?:if|unless|when|whether|in case|wenn|falls|sofern|se|als|caso|cuando)\b[^.,;:!?]*"
    r"|\b(?:do not|don't|please do not) (?:worry|hesitate)|\bno (?:problem|worries|matter)\b|\bnot only\b"
    r"|\bwhy not\b|\bor not\b|\bnot sure\b|\bkein Problem\b|\bpas de (?:problème|souci)\b",
    re.IGNORECASE,
)
_CLAUSE = re.compile(
    r"[;:()–—]|,(?!\s*(?:and|or|und|oder|et|ou|y|e)\b)|\b(?:but|while|whereas|aber|mais|pero|ma|maar|mas)\b"
)
_LEADING = re.compile(r"^\W*(?:no|not|nein|non|no,|nee|não)\b\W*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Clause:
    """A part of a sentence by the stems of its words: it states, denies, or states after a "No,"."""

    words: frozenset[str]
    denies: bool
    answers_no: bool = False


def is_denial(word: str) -> bool:
    """Whether a single lower-case word may make a denial."""
    return word in DENYING or word.endswith("n't") or word.startswith("non-")


def denied_clauses(sentence: str) -> list[Clause]:
    """The clauses of an answer's sentence that deny something about the shop."""
    if sentence.rstrip().endswith("?"):
        return []
    stated = _HARMLESS.sub(" ", _NUMERO.sub(" ", sentence))
    return [clause for clause in clauses_in(stated) if clause.denies or clause.answers_no]


def clauses_in(sentence: str, *, of_source: bool = False) -> list[Clause]:
    """The clauses of a sentence; a "No," at its head belongs to the first. Sources deny by "except", too."""
    sentence = _NUMERO.sub(" ", sentence)
    lead = _LEADING.match(sentence)
    parts = _CLAUSE.split(sentence[lead.end() :] if lead else sentence)
    return [
        Clause(
            content_words(part),
            bool(_DENIAL.search(part) or (of_source and _EXCEPT.search(part))),
            bool(lead) and not index,
        )
        for index, part in enumerate(parts)
        if part.strip() or (lead and not index)
    ]


def affirms(text: str) -> bool:
    """Whether an answer begins with yes."""
    return _YES.match(text) is not None
