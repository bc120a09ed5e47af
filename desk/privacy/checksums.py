"""Check digits of payment cards, bank accounts and national identity numbers."""

from __future__ import annotations

from itertools import accumulate
from string import ascii_uppercase

_DOUBLED = bytes.maketrans(
    b"\x00\x01\x02\x03\x04\x05\x06\x07\x08\x09", b"\x00\x02\x04\x06\x08\x01\x03\x05\x07\x09"
)
_TO_VALUES = bytes.maketrans(b"0123456789", bytes(range(10)))
_DNI_LETTERS = "TRWAGMYFPDXBNJZSQVHLCKE"
_FISCAL_VALUES = (
    1,
    0,
    5,
    7,
    9,
    13,
    15,
    17,
    19,
    21,
    2,
    4,
    18,
    20,
    11,
    3,
    6,
    8,
    12,
    14,
    16,
    10,
    22,
    25,
    24,
    23,
)
# The value of a sign at an odd place; digits have those of the first ten letters.
_FISCAL_ODD = {chr(65 + index): value for index, value in enumerate(_FISCAL_VALUES)} | {
    str(index): value for index, value in enumerate(_FISCAL_VALUES[:10])
}

_BASE_36 = str.maketrans({letter: str(10 + place) for place, letter in enumerate(ascii_uppercase)})


def luhn(digits: str) -> bool:
    """The check of payment cards (ISO/IEC 7812-1) and Swedish personal numbers."""
    values = digits.encode().translate(_TO_VALUES)
    return (sum(values[-1::-2]) + sum(values[-2::-2].translate(_DOUBLED))) % 10 == 0


def luhn_sums(digits: str) -> tuple[list[int], list[int]]:
    """Running sums for windows that end at an even, and at an odd index.

    `digits[start:end]` passes Luhn if the sums at `end` and `start` differ by a multiple of ten.
    """
    values = digits.encode().translate(_TO_VALUES)
    doubled = values.translate(_DOUBLED)
    even, odd = bytearray(values), bytearray(doubled)
    even[1::2], odd[1::2] = doubled[1::2], values[1::2]
    # A window's last digit is not doubled: one that ends before an even index has its odd ones as they are.
    return [0, *accumulate(odd)], [0, *accumulate(even)]


def iban(account: str) -> bool:
    """The check of an IBAN without separators, upper case (ISO 7064 mod 97-10)."""
    return int((account[4:] + account[:4]).translate(_BASE_36)) % 97 == 1


def weighted(digits: str, weights: tuple[int, ...], modulus: int) -> int:
    """Sum of digit times weight, modulo `modulus`; `weights` may be shorter than the digits."""
    return sum(int(digit) * weight for digit, weight in zip(digits, weights, strict=False)) % modulus


def nino(number: str) -> bool:
    """British National Insurance number: no check digit, but prefixes that are never given."""
    return number[:2] not in {"BG", "GB", "KN", "NK", "NT", "TN", "ZZ"}


def dni(number: str) -> bool:
    """Spanish DNI or NIE: eight digits (the NIE's first may be X, Y, Z) and a letter."""
    return _DNI_LETTERS[int(number[:-1].translate(str.maketrans("XYZ", "012"))) % 23] == number[-1]


def codice_fiscale(code: str) -> bool:
    """Italian tax code of 16 characters."""
    total = sum(_FISCAL_ODD[char] for char in code[0:15:2])
    total += sum(int(char) if char.isdigit() else ord(char) - 65 for char in code[1:15:2])
    return chr(65 + total % 26) == code[15]


def nir(number: str) -> bool:
    """French social security number: 13 digits (2A, 2B for Corsica) and a two-digit key."""
    body = number[:13].replace("2A", "19").replace("2B", "18")
    return 97 - int(body) % 97 == int(number[13:])


def steuer_id(digits: str) -> bool:
    """German tax number of 11 digits (ISO 7064 mod 11,10); one digit stands two or three times."""
    counts = sorted(digits[:10].count(digit) for digit in set(digits[:10]))
    if digits[0] == "0" or counts[-1] not in {2, 3}:
        return False
    product = 10
    for digit in digits[:10]:
        product = ((int(digit) + product) % 10 or 10) * 2 % 11
    return (11 - product) % 10 == int(digits[10])


def pesel(digits: str) -> bool:
    """Polish PESEL of 11 digits."""
    return weighted(digits, (1, 3, 7, 9, 1, 3, 7, 9, 1, 3, 1), 10) == 0


def bsn(digits: str) -> bool:
    """Dutch citizen service number of nine digits."""
    return weighted(digits, (9, 8, 7, 6, 5, 4, 3, 2, -1), 11) == 0


def rijksregister(digits: str) -> bool:
    """Belgian national register number of 11 digits, for births before and from 2000."""
    body, key = int(digits[:9]), int(digits[9:])
    return key in {97 - body % 97, 97 - (2_000_000_000 + body) % 97}


def cnp(digits: str) -> bool:
    """Romanian personal numeric code of 13 digits."""
    return weighted(digits, (2, 7, 9, 1, 4, 6, 3, 5, 8, 2, 7, 9), 11) % 10 == int(digits[12])
