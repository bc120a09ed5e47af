"""Canaries: valid values of every structured type, each made once, and the spellings they are written in."""

from __future__ import annotations

import base64
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from urllib.parse import quote

from desk.privacy import checksums

_IBANS = {"DE": 18, "GB": 18, "FR": 23, "NL": 14, "ES": 20, "IT": 23, "AT": 16, "PL": 24}
_BANK_LETTERS = {"GB": 4, "NL": 4, "IT": 1}
_DNI = "TRWAGMYFPDXBNJZSQVHLCKE"
_DIGITS = "0123456789"


@dataclass(frozen=True, slots=True)
class Canary:
    """One value: its type, as people write it, and where they part it into groups."""

    kind: str
    value: str

    @property
    def compact(self) -> str:
        """Its letters and digits alone, or all of an address."""
        if self.kind in ("EMAIL", "IP_ADDRESS", "URL"):
            return self.value
        return "".join(char for char in self.value if char.isalnum())


def make(count: int, seed: int = 11) -> Iterator[Canary]:
    """So many canaries, of all kinds in turn, none twice."""
    chance = random.Random(seed)
    made: set[str] = set()
    while len(made) < count:
        kind, build = _KINDS[len(made) % len(_KINDS)]
        canary = Canary(kind, build(chance))
        if canary.compact not in made:
            made.add(canary.compact)
            yield canary


def _digits(chance: random.Random, count: int) -> str:
    return "".join(chance.choices(_DIGITS, k=count))


def _grouped(text: str, *sizes: int) -> str:
    parts, at = [], 0
    for size in sizes:
        parts.append(text[at : at + size])
        at += size
    return " ".join(part for part in [*parts, text[at:]] if part)


def _card(chance: random.Random) -> str:
    prefix, length = chance.choice((("4", 16), ("51", 16), ("37", 15), ("6011", 16)))
    body = prefix + _digits(chance, length - len(prefix) - 1)
    whole = next(body + digit for digit in _DIGITS if checksums.luhn(body + digit))
    return _grouped(whole, 4, 6, 5) if length == 15 else _grouped(whole, 4, 4, 4, 4)


def _iban(chance: random.Random) -> str:
    country = chance.choice(sorted(_IBANS))
    letters = _BANK_LETTERS.get(country, 0)
    bank = "".join(chance.choices("ABCDEFGHJKLMNPRSTUVWXYZ", k=letters))
    body = bank + _digits(chance, _IBANS[country] - letters)
    key = next(f"{n:02}" for n in range(2, 99) if checksums.iban(f"{country}{n:02}{body}"))
    return _grouped(f"{country}{key}{body}", *[4] * 9)


def _email(chance: random.Random) -> str:
    name = "".join(chance.choices("abcdefghijklmnopqrstuvwxyz", k=9))
    host = chance.choice(("example.org", "mail.example.net", "example.co.uk"))
    return f"{name}.{chance.randint(100, 9999)}@{host}"


def _phone(chance: random.Random) -> str:
    match chance.randint(0, 2):
        case 0:
            return f"+44 20 7{_digits(chance, 3)} {_digits(chance, 4)}"
        case 1:
            return f"+49 30 {chance.randint(100, 999)} {_digits(chance, 5)}"
        case _:
            return f"+1 212 {chance.randint(200, 999)} {_digits(chance, 4)}"


def _ssn(chance: random.Random) -> str:
    return f"{chance.randint(100, 665)}-{chance.randint(10, 99)}-{chance.randint(1000, 9999)}"


def _national(chance: random.Random) -> str:
    number = chance.randint(10_000_000, 99_999_999)
    return f"{number}{_DNI[number % 23]}"


def _ip(chance: random.Random) -> str:
    if chance.random() < 0.3:
        return "2001:db8:" + ":".join(f"{chance.randint(4096, 65535):x}" for _ in range(6))
    return ".".join(str(chance.randint(100, 254)) for _ in range(4))


def _url(chance: random.Random) -> str:
    secret = "".join(chance.choices("abcdefghjkmnpqrstuvwxyz23456789", k=16))
    return f"https://shop.example/reset?token={secret}"


_KINDS: tuple[tuple[str, Callable[[random.Random], str]], ...] = (
    ("CREDIT_CARD", _card),
    ("IBAN", _iban),
    ("EMAIL", _email),
    ("PHONE", _phone),
    ("SSN", _ssn),
    ("NATIONAL_ID", _national),
    ("IP_ADDRESS", _ip),
    ("URL", _url),
)

_WIDE = {code: code + 0xFEE0 for code in range(0x21, 0x7F)}
_ARABIC = str.maketrans(_DIGITS, "٠١٢٣٤٥٦٧٨٩")
_BOLD = str.maketrans(_DIGITS, "𝟎𝟏𝟐𝟑𝟒𝟓𝟔𝟕𝟖𝟗")
_SPOKEN = dict(
    zip(
        _DIGITS, ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"], strict=True
    )
)


def _parted(sign: str) -> Callable[[Canary], str]:
    """Another sign between the groups; a value without groups stays as it is."""
    return lambda canary: canary.value.replace(" ", sign)


# What the promise covers: every type in each of these, as they only differ in signs, marks and escapes.
PROMISED: dict[str, Callable[[Canary], str]] = {
    "plain": lambda canary: canary.value,
    "no gaps": _parted(""),
    "hyphens": _parted("-"),
    "dots": _parted("."),
    "hard spaces": _parted("\u00a0"),
    "upper case": lambda canary: canary.value if canary.kind == "URL" else canary.value.upper(),
    "lower case": lambda canary: canary.value.lower(),
    "wide letters": lambda canary: canary.value.translate(_WIDE),
    "invisible signs": lambda canary: "\u200b".join(canary.value),
    "Arabic digits": lambda canary: canary.value.translate(_ARABIC),
    "bold digits": lambda canary: canary.value.translate(_BOLD),
    "percent escapes": lambda canary: quote(canary.value, safe=""),
    "HTML escapes": lambda canary: "".join(
        char if char.isalpha() else f"&#{ord(char)};" for char in canary.value
    ),
    "in JSON": lambda canary: f'{{"value": "{canary.value}"}}',
}
# What it does not cover, measured all the same.
UNPROMISED: dict[str, Callable[[Canary], str]] = {
    "a line break": lambda canary: canary.value.replace(" ", "\n", 1),
    "a space between all": lambda canary: " ".join(canary.compact),
    "digits in words": lambda canary: " ".join(_SPOKEN.get(char, char) for char in canary.compact),
    "backwards": lambda canary: canary.value[::-1],
    "base64": lambda canary: base64.b64encode(canary.value.encode()).decode(),
}
