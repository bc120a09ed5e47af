"""serve, worker, shop, run, migrate: the processes of a desk."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Annotated

import typer

from desk.settings import Settings, load_settings
from server.commands.opening import say, with_stores
from server.ports import free_port
from server.preflight import needed_database_url, refuse_faults

app = typer.Typer()


Host = Annotated[str | None, typer.Option(help="Address to listen on; stands for DESK_HOST.")]
Port = Annotated[
    int | None, typer.Option(min=0, max=65535, help="Port to listen on, 0 a free one; stands for DESK_PORT.")
]


@app.command()
def run(host: Host = None, port: Port = None) -> None:
    """Start everything a laptop needs: stores, demo bookshop, order service, application."""
    from server.supervisor import supervise

    supervise(_settings(host, port), say=say)


@app.command()
def serve(host: Host = None, port: Port = None) -> None:
    """Serve the application on DESK_HOST and DESK_PORT; needs DATABASE_URL."""
    settings = _settings(host, port)
    _refuse_start(settings)
    free_port(settings.host, settings.port)

    import uvicorn

    from server.app import create_app
    from server.listening import Punctual

    uvicorn.run(
        partial(create_app, settings),
        factory=True,
        host=settings.host,
        port=settings.port,
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        timeout_keep_alive=30,
        timeout_graceful_shutdown=6,  # running turns are handed back after five
        ws_max_size=128 * 1024,
        http=Punctual,
    )


@app.command()
def worker() -> None:
    """Take over turns whose process died, and run background jobs; needs DATABASE_URL."""
    settings = load_settings()
    _refuse_start(settings)

    from server.worker import work

    asyncio.run(work(settings))


@app.command()
def shop(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on; 0 takes a free one.")] = 0,
) -> None:
    """Serve the demo's order service, which stands for a shop's own."""
    free_port(host, port)

    from server.demo.shop import serve_shop

    serve_shop(load_settings(), host=host, port=port)


@app.command()
def migrate() -> None:
    """Bring the database to today's shape; several processes may do this at once."""

    async def nothing(*_: object) -> None:
        return None

    with_stores(nothing)
    say("The database is up to date.")


def _refuse_start(settings: Settings) -> None:
    needed_database_url(settings)
    refuse_faults(settings)


def _settings(host: str | None, port: int | None) -> Settings:
    given = {name: value for name, value in (("host", host), ("port", port)) if value is not None}
    return load_settings().model_copy(update=given)
