"""The `followups` suite: is what goes on understood with the message before, and all else by itself?"""

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
TWO_TURNS: Shape = {"id": str, "before": str, "text": str, "expect": dict, "source": str}


@dataclass(frozen=True, slots=True)
class _Answered:
    row: Row
    right: bool
    got: dict[str, Any]
    ms: float


async def evaluate_followups(services: Services, tenant: Tenant, rows: Sequence[Row]) -> Report:
    """`followups_right`: the answer is as expected; `alone_kept_alone`: as if nothing had been said before.

    Rows are {id, before, text, expect, source}; `expect` holds the intent or the route, a FAQ that is cited,
    or what the text says, and is empty for a message that stands on its own. A guest asks, in memory.
    """
    answered = [await _answer(services, tenant, row) for row in rows]
    by_source: dict[str, list[_Answered]] = defaultdict(list)
    for one in answered:
        by_source[one.row["source"]].append(one)
    report = build_report(
        "followups",
        DEFINITION_VERSION,
        {source: _figures(of_source) for source, of_source in by_source.items()},
        _figures(answered),
        [one.ms for one in answered],
        {source: _evidence(of_source) for source, of_source in by_source.items()},
    )
    wrong = [one for one in answered if not one.right]
    return {**report, "failed": [{"id": one.row["id"], "got": one.got} for one in wrong]}


async def _answer(services: Services, tenant: Tenant, row: Row) -> _Answered:
    began = time.perf_counter()
    reply = await _say(services, tenant, row["before"], row["text"])
    ms = (time.perf_counter() - began) * 1000
    got = {"route": reply["route"], "intent": reply["intent"], "text": reply["text"]}
    right = _is_expected(reply, row["expect"])
    if not row["expect"]:
        alone = await _say(services, tenant, row["text"])
        right = all(alone[name] == got[name] for name in got)
    return _Answered(row, right, got, ms)


async def _say(services: Services, tenant: Tenant, *messages: str) -> dict[str, Any]:
    """The reply to the last of these messages of one conversation."""
    talk = Talk(services, tenant, Principal(tenant.id, "user"), Tuning(), PromptChoice())
    run = None
    for message in messages:
        run = await talk.say(message)
    assert run is not None, "somebody says something"
    reply: dict[str, Any] = run.reply["reply"]
    return reply


def _is_expected(reply: dict[str, Any], expect: dict[str, str]) -> bool:
    cited = [citation["source_id"] for citation in reply["citations"]]
    return (
        reply["intent"] == expect.get("intent", reply["intent"])
        and reply["route"] == expect.get("route", reply["route"])
        and expect.get("says", "") in reply["text"]
        and ("cited" not in expect or expect["cited"] in cited)
    )


def _evidence(answered: Sequence[_Answered]) -> Mapping[str, Evidence]:
    goes_on = {one.row["id"]: float(one.right) for one in answered if one.row["expect"]}
    alone = {one.row["id"]: float(one.right) for one in answered if not one.row["expect"]}
    return {"followups_right": evidence("share", goes_on), "alone_kept_alone": evidence("share", alone)}


def _figures(answered: Sequence[_Answered]) -> Figures:
    return {
        "n": len(answered),
        **{name: rounded(found.figure()) for name, found in _evidence(answered).items()},
    }
