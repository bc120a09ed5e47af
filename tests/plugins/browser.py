"""One Chromium a session: the system's own, as no browser is downloaded."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Browser, async_playwright

CHROMIUM = Path("/usr/bin/chromium")


@pytest.fixture(scope="session")
def executable() -> str:
    """The browser's path; a missing one skips the test, and fails it where CI=true."""
    if CHROMIUM.exists():
        return str(CHROMIUM)
    missing = f"{CHROMIUM} is missing; install the package chromium"
    if os.environ.get("CI") == "true":
        pytest.fail(missing)
    pytest.skip(missing)


@pytest.fixture(scope="session")
async def browser(executable: str) -> AsyncIterator[Browser]:
    """A running browser; each test opens a profile of its own."""
    async with async_playwright() as playwright:
        chromium = await playwright.chromium.launch(executable_path=executable, args=["--no-sandbox"])
        yield chromium
        await chromium.close()
