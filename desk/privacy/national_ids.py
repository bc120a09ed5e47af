"""Finds social security and national identity numbers by form, check digits and the words before them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from desk.privacy import checksums
from desk.privacy.spans import EntityType, Found

# Digits as a scanner or a joker writes them.
_D = "[0-9OoIlSBZ]"
_SSN = re.compile(rf"{_D}(?<![\w-].){_D}{{2}}(?P<sep>[.-]){_D}{{2}}(?P=sep){_D}{{4}}(?![\w-])")
_LABELLED_SSN = re.compile(
    rf"(?i)(?:ssn|social security|soc sec)[^\d\n]{{0,24}}?"
    rf"(?P<number>\b{_D}{{3}}[ ./-]{{0,2}}{_D}{{2}}[ ./-]{{0,2}}{_D}{{4}})(?![\w-])"
)
_MEDICAL = re.compile(r"(?i)\bMRN\b[ #:.-]{0,4}(?:\bMRN\b[ #:.-]{0,4})?\d{4,12}\b")
_LABEL = re.compile(
    r"(?i)(?:\b(?:nino|dni|nie|pesel|bsn|nir|insee|cnp|idnr|tax (?:id|number)|id card|personnummer)\b"
    r"|national (?:id|insurance|identity)|social security|steuer|codice fiscale|securite sociale"
    r"|rijksregister|burgerservice|identity (?:card|number))[^\n\d]{0,32}$"
)
_LABEL_SIGNS = (
    *(
        "nino",
        "dni",
        "nie",
        "pesel",
        "bsn",
        "nir",
        "insee",
        "cnp",
        "idnr",
        "tax",
        "id card",
        "personnummer",
        "national",
    ),
    *("social sec", "steuer", "fiscale", "sociale", "rijksreg", "burgerserv", "identity"),
)
_CONTEXT = 64
_DIGITS_NEEDED = 6  # of nine in a scanned number; fewer is a word with hyphens

_Check = Callable[[str], bool]
# Read on the upper-case text.
_UNLABELLED: tuple[tuple[re.Pattern[str], _Check], ...] = (
    (
        re.compile(r"[A-CEGHJ-PR-TW-Z](?<!\w.)[A-CEGHJ-NPR-TW-Z] ?[0-9]{2} ?[0-9]{2} ?[0-9]{2} ?[A-D]\b"),
        checksums.nino,
    ),
    (re.compile(r"[0-9XYZ](?<!\w.)[ -]?[0-9]{7}[ -]?[A-Z]\b"), checksums.dni),
    (
        re.compile(r"[A-Z](?<!\w.)[A-Z]{5}[0-9L-V]{2}[A-EHLMPRST][0-9L-V]{2}[A-Z][0-9L-V]{3}[A-Z]\b"),
        checksums.codice_fiscale,
    ),
    (
        re.compile(
            r"[12](?<!\w.) ?[0-9]{2} ?(?:0[1-9]|1[0-2]|[2-9][0-9]) ?(?:[0-9]{2}|2[AB]) ?[0-9]{3} ?[0-9]{3}"
            r" ?[0-9]{2}\b"
        ),
        checksums.nir,
    ),
    (re.compile(r"[0-9](?<![\w-].)[0-9](?:0[1-9]|1[0-2])(?:[0-2][0-9]|3[01])[-+][0-9]{4}\b"), checksums.luhn),
    (
        re.compile(r"[0-9](?<!\w.)[0-9]\.[0-9]{2}\.[0-9]{2}-[0-9]{3}\.[0-9]{2}\b"),
        checksums.rijksregister,
    ),
)
_LABELLED: dict[int, tuple[_Check, ...]] = {
    9: (checksums.bsn,),
    10: (checksums.luhn,),
    11: (checksums.steuer_id, checksums.pesel, checksums.rijksregister),
    13: (checksums.cnp,),
}
_NUMBER = re.compile(r"[0-9](?<![\w-].)(?:[ ./-]?\d){8,12}(?![\w-])")


def find_labelled_ids(text: str) -> Iterator[Found]:
    """Numbers that a word before them, or a form that nothing else has, proves to be identity numbers."""
    lowered = text.lower()
    yield from _find_ssns(text, lowered)
    if "mrn" in lowered:
        for match in _MEDICAL.finditer(text):
            yield Found(match.start(), match.end(), "MEDICAL_RECORD")
    if not any(sign in lowered for sign in _LABEL_SIGNS):
        return
    for match in _NUMBER.finditer(text):
        digits = _plain(match.group())
        checks = _LABELLED.get(len(digits), ())
        if any(check(digits) for check in checks) and _is_labelled(text, match.start()):
            yield Found(match.start(), match.end(), "NATIONAL_ID")


def _find_ssns(text: str, lowered: str) -> Iterator[Found]:
    for match in _SSN.finditer(text):
        if sum(char.isdigit() for char in match.group()) >= _DIGITS_NEEDED:
            yield Found(match.start(), match.end(), "SSN")
    if "ssn" in lowered or "soc" in lowered:
        for match in _LABELLED_SSN.finditer(text):
            yield Found(match.start("number"), match.end("number"), "SSN")


def find_checked_ids(text: str) -> Iterator[Found]:
    """Identity numbers whose form and check digits are enough without a word before them."""
    kind: EntityType = "NATIONAL_ID"
    upper = text.upper() if len(text.upper()) == len(text) else text
    for pattern, check in _UNLABELLED:
        for match in pattern.finditer(upper):
            if check(_plain(match.group())):
                yield Found(match.start(), match.end(), kind)


def _plain(number: str) -> str:
    return re.sub(r"[^0-9A-Z]", "", number.upper())


def _is_labelled(text: str, start: int) -> bool:
    return _LABEL.search(text, max(0, start - _CONTEXT), start) is not None
