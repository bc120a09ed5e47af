"""Consent: whether a short message is a plain yes or a plain no, by rules that no model can veto."""

from __future__ import annotations

from typing import Final, Literal

from desk.routing.person import plain

_YES: Final = frozenset(
    (
        *("yes", "yep", "yeah", "yup", "sure", "ok", "okay", "confirm", "confirmed", "do it", "go ahead"),
        *("please do", "yes please", "yes do it", "yes i confirm", "i confirm", "correct", "agreed", "fine"),
        *("ja", "jawohl", "ja bitte", "ja gerne", "gerne", "bestaetigt", "bestaetigen", "ich bestaetige"),
        "einverstanden",
        *("oui", "oui merci", "oui s il vous plait", "d accord", "je confirme", "confirmer", "bien sur"),
        *("si", "si por favor", "vale", "de acuerdo", "confirmo", "claro", "adelante"),
        *("si grazie", "si prego", "va bene", "d accordo", "confermo", "certo"),
        *("ja graag", "akkoord", "bevestig", "ik bevestig", "prima", "is goed", "doe maar"),
        *("sim", "sim por favor", "esta bem", "pode ser", "concordo"),
    )
)
_NO: Final = frozenset(
    (
        *("no", "nope", "nah", "no thanks", "no thank you", "cancel", "stop", "don t", "do not"),
        *("rather not", "not now"),
        *("nein", "nein danke", "lieber nicht", "abbrechen", "nicht jetzt"),
        *("non", "non merci", "annuler", "pas maintenant"),
        *("no gracias", "cancelar", "mejor no", "ahora no"),
        *("no grazie", "annulla", "meglio di no", "non ora"),
        *("nee", "nee bedankt", "liever niet", "annuleren", "nu niet"),
        *("nao", "nao obrigado", "nao obrigada", "agora nao"),
    )
)
_SIGNS: Final = {"👍": "yes", "✅": "yes", "👎": "no", "❌": "no"}
_LONGEST = 40


def consent(text: str) -> Literal["yes", "no"] | None:
    """What the whole message says; None when it says anything else, or something more."""
    if len(text) > _LONGEST:
        return None
    sign = _SIGNS.get(text.strip().rstrip("\N{VARIATION SELECTOR-16}"))
    if sign is not None:
        return "yes" if sign == "yes" else "no"
    said = plain(text)
    if said in _YES:
        return "yes"
    return "no" if said in _NO else None
