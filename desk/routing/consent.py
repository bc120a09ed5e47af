"""Consent: whether a short message is a plain yes or a plain no, by rules that no model can veto."""

from __future__ import annotations

from typing import Final, Literal

from desk.routing.person import plain
from desk.routing.phrases import phrases, read_as

_YES: Final = phrases(
    """
    yes, yep, yeah, yea, yup, sure, ok, okay, confirm, confirmed, do it, do that, go ahead, go for it,
    please do, i confirm, correct, agreed, fine, of course, absolutely, definitely, sounds good, yes thanks,
    yes thank you, ja, jawohl, gerne, klar, genau, bestaetigt, bestaetigen, ich bestaetige, einverstanden,
    mach das, machen sie das, ja danke, oui, ouais, oui merci, d accord, je confirme, confirmer, bien sur,
    volontiers, allez y, si, vale, de acuerdo, confirmo, claro, adelante, si gracias, si grazie, va bene, d
    accordo, confermo, certo, certamente, proceda, graag, zeker, akkoord, bevestig, ik bevestig, prima, is
    goed, doe maar, sim, esta bem, pode ser, concordo, avance, sim obrigado, sim obrigada
    """
)
_NO: Final = phrases(
    """
    no, nope, nah, cancel, cancel it, cancel that, stop, don t, don t do it, don t do that, do not, do not do
    it, rather not, better not, not now, not yet, leave it, never mind, nevermind, forget it, forget about
    it, no need, skip it, i changed my mind, nein, lieber nicht, doch nicht, abbrechen, nicht jetzt, lass es,
    lass mal, lassen sie es, vergiss es, vergessen sie es, nicht noetig, non, annuler, pas maintenant,
    laissez tomber, laisse tomber, pas la peine, finalement non, cancelar, mejor no, ahora no, dejalo,
    dejelo, no hace falta, annulla, meglio di no, non ora, lascia perdere, lasci perdere, lasci stare, non
    serve, nee, liever niet, annuleren, nu niet, laat maar, hoeft niet, toch niet, nao, agora nao, deixe,
    deixa, esqueca, nao e preciso
    """
)
_PLEASE: Final = phrases(
    "please, bitte, s il vous plait, por favor, per favore, prego, alstublieft, alsjeblieft, se faz favor"
)
# Beside a no. "Ok thanks" takes leave as often as it agrees, so it is no yes.
_THANKS: Final = phrases(
    """
    thanks, thank you, thx, danke, merci, gracias, grazie, bedankt, dank u, obrigado, obrigada, wait, sorry
    """
)
_KNOWN: Final = _YES | _NO | _PLEASE | _THANKS
# Said of what one has heard as often as of what one wants.
_HEARD: Final = phrases(
    "ok, okay, fine, sure, klar, d accord, vale, claro, va bene, prima, is goed, esta bem"
)
_SIGNS: Final = {"👍": "ok", "✅": "ok", "👎": "no", "❌": "no"}
_LONGEST: Final = 60


def consent(text: str) -> Literal["yes", "no"] | None:
    """What the whole message says; None when it says anything else, or something more."""
    return _side(_said(text))


def says_yes(text: str) -> bool:
    """Whether the whole message is a yes, and more than the "ok" of somebody who has heard."""
    said = _said(text)
    return _side(said) == "yes" and any(phrase in _YES and phrase not in _HEARD for phrase in said)


def _said(text: str) -> list[str]:
    """The phrases of a message that holds nothing but these."""
    if len(text) > _LONGEST:
        return []
    words = _SIGNS.get(text.strip().rstrip("\N{VARIATION SELECTOR-16}")) or plain(text)
    return read_as(words.split(), _KNOWN) or []


def _side(said: list[str]) -> Literal["yes", "no"] | None:
    agrees, refuses = any(one in _YES for one in said), any(one in _NO for one in said)
    if refuses:
        return None if agrees and said[-1] not in _NO else "no"
    return "yes" if agrees and not any(one in _THANKS for one in said) else None
