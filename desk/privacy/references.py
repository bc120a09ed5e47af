"""Finds what only looks personal and must survive: order, invoice, item and tracking numbers, and ids."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache

from desk.errors import InvalidInput
from desk.privacy.normalise import small
from desk.privacy.spans import Found
from desk.privacy.verdicts import Verdicts

_NOUN = (
    r"(?:orders?|ordr|oder|purchases?|invoices?|bills?|receipts?|items?|products?|articles?|tracking|shipment|parcel"
    r"|package|ref(?:erence)?|tickets?|case|sku|isbn|ean|asin|serial|model|part|po|rma|return|refund|quote"
    r"|bestell\w{0,8}|rechnung\w{0,8}|commande|facture|pedido|factura|ordine|fattura|zamowieni\w|encomenda|transaction)"
)
# Read on the text in small letters, so that the engine skips to where a noun may begin.
_CONTEXTUAL = re.compile(
    rf"{_NOUN}[\s'\"_]{{0,3}}(?:(?:id|ids|no|nr|num|number|numbers|nummer|code|numero)\b\.?)?"
    r"(?:\s{0,3}\b(?:is|was|are|of|with|called|the|my)\b){0,3}[\s:=#'\"(\[.-]{0,5}"
    # Six digits are written in two threes; more groups might be a telephone number.
    r"(?P<ids>\d{3}\s\d{3}(?!\w|[\s-]?\d)|#?[a-z]{0,5}[_-]?\d[\w-]{2,39}(?:(?:['\"]?\s?[,;&]\s?['\"]?|\s(?:and|or|und|et|y|e)\s){1,2}#?[a-z]{0,5}-?\d[\w-]{2,39}){0,9})"
)
_EXPLICIT = {
    "#": re.compile(r"#(?<![\w#].)\s?[A-Za-z]{0,4}-?[0-9][\w-]{1,39}"),
    "-": re.compile(r"[A-Za-z](?<![\w-].)[A-Za-z]{1,5}-[0-9][\w-]{2,39}"),
    "_": re.compile(r"[a-z](?<!\w.)[a-z]{2,11}(?:_[a-z]{2,12}){0,2}_[0-9]{3,20}\b"),
}
# Begins with a class and looks back from its end: so the engine skips to where a token may begin.
_TOKEN = re.compile(r"[#A-Za-z_\d-](?<![\w#-].)(?:(?<=\d)|(?<!\d)[#A-Za-z_-]{0,11}\d)[\w-]{0,40}(?![\w-])")
_LONGEST_PATTERN = 100
_SLOW = re.compile(r"\)[*+{]|(?:[*+}].*){5}")


def find_references(text: str, patterns: Sequence[str]) -> Iterator[Found]:
    """References that a word, a `#`, a prefix or a tenant's pattern names; they carry no type."""
    yield from _find_named(text)
    for sign, pattern in _EXPLICIT.items():
        if sign in text:
            for match in pattern.finditer(text):
                yield Found(match.start(), match.end(), None)
    if patterns:
        order = compile_order_patterns(tuple(patterns))
        are_orders = Verdicts(order.fullmatch)
        for match in _TOKEN.finditer(text):
            if are_orders[match.group()]:
                yield Found(match.start(), match.end(), None)


def _find_named(text: str) -> Iterator[Found]:
    """What follows a noun; the nouns begin where a word does, or behind an underscore."""
    lowered = small(text)
    at = 0
    while match := _CONTEXTUAL.search(lowered, at):
        at = match.start() + 1
        if not lowered[at - 2 : at - 1].isalnum():
            at = match.end()
            yield Found(match.start("ids"), match.end("ids"), None)


@lru_cache(maxsize=1024)
def compile_order_patterns(patterns: tuple[str, ...]) -> re.Pattern[str]:
    """One pattern for a tenant's order numbers; InvalidInput if one is malformed or could run long."""
    for pattern in patterns:
        if len(pattern) > _LONGEST_PATTERN or _SLOW.search(pattern):
            raise InvalidInput(
                "An order pattern is one plain form such as `#W\\d{7}`, without repeated groups."
            )
    try:
        for pattern in patterns:
            re.compile(pattern)
        return re.compile("|".join(f"(?:{pattern})" for pattern in patterns), re.IGNORECASE)
    except (re.error, OverflowError) as error:
        raise InvalidInput(f"An order pattern is not a regular expression: {error}.") from None
