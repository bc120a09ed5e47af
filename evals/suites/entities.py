"""The `entities` suite: are the values a tool needs found in what a customer wrote?"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from desk.privacy.detect import detect
from evals.data import Row
from evals.evidence import Evidence, evidence
from evals.report import Figures, Report, build_report, share
from tools.order_numbers import find_order_numbers

DEFINITION_VERSION = 1
# The setting of a tenant that only says: a number of six digits or more, or a few capitals and digits.
ORDER_PATTERNS = (r"\d{6,16}", r"#?[A-Z]{1,3}-?\d{4,12}")
FIRST = "ORDER_ID"

Values = frozenset[str]


def _order_ids(text: str) -> list[str]:
    return find_order_numbers(text, ORDER_PATTERNS)


def _persons(text: str) -> list[str]:
    return [span.value for span in detect(text, order_patterns=ORDER_PATTERNS) if span.type == "PERSON"]


# Types that are not here have no extractor: they stand in the report with recall 0.
EXTRACTORS: Mapping[str, Callable[[str], list[str]]] = MappingProxyType(
    {"ORDER_ID": _order_ids, "PERSON_NAME": _persons}
)


@dataclass(frozen=True, slots=True)
class Extracted:
    """By type, the values that stand in a row and those that were found there."""

    row_id: str
    gold: Mapping[str, Values]
    found: Mapping[str, Values]
    ms: float


def evaluate_entities(rows: Sequence[Row], on_row: Callable[[], None] = lambda: None) -> Report:
    """Recall and precision of the values by type, micro over all rows, order ids first.

    Rows are {id, text, spans: [{start, end, type}], source}. Values are compared without `#`, spaces and
    hyphens; a value that stands twice in a row counts once.
    """
    extracted: dict[str, list[Extracted]] = defaultdict(list)
    for row in rows:
        extracted[row["source"]].append(_extract(row))
        on_row()
    everything = [one for of_source in extracted.values() for one in of_source]
    sources = sorted(extracted)
    return build_report(
        "entities",
        DEFINITION_VERSION,
        {source: _figures(extracted[source]) for source in sources},
        _figures(everything),
        [one.ms for one in everything],
        {source: _evidence(extracted[source]) for source in sources},
    )


def plain(value: str) -> str:
    """The value as it is compared: without `#`, spaces and hyphens."""
    return "".join(character for character in value if character not in "#-" and not character.isspace())


def _extract(row: Row) -> Extracted:
    gold: dict[str, set[str]] = defaultdict(set)
    for span in row["spans"]:
        gold[span["type"]].add(plain(row["text"][span["start"] : span["end"]]))
    started = time.perf_counter()
    found = {kind: extract(row["text"]) for kind, extract in EXTRACTORS.items()}
    ms = (time.perf_counter() - started) * 1000
    return Extracted(
        row["id"],
        {kind: frozenset(values) for kind, values in gold.items()},
        {kind: frozenset(map(plain, values)) for kind, values in found.items()},
        ms,
    )


def _figures(extracted: Sequence[Extracted]) -> Figures:
    by_type = {kind: _of_type(extracted, kind) for kind in _types(extracted)}
    return {"n": len(extracted), "by_type": by_type}


def _types(extracted: Sequence[Extracted]) -> list[str]:
    labelled = {kind for one in extracted for kind in one.gold}
    found = {kind for one in extracted for kind, values in one.found.items() if values}
    return sorted(labelled | found | {FIRST}, key=lambda kind: (kind != FIRST, kind))


def _of_type(extracted: Sequence[Extracted], kind: str) -> Figures:
    right = gold = found = 0
    for one in extracted:
        wanted, got = one.gold.get(kind, frozenset()), one.found.get(kind, frozenset())
        right, gold, found = right + len(wanted & got), gold + len(wanted), found + len(got)
    return {"n": gold, "recall": share(right, gold), "precision": share(right, found)}


def _evidence(extracted: Sequence[Extracted]) -> dict[str, Evidence]:
    """Every value that stood there, found or not; every value that was found, right or not."""
    stands_on: dict[str, Evidence] = {}
    for kind in _types(extracted):
        recalled: dict[str, float] = {}
        precise: dict[str, float] = {}
        for one in extracted:
            wanted, got = one.gold.get(kind, frozenset()), one.found.get(kind, frozenset())
            recalled |= {f"{one.row_id}:{value}": value in got for value in wanted}
            precise |= {f"{one.row_id}:{value}": value in wanted for value in got}
        stands_on[f"by_type.{kind}.recall"] = evidence("share", recalled)
        stands_on[f"by_type.{kind}.precision"] = evidence("share", precise)
    return stands_on
