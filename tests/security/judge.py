"""The judge: does an answer hold anything of somebody else, and is foreign told apart from unknown?"""

from __future__ import annotations

from dataclasses import dataclass, field

from tests.security.allowed import may_see
from tests.security.askers import Asker
from tests.security.asking import Answer, unlike
from tests.security.doors import Door, Slot
from tests.security.foreign import Foreign
from tests.security.owners import Town
from tests.security.parameters import LOOSE

_REFUSED = (401, 403, 404)


@dataclass(slots=True)
class Verdict:
    """What was counted, and what was found; a finding says where and for whom."""

    cases: int = 0
    scanned: int = 0
    compared: int = 0
    controls: int = 0
    leaks: list[str] = field(default_factory=list)
    changes: list[str] = field(default_factory=list)
    differences: list[str] = field(default_factory=list)
    dead: list[str] = field(default_factory=list)


def leaks(asker: Asker, door: Door, sent: str, answer: Answer, *, unchecked: bool) -> list[str]:
    """The words and ids of others that stand in the answer; the one that was sent may stand there."""
    haystack = f"{answer.headers}\n{answer.text}".lower()
    return [
        secret
        for secret in _secrets(asker, door, unchecked=unchecked)
        if secret.lower() in haystack and secret != sent
    ]


def _secrets(asker: Asker, door: Door, *, unchecked: bool) -> list[str]:
    near = _personal(asker.home)
    if may_see(door.name, asker.role, unchecked=unchecked):
        near = []
    return near + _personal(asker.away) + (asker.away.common if asker.role != "anonymous" else _all(asker))


def _personal(town: Town) -> list[str]:
    """What belongs to a town's people, and not to everybody in it."""
    common = {*town.common, town.tenant.slug, town.keeper}
    owned = [*town.owner.words, *town.gone.words, *town.owner.ids.values(), town.owner.email, town.gone.email]
    return [secret for secret in owned if secret not in common]


def _all(asker: Asker) -> list[str]:
    return [*asker.home.common, *asker.away.common]


def differs(slot: Slot, way: Foreign, foreign: Answer, unknown: Answer, sent: str, other: str) -> str:
    """How the answer to a foreign id tells that it is not unknown; empty when it does not."""
    if way == "malformed":
        fits = foreign.status in (unknown.status, 404, 422) or (slot.name in LOOSE and foreign.status < 500)
        return "" if fits else f"{foreign.status} instead of {unknown.status}"
    if foreign.status != unknown.status:
        return f"{foreign.status} instead of {unknown.status}"
    if slot.place == "path" and foreign.status not in _REFUSED:
        return f"{foreign.status} for an unknown id"
    if slot.name not in LOOSE and unlike(foreign, sent) != unlike(unknown, other):
        return f"another body: {foreign.text[:120]!r} instead of {unknown.text[:120]!r}"
    return ""
