"""Finds payment card numbers and bank accounts by their form and check digits."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from itertools import pairwise

from desk.privacy import checksums
from desk.privacy.normalise import small
from desk.privacy.spans import Found

_RUN = re.compile(r"[0-9](?:[ \t\n./_-]{0,2}[0-9]){11,}")
_NETWORKS: tuple[tuple[re.Pattern[str], frozenset[int]], ...] = (
    (re.compile(r"4"), frozenset({13, 16, 19})),
    (re.compile(r"5[1-5]|222[1-9]|22[3-9]|2[3-6]|27[01]|2720"), frozenset({16})),
    (re.compile(r"3[47]"), frozenset({15})),
    (re.compile(r"3(?:0[0-5]|095|[689])"), frozenset({14, 16})),
    (re.compile(r"35(?:2[89]|[3-8])"), frozenset({16, 17, 18, 19})),
    (re.compile(r"2131|1800"), frozenset({15})),
    (re.compile(r"6(?:011|22|4[4-9]|5)"), frozenset({16, 17, 18, 19})),
    (re.compile(r"5(?:0|[6-8])|6[0-9]"), frozenset({16, 18, 19})),
)
# The words before a number, read in small letters.
_CARD_WORD = re.compile(
    r"\b(?:card|visa|master ?card|amex|american express|maestro|debit|credit|karte|carte|tarjeta)\b"
    r"[^\d]{0,40}$"
)
_REFERENCE_WORD = re.compile(
    r"(?:order|invoice|tracking|ref|ticket|booking|shipment)[^\d]{0,24}$|(?<!card)(?<!card )#\s?$"
)
# No word is without one of these; looking for them first is much the quicker.
_CARD_SIGNS = ("card", "visa", "amex", "american", "maestro", "debit", "credit", "karte", "carte", "tarjeta")
_REFERENCE_SIGNS = ("order", "invoice", "tracking", "ref", "ticket", "booking", "shipment", "#")
_CARD_GROUPS = re.compile(
    r"\d{12,19}|\d{4}(?:\D{1,2}\d{4}){2,3}(?:\D{1,2}\d{1,4})?|\d{4}\D{1,2}\d{6}\D{1,2}\d{4,5}"
)
_MISTYPED = re.compile(r"[2-6]\d{3}(?:[ -]?\d{4}){3}(?![ -]?\d)|3\d{3}[ -]?\d{6}[ -]?\d{5}(?![ -]?\d)")
_CONTEXT = 64
_UNPARTED = str.maketrans("", "", " \t\n./_-")
_ANY_LENGTH = (16, 15, 19, 18, 17, 14, 13, 12)

_IBAN_START = re.compile(
    r"[A-Za-z](?<![A-Za-z0-9].)[A-Za-z][ .\n-]?[0-9][ .\n-]?[0-9](?=[ .\n-]?[A-Za-z0-9])"
)
_IBAN_LENGTHS = dict.fromkeys(("NO",), 15)
for _length, _countries in {
    16: "BE",
    18: "DK FI FO GL NL SD",
    19: "MK SI",
    20: "AT BA EE KZ LT LU XK MN",
    21: "CH HR LI LV",
    22: "BG BH CR DE GB GE IE ME RS VA",
    23: "AE GI IL IQ OM SO TL",
    24: "AD CZ ES MD PK RO SA SE SK TN VG",
    25: "LY PT ST",
    26: "IS TR",
    27: "BI DJ FR GR IT MC MR SM",
    28: "AL AZ BY CY DO GT HU LB NI PL SV",
    29: "BR EG PS QA UA",
    30: "JO KW MU YE",
    31: "MT SC",
    32: "LC",
    33: "RU",
}.items():
    _IBAN_LENGTHS |= dict.fromkeys(_countries.split(), _length)

_UNGROUPED = str.maketrans("", "", " .\n-")


def find_cards(text: str) -> Iterator[Found]:
    """Payment cards: of a known network and passing Luhn; after a card word any 12 to 19 digits that do."""
    for run in _RUN.finditer(text):
        mistyped = _MISTYPED.match(text, run.start())
        windows = list(_luhn_windows(run.group()))
        if not mistyped and not windows:
            continue
        before = small(text[max(0, run.start() - _CONTEXT - 8) : run.start()])
        called_card = _says(before, _CARD_SIGNS, _CARD_WORD)
        if not called_card and not any(known for _, _, known in windows):
            continue
        named_reference = _says(before, _REFERENCE_SIGNS, _REFERENCE_WORD)
        labelled = called_card and not named_reference
        free_from = 0
        if mistyped and labelled:  # grouped as a card too: a slip of the finger does not make it public
            free_from = mistyped.end() - run.start()
            yield Found(mistyped.start(), mistyped.end(), "CREDIT_CARD")
        for start, end, known in windows:
            if not (known or labelled):
                continue
            number = run.group()[start:end]
            # A number called a reference, or a fraction, is a card only in the grouping of cards.
            doubtful = named_reference or "." in number
            if start >= free_from and not (doubtful and not _CARD_GROUPS.fullmatch(number)):
                free_from = end
                yield Found(run.start() + start, run.start() + end, "CREDIT_CARD")


def find_ibans(text: str) -> Iterator[Found]:
    """Bank accounts: a country's exact number of characters, in any grouping, that pass mod 97."""
    for start in _IBAN_START.finditer(text):
        length = _IBAN_LENGTHS.get(start.group()[:2].upper())
        account = _account(length).match(text, start.start()) if length else None
        if account and checksums.iban(account.group().translate(_UNGROUPED).upper()):
            yield Found(account.start(), account.end(), "IBAN")


def _says(before: str, signs: tuple[str, ...], word: re.Pattern[str]) -> bool:
    """Whether the last characters of a text say such a word; some more of them are only looked back at."""
    begins = max(0, len(before) - _CONTEXT)
    return any(sign in before for sign in signs) and word.search(before, begins) is not None


def _luhn_windows(run: str) -> Iterator[tuple[int, int, bool]]:
    """Windows of a digit run that begin and end with a group, have a card's length and pass Luhn.

    The last tells whether a network has such numbers; else only the words before the run make one a card.
    """
    at = [index for index, char in enumerate(run) if "0" <= char <= "9"]
    digits = run.translate(_UNPARTED)
    sums = checksums.luhn_sums(digits)
    ends = [place for place, (here, after) in enumerate(pairwise(at), 1) if after > here + 1]
    ending = {*ends, len(at)}
    for start in (0, *ends):
        known = _lengths(digits[start : start + 4])
        for length in known if start else _ANY_LENGTH:
            end = start + length
            if end not in ending:
                continue
            running = sums[end % 2]
            if (running[end] - running[start]) % 10 == 0 and len(set(digits[start:end])) > 1:
                yield at[start], at[end - 1] + 1, length in known


@lru_cache(maxsize=10_000)
def _lengths(prefix: str) -> tuple[int, ...]:
    """How many digits a card that begins with these four may have; none for an unknown network."""
    known = frozenset[int]().union(*(lengths for network, lengths in _NETWORKS if network.match(prefix)))
    return tuple(length for length in _ANY_LENGTH if length in known)


@lru_cache(maxsize=64)
def _account(length: int) -> re.Pattern[str]:
    return re.compile(rf"(?:[ .\n-]{{0,2}}[A-Za-z0-9]){{{length}}}(?![A-Za-z0-9])")
