"""The `answerable` suite: does a score tell what the knowledge answers from what it does not?"""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from desk.domain import Principal
from desk.errors import InvalidInput, Unavailable
from desk.retrieval.load import MAX_QUESTION
from desk.retrieval.search import DEFAULT_THRESHOLD, FaqSearch
from desk.storage.faqs import FaqEntry
from evals.data import Row, read_rows
from evals.evidence import Evidence, evidence
from evals.intervals import interval_of
from evals.report import Figures, Report, build_report, rounded

DEFINITION_VERSION = 2
PASSAGE: Final = {"id": str, "text": str}
TASK: Final = {"id": str, "turns": list, "answerability": str, "gold_passage_ids": list}
_ANSWERED: Final = {"answerable": True, "unanswerable": False}


def read_passages(path: Path) -> list[FaqEntry]:
    """Rows of {id, title, text} as FAQs; a passage without a title goes by its first line."""
    return [
        FaqEntry(
            row["id"],
            (row.get("title") or row["text"].strip().splitlines()[0])[:MAX_QUESTION],
            row["text"].strip(),
        )
        for row in read_rows(path, PASSAGE)
    ]


async def evaluate_answerable(search: FaqSearch, principal: Principal, tasks: Sequence[Row]) -> Report:
    """Ask the last turn of each task, with the customer's turn before it, as the graph does.

    Answered is what gets a citation without a model: from the threshold on the passage is the answer. Each
    figure has its 95 % interval.

    Tasks that are neither answerable nor unanswerable are left out. Raises InvalidInput without one of each,
    and Unavailable when the search had to do with words alone.
    """
    judged = [task for task in tasks if task["answerability"] in _ANSWERED]
    if len({task["answerability"] for task in judged}) < len(_ANSWERED):
        raise InvalidInput("There must be a task that is answerable and one that is unanswerable.")
    scores, times = {}, []
    first = {}
    for task in judged:
        *earlier, asked = [turn["text"] for turn in task["turns"] if turn["role"] == "user"]
        started = time.perf_counter()
        found = await search.find(principal, asked, limit=1, before=earlier[-1] if earlier else "")
        times.append((time.perf_counter() - started) * 1000)
        if found.degraded:
            raise Unavailable("The search by vectors failed, so its quality cannot be measured; see the log.")
        best = found.passages[0]
        scores[task["id"]] = best.score
        if _ANSWERED[task["answerability"]]:
            first[task["id"]] = float(best.source_id in task["gold_passage_ids"])
    proofs = _evidence(judged, scores, first)
    figures: Figures = {"n": len(judged)} | {name: rounded(of.figure()) for name, of in proofs.items()}
    by_source = {judged[0].get("source", "rag_multiturn"): figures}
    report = build_report(
        "answerable", DEFINITION_VERSION, by_source, figures, times, dict.fromkeys(by_source, proofs)
    )
    return report | {"intervals": {source: _intervals(proofs) for source in by_source}}


def _intervals(proofs: dict[str, Evidence]) -> dict[str, list[float | None]]:
    intervals = {name: interval_of(found) or (None, None) for name, found in proofs.items()}
    return {name: [rounded(bound) for bound in interval] for name, interval in intervals.items()}


def _evidence(tasks: Sequence[Row], scores: dict[str, float], first: dict[str, float]) -> dict[str, Evidence]:
    def right(kind: str, *, answered: bool) -> dict[str, Any]:
        of_kind = [task["id"] for task in tasks if task["answerability"] == kind]
        return {one: float((scores[one] >= DEFAULT_THRESHOLD) == answered) for one in of_kind}

    outside = {
        task["id"]: (scores[task["id"]], float(not _ANSWERED[task["answerability"]])) for task in tasks
    }
    return {
        "auroc": evidence("auroc", outside),
        "right_first": evidence("share", first),
        "answerable_answered": evidence("share", right("answerable", answered=True)),
        "unanswerable_declined": evidence("share", right("unanswerable", answered=False)),
    }
