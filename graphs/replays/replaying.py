"""Replaying: a recorded turn runs again with what its tools and its model said then; nothing acts.

Nodes that ask somebody outside give what they gave, as long as they are asked the same. The others run. Where
a node is asked something else, the replay ends, or the model is asked anew if that is wanted.
"""

from __future__ import annotations

import copy
from collections import Counter
from dataclasses import asdict, dataclass, field, replace
from typing import Any, NoReturn

import orjson
from langgraph.runtime import Runtime

from desk.domain import Usage
from desk.errors import DeskError, ToolUnreachable
from desk.models.fallback import FallbackModel
from desk.models.scripted import ScriptedModel
from desk.tooling import HttpReply
from graphs.flow import Flow
from graphs.prompting.briefing import brief
from graphs.replays.recorded import Recorded, states_of, typed
from graphs.replays.sandbox import Fork, run_fork
from graphs.services import Services
from graphs.state import TurnContext, TurnState
from graphs.steps import Node, step
from graphs.support import build_support_graph
from graphs.tuning import Tuning
from graphs.turn import flow_of
from prompts.choice import PromptChoice

# What asks somebody outside, or acts.
FROZEN = frozenset({"lookup_order", "offer_action", "confirm_action", "run_tools", "call_llm"})
# Another processor may differ in the last digits of a confidence.
_DIGITS = 4


class Diverged(Exception):
    """The replay came to where nobody knows how it goes on: `node` was asked what it was not asked then."""

    def __init__(self, node: str, why: str) -> None:
        super().__init__(f"{node}: {why}")
        self.node = node
        self.why = why


@dataclass(frozen=True, slots=True)
class Replayed:
    """What came of a turn the second time; `reply` is None where it diverged, and holds pseudonyms.

    `ms` counts a frozen node as long as it took then. `asked` says that the model was asked anew.
    """

    recorded: Recorded
    reply: dict[str, Any] | None
    diverged: Diverged | None
    frozen: tuple[str, ...]
    asked: bool
    ms: float
    usage: Usage


def obstacle(recorded: Recorded) -> str | None:
    """Why a turn cannot be replayed; None when it can."""
    if recorded.turn.state != "done" or recorded.reply is None:
        return "it did not end with an answer"
    if recorded.start is None:
        return "its steps are not kept from its start"
    return None if recorded.steps else "no graph ran, a person had the conversation"


async def replay_turn(
    services: Services,
    recorded: Recorded,
    prompts: PromptChoice,
    tuning: Tuning,
    *,
    ask_model: bool = False,
) -> Replayed:
    """Run the turn again; raises InvalidInput when it cannot be (see `obstacle`), and what a node raises."""
    frozen = _Frozen(recorded, states_of(recorded, flow_of(services)), ask_model=ask_model)
    quiet = copy.copy(services)
    quiet.http = _NoHttp()
    quiet.flow = Flow(build_support_graph(lambda node: step(frozen.node(node))))
    if not ask_model:
        model = _StandIn() if _had_model(recorded) else None
        quiet.engine = replace(services.engine, model=model)
    try:
        run = await run_fork(quiet, recorded, Fork(0, prompts=prompts, tuning=tuning))
    except Diverged as diverged:
        return Replayed(recorded, None, diverged, frozen.names, frozen.asked, 0.0, frozen.usage)
    ms = frozen.ms + sum(one["ms"] for one in run.steps if one["node"] not in frozen.names)
    usage = frozen.usage + Usage(**run.reply["usage"])
    return Replayed(recorded, run.reply, None, frozen.names, frozen.asked, ms, usage)


@dataclass(slots=True)
class _Frozen:
    """The nodes of one turn that give what they gave."""

    recorded: Recorded
    states: list[dict[str, Any]]
    ask_model: bool
    asked: bool = False
    ms: float = 0.0
    usage: Usage = field(default_factory=Usage)
    _seen: Counter[str] = field(default_factory=Counter)
    _given: list[str] = field(default_factory=list)

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(self._given))

    def node(self, node: Node) -> Node:
        """The node, or what stands for it."""
        name = node.__name__
        if name not in FROZEN:
            return node

        async def run(state: TurnState, runtime: Runtime[TurnContext]) -> TurnState:
            place = self._place(name)
            update = None if place is None else await self._recorded(place, state, runtime.context)
            if update is not None:
                return update
            if name == "call_llm" and self.ask_model:
                self.asked = True
                return await node(state, runtime)
            why = "it was not asked when this was recorded" if place is None else _OTHERWISE[name]
            raise Diverged(name, why)

        run.__name__ = name
        return run

    def _place(self, name: str) -> int | None:
        """Where the next step of this node is among the recorded ones."""
        self._seen[name] += 1
        places = [at for at, one in enumerate(self.recorded.steps) if one["node"] == name]
        return places[self._seen[name] - 1] if len(places) >= self._seen[name] else None

    async def _recorded(self, place: int, state: TurnState, context: TurnContext) -> TurnState | None:
        """What the step gave, if it is asked the same now."""
        was = self.recorded.steps[place]
        update: Any = typed(was["update"])
        if was["node"] == "run_tools":
            update = _answered(self.states[place], update, state)
        elif was["node"] == "call_llm" and "noted" in was:
            update = update if await _asks_the_same(was["noted"], state, context) else None
        elif _asking(state) != _asking(self.states[place]):
            update = None
        elif "told" in update:
            update["told"] = (*state.get("told", ()), update["told"][-1])
        if update is not None:
            self._given.append(was["node"])
            self.ms += was["ms"]
            self.usage += Usage(**was.get("usage", {}))
        if update is not None and was["node"] == "call_llm":
            context.model = (self.recorded.reply or {}).get("model")
            if "exchange" in update:
                update["exchange"] = (*state.get("exchange", ()), update["exchange"][-1])
        return update  # type: ignore[no-any-return]


_OTHERWISE = {
    "lookup_order": "it would look up something else",
    "offer_action": "it would offer something else",
    "confirm_action": "something else would be confirmed",
    "run_tools": "a tool would be asked something else",
    "call_llm": "the model would be asked something else",
}


async def _asks_the_same(noted: dict[str, Any], state: TurnState, context: TurnContext) -> bool:
    try:
        briefing = await brief(state, context)
    except DeskError:
        return False
    context.prompt = briefing.prompt.ref
    request = briefing.request
    now = {
        "messages": list(request.messages),
        "tools": [tool["function"]["name"] for tool in request.tools],
        "max_tokens": request.max_tokens,
    }
    return bool(_comparable(now) == _comparable({name: noted[name] for name in now}))


def _answered(before: dict[str, Any], update: dict[str, Any], state: TurnState) -> dict[str, Any] | None:
    """The recorded answers to the same calls, under the ids that the calls have now."""
    was, now = before["draft"].calls, state["draft"].calls
    if [_asked(call) for call in was] != [_asked(call) for call in now]:
        return None
    answers = update["exchange"][-len(was) :] if was else ()
    told = [{**answer, "tool_call_id": call["id"]} for answer, call in zip(answers, now, strict=True)]
    return {**update, "exchange": (*state.get("exchange", ()), *told)}


def _asked(call: dict[str, Any]) -> tuple[str, Any]:
    function = call["function"]
    return function["name"], orjson.loads(function["arguments"])


def _asking(state: Any) -> Any:
    """What a node is asked with; what other parts of the message were told has no bearing on it."""
    return _comparable({name: one for name, one in state.items() if name not in ("told", "passages")})


def _comparable(value: Any) -> Any:
    return _rounded(orjson.loads(orjson.dumps(value)))


def _rounded(value: Any) -> Any:
    match value:
        case float():
            return round(value, _DIGITS)
        case dict():
            return {name: _rounded(one) for name, one in value.items()}
        case list():
            return [_rounded(one) for one in value]
        case _:
            return value


def _had_model(recorded: Recorded) -> bool:
    """Whether a model might have spoken then: asked, or spared by a passage that was near enough."""
    usual = asdict(Tuning())["curated"]
    noted = [one.get("noted", {}) for one in recorded.steps if one["node"] == "retrieve_faqs"]
    asked = any(one["node"] == "call_llm" for one in recorded.steps)
    return asked or any(one.get("needed") == usual for one in noted)


class _StandIn(FallbackModel):
    """Stands for the model of then, which every node may want to ask, and which is never asked."""

    def __init__(self) -> None:
        super().__init__([ScriptedModel()], total_seconds=1.0)

    def permits(self, names: Any = None, *, external_models: bool) -> bool:  # noqa: ARG002
        return True


class _NoHttp:
    """No request leaves a replay."""

    async def get(self, url: str, *, headers: dict[str, str]) -> HttpReply:  # noqa: ARG002
        _refuse()

    async def post(self, url: str, *, headers: dict[str, str], json: dict[str, Any]) -> HttpReply:  # noqa: ARG002
        _refuse()


def _refuse() -> NoReturn:
    raise ToolUnreachable("A replay asks nobody.")
