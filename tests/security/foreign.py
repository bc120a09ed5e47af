"""Foreign ids: every way in which an id can be not one's own."""

from __future__ import annotations

import random
from typing import Literal
from uuid import uuid4

from tests.security.askers import Asker
from tests.security.doors import Slot

Foreign = Literal["neighbour", "stranger", "deleted", "another kind", "malformed", "unknown"]

MALFORMED = (
    "not-an-id",
    "1",
    "' or '1'='1",
    "../../etc/passwd",
    "00000000-0000-0000-0000-00000000000g",
    "a" * 400,
    "{}",
    "\u202e\U0001f600",
    "%s%n",
    "nil\x00nil",
    "-1",
    "null",
)
# Ids that are words and not UUIDs.
_WORDS = ("session", "faq", "agent", "person", "tenant")


def foreign_ids(asker: Asker, slot: Slot, chance: random.Random) -> dict[Foreign, str]:
    """One id of every way; a kind that has nothing to delete, or nothing to neighbour, lacks that way."""
    near, far, gone = asker.home.owner.ids, asker.away.owner.ids, asker.home.gone.ids
    found: dict[Foreign, str] = {"unknown": unknown(slot), "malformed": chance.choice(MALFORMED)}
    if slot.kind == "tenant":
        # One's own may be named.
        return found | {"stranger": chance.choice((far["tenant"], str(asker.away.tenant.id)))}
    found |= {"neighbour": near[slot.kind], "stranger": far[slot.kind]}
    if slot.kind not in ("session", "person", "agent", "erasure"):
        found["deleted"] = gone[slot.kind]
    others = sorted(set(near) - {slot.kind, "account", "subject", "tenant", "erasure", *_WORDS})
    if slot.kind not in _WORDS:
        found["another kind"] = near[chance.choice(others)]
    return found


def unknown(slot: Slot) -> str:
    """An id of nothing at all."""
    if slot.kind in ("agent", "person"):
        return f"{uuid4().hex}@example.com"
    return uuid4().hex[:16] if slot.kind in _WORDS else str(uuid4())
