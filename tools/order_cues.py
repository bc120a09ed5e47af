"""The words by which a number in a message is known to be an order number, or something else."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final, Literal

Cue = Literal["order", "other"]

# A word counts when it begins with a stem, so plurals and compounds (Bestellnummer) count too.
_ORDER_STEMS: Final = (
    *("order", "ordr", "bestel", "auftrag", "command", "pedido", "encomend", "ordine", "ordini", "ordinat"),
    *("compra", "purchase", "achat", "acquist", "aankoop"),
)
_OTHER_STEMS: Final = (
    *("phone", "telef", "mobil", "handynum", "whatsapp", "postcod", "postal", "postleit", "pincode"),
    *("voucher", "coupon", "promo", "gutschein", "verif", "invoice", "rechnung", "factur", "fattur"),
    *("fatura", "tracking", "sendung", "suivi", "seguim", "customer", "kunden", "client", "klant", "ticket"),
    "serial",
)
_OTHER_WORDS: Final = frozenset(
    (
        *("tel", "cell", "handy", "fax", "zip", "plz", "pin", "otp", "gift", "iban", "isbn", "sku", "case"),
        *("card", "cards", "karte", "tarjeta", "carte", "carta", "page", "pages", "seite", "seiten", "year"),
        *("bill", "bills", "receipt", "receipts", "quittung"),
    )
)
_UNITS: Final = frozenset(
    ("books", "copies", "pages", "people", "miles", "km", "kg", "points", "subscribers", "words", "times")
)
_COPULAS: Final = frozenset(("is", "was", "ist", "war", "est", "es", "é", "è"))

ORDER_REACH: Final = 6
OTHER_REACH: Final = 3


def kind_of(word: str) -> Cue | None:
    """What a single word says about the numbers near it."""
    folded = word.casefold()
    if folded.startswith(_ORDER_STEMS):
        return "order"
    return "other" if folded in _OTHER_WORDS or folded.startswith(_OTHER_STEMS) else None


def said_before(nearest_first: Iterable[str]) -> Cue | None:
    """What the words before a number say it is; the nearest one that says anything counts."""
    words = [word for word in nearest_first if not word.isdecimal()]
    for distance, word in enumerate(words[:ORDER_REACH]):
        kind = kind_of(word)
        if kind == "order" or (kind == "other" and distance < OTHER_REACH):
            return kind
    return None


def said_after(words: Sequence[str]) -> Cue | None:
    """What the words after a number say it is: a unit, or "is my postcode"."""
    if not words:
        return None
    if words[0].casefold() in _UNITS:
        return "other"
    if words[0].casefold() not in _COPULAS:
        return None
    return next((kind for word in words[1:] if (kind := kind_of(word))), None)
