"""`desk run`: one process that owns the embedded stores and keeps application and demo shop running."""

from __future__ import annotations

import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from types import FrameType
from urllib.error import URLError
from urllib.request import urlopen

from desk.embedded import Engines, engines, refuse_second
from desk.embedded.children import die_with_parent, stop
from desk.embedded.kept import Kept
from desk.errors import Misconfigured
from desk.settings import Settings, child_environment
from server.demo.data import SLUG
from server.issuer import load_issuer
from server.ports import free_port
from server.preflight import refuse_faults

READY_SECONDS = 90.0
LOGIN_SECONDS = 15 * 60
DEMO_PERSON = "ada@example.com"

Say = Callable[[str], None]


class _Stopped(Exception):
    """Somebody asked us to stop."""


def supervise(settings: Settings, *, say: Say) -> None:
    """Run until Ctrl-C. Raises Misconfigured with what to do when something stands in the way."""
    began = time.monotonic()
    refuse_second(settings)
    port = free_port(settings.host, settings.port)
    refuse_faults(settings)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _stop)
    with suppress(_Stopped), engines(settings, say=say, resident=True) as found:
        shop_port = free_port("127.0.0.1", 0)
        environment = _environment(settings, found, port, shop_port)
        say("Starting the demo's order service and the application, loading the bookshop ...")
        children = [
            program("shop", environment, "--port", str(shop_port)),
            application := program("serve", environment),
        ]
        try:
            base = settings.model_copy(update={"port": port, "public_url": None}).public_address
            _wait_until_ready(base, application)
            _announce(settings, base, time.monotonic() - began, say)
            while True:
                time.sleep(0.5)
                for kept in (*found.servers, *children):
                    kept.restart_if_dead(say)
        finally:
            say("Stopping ...")
            for child in reversed(children):
                stop(child.process, signal.SIGTERM)


def program(name: str, environment: dict[str, str], *options: str) -> Kept:
    """`desk NAME OPTIONS`, started; it dies when this process does, however that ends."""
    command = (sys.executable, "-m", "server.cli", name, *options)
    return Kept(f"`desk {name}`", "its log above", lambda: _spawn(command, environment))


def _stop(_number: int, _frame: FrameType | None) -> None:
    raise _Stopped


def _environment(settings: Settings, found: Engines, port: int, shop_port: int) -> dict[str, str]:
    shop_key = (
        settings.shop_api_key.get_secret_value() if settings.shop_api_key else secrets.token_urlsafe(24)
    )
    environment = child_environment(
        DATABASE_URL=found.database_url,
        DESK_MIGRATION_DATABASE_URL=found.migration_database_url,
        DESK_HOME=str(settings.home),
        DESK_HOST=settings.host,
        DESK_PORT=str(port),
        DESK_SHOP_API_KEY=shop_key,
        DESK_SHOP_API_URL=f"http://127.0.0.1:{shop_port}",
        DESK_DEMO="true",
        DESK_LANGSERVE="true",
        DESK_METRICS="true",
    )
    if found.redis_url:
        environment["REDIS_URL"] = found.redis_url
    return environment


def _wait_until_ready(base: str, application: Kept) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline:
        if application.process.poll() is not None:
            raise Misconfigured("The application could not start; see its error above.")
        with suppress(URLError, OSError), urlopen(f"{base}/api/v1/readyz", timeout=2) as reply:  # noqa: S310
            if reply.status == 200:
                return
        time.sleep(0.1)
    raise Misconfigured(f"The application was not ready after {READY_SECONDS:.0f} s; see its log above.")


def _announce(settings: Settings, base: str, seconds: float, say: Say) -> None:
    code = load_issuer(settings).sign(
        tenant=SLUG, email=DEMO_PERSON, role="admin", seconds=LOGIN_SECONDS, typ="login+jwt"
    )
    say("")
    say(f"  Demo shop    {base}/demo")
    say(f"  Playground   {base}/playground")
    say(f"  Console      {base}/console")
    say(f"  Review       {base}/review")
    say(f"  Admin        {base}/admin")
    say(f"  LangServe    {base}/langserve/support/playground/")
    say(f"  API docs     {base}/docs")
    say("")
    say(f"  Open this once to be signed in as {DEMO_PERSON} (works once, for 15 minutes):")
    say(f"  {base}/login?code={code}")
    say("")
    say(f"Ready after {seconds:.1f} s on {base}. Ctrl-C stops everything.")


def _spawn(command: tuple[str, ...], environment: dict[str, str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(  # noqa: S603 - our own program
        command,
        env=environment,
        stdin=subprocess.DEVNULL,
        start_new_session=True,
        preexec_fn=die_with_parent(signal.SIGKILL),  # noqa: PLW1509 - two system calls, no lock
    )
