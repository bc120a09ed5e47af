"""Scenes: for every crash point the traffic that leads a replica to it."""

from __future__ import annotations

import random
from dataclasses import dataclass

from desk.domain import DoubleTexting
from graphs.crash_points import CRASH_POINTS, CrashPoint
from tests.chaos.customer import STREAMING, Manner
from tests.chaos.history import How
from tests.graphs.conversing import POINTS


@dataclass(frozen=True, slots=True)
class Scene:
    """What one customer does; `second` is sent while the first message is still being answered."""

    message: str
    manner: Manner = STREAMING
    second: str | None = None
    double_texting: DoubleTexting = "reject"
    # The cancel goes to the replica that is to die, or the replica is told to end (SIGTERM).
    cancel_here: bool = False
    ends: bool = False


USUAL = Scene("say 4 every 0.05")
_CANCELLED = Scene("say 60 every 0.05", Manner(cancel_after=5))
_RECORDED = Scene("record; say 2 every 0.03; record")
_EFFECT = Scene("say 1 every 0; effect; say 2 every 0.02")
_REFUSED = Scene("say 2 every 0.02; refuse")
_BROKEN = Scene("say 1 every 0; break 1; say 2 every 0.02")
_LONG = Scene("say 50 every 0.05")
_ENDED = Scene("say 140 every 0.05", ends=True)
_HERE = Scene("say 60 every 0.05", Manner(cancel_after=5), cancel_here=True)
_WAITED = Scene("say 6 every 0.05", second="say 3 every 0.02", double_texting="enqueue")

_BY_POINT: dict[CrashPoint, Scene] = {
    "before_record": _RECORDED,
    "after_record": _RECORDED,
    "effect_intended": _EFFECT,
    "effect_asked": _EFFECT,
    "effect_settled": _EFFECT,
    "before_stop": _CANCELLED,
    "after_stop": _CANCELLED,
    "before_failure": _REFUSED,
    "after_failure": _REFUSED,
    "before_retry": _BROKEN,
    "after_retry": _BROKEN,
    "after_claim": _WAITED,
    "before_renewal": _LONG,
    "after_renewal": _LONG,
    "before_cancel": _HERE,
    "after_cancel": _HERE,
    "before_release": _ENDED,
    "after_release": _ENDED,
    "before_event_citation": Scene("cite; say 2 every 0.02"),
    "after_event_citation": Scene("cite; say 2 every 0.02"),
    "before_event_tool": Scene("tool; say 2 every 0.02"),
    "after_event_tool": Scene("say 1 every 0; tool; say 2 every 0.02"),
    "before_event_handoff": Scene("say 2 every 0.02; person"),
    "after_event_handoff": Scene("say 2 every 0.02; person"),
    "before_event_degraded": Scene("degrade; say 2 every 0.02"),
    "after_event_degraded": Scene("say 1 every 0; degrade; say 2 every 0.02"),
    "before_event_revise": Scene("say 3 every 0.02; revise; say 2 every 0.02"),
    "after_event_revise": Scene("say 3 every 0.02; revise; say 2 every 0.02"),
    "before_event_error": _CANCELLED,
    "after_event_error": _CANCELLED,
}


def scene_of(point: CrashPoint) -> Scene:
    """The traffic that reaches a crash point."""
    return _BY_POINT.get(point, USUAL)


def any_scene(chance: random.Random) -> Scene:
    """Some traffic, for a death at a moment that nobody chose."""
    how: How = "send" if chance.random() < 0.25 else "stream"
    leave = chance.choice((None, None, 3))
    acts = [f"say {chance.randint(1, 25)} every {chance.choice((0, 0.02, 0.05))}"]
    acts += chance.choices(("record", "tool", "cite", "say 3 every 0.01"), k=chance.randint(0, 3))
    chance.shuffle(acts)
    return Scene("; ".join(acts), Manner(how=how, leave_after=leave if how == "stream" else None))


# The same for the demo bookshop, where the support graph runs and a model looks an order up before it speaks.
SHOP_USUAL = Scene("How long does shipping take?")
_SHOP_MODEL = Scene(POINTS)
_SHOP_PERSON = Scene("let me talk to a person")
_SHOP_ORDER = Scene("Where is my order 100234?")
SHOP_POINTS: dict[CrashPoint, Scene] = {
    "before_accept": SHOP_USUAL,
    "after_accept": SHOP_USUAL,
    "before_run": SHOP_USUAL,
    "before_record": _SHOP_MODEL,
    "after_record": _SHOP_MODEL,
    "before_commit": _SHOP_MODEL,
    "after_commit": _SHOP_MODEL,
    "after_event_accepted": _SHOP_MODEL,
    "after_event_step": _SHOP_MODEL,
    "before_event_token": _SHOP_MODEL,
    "after_event_token": _SHOP_MODEL,
    "before_event_tool": _SHOP_MODEL,
    "after_event_tool": _SHOP_MODEL,
    "before_event_citation": _SHOP_MODEL,
    "after_event_citation": _SHOP_MODEL,
    "before_event_handoff": _SHOP_PERSON,
    "after_event_handoff": _SHOP_PERSON,
    "before_event_done": _SHOP_ORDER,
    "after_event_done": _SHOP_ORDER,
}


def any_shop_scene(chance: random.Random) -> Scene:
    """Something that customers of the bookshop say."""
    return chance.choice((SHOP_USUAL, _SHOP_MODEL, _SHOP_MODEL, _SHOP_PERSON, _SHOP_ORDER))


assert set(_BY_POINT) <= set(CRASH_POINTS)
