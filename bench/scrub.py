"""B9 scrub: what it costs to make personal values pseudonyms, in short messages and in very long ones."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from functools import partial
from typing import Any

from bench.peers.presidio_patterns import PresidioPatterns, is_installed
from bench.result import BenchFailed, Figures, Result, at_least, at_most
from bench.rounds import percentile
from bench.stage import Effort, Stage
from desk.privacy.names.tagger import find_names
from desk.privacy.normalise import normalise
from desk.privacy.persons import find_persons
from desk.privacy.pseudonyms import Vault, scrub

LENGTHS = (20, 100, 500, 2_000, 8_000, 20_000)
# The length whose figures stand for the benchmark: a message as customers write it.
USUAL = 100
MAIL, CARD, IBAN = "jo.miller@example.com", "4111 1111 1111 1111", "GB82 WEST 1234 5698 7654 32"
VALUES = (MAIL, CARD, IBAN)
PLAIN = (
    "Where is my parcel?",
    "I ordered two lamps last week and nothing has come.",
    "The order is 100234, please look it up.",
    "Write to {0} when it leaves.",
    "It was paid with {1}, I think.",
    "The money may go to {2} then.",
    "Thank you for the help so far!",
)
# Of longer text that is made to be slow the peer takes minutes.
LONGEST_OF_PEER = 2000
# Made to be looked at again and again by a pattern that is not linear.
HOSTILE = ("1-2.", "a@b.", "+44 (", "x:y:", "0 0 ", "q" * 50 + "@")


async def measure(stage: Stage, effort: Effort, lengths: tuple[int, ...] = LENGTHS) -> Result:
    """The peer takes part if it is installed; what it finds is the structured part of ours."""
    peer = PresidioPatterns() if is_installed() else None
    axis: list[dict[str, Any]] = []
    for length in lengths:
        stage.say(f"scrub: {length} characters")
        axis.append({"characters": length, "ours": _point(length, effort)})
        if peer:
            axis[-1] |= _beside(peer, length, axis[-1]["ours"], effort)
    usual = next((point for point in axis if point["characters"] == USUAL), axis[0])
    longest, before = axis[-1], axis[-2]
    growth = _each(longest) / _each(before)
    ours, ratio = usual["ours"], usual.get("ratio", {})
    goals = [
        at_most("us of the names in a usual message", ours["names_us"], 500),
        at_most("us a character of hostile text, the longest beside the one before", round(growth, 2), 1.5),
    ]
    if peer:
        goals.append(at_least("times the peer, structured values", ratio["structured_us"], 20))
    against = "Presidio's pattern recognisers" if peer else "no peer is installed"
    title = f"Personal values in {usual['characters']} characters made pseudonyms; {against}"
    return Result("scrub", title, ours, usual.get("peer", {}), ratio, axis, goals)


def _beside(peer: PresidioPatterns, length: int, ours: Figures, effort: Effort) -> dict[str, Figures]:
    """The peer's figures for the same message, and how many times quicker ours is."""
    text = message(length)
    standing, masked = [value for value in VALUES if value in text], peer.masked(text)
    theirs = {
        "structured_us": _us(lambda: peer.masked(text), effort),
        "values_left": float(sum(value in masked for value in standing)),
    }
    if length <= LONGEST_OF_PEER:
        theirs["hostile_us"] = max(_once(partial(peer.masked, attack)) for attack in _hostile(length))
    ratio = {name: round(theirs[name] / ours[name], 1) for name in theirs if ours.get(name)}
    return {"peer": theirs, "ratio": ratio}


def _each(point: dict[str, Any]) -> float:
    """Microseconds for one character of hostile text."""
    return float(point["ours"]["hostile_us"] / point["characters"])


def message(length: int) -> str:
    """So many characters of what a customer might write; above some 200 there are personal values in it."""
    chance = random.Random(length)
    text = ""
    while len(text) < length:
        text += chance.choice(PLAIN).format(*VALUES) + " "
    return text[:length]


def _point(length: int, effort: Effort) -> Figures:
    """Microseconds: of all, of what is guessed, of names, of what is left, and of text made to be slow."""
    text = message(length)
    scrubbed = scrub(text, Vault(), guess=True).text
    left = [value for value in VALUES if value in scrubbed]
    if left:
        raise BenchFailed(f"{left[0]!r} stands in a scrubbed message of {length} characters.")
    plain = normalise(text).text
    everything = _us(lambda: scrub(text, Vault(), guess=True), effort)
    by_rules = _us(lambda: scrub(text, Vault()), effort)
    names = _us(lambda: (list(find_persons(plain)), list(find_names(plain))), effort)
    slowest = max(_us(partial(scrub, attack, Vault(), guess=True), effort) for attack in _hostile(length))
    return {
        "all_us": everything,
        "guessed_us": round(max(0.0, everything - by_rules), 1),
        "names_us": names,
        "structured_us": round(max(0.0, by_rules - names), 1),
        "hostile_us": slowest,
        "values_left": 0.0,
    }


def _hostile(length: int) -> list[str]:
    return [(attack * length)[:length] for attack in HOSTILE]


def _once(act: Callable[[], object]) -> float:
    began = time.perf_counter()
    act()
    return round((time.perf_counter() - began) * 1e6, 1)


def _us(act: Callable[[], object], effort: Effort) -> float:
    act()  # what is compiled at its first use
    took = []
    for _ in range(effort.rounds * 5):
        began = time.perf_counter()
        act()
        took.append(time.perf_counter() - began)
    return round(percentile(took, 0.5) * 1e6, 1)
