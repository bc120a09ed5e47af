"""A model's server misbehaves in every way we know, and the conversation goes on.

One replica with production's time-outs asks a server that speaks OpenAI's protocol. A turn meets each
misbehaviour; then the next turn of the same conversation asks the same server, which is well again.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from tests.chaos.bookshop import SLUG, Bookshop, open_bookshop
from tests.chaos.customer import Customer
from tests.chaos.fleet import Replica
from tests.chaos.history import LAST, History, Sent
from tests.chaos.stage import Stage
from tests.graphs.conversing import POINTS, POINTS_ANSWER
from tests.measured.figures import Section
from tests.servers.openai_wire import Fault, Reply, call, refuse, say

GOOD = say(POINTS_ANSWER)
# A model has used up its time; then there is an answer without it.
MARGIN_SECONDS = 1.0
_ORDER = {"order_id": "100234"}

MODES: dict[str, tuple[Reply, ...]] = {
    **{str(fault): (say("Let me ", "see ", fault=fault),) for fault in Fault if "call" not in fault},
    "hang_at_the_first_word": (say(fault=Fault.HANG_MID_STREAM),),
    "slow_headers": (say(POINTS_ANSWER, delay=12),),
    "late_headers": (say(POINTS_ANSWER, delay=1),),
    "slow_words": (say("100 ", "points ", pause=12),),
    "busy": (refuse(429),),
    "busy_for_a_second": (refuse(429, retry_after=1), GOOD),
    "busy_for_an_hour": (refuse(429, retry_after=3600),),
    "broken": (refuse(500),),
    "overloaded_once": (refuse(503), GOOD),
    "refused": (refuse(400),),
    "no_such_model": (refuse(404),),
    "wrong_key": (refuse(401),),
    "moved": (refuse(302),),
    "nothing_said": (say(),),
    "cut_off_by_length": (say("Let me ", "see", finish_reason="length"),),
    "filtered": (say(finish_reason="content_filter"),),
    "cut_arguments": (say(calls=[call("order_status", **_ORDER)], fault=Fault.CUT_ARGUMENTS), GOOD),
    "call_without_id": (say(calls=[call("order_status", **_ORDER)], fault=Fault.CALL_WITHOUT_ID), GOOD),
    "two_calls_of_one_id": (
        say(calls=[call("order_status", **_ORDER), call("order_status", order_id="100235")]),
        GOOD,
    ),
    "unknown_tool": (say(calls=[call("launch_rocket", target="moon")]), GOOD),
    "a_name_that_is_none": (say(calls=[call("../../etc/passwd", x=1)]), GOOD),
    "calls_for_ever": (say(calls=[call("order_status", **_ORDER)]),),
    "fifty_calls": (say(calls=[call("order_status", f"call_{n}", **_ORDER) for n in range(50)]), GOOD),
}


@dataclass(frozen=True, slots=True)
class Effort:
    """How long a model may take (seconds), and which modes are tried: all of them, unless some are named."""

    total_seconds: float = 29.0
    modes: tuple[str, ...] = tuple(MODES)


@dataclass(slots=True)
class Met:
    """What came of one mode."""

    mode: str
    seconds: float
    wrong: str = ""


async def measure(stage: Stage, effort: Effort) -> Section:
    """Every mode, one after the other, as the breaker of a model that fails would hide the next one."""
    section = Section.of("P6", "A model's server misbehaves", __doc__)
    history = History()
    with section.timed():
        async with open_bookshop(stage) as shop:
            replica = await shop.replica(DESK_MODEL_TIMEOUT_SECONDS=str(effort.total_seconds))
            await Customer(stage.fleet, history.begin(SLUG, "first@x.org")).say("hi")
            met = [await _meet(stage, shop, replica, history, mode, effort) for mode in effort.modes]
            verdict = await stage.settled(history)
            await stage.fleet.end_all()
    wrong = [one for one in met if one.wrong]
    trials = f"{len(met)} misbehaviours"
    section.none("turns without exactly one last event and an answer, or late", len(wrong), trials)
    others = verdict.count("lost", "doubled", "changed", "disordered", "stale", "stream")
    section.none("conversations that could not go on, or tell another story", others, f"{verdict.keys} turns")
    slowest = max(met, key=lambda one: one.seconds)
    goal = effort.total_seconds + MARGIN_SECONDS
    section.at_most("slowest turn", slowest.seconds, goal, "s", f"{trials}; the slowest is {slowest.mode}")
    section.notes += [f"{one.mode}: {one.wrong}" for one in wrong] + [str(f) for f in verdict.findings[:5]]
    return section


async def _meet(
    stage: Stage, shop: Bookshop, replica: Replica, history: History, mode: str, effort: Effort
) -> Met:
    customer = Customer(stage.fleet, history.begin(SLUG, "ada@example.com"))
    shop.wire.script(MODES[mode])
    first = len(shop.wire.requests)
    began = time.monotonic()
    sent = await customer.say(POINTS, at=replica)
    took = time.monotonic() - began
    await shop.wire.hung_up()
    shop.wire.script([GOOD])
    asked_once = bool(shop.wire.requests[first:])
    before = len(shop.wire.requests)
    later = await customer.say(POINTS, at=replica)
    asked = shop.wire.requests[before:]
    wrong = _wrong_with(sent, took, effort) or _wrong_later(later, [request.json for request in asked])
    return Met(mode, took, wrong if asked_once else "the model was not asked")


def _wrong_with(sent: Sent, took: float, effort: Effort) -> str:
    events = [event for reading in sent.readings for event in reading]
    if len(sent.attempts) != 1:
        return f"it took {len(sent.attempts)} attempts"
    if sum(event.name in LAST for event in events) != 1 or events[-1].name != "done":
        return f"it ended with {[event.name for event in events][-3:]}"
    if not events[-1].data["reply"]["text"].strip():
        return "the answer was empty"
    return f"it took {took:.1f} s" if took > effort.total_seconds + MARGIN_SECONDS else ""


def _wrong_later(later: Sent, asked: list[Any]) -> str:
    if not later.replies or later.replies[0]["reply"]["text"] != POINTS_ANSWER:
        return f"the next turn was answered with {later.told}"
    messages = asked[-1]["messages"]
    called = [one["id"] for message in messages for one in message.get("tool_calls") or ()]
    answered = [message["tool_call_id"] for message in messages if message["role"] == "tool"]
    return "" if called == answered else f"calls {called} were answered as {answered}"
