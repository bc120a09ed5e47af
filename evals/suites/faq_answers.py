"""The `faq_answers` suite: is a customer's question answered from the right document, or not at all?"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np

from desk.domain import Principal, Tenant, TenantSettings
from desk.errors import InvalidInput
from desk.retrieval.ingest import ingest
from desk.retrieval.load import load
from desk.storage import faqs, tenants
from evals.data import read_rows
from evals.evidence import Evidence, evidence
from evals.intervals import interval_of
from evals.playing import Stage, ask_once, staged
from evals.report import Figures, Report, build_report, rounded
from graphs.services import Services
from prompts.intents import NEW_PACK

DEFINITION_VERSION = 1
ROW: Final = {"question": str, "doc_ids": list}
# Where nothing is told: everything else is an answer, and to a question without one an invented one.
SILENT: Final = frozenset({"fallback", "handoff", "refused"})
# One tenant for all measurements, emptied before and after each: turns leave rows that only an owner deletes.
SLUG = "evals-faq-answers"


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked, and the ids of the documents that answer it; none of them where nothing does."""

    id: str
    text: str
    gold: frozenset[str]
    source: str


@dataclass(frozen=True, slots=True)
class Answered:
    """A question, the ids that its answer cites, the first first, the route it took and its milliseconds."""

    question: Question
    cited: tuple[str, ...]
    route: str
    ms: float

    @property
    def right(self) -> bool:
        """Whether the first citation is of the right document, or rightly nothing was told."""
        if self.question.gold:
            return bool(self.cited) and self.cited[0] in self.question.gold
        return not self.cited and self.route in SILENT


def read_questions(path: Path) -> list[Question]:
    """Rows of {id?, question, doc_ids, source?}; without an id a row goes by its number from 1."""
    return [
        Question(
            str(row.get("id", number)),
            row["question"],
            frozenset(map(str, row["doc_ids"])),
            row.get("source") or path.name.split(".")[0],
        )
        for number, row in enumerate(read_rows(path, ROW), 1)
    ]


async def evaluate_faq_answers(services: Services, documents: Path, questions: Sequence[Question]) -> Report:
    """Load the documents as `desk ingest` does, and ask each question as a customer who is new.

    `right_document_at_1` and `answered` (there is a citation) are shares of the questions that a document
    answers, `abstained` (no citation, and no answer from elsewhere) of the others; `p95_ms` is of all turns.
    Each share has its 95 % interval. Raises InvalidInput for documents without a single good row.
    """
    tenant = await _tenant(services)
    admin = Principal(tenant.id, "admin")
    await _empty(services, admin)
    try:
        loaded = await ingest(services.engine.database, services.engine.embedder, admin, load(documents))
        if len(loaded.bad) == loaded.seen:
            raise InvalidInput(f"{documents.name}: there is no document in it, only rows that are not fit.")
        async with staged(services, tenant) as stage:
            answered = [await _ask(stage, question) for question in questions]
    finally:
        await _empty(services, admin)
    skipped = [{"where": bad.where, "why": bad.why} for bad in loaded.bad]
    told = {"documents": loaded.seen - len(loaded.bad), "skipped": skipped}
    return {**_report(answered), "ingest": told}


async def _tenant(services: Services) -> Tenant:
    async with services.engine.database.control_tx() as tx:
        found = await tenants.create(tx, SLUG, "A measurement")
    # As of a tenant that an operator makes today, whatever this one was made with.
    return replace(found, settings=TenantSettings(intent_pack=NEW_PACK))


async def _empty(services: Services, admin: Principal) -> None:
    async with services.engine.database.tenant_tx(admin) as tx:
        await faqs.delete_missing(tx, [])


async def _ask(stage: Stage, question: Question) -> Answered:
    reply = await ask_once(stage, question.text, case=question.id)
    cited = tuple(citation["source_id"] for citation in reply["citations"])
    return Answered(question, cited, reply["route"], reply["ms"])


def _report(answered: Sequence[Answered]) -> Report:
    groups: dict[str, list[Answered]] = defaultdict(list)
    for one in answered:
        groups[one.question.source].append(one)
    proofs = {source: _evidence(group) for source, group in sorted(groups.items())}
    report = build_report(
        "faq_answers",
        DEFINITION_VERSION,
        {source: _figures(groups[source]) for source in proofs},
        _figures(answered),
        [one.ms for one in answered],
        proofs,
    )
    intervals = {source: _intervals(found) for source, found in proofs.items()}
    failed = [_failure(one) for one in answered if not one.right]
    return {**report, "intervals": intervals, "failed": failed}


def _figures(answered: Sequence[Answered]) -> Figures:
    shares = {name: rounded(found.figure()) for name, found in _evidence(answered).items()}
    p95 = round(float(np.percentile([one.ms for one in answered], 95)), 3)
    return {"n": len(answered), **shares, "p95_ms": p95}


def _evidence(answered: Sequence[Answered]) -> dict[str, Evidence]:
    known = [one for one in answered if one.question.gold]
    unknown = [one for one in answered if not one.question.gold]
    return {
        "right_document_at_1": evidence("share", {one.question.id: float(one.right) for one in known}),
        "answered": evidence("share", {one.question.id: float(bool(one.cited)) for one in known}),
        "abstained": evidence("share", {one.question.id: float(one.right) for one in unknown}),
    }


def _intervals(proofs: dict[str, Evidence]) -> dict[str, list[float | None]]:
    found = {name: interval_of(proof) or (None, None) for name, proof in proofs.items()}
    return {name: [rounded(bound) for bound in bounds] for name, bounds in found.items()}


def _failure(one: Answered) -> dict[str, Any]:
    return {
        "question": one.question.id,
        "said": one.question.text,
        "wanted": sorted(one.question.gold),
        "cited": list(one.cited),
        "route": one.route,
    }
