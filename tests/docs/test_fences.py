"""What a page shows as a command or as a piece of a page works when it is copied."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.async_api import Browser, expect

from desk.settings import Settings
from server.documentation.references import written_pages
from server.issuer import load_issuer
from tests.architecture.files import ROOT

FENCE = re.compile(
    r"<!-- run: (?P<kind>\w+), says: (?P<says>[^\n]+?) -->\n```\w+\n(?P<text>.*?)```", re.DOTALL
)
SHOWN = "//127.0.0.1:8000"


@dataclass(frozen=True, slots=True)
class Fence:
    """A fence that is marked to be run, and words that must come of it."""

    place: str
    kind: str
    says: str
    text: str


def fences(*kinds: str) -> list[Fence]:
    """The marked fences of all pages."""
    return [
        Fence(f"{page.name}:{text.count(chr(10), 0, found.start()) + 1}", **found.groupdict())
        for page in written_pages(ROOT)
        for text in [page.read_text(encoding="utf-8")]
        for found in FENCE.finditer(text)
        if found["kind"] in kinds
    ]


def environment(settings: Settings) -> dict[str, str]:
    """The environment in which `make run` would be found by the commands."""
    assert settings.database_url is not None
    assert settings.migration_database_url is not None
    return os.environ | {
        "DESK_HOME": str(settings.home),
        "DATABASE_URL": settings.database_url.get_secret_value(),
        "DESK_MIGRATION_DATABASE_URL": settings.migration_database_url.get_secret_value(),
        "REDIS_URL": settings.redis_url.get_secret_value() if settings.redis_url else "",
    }


def shown_at(address: str, text: str) -> str:
    """The text for an application at another address than the pages say."""
    return text.replace(SHOWN, address.removeprefix("http:"))


def test_every_mark_is_read() -> None:
    marks = sum(page.read_text(encoding="utf-8").count("<!-- run:") for page in written_pages(ROOT))
    # CONTRIBUTING.md speaks of a mark once.
    assert len(fences("shell", "page")) == marks - 1
    assert {fence.kind for fence in fences("shell", "page")} == {"shell", "page"}


@pytest.mark.parametrize("fence", fences("shell"), ids=lambda fence: fence.place)
async def test_a_command_does_what_the_page_says(fence: Fence, demo: str, settings: Settings) -> None:
    if shutil.which("curl") is None:
        missing = "curl is missing; install the package curl"
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(missing)
    script = shown_at(demo, fence.text).replace(".venv/bin/desk", f"{sys.executable} -m server.cli")
    done = await asyncio.to_thread(
        subprocess.run,
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=ROOT,
        env=environment(settings),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert fence.says in done.stdout


@pytest.mark.browser
@pytest.mark.parametrize("fence", fences("page"), ids=lambda fence: fence.place)
async def test_a_page_of_another_origin_can_embed_the_chat(
    fence: Fence, demo: str, settings: Settings, shop_origin: str, shop_folder: Path, browser: Browser
) -> None:
    token = load_issuer(settings).sign(tenant="bookshop", email="ada@example.com", role="user", seconds=300)
    html = shown_at(demo, fence.text).replace('"TOKEN"', f'"{token}"')
    (shop_folder / "index.html").write_text(html, encoding="utf-8")
    tab = await browser.new_page()
    broken: list[str] = []
    tab.on("pageerror", lambda error: broken.append(str(error)))
    await tab.goto(f"{shop_origin}/index.html")
    await tab.evaluate(
        "customElements.whenDefined('deskgraph-chat').then(() =>"
        " document.querySelector('deskgraph-chat').ask('Which cards do you take?'))"
    )
    await expect(tab.locator("deskgraph-chat")).to_contain_text(fence.says, timeout=10_000)
    await tab.close()
    assert broken == []


def test_every_attribute_of_the_widget_is_described() -> None:
    declared = re.search(r"<deskgraph-chat ([\w ]+)>", (ROOT / "web/widget/chat.js").read_text())
    described = re.findall(r"^\| `(\w+)` \|", (ROOT / "docs/embedding.md").read_text(), re.MULTILINE)
    assert declared is not None
    assert sorted(described) == sorted(declared[1].split())
