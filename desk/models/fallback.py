"""Several models as one: asked in order within one time budget, until one of them speaks."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from dataclasses import replace

from desk.errors import DeskError, EgressBlocked, Misconfigured, ModelUnavailable
from desk.models.breaker import Breaker
from desk.models.catalog import ModelSpec, cost_usd
from desk.models.port import ChatModel, FailureReason, Finished, Guard, ModelEvent, ModelFailed, ModelRequest
from desk.models.watch import Watch

OnDegraded = Callable[[str, str], None]
"""Told what failed and what is done instead, once for each failure."""

# A server that was there and may be again at once. Everything else would fail again, or took its time.
_PASSING: tuple[FailureReason, ...] = ("busy", "connect", "cut", "error")
# Nobody looks at an empty answer for longer than this before something else is said.
MAX_PAUSE_SECONDS = 3.0
_NOT_THE_MODELS_FAULT: tuple[FailureReason, ...] = ("open", "rejected")


def _nobody(_what: str, _instead: str) -> None:
    """For callers that do not want to be told."""


class FallbackModel:
    """Asks the models in order; the only place where anything is asked again.

    - It moves on only while nothing was passed on. After the first event a failure is raised as it came:
      a ModelUnavailable, or what else the model raises.
    - Once a local model was passed over, an external one is asked only with `external_fallback`.
    - The last model is asked a second time after a passing failure, if its Retry-After fits the budget.
    - A model that failed three times in a row is left alone for 15 s.
    """

    def __init__(self, models: Sequence[ChatModel], *, total_seconds: float) -> None:
        if not models:
            raise ValueError("a FallbackModel needs at least one model")
        self._models = tuple(models)
        # In the order in which they are asked.
        self.specs = tuple(model.spec for model in models)
        self._total_seconds = total_seconds
        self._breakers = {id(model): Breaker() for model in self._models}

    @property
    def spec(self) -> ModelSpec:
        """The first model's."""
        return self._models[0].spec

    async def aclose(self) -> None:
        """Close every model."""
        await asyncio.gather(*(model.aclose() for model in self._models))

    async def warm(self) -> None:
        """Load every model ahead of the first question; raises Misconfigured when one does not load."""
        await asyncio.gather(*(model.warm() for model in self._models))

    async def stream(
        self,
        request: ModelRequest,
        *,
        guard: Guard,
        external_models: bool = True,
        external_fallback: bool = False,
        names: Sequence[str] | None = None,
        on_degraded: OnDegraded = _nobody,
    ) -> AsyncGenerator[ModelEvent, None]:
        """The answer of the first model that gives one.

        `external_models`, `external_fallback` and `names` are the tenant's: may external models be asked at
        all, may they be asked in the place of a local one, and which (None: all). Raises ModelUnavailable
        when nobody answered in time.
        """
        deadline = asyncio.get_running_loop().time() + self._total_seconds
        plan = self._plan(names, external_models=external_models, external_fallback=external_fallback)
        failure: DeskError | None = None
        while plan:
            model = plan.pop(0)
            spoken = False
            try:
                async with aclosing(self._ask(model, request, guard, deadline)) as events:
                    async for event in events:
                        spoken = True
                        yield event
                return
            except (ModelUnavailable, EgressBlocked, Misconfigured) as error:
                if spoken:
                    raise
                again = _pause_before_repeating(error, deadline) if plan == [model] else 0.0
                failure = error
            if again is None:
                plan.clear()
            on_degraded(_what(model, failure), _instead(plan, model))
            await asyncio.sleep(again or 0.0)
        raise ModelUnavailable from failure

    def permits(self, names: Sequence[str] | None = None, *, external_models: bool) -> bool:
        """Whether there is a model to ask at all."""
        return bool(self._plan(names, external_models=external_models, external_fallback=False))

    def most_usd(
        self,
        prompt_tokens: int,
        completion_tokens: int,
        names: Sequence[str] | None,
        *,
        external_models: bool,
        external_fallback: bool,
    ) -> float:
        """What an answer of this many tokens costs at most, whichever of the permitted models gives it."""
        plan = self._plan(names, external_models=external_models, external_fallback=external_fallback)
        return max((cost_usd(one.spec, prompt_tokens, completion_tokens) for one in plan), default=0.0)

    def _plan(
        self, names: Sequence[str] | None, *, external_models: bool, external_fallback: bool
    ) -> list[ChatModel]:
        """Whom to ask, in order; the last one twice."""
        plan: list[ChatModel] = []
        passed_local = False
        for model in self._models:
            if names is not None and model.spec.name not in names:
                continue
            permitted = external_models and (external_fallback or not passed_local)
            if permitted or not model.spec.external:
                plan.append(model)
            passed_local = passed_local or not model.spec.external
        return plan + plan[-1:]

    async def _ask(
        self, model: ChatModel, request: ModelRequest, guard: Guard, deadline: float
    ) -> AsyncGenerator[ModelEvent, None]:
        """One model's answer, cut off at the deadline; its breaker learns how it went."""
        loop = asyncio.get_running_loop()
        breaker = self._breakers[id(model)]
        if not breaker.admits(loop.time()):
            raise ModelFailed(model.spec.name, "open")
        watch = Watch(deadline)
        try:
            fitting = request if model.spec.tools else replace(request, tools=())
            async with aclosing(model.stream(fitting, guard=guard)) as events:
                while event := await watch.wait(anext(events, None)):
                    if isinstance(event, Finished):
                        breaker.succeeded()
                    yield event
        except TimeoutError as error:
            breaker.failed(loop.time())
            raise ModelFailed(model.spec.name, "timeout") from error
        except (ModelUnavailable, Misconfigured) as error:
            if not (isinstance(error, ModelFailed) and error.reason in _NOT_THE_MODELS_FAULT):
                breaker.failed(loop.time())
            raise
        finally:
            watch.close()
            breaker.dropped()


def _pause_before_repeating(failure: DeskError, deadline: float) -> float | None:
    """Seconds to wait before asking the same model again: what it asked for; None when there is no point."""
    if not isinstance(failure, ModelFailed) or failure.reason not in _PASSING:
        return None
    # The spread keeps the callers of a server that stumbled from coming back together.
    pause = (failure.model_back_in or 0.1) * random.uniform(1.0, 1.5)  # noqa: S311
    left = deadline - asyncio.get_running_loop().time()
    return pause if pause < min(MAX_PAUSE_SECONDS, left) else None


def _what(model: ChatModel, failure: DeskError) -> str:
    reason = failure.reason if isinstance(failure, ModelFailed) else type(failure).__name__
    return f"model {model.spec.name}: {reason}"


def _instead(plan: Sequence[ChatModel], failed: ChatModel) -> str:
    if not plan:
        return "no model"
    return f"model {plan[0].spec.name}{' again' if plan[0] is failed else ''}"
