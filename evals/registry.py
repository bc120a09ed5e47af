"""The suites by name: what each needs to run, and the one call that runs any of them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
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
    from desk.models.fallback import FallbackModel
    from evals.asking import Asker
    from evals.judging import Judging
    from evals.speakers import Casting
    from evals.suites.conversations import Manner
    from graphs.services import Services

CALIBRATIONS = Path(__file__).parent / "calibrations"

# nothing = plain text work; services = stores and the embedding model; demo = also the demo shop, loaded.
Needs = Literal["nothing", "services", "demo"]


@dataclass(frozen=True, slots=True)
class Inputs:
    """The files and numbers a suite is given; each suite says which of them it needs.

    `sources` leaves only rows of these sources in, where the suite keeps sources apart. `prompt` is a text in
    place of the support prompt, for the suite that asks a model. In suites of whole conversations `times` is
    how often each case is played, `customer` who plays simulated ones, `judge` whom answers go before; its
    calibration lies in the folder `calibrations`.
    """

    dataset: Path | None = None
    examples: Path | None = None
    corpus: Path | None = None
    aliases: int = 0
    sources: frozenset[str] = frozenset()
    prompt: Path | None = None
    times: int = 1
    judge: str | None = None
    customer: Literal["rules", "model"] = "rules"
    calibrations: Path = CALIBRATIONS


@dataclass(frozen=True, slots=True)
class Ground:
    """What a suite stands on: open services, and the loaded demo tenant where it is needed.

    `model` is for measuring only, for judges; the desk that is measured never has one of the settings'.
    """

    services: Services | None = None
    demo: Tenant | None = None
    model: FallbackModel | None = None


@dataclass(frozen=True, slots=True)
class Suite:
    """A suite: what it needs, which inputs it must be given, how it is run; `talks` = whole conversations."""

    needs: Needs
    required: tuple[str, ...]
    run: Callable[[Inputs, Ground], Awaitable[Report]]
    talks: bool = False


async def run_suite(name: str, inputs: Inputs, ground: Ground) -> Report:
    """Run the suite `name`; raises InvalidInput when an input is missing or not fit."""
    suite = SUITES[name]
    missing = [f"--{option}" for option in suite.required if getattr(inputs, option) is None]
    if missing:
        raise InvalidInput(f"The suite {name} needs {' and '.join(missing)}.")
    if inputs.judge is not None and not suite.talks:
        raise InvalidInput(f"The suite {name} has no answers for a judge; {_talking()} have.")
    if inputs.times > 1 and not suite.talks:
        raise InvalidInput(f"The suite {name} has no conversations to play --times times; {_talking()} have.")
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


async def _run_faq_answers(inputs: Inputs, ground: Ground) -> Report:
    from evals.suites.faq_answers import evaluate_faq_answers, read_questions

    questions = [
        question
        for question in read_questions(_given(inputs.dataset))
        if not inputs.sources or question.source in inputs.sources
    ]
    return await evaluate_faq_answers(_open(ground), _given(inputs.corpus), questions)


async def _run_faq_gaps(inputs: Inputs, ground: Ground) -> Report:
    from evals.suites.faq_gaps import evaluate_faq_gaps

    rows = _chosen(read_rows(_given(inputs.dataset), EXAMPLE), inputs)
    return await evaluate_faq_gaps(rows, _open(ground).engine.embedder)


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
    from evals.suites.conversations import evaluate_conversations

    assert ground.demo is not None, "the caller loads the demo"
    cases = read_cases(inputs.dataset or OWN / "bookshop.jsonl")
    manner = _manner(inputs, ground)
    return await evaluate_conversations("bookshop", _open(ground), ground.demo, cases, manner)


async def _run_customers(inputs: Inputs, ground: Ground) -> Report:
    from evals.suites.conversations import evaluate_conversations

    assert ground.demo is not None, "the caller loads the demo"
    cases, manner = read_cases(inputs.dataset or OWN / "customers.jsonl"), _manner(inputs, ground)
    return await evaluate_conversations("customers", _open(ground), ground.demo, cases, manner)


async def _run_prompted(inputs: Inputs, ground: Ground) -> Report:
    from evals.suites.prompted import evaluate_prompted

    assert ground.demo is not None, "the caller loads the demo"
    cases = read_cases(inputs.dataset or OWN / "bookshop.jsonl")
    return await evaluate_prompted(_open(ground), ground.demo, cases, inputs.prompt, _manner(inputs, ground))


SUITES: Mapping[str, Suite] = MappingProxyType(
    {
        "routing": Suite("services", ("examples",), _run_routing),
        "retrieval": Suite("services", ("corpus", "dataset"), _run_retrieval),
        "answerable": Suite("services", ("corpus", "dataset"), _run_answerable),
        "faq_answers": Suite("services", ("corpus", "dataset"), _run_faq_answers),
        "faq_gaps": Suite("services", ("dataset",), _run_faq_gaps),
        "pii": Suite("nothing", ("dataset",), _run_pii),
        "entities": Suite("nothing", ("dataset",), _run_entities),
        "injection": Suite("nothing", ("dataset",), _run_injection),
        "orders": Suite("services", ("dataset",), _run_orders),
        "products": Suite("demo", (), _run_products),
        "parts": Suite("demo", (), _run_parts),
        "followups": Suite("demo", (), _run_followups),
        "bookshop": Suite("demo", (), _run_bookshop, talks=True),
        "customers": Suite("demo", (), _run_customers, talks=True),
        "prompted": Suite("demo", (), _run_prompted, talks=True),
    }
)


def _talking() -> str:
    return " and ".join(name for name, suite in SUITES.items() if suite.talks)


def _manner(inputs: Inputs, ground: Ground) -> Manner:
    from evals.speakers import ModelCustomer, RuleCustomer
    from evals.suites.conversations import Manner

    casting: Casting = RuleCustomer
    if inputs.customer == "model":
        casting = partial(ModelCustomer, _asker(ground))
    return Manner(inputs.times, judging_of(inputs, ground), casting)


def _asker(ground: Ground) -> Asker:
    """Who asks the configured model for a measurement; raises InvalidInput when there is none."""
    from evals.asking import Asker

    if ground.model is None or ground.demo is None:
        raise InvalidInput("This needs a model: set OPENAI_BASE_URL, OPENAI_API_KEY or LLAMA_MODEL_PATH.")
    return Asker(_open(ground), ground.demo, ground.model)


def judging_of(inputs: Inputs, ground: Ground) -> Judging | None:
    """The judge that the inputs name, with what is known of it; raises InvalidInput when there is none."""
    from evals.calibration import read_calibration
    from evals.judges import open_judge
    from evals.judging import Judging

    if inputs.judge is None:
        return None
    judge = open_judge(inputs.judge, _asker(ground))
    return Judging(judge, read_calibration(inputs.judge, inputs.calibrations))


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
