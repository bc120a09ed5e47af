"""Who is asked, in which order, for how long, and what is said about it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing

import pytest

from desk.errors import DeskError, EgressBlocked, Misconfigured, ModelUnavailable
from desk.models.breaker import OPEN_SECONDS, Breaker
from desk.models.catalog import ModelSpec
from desk.models.fallback import FallbackModel
from desk.models.port import Finished, Guard, ModelEvent, ModelFailed, ModelRequest, TextDelta
from desk.models.scripted import Script, ScriptedAnswer, ScriptedModel

QUESTION = ModelRequest(({"role": "user", "content": "hi"},))


def nothing(_body: bytes) -> None:
    """A guard that has no objection."""


def refuse(_body: bytes) -> None:
    """A guard that objects."""
    raise EgressBlocked


def local(script: Script, name: str = "local", pause: float = 0.0) -> ScriptedModel:
    return ScriptedModel(script, spec=ModelSpec(name, "scripted", False, 4096), pause=pause)


def hosted(script: Script, name: str = "hosted", pause: float = 0.0) -> ScriptedModel:
    return ScriptedModel(script, spec=ModelSpec(name, "scripted", True, 4096), pause=pause)


def failing(error: Exception | None = None, text: str = "") -> list[ScriptedAnswer | str]:
    return [ScriptedAnswer(text, error=error or ModelFailed("x", "silent"))]


class Listener:
    """Notes what was reported."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, str]] = []

    def __call__(self, what: str, instead: str) -> None:
        self.heard.append((what, instead))


async def ask(
    *models: ScriptedModel,
    total_seconds: float = 5.0,
    listener: Listener | None = None,
    external_models: bool = True,
    external_fallback: bool = False,
    names: tuple[str, ...] | None = None,
    objecting: bool = False,
) -> list[ModelEvent]:
    model = FallbackModel(models, total_seconds=total_seconds)
    stream = model.stream(
        QUESTION,
        guard=refuse if objecting else nothing,
        external_models=external_models,
        external_fallback=external_fallback,
        names=names,
        on_degraded=listener or Listener(),
    )
    async with aclosing(stream) as events:
        return [event async for event in events]


def said(events: list[ModelEvent]) -> str:
    last = events[-1]
    assert isinstance(last, Finished)
    assert "".join(event.text for event in events if isinstance(event, TextDelta)) == last.text
    return last.text


async def test_the_first_that_answers_is_heard_alone() -> None:
    second = local(["two"])
    assert said(await ask(local(["one"]), second)) == "one"
    assert second.requests == []


async def test_failures_move_on_in_order_and_are_reported() -> None:
    listener = Listener()
    models = (local(failing(), "a"), local(failing(Misconfigured("no file")), "b"), local(["three"], "c"))
    assert said(await ask(*models, listener=listener)) == "three"
    assert listener.heard == [("model a: silent", "model b"), ("model b: Misconfigured", "model c")]


async def test_nobody_left_is_model_unavailable_with_its_cause() -> None:
    listener = Listener()
    with pytest.raises(ModelUnavailable) as failure:
        await ask(local(failing(), "a"), listener=listener)
    assert isinstance(failure.value.__cause__, ModelFailed)
    assert listener.heard == [("model a: silent", "no model")]


async def test_after_the_first_word_nobody_else_is_asked() -> None:
    second = local(["two"])
    with pytest.raises(ModelUnavailable):
        await ask(local(failing(text="It is ")), second)
    assert second.requests == []


@pytest.mark.parametrize("permitted", [False, True])
async def test_from_local_to_external_only_with_permission(permitted: bool) -> None:
    away = hosted(["from afar"])
    if permitted:
        assert said(await ask(local(failing()), away, external_fallback=True)) == "from afar"
    else:
        with pytest.raises(ModelUnavailable):
            await ask(local(failing()), away)
        assert away.requests == []


async def test_from_external_to_local_needs_no_permission() -> None:
    assert said(await ask(hosted(failing()), local(["near"]))) == "near"


async def test_a_tenant_without_external_models_never_asks_one() -> None:
    away = hosted(["from afar"])
    assert said(await ask(away, local(["near"]), external_models=False, external_fallback=True)) == "near"
    with pytest.raises(ModelUnavailable):
        await ask(away, external_models=False)
    assert away.requests == []


async def test_only_the_models_that_a_tenant_names_are_asked() -> None:
    first, second = local(["first"], "first"), local(["second"], "second")
    assert said(await ask(first, second, names=("second",))) == "second"
    assert first.requests == []
    with pytest.raises(ModelUnavailable):
        await ask(first, second, names=())


async def test_what_the_guard_blocks_may_still_go_to_a_local_model() -> None:
    away, listener = hosted(["from afar"]), Listener()
    assert said(await ask(away, local(["near"]), objecting=True, listener=listener)) == "near"
    assert away.requests == []
    assert listener.heard == [("model hosted: EgressBlocked", "model local")]


async def test_one_budget_for_all() -> None:
    started = time.monotonic()
    with pytest.raises(ModelUnavailable):
        await ask(local(["late"], pause=9), local(["late"], pause=9), total_seconds=0.2)
    assert time.monotonic() - started < 1.0


async def test_the_budget_also_ends_an_answer_that_began() -> None:
    started = time.monotonic()
    with pytest.raises(ModelFailed) as failure:
        await ask(local(["on " * 100], pause=0.02), total_seconds=0.2)
    assert failure.value.reason == "timeout"
    assert time.monotonic() - started < 1.0


async def test_the_last_model_is_asked_again_after_a_passing_failure() -> None:
    busy = ScriptedAnswer(error=ModelFailed("a", "busy", model_back_in=0.05))
    model = local([busy, "now"])
    started = time.monotonic()
    assert said(await ask(model)) == "now"
    assert time.monotonic() - started >= 0.05


@pytest.mark.parametrize(
    "error",
    [ModelFailed("a", "silent"), ModelFailed("a", "busy", model_back_in=60), Misconfigured("no key")],
)
async def test_it_is_not_asked_again_when_that_is_pointless_or_too_late(error: DeskError) -> None:
    model = local(failing(error))
    with pytest.raises(ModelUnavailable):
        await ask(model, total_seconds=1.0)
    assert len(model.requests) == 1


async def test_another_kind_of_error_is_not_hidden() -> None:
    with pytest.raises(ZeroDivisionError):
        await ask(local(failing(ZeroDivisionError())), local(["two"]))


async def test_a_model_that_keeps_failing_is_left_alone_for_a_while() -> None:
    broken, listener = local(failing(), "a"), Listener()
    model = FallbackModel([broken, local(["two"], "b")], total_seconds=5)
    for _ in range(5):
        async with aclosing(model.stream(QUESTION, guard=nothing, on_degraded=listener)) as events:
            assert said([event async for event in events]) == "two"
    assert len(broken.requests) == 3
    assert listener.heard[-1] == ("model a: open", "model b")


def test_the_breaker_opens_probes_once_and_closes() -> None:
    breaker = Breaker()
    for now in (1.0, 2.0):
        assert breaker.admits(now)
        breaker.failed(now)
    breaker.succeeded()
    for now in (3.0, 4.0, 5.0):
        assert breaker.admits(now)
        breaker.failed(now)
    assert not breaker.admits(5.0 + OPEN_SECONDS - 0.1)
    assert breaker.admits(5.0 + OPEN_SECONDS)
    assert not breaker.admits(5.0 + OPEN_SECONDS)
    breaker.failed(21.0)
    assert not breaker.admits(22.0)
    assert breaker.admits(21.0 + OPEN_SECONDS)
    breaker.dropped()
    assert breaker.admits(21.0 + OPEN_SECONDS)
    breaker.succeeded()
    assert breaker.admits(40.0)
    assert breaker.admits(40.0)


async def test_leaving_closes_the_model_in_use() -> None:
    closed = asyncio.Event()

    class Watched(ScriptedModel):
        async def stream(self, request: ModelRequest, *, guard: Guard) -> AsyncGenerator[ModelEvent, None]:
            assert request is QUESTION
            guard(b"")
            try:
                yield TextDelta("a")
                await asyncio.Event().wait()
            finally:
                closed.set()

    async with aclosing(
        FallbackModel([Watched()], total_seconds=5).stream(QUESTION, guard=nothing)
    ) as events:
        assert await anext(events) == TextDelta("a")
    assert closed.is_set()


def test_no_models_is_a_mistake_of_the_caller() -> None:
    with pytest.raises(ValueError, match="at least one"):
        FallbackModel([], total_seconds=1)
