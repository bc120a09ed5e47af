"""What changed when recorded turns ran again: each turn's changes, grouped, the worst first."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

import numpy as np
import orjson

from desk.privacy.pseudonyms import hide_known
from graphs.replays.replaying import Replayed

# The worst first; `words` alone changed is no harm by itself.
WEIGHTS: Final = MappingProxyType(
    {
        "refusal": 100,
        "facts": 80,
        "citations": 70,
        "route": 60,
        "actions": 50,
        "diverged": 40,
        "language": 30,
        "answered": 20,
        "words": 10,
    }
)
_NO_ANSWER = frozenset({"fallback", "refused"})
_FIGURE = re.compile(r"[$€£]?\d[\d.,:/-]*\d%?|[$€£]?\d%?")
_DENIAL = re.compile(r"\b(?:not|no|never|cannot|nicht|kein\w*|nie|ne|pas|aucun\w*)\b|n['’]t\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Told:
    """What a customer was told, with pseudonyms."""

    text: str
    route: str
    language: str
    sources: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Compared:
    """A turn before and after; no `changes` = identical. `why` says where it diverged."""

    turn_id: str
    asked: str
    before: Told
    after: Told | None
    changes: tuple[str, ...]
    why: str
    ms: tuple[float, float | None]
    usd: tuple[float, float | None]

    @property
    def group(self) -> str:
        """The worst change, and between what."""
        worst = self.changes[0]
        if worst == "diverged":
            return f"diverged at {self.why}"
        if worst in {"route", "refusal", "answered"} and self.after:
            return f"{worst}: {self.before.route} to {self.after.route}"
        return worst


@dataclass(frozen=True, slots=True)
class Group:
    """Turns that changed in the same way."""

    name: str
    weight: int
    turns: tuple[Compared, ...]


@dataclass(frozen=True, slots=True)
class ReplayReport:
    """What a replay showed; `skipped` says why how many turns could not be run again."""

    title: str
    notes: tuple[str, ...]
    turns: tuple[Compared, ...]
    skipped: Counter[str]
    seconds: float

    @property
    def groups(self) -> list[Group]:
        """The changed turns, the worst change first, then the greater group."""
        found: dict[str, list[Compared]] = {}
        for turn in self.turns:
            if turn.changes:
                found.setdefault(turn.group, []).append(turn)
        groups = [Group(name, WEIGHTS[like[0].changes[0]], tuple(like)) for name, like in found.items()]
        return sorted(groups, key=lambda group: (-group.weight, -len(group.turns), group.name))

    @property
    def identical(self) -> int:
        """How many turns were the same again."""
        return sum(not turn.changes for turn in self.turns)

    @property
    def diverged(self) -> int:
        """Of how many turns nobody knows how they would have gone on."""
        return sum("diverged" in turn.changes for turn in self.turns)

    @property
    def changed(self) -> int:
        """How many turns ended differently."""
        return len(self.turns) - self.identical - self.diverged

    def counted(self, change: str) -> int:
        """In how many turns this changed."""
        return sum(change in turn.changes for turn in self.turns)

    def figures(self) -> dict[str, Any]:
        """The numbers of the report as plain data; times in milliseconds, of turns that came to an end."""
        ended = [turn for turn in self.turns if turn.after is not None]
        return {
            "n": len(self.turns),
            "identical": self.identical,
            "changed": self.changed,
            "diverged": self.diverged,
            "skipped": dict(self.skipped),
            "changes": {name: self.counted(name) for name in WEIGHTS},
            "groups": {group.name: len(group.turns) for group in self.groups},
            "cost_usd": {
                "before": sum(turn.usd[0] for turn in ended),
                "after": sum(turn.usd[1] or 0.0 for turn in ended),
            },
            "ms": {
                "p50": _percentiles(ended, 50),
                "p99": _percentiles(ended, 99),
            },
            "seconds": round(self.seconds, 1),
        }


def compare_replayed(replayed: Replayed) -> Compared:
    """The changes of one turn, the worst first; all texts with pseudonyms."""
    recorded, vault = replayed.recorded, replayed.recorded.vault
    was = recorded.reply or {}
    before, after = was["reply"], (replayed.reply or {}).get("reply")
    found = ["diverged"] if after is None else list(_changes(before, after))
    ended = after is not None
    return Compared(
        str(recorded.turn.id),
        str(hide_known(recorded.message, vault)),
        _told(hide_known(before, vault)),
        _told(hide_known(_plain(after), vault)) if ended else None,
        tuple(sorted(found, key=lambda name: -WEIGHTS[name])),
        f"{replayed.diverged.node}, {replayed.diverged.why}" if replayed.diverged else "",
        (was["timings_ms"]["total"], replayed.ms if ended else None),
        (was["usage"]["cost_usd"], replayed.usage.cost_usd if ended else None),
    )


def _changes(before: dict[str, Any], after: dict[str, Any]) -> Iterator[str]:
    answered = before["route"] not in _NO_ANSWER, after["route"] not in _NO_ANSWER
    if answered[0] != answered[1]:
        yield "refusal" if answered[0] else "answered"
    for name, seen in _SEEN.items():
        if seen(before) != seen(after):
            yield name


def _facts(inner: dict[str, Any]) -> tuple[Counter[str], int]:
    """The figures of a text, and how often it denies something."""
    text = inner["text"]
    return Counter(_FIGURE.findall(text)), len(_DENIAL.findall(text))


def _cited(inner: dict[str, Any]) -> set[tuple[str, int]]:
    return {(one["source_id"], one["version"]) for one in inner["citations"]}


def _offered(inner: dict[str, Any]) -> list[tuple[str, str]]:
    return sorted((one["tool"], repr(sorted(one["arguments"].items()))) for one in inner["actions"])


def _words(inner: dict[str, Any]) -> tuple[str, list[str]]:
    return inner["text"], list(inner["suggestions"])


_SEEN: Final[Mapping[str, Callable[[dict[str, Any]], Any]]] = MappingProxyType(
    {
        "route": lambda inner: (inner["route"], inner["intent"]),
        "citations": _cited,
        "actions": _offered,
        "language": lambda inner: inner["language"],
        "facts": _facts,
        "words": _words,
    }
)


def _told(inner: dict[str, Any]) -> Told:
    sources = tuple(one["title"] for one in inner["citations"])
    return Told(inner["text"], inner["route"], inner["language"], sources)


def _plain(value: Any) -> Any:
    return orjson.loads(orjson.dumps(value))


def _percentiles(turns: Sequence[Compared], point: int) -> dict[str, float | None]:
    if not turns:
        return {"before": None, "after": None}
    return {
        name: round(float(np.percentile([_known(turn.ms[at]) for turn in turns], point)), 1)
        for at, name in enumerate(("before", "after"))
    }


def _known(value: float | None) -> float:
    return 0.0 if value is None else value
