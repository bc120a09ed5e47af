"""The `parts` suite: are the wishes of a message heard apart, and is a message with one wish left whole?"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from desk.domain import Principal, Tenant
from evals.data import Row, Shape
from evals.evidence import Evidence, evidence
from evals.report import Figures, Report, build_report, rounded
from graphs.replays.sandbox import Talk
from graphs.services import Services
from graphs.tuning import Tuning
from prompts.choice import PromptChoice

DEFINITION_VERSION: Final = 1
SEVERAL: Shape = {"id": str, "text": str, "parts": list, "language": str, "source": str}


@dataclass(frozen=True, slots=True)
class _Heard:
    row: Row
    intents: list[str | None]
    ms: float

    @property
    def right(self) -> bool:
        return bool(self.intents == self.row["parts"])


async def evaluate_parts(services: Services, tenant: Tenant, rows: Sequence[Row]) -> Report:
    """`parts_right`: all intents, in the order in which they are answered; `single_kept_whole`: not cut.

    Rows are {id, text, parts: [intent, ...], language, source}; `parts` is empty for a message with one wish.
    Each is the first message of a guest, through the whole graph and in memory.
    """
    heard = [await _hear(services, tenant, row) for row in rows]
    by_source: dict[str, list[_Heard]] = defaultdict(list)
    for one in heard:
        by_source[one.row["source"]].append(one)
    report = build_report(
        "parts",
        DEFINITION_VERSION,
        {source: _figures(of_source) for source, of_source in by_source.items()},
        _figures(heard),
        [one.ms for one in heard],
        {source: _evidence(of_source) for source, of_source in by_source.items()},
    )
    wrong = [one for one in heard if not one.right]
    return {**report, "failed": [{"id": one.row["id"], "got": one.intents} for one in wrong]}


async def _hear(services: Services, tenant: Tenant, row: Row) -> _Heard:
    talk = Talk(services, tenant, Principal(tenant.id, "user"), Tuning(), PromptChoice())
    began = time.perf_counter()
    run = await talk.say(row["text"])
    ms = (time.perf_counter() - began) * 1000
    routed: dict[str, Any] = next(
        (step["update"] for step in run.steps if step["node"] == "route_intent"), {}
    )
    return _Heard(row, [part.decision.intent for part in routed.get("parts", ())], ms)


def _evidence(heard: Sequence[_Heard]) -> Mapping[str, Evidence]:
    several = {one.row["id"]: float(one.right) for one in heard if one.row["parts"]}
    single = {one.row["id"]: float(one.right) for one in heard if not one.row["parts"]}
    return {"parts_right": evidence("share", several), "single_kept_whole": evidence("share", single)}


def _figures(heard: Sequence[_Heard]) -> Figures:
    return {
        "n": len(heard),
        **{name: rounded(found.figure()) for name, found in _evidence(heard).items()},
    }
