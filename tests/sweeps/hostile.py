"""P11: 64 KB of the worst that we could think of for each detector cost no more than 100 ms, and grow evenly.

Each piece, and pairs and threes of pieces drawn at random, is repeated up to 8, 16, 32 and 64 KB and scrubbed
against a vault that holds values already. The sizes take turns four times, so that what else the machine does
hits all alike; the best run of each counts, in time of the CPU.
"""

from __future__ import annotations

import random
import time
from itertools import pairwise

from desk.privacy.pseudonyms import scrub
from desk.privacy.vaults import Vault
from tests.measured.figures import Section
from tests.privacy.test_hostile_text import PIECES

SIZES = (8_192, 16_384, 32_768, 65_536)
RUNS = 4
MOST_SECONDS = 0.1
MOST_GROWTH = 3.0  # twice the text
TOO_SHORT = 0.005  # what takes less is not compared: the clock's grain would show
VAULT = Vault(
    {
        "[EMAIL_1]": "ann@example.org",
        "[PHONE_1]": "+44 20 7946 0958",
        "[CREDIT_CARD_1]": "4111 1111 1111 1111",
        "[IBAN_1]": "DE89 3704 0044 0532 0130 00",
        "[SSN_1]": "536-22-1234",
        "[PERSON_1]": "Ada Lovelace",
    }
)
# Near misses of what the vault holds, and beginnings of what each detector looks for.
MORE = (
    "4111 1111 ",
    "41-",
    "DE89 3704 ",
    "D.E.8.9.",
    "A\n",
    "ann at ",
    "+44 20 ",
    "Ada ",
    "5-3-6-2-2-",
    "\u0661 ",
)
PATTERNS = (r"\d{6}", r"#W\d{7}")
TERMS = frozenset({"Aa bb", "1 st"})


def measure(mixtures: int) -> Section:
    """P11, the time."""
    section = Section.of("P11", "Hostile text costs little", __doc__)
    chance = random.Random(64)
    pieces = [*PIECES, *MORE]
    texts = [*pieces, *("".join(chance.sample(pieces, chance.choice((2, 3)))) for _ in range(mixtures))]
    with section.timed():
        _seconds("phone 0123456789, 2125550187")
        measured = {piece: _best(piece) for piece in texts}
    of = f"{len(texts)} texts"
    worst = max(measured, key=lambda piece: measured[piece][-1])
    section.at_most("64 KB, worst", measured[worst][-1] * 1000, MOST_SECONDS * 1000, "ms", f"{of}; {worst!r}")
    growth = {
        piece: max(after / before for before, after in pairwise(took) if after > TOO_SHORT)
        for piece, took in measured.items()
        if took[-1] > TOO_SHORT
    }
    steepest = max(growth, key=lambda piece: growth[piece])
    section.at_most(
        "twice the text, times the time, worst", growth[steepest], MOST_GROWTH, "", repr(steepest)
    )
    slowest = sorted(measured, key=lambda piece: -measured[piece][-1])[:5]
    section.notes += [
        f"{piece!r}: " + ", ".join(f"{seconds * 1000:.0f}" for seconds in measured[piece]) + " ms"
        for piece in slowest
    ]
    return section


def _best(piece: str) -> list[float]:
    """The least time of each size."""
    texts = [(piece * size)[:size] for size in SIZES]
    rounds = [[_seconds(text) for text in texts] for _ in range(RUNS)]
    return [min(took) for took in zip(*rounds, strict=True)]


def _seconds(text: str) -> float:
    began = time.process_time()
    scrub(text, VAULT, order_patterns=PATTERNS, allowed_terms=TERMS, guess=True)
    return time.process_time() - began
