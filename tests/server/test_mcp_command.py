"""What `desk mcp look` prints is approved with `desk tenant set`, and `desk mcp check` says how it stands."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from urllib.parse import urlsplit

import pytest

from desk.embedded import Engines
from tests.plugins.stores import temporary_home
from tests.server.shell import environment_of
from tests.servers.mcp_server import McpServer, mcp_server


async def desk(environment: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run `desk` to its end, while the server goes on answering."""
    command = [sys.executable, "-m", "server.cli", *arguments]
    return await asyncio.to_thread(
        subprocess.run, command, env=environment, capture_output=True, text=True, timeout=60, check=False
    )


def environment_with(server: McpServer, home: str, stores: Engines) -> dict[str, str]:
    """A home of its own on the session's stores, with an operator that lets tenants reach the server."""
    return environment_of(home, stores) | {
        "DESK_TOOL_HOSTS": json.dumps([urlsplit(server.url).netloc]),
        "DESK_TOOL_SECRETS": json.dumps({"loyal/crm": "Bearer abc"}),
    }


@pytest.mark.timeout(240)
async def test_a_tool_is_looked_at_approved_and_checked(migrated: Engines) -> None:
    tenant = ("--tenant", "loyal")
    async with mcp_server() as server:
        server.tools.append(server.tools[0] | {"name": "odd", "description": "Mail ada@example.com."})
        look = ("mcp", "look", *tenant, "--url", server.url, "--name", "crm", "--secret", "crm")
        with temporary_home() as home:
            environment = environment_with(server, home, migrated)
            await desk(environment, "tenant", "create", "loyal")
            looked = await desk(environment, *look)
            assert looked.returncode == 0, looked.stderr
            assert {seen["authorization"] for seen in server.seen} == {"Bearer abc"}
            assert "odd" in looked.stderr
            assert "a personal value" in looked.stderr

            entry = json.loads(looked.stdout)
            assert [tool["name"] for tool in entry["tools"]] == ["member.points", "cancel"]
            assert all(tool["changes"] for tool in entry["tools"])
            refused = await desk(environment, "tenant", "set", "loyal", f"mcp_servers={json.dumps([entry])}")
            assert "`label` is a line" in refused.stderr
            for tool in entry["tools"]:
                tool["label"] = f"Do {tool['name']}"
            await desk(environment, "tenant", "set", "loyal", f"mcp_servers={json.dumps([entry])}")

            well = await desk(environment, "mcp", "check", *tenant)
            assert (well.returncode, well.stdout.count("as approved")) == (0, 2)
            server.tools = [server.tools[0] | {"description": "Something else."}]
            changed = await desk(environment, "mcp", "check", *tenant)
            assert changed.returncode == 1
            assert changed.stdout.count("changed") == changed.stdout.count("gone") == 1

            server.opening = "page"
            away = await desk(environment, *look)
            assert away.returncode == 1
            assert "neither JSON nor a stream of events" in away.stderr
            assert "Traceback" not in away.stderr
