"""The short form of the fuzz: a few requests as described and a few others, everywhere, as everybody."""

from __future__ import annotations

import pytest

from tests.security import fuzz
from tests.security.ground import Ground


# A bound for machines that do ten other things.
@pytest.mark.timeout(600)
@pytest.mark.loop_limit(2)  # the requests are drawn in a thread of the server's own process
async def test_nonsense_is_refused_politely(ground: Ground) -> None:
    section = await fuzz.measure(ground, 2, lambda _: None, goal=700)
    assert not section.missed, section.notes
