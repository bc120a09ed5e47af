"""The demo application as the README has it running, and a shop's page on another origin."""

from __future__ import annotations

import gc
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from desk.settings import Settings
from server.app import create_app
from tests.docs.checkout import Checkout
from tests.server.conftest import served, settings

__all__ = ["settings"]


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_said: object) -> None:
        """Say nothing."""


@contextmanager
def _serving(folder: Path) -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(folder))) as server:
        thread = Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.fixture(scope="session")
def shop_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What lies here is the shop's own website."""
    return tmp_path_factory.mktemp("shop")


@pytest.fixture(scope="session")
def shop_origin(shop_folder: Path) -> Iterator[str]:
    """The origin of the shop's website."""
    with _serving(shop_folder) as origin:
        yield origin


@pytest.fixture(scope="session")
async def demo(settings: Settings, shop_origin: str) -> AsyncIterator[str]:
    """Address of a demo application that lets the shop's pages in."""
    async with served(create_app(settings.model_copy(update={"allowed_origins": (shop_origin,)}))) as url:
        # What is loaded now stays: a full collection over all of it would hold the event loop up.
        gc.collect()
        gc.freeze()
        yield url
        gc.unfreeze()


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    """A copy of the project to change."""
    return Checkout.copy(tmp_path / "checkout")
