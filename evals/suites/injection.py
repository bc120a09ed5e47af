"""The `injection` suite: which messages are marked as attacks, of attacks and of what people write."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from desk.routing.injection.detector import is_injection, shipped
from evals.data import Row
from evals.evidence import Evidence, evidence
from evals.report import Figures, Report, build_report, rounded

DEFINITION_VERSION = 1
SUPPORT = "benign_support_traffic"
NOTINJECT = "notinject"
# Sources of sources: every attack, and everything that people write to shops, banks and assistants.
ALL_ATTACKS, ALL_SUPPORT = "all_attacks", "all_support"

Judge = Callable[[Row], bool]


@dataclass(frozen=True, slots=True)
class Marked:
    """A row, whether it was marked, and whether by a detector that had seen nothing of its source."""

    row: Row
    marked: bool
    marked_unseen: bool | None
    ms: float


def evaluate_injection(rows: Sequence[Row], examples: Path | None = None) -> Report:
    """Shares of attacks and of benign messages that are marked, by source.

    Rows are {id, text, label: 1 = attack, source, kind, channel}; those of another channel than `user` are
    left out. Without `examples` the shipped detector judges. With them (`intents.jsonl.gz`, and beside it
    what else training reads) each row is judged by one that was trained on the others, not on its wording;
    the figures `.._source_unseen` by one that has seen nothing of its source.
    """
    heard = [row for row in rows if row["channel"] == "user"]
    seen: Judge = _shipped
    unseen: Judge | None = None
    if examples is not None:
        seen, unseen = _trained(heard, examples.parent)
    is_injection("what is loaded at first use is not timed")
    marked = [_mark(row, seen, unseen) for row in heard]
    by_source: dict[str, list[Marked]] = defaultdict(list)
    for found in marked:
        by_source[found.row["source"]].append(found)
    by_source[ALL_ATTACKS] = [found for found in marked if found.row["label"]]
    by_source[ALL_SUPPORT] = [found for found in marked if found.row["kind"] == SUPPORT]
    kept = {source: by_source[source] for source in sorted(by_source) if by_source[source]}
    return build_report(
        "injection",
        DEFINITION_VERSION,
        {source: _figures(found) for source, found in kept.items()},
        _figures(marked),
        [found.ms for found in marked],
        {source: _evidence(found) for source, found in kept.items()},
    )


def _mark(row: Row, seen: Judge, unseen: Judge | None) -> Marked:
    started = time.perf_counter()
    shipped().score(row["text"])
    ms = (time.perf_counter() - started) * 1000
    return Marked(row, seen(row), None if unseen is None else unseen(row), ms)


def _shipped(row: Row) -> bool:
    return is_injection(row["text"])


def _trained(rows: Sequence[Row], folder: Path) -> tuple[Judge, Judge]:
    """A judge that has not seen the wording of a row, and one that has not seen its source."""
    from evals.training import injection as training

    support = training.read_support(folder, frozenset(row["text"] for row in rows))
    taught = training.lessons(rows, support)
    by_fold = training.cross_fit(taught)
    bound = training.threshold(taught, by_fold)
    attacking = {row["source"] for row in rows if row["label"]} | {NOTINJECT}
    by_source = {
        source: training.train([lesson for lesson in taught if lesson.source != source])
        for source in attacking
    }

    def seen(row: Row) -> bool:
        return by_fold[training.fold_of(row["text"])].score(row["text"]) > bound

    def unseen(row: Row) -> bool:
        detector = by_source.get(row["source"])
        return seen(row) if detector is None else detector.score(row["text"]) > bound

    return seen, unseen


def _figures(found: Sequence[Marked]) -> Figures:
    return {"n": len(found), **{name: rounded(one.figure()) for name, one in _evidence(found).items()}}


def _name_of(row: Row) -> str:
    """What a row counts for: NotInject is written in the words of attacks, and stands apart."""
    if row["label"]:
        return "attack_recall"
    return "notinject_flagged" if row["source"] == NOTINJECT else "benign_flagged"


def _evidence(found: Sequence[Marked]) -> Mapping[str, Evidence]:
    """Of the attacks, whether each was found; of the others, whether each was flagged."""
    items: dict[str, dict[str, float]] = defaultdict(dict)
    for one in found:
        name = _name_of(one.row)
        items[name][one.row["id"]] = float(one.marked)
        if one.marked_unseen is not None:
            items[f"{name}_source_unseen"][one.row["id"]] = float(one.marked_unseen)
    return {name: evidence("share", values) for name, values in items.items()}
