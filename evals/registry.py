"""The suites by name: what each needs to run, and the one call that runs any of them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

from desk.domain import Principal, Tenant
from desk.errors import InvalidInput
from evals.cases import read_cases
from evals.data import EXAMPLE, MESSAGE, OWN, Row, read_labelled, read_rows
from evals.fresh_tenant import fresh_tenant
from evals.report import Report

# Each suite is imported when it runs: together they import all that a turn needs, which takes seconds.
if TYPE_CHECKING:
    from graphs.services import Services

# nothing = plain text work; services = stores and the embedding model; demo = also the demo shop, loaded.
Needs = Literal["nothing", "services", "demo"]


@dataclass(frozen=True, slots=True)
class Inputs:
    """The files and numbers a suite is given; each suite says which of them it needs.

    `sources` leaves only rows of these sources in, where the suite keeps sources apart. `prompt` is a text in
    place of the support prompt, for the suite that asks a model.
    """

    dataset: Path | None = None
    examples: Path | None = None
    corpus: Path | None = None
    aliases: int = 0
    sources: frozenset[str] = frozenset()
    prompt: Path | None = None


@dataclass(frozen=True, slots=True)
class Ground:
    """What a suite stands on: open services, and the loaded demo tenant where it is needed."""

    services: Services | None = None
    demo: Tenant | None = None


@dataclass(frozen=True, slots=True)
class Suite:
    """A suite: what it needs, which inputs it must be given, and how it is run."""

    needs: Needs
    required: tuple[str, ...]
    run: Callable[[Inputs, Ground], Awaitable[Report]]


async def run_suite(name: str, inputs: Inputs, ground: Ground) -> Report:
    """Run the suite `name`; raises InvalidInput when an input is missing or not fit."""
    suite = SUITES[name]
    missing = [f"--{option}" for option in suite.required if getattr(inputs, option) is None]
    if missing:
        raise InvalidInput(f"The suite {name} needs {' and '.join(missing)}.")
    return await suite.run(inputs, ground)


async def _run_routing(inputs: Inputs, ground: Ground) -> Report:
    from evals.suites.routing import evaluate_routing

    examples = _chosen(read_rows(_given(inputs.examples), EXAMPLE), inputs)
    dataset = _chosen(read_rows(inputs.dataset, EXAMPLE), inputs) if inputs.dataset else None
    report = await evaluate_routing(examples, dataset, _open(ground).engine.embedder)
    return {"counts": _routing_counts(dataset or examples), **report}


async def _run_retrieval(inputs: Inputs, ground: Ground) -> Report:
    from evals.suites.retrieval import evaluate_retrieval

    engine = _open(ground).engine
    corpus, queries = _given(inputs.corpus), _given(inputs.dataset)
    async with fresh_tenant(engine.database) as admin:
        report = await evaluate_retrieval(
            engine.database, engine.embedder, admin, corpus, queries, aliases=inputs.aliases
        )
    shares = ("recall_at_1", "recall_at_5")
    counts = {source: dict.fromkeys(shares, found["n"]) for source, found in report["by_source"].items()}
    return {"counts": counts, **report}


async def _run_answerable(inputs: Inputs, ground: Ground) -> Report:
    from desk.retrieval.ingest import ingest
    from desk.retrieval.search import FaqSearch
    from evals.suites.answerable import TASK, evaluate_answerable, read_passages

    engine = _open(ground).engine
    tasks = read_rows(_given(inputs.dataset), TASK)
    async with fresh_tenant(engine.database) as admin:
        await ingest(engine.database, engine.embedder, admin, read_passages(_given(inputs.corpus)))
        return await evaluate_answerable(FaqSearch(engine.database, engine.embedder), admin, tasks)


async def _run_pii(inputs: Inputs, _: Ground) -> Report:
    from evals.suites.pii import evaluate_pii

    rows = _chosen(read_labelled(_given(inputs.dataset)), inputs)
    return await asyncio.to_thread(evaluate_pii, rows)


async def _run_entities(inputs: Inputs, _: Ground) -> Report:
    from evals.suites.entities import evaluate_entities

    rows = _chosen(read_labelled(_given(inputs.dataset)), inputs)
    return await asyncio.to_thread(evaluate_entities, rows)


async def _run_injection(inputs: Inputs, _: Ground) -> Report:
    from evals.suites.injection import evaluate_injection

    rows = read_rows(_given(inputs.dataset), MESSAGE)
    return await asyncio.to_thread(evaluate_injection, rows, inputs.examples)


async def _run_orders(inputs: Inputs, ground: Ground) -> Report:
    from evals.order_service import read_orders
    from evals.suites.orders import evaluate_orders

    return await evaluate_orders(_open(ground), read_orders(_given(inputs.dataset)))


async def _run_products(inputs: Inputs, ground: Ground) -> Report:
    from desk.retrieval.products import ingest_products
    from evals.suites import products

    engine = _open(ground).engine
    if inputs.corpus is None:
        assert ground.demo is not None, "the caller loads the demo"
        cases = products.read_cases(inputs.dataset or OWN / "products.jsonl")
        worker = Principal(ground.demo.id, "worker")
        return await products.evaluate_products(engine.catalogue, worker, cases)
    catalogue = products.catalogue_of(inputs.corpus)
    async with fresh_tenant(engine.database) as admin:
        await ingest_products(engine.database, engine.embedder, admin, catalogue)
        return await products.evaluate_products(engine.catalogue, admin, products.cases_of(catalogue))


async def _run_parts(inputs: Inputs, ground: Ground) -> Report:
    from evals.suites.parts import SEVERAL, evaluate_parts

    if inputs.examples is not None:
        from evals.suites.kept_whole import evaluate_kept_whole

        singles = _chosen(read_rows(inputs.examples, EXAMPLE), inputs)
        return await evaluate_kept_whole(singles, _open(ground).engine.embedder)
    assert ground.demo is not None, "the caller loads the demo"
    rows = read_rows(inputs.dataset or OWN / "parts.jsonl", SEVERAL)
    return await evaluate_parts(_open(ground), ground.demo, rows)


async def _run_followups(inputs: Inputs, ground: Ground) -> Report:
    from evals.suites.followups import TWO_TURNS, evaluate_followups

    assert ground.demo is not None, "the caller loads the demo"
    rows = read_rows(inputs.dataset or OWN / "followups.jsonl", TWO_TURNS)
    return await evaluate_followups(_open(ground), ground.demo, rows)


async def _run_bookshop(inputs: Inputs, ground: Ground) -> Report:
    from evals.suites.bookshop import evaluate_bookshop

    assert ground.demo is not None, "the caller loads the demo"
    cases = read_cases(inputs.dataset or OWN / "bookshop.jsonl")
    return await evaluate_bookshop(_open(ground), ground.demo, cases)


async def _run_prompted(inputs: Inputs, ground: Ground) -> Report:
    from evals.suites.prompted import evaluate_prompted

    assert ground.demo is not None, "the caller loads the demo"
    cases = read_cases(inputs.dataset or OWN / "bookshop.jsonl")
    return await evaluate_prompted(_open(ground), ground.demo, cases, inputs.prompt)


SUITES: Mapping[str, Suite] = MappingProxyType(
    {
        "routing": Suite("services", ("examples",), _run_routing),
        "retrieval": Suite("services", ("corpus", "dataset"), _run_retrieval),
        "answerable": Suite("services", ("corpus", "dataset"), _run_answerable),
        "pii": Suite("nothing", ("dataset",), _run_pii),
        "entities": Suite("nothing", ("dataset",), _run_entities),
        "injection": Suite("nothing", ("dataset",), _run_injection),
        "orders": Suite("services", ("dataset",), _run_orders),
        "products": Suite("demo", (), _run_products),
        "parts": Suite("demo", (), _run_parts),
        "followups": Suite("demo", (), _run_followups),
        "bookshop": Suite("demo", (), _run_bookshop),
        "prompted": Suite("demo", (), _run_prompted),
    }
)


def _open(ground: Ground) -> Services:
    assert ground.services is not None, "the caller opens the services"
    return ground.services


def _given(path: Path | None) -> Path:
    assert path is not None, "run_suite checks what is required"
    return path


def _chosen(rows: list[Row], inputs: Inputs) -> list[Row]:
    return [row for row in rows if not inputs.sources or row["source"] in inputs.sources]


def _routing_counts(rows: Sequence[Row]) -> dict[str, dict[str, int]]:
    """Of how many rows each share of the routing suite is one."""
    from evals.suites.routing import COVERAGE

    counts: dict[str, dict[str, int]] = {}
    for source in {row["source"] for row in rows}:
        outside = [row["oos"] for row in rows if row["source"] == source]
        counts[source] = {
            "accuracy_in_scope": outside.count(False),
            "oos_recall_at_5pct_rejection": outside.count(True),
            "precision_at_60pct_coverage": max(1, round(COVERAGE * len(outside))),
        }
    return counts
