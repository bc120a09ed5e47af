"""What keeps a sandbox from acting is held three times over; each of them holds by itself."""

from __future__ import annotations

from typing import Any

import pytest

from desk.errors import ToolUnreachable
from graphs.replays.harmless import NoLedger, harmless
from tests.graphs.conversing import Customer
from tests.tools.local_server import answer, serving
from tools.http import TenantHttp


async def test_tools_that_change_something_refuse_and_the_others_do_not(ada: Customer) -> None:
    calm = harmless(ada.services)
    writing = {name for name, tool in calm.tools.items() if tool.writing is not None}
    assert writing
    for name in writing:
        nothing: Any = None
        with pytest.raises(ToolUnreachable):
            await calm.tools[name].run(nothing, nothing)
    for name in calm.tools.keys() - writing:
        assert calm.tools[name] is ada.services.tools[name]


async def test_nothing_but_reading_is_sent(ada: Customer) -> None:
    async with serving({"/orders": answer(b"{}")}) as server, TenantHttp([server.origin]) as http:
        services = harmless(ada.services)
        services.http = http
        calm = harmless(services).http
        with pytest.raises(ToolUnreachable):
            await calm.post(server.url("/orders"), headers={}, json={})
        assert server.heard == []
        assert (await calm.get(server.url("/orders"), headers={})).status == 200


async def test_no_effect_is_begun_or_settled() -> None:
    ledger = NoLedger()
    assert (await ledger.find("return")).state == "result"
    assert ledger.withheld == ["return"]
    with pytest.raises(ToolUnreachable):
        await ledger.intend("return", "start_return", {})
    with pytest.raises(ToolUnreachable):
        await ledger.settle("return", "start_return", "result", {})
