"""mcp: what a tenant's MCP server offers for approval, and whether what was approved is still that."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from functools import partial
from typing import TYPE_CHECKING, Annotated

import orjson
import typer

from desk.domain import McpServer, McpTool, Tenant
from desk.embedded import Engines
from desk.errors import InvalidInput, ToolUnavailable
from desk.settings import Settings
from server.commands.in_tenant import TenantOption, in_tenant
from server.commands.opening import say, with_stores

if TYPE_CHECKING:
    from tools.mcp.definition import Definition

app = typer.Typer()
mcp_app = typer.Typer(help="Tools of tenants' MCP servers.", no_args_is_help=True)
app.add_typer(mcp_app, name="mcp")

LOOK_SECONDS = 15.0


@mcp_app.command("look")
def look_at_server(
    tenant: TenantOption,
    url: Annotated[str, typer.Option(help="Where the server listens, as https://crm.example/mcp.")],
    name: Annotated[str, typer.Option(help="What the server is to be called: a-z and 0-9.")] = "shop",
    secret: Annotated[
        str | None, typer.Option(help="The name of a secret in DESK_TOOL_SECRETS, without `tenant/`.")
    ] = None,
) -> None:
    """Print the server with its tools as an entry of the tenant's setting `mcp_servers`, to be read first.

    On stderr stand each tool's sha, which tools cannot be offered and why, and which read like an attack.
    """
    server = McpServer(name=name, url=url, secret=secret)

    async def look(settings: Settings, found: Engines) -> None:
        async with in_tenant(settings, found, tenant) as place:
            tools = await _tools_of(settings, place.tenant, server)
        entry = {name: value for name, value in asdict(server).items() if value is not None}
        typer.echo(orjson.dumps({**entry, "tools": tools}, option=orjson.OPT_INDENT_2))

    with_stores(look)


@mcp_app.command("check")
def check_servers(tenant: TenantOption) -> None:
    """Ask all servers of the tenant whether each approved tool is still what it was; 1 if one is not."""

    async def check(settings: Settings, found: Engines) -> bool:
        async with in_tenant(settings, found, tenant) as place:
            servers = place.tenant.settings.mcp_servers
            said = [await _compared(settings, place.tenant, server) for server in servers]
        return all(said)

    if not with_stores(check):
        raise typer.Exit(1)


async def _tools_of(settings: Settings, tenant: Tenant, server: McpServer) -> list[dict[str, object]]:
    """The tools that can be offered, with all that is to be decided at its most careful."""
    from desk.routing.injection.detector import is_injection
    from tools.mcp.tool import check_server

    tools = []
    check_server(server)
    for one in await _listed(settings, tenant, server):
        why_not = one.why_not()
        say(f"{one.name}  {one.sha}  {f'cannot be offered: {why_not}' if why_not else 'can be offered'}")
        if is_injection(one.description):
            say(f"{one.name}  its description reads like an attack on a model: look at it closely")
        if why_not is None:
            described = McpTool(name=one.name, description=one.description, arguments=one.arguments)
            tools.append(asdict(described))
    return tools


async def _compared(settings: Settings, tenant: Tenant, server: McpServer) -> bool:
    """Print how each tool of the server stands; whether all are as they were approved."""
    from tools.mcp.definition import Definition, standing

    listed = await _listed(settings, tenant, server)
    found = [(Definition.approved(tool), standing(listed, tool)) for tool in server.tools]
    for approved, state in found:
        typer.echo(f"{server.name}\t{approved.name}\t{approved.sha}\t{state}")
    return all(state == "as approved" for _, state in found)


async def _listed(settings: Settings, tenant: Tenant, server: McpServer) -> list[Definition]:
    """What the server offers now; raises InvalidInput with what stood in the way."""
    from graphs.acting.tenant_tools import client_for, secret_of
    from tools.mcp.service import McpService

    async with client_for(settings, server.url) as http:
        service = McpService(server, tenant.slug, http, partial(secret_of, settings, tenant.slug))
        try:
            async with asyncio.timeout(LOOK_SECONDS):
                return await service.look()
        except (ToolUnavailable, TimeoutError) as error:
            said = f"The MCP server at {server.url} could not be asked: {_reason(error)}."
            raise InvalidInput(said) from error


def _reason(error: BaseException) -> str:
    """The first note of an error or what caused it."""
    cause: BaseException | None = error
    while cause is not None:
        if getattr(cause, "__notes__", None):
            return str(cause.__notes__[0])
        cause = cause.__cause__
    return "it refused, its secret is not set, or it took too long"
