"""`desk run` as a newcomer meets it: ready, answering, killed in every way, and clean afterwards."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from tests.conftest import MODELS
from tests.plugins.stores import temporary_home

READY_SECONDS = 60


@dataclass
class Running:
    """A `desk run` under way: its process, what it has printed, its address."""

    process: subprocess.Popen[bytes]
    log: Path
    port: int
    home: Path

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def text(self) -> str:
        return self.log.read_text()

    def wait_for(self, pattern: str) -> str:
        """What the pattern's first group finds in the output; fails when it does not come in time."""
        deadline = time.monotonic() + READY_SECONDS
        while time.monotonic() < deadline:
            if found := re.search(pattern, self.text):
                return found.group(found.re.groups)
            assert self.process.poll() is None, self.text
            time.sleep(0.05)
        raise AssertionError(f"{pattern} did not come: {self.text}")

    def ask(self, message: str, key: str | None = None) -> str:
        """The answer to a message, as Ada."""
        token = subprocess.run(
            [
                sys.executable,
                "-m",
                "server.cli",
                "token",
                "--tenant",
                "bookshop",
                "--user",
                "ada@example.com",
            ],
            env=os.environ | {"DESK_HOME": str(self.home)},
            capture_output=True,
            text=True,
            check=True,
        )
        headers = {"authorization": f"Bearer {token.stdout.strip()}"} | (
            {"idempotency-key": key} if key else {}
        )
        reply = httpx.post(
            f"{self.base}/api/v1/chat/", json={"message": message}, headers=headers, timeout=40
        )
        text: str = reply.json()["reply"]["text"]
        return text

    def children(self) -> dict[int, str]:
        """Every process below this one, by id."""
        listed = subprocess.run(["ps", "-wweo", "pid,ppid,args"], capture_output=True, text=True, check=True)
        rows = [line.split(None, 2) for line in listed.stdout.splitlines()[1:]]
        found, wanted = {}, {self.process.pid}
        for _ in range(4):
            for pid, parent, args in rows:
                if int(parent) in wanted and int(pid) not in found:
                    found[int(pid)] = args
            wanted |= set(found)
        return found


@pytest.fixture
def home() -> Iterator[Path]:
    with temporary_home() as folder:
        yield Path(folder)


@contextmanager
def running(home: Path) -> Iterator[Running]:
    """`desk run` on a free port until the end of the context, however the test ends it."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    log = home / "output.txt"
    environment = {
        name: value for name, value in os.environ.items() if name not in {"DATABASE_URL", "REDIS_URL"}
    }
    environment |= {"DESK_HOME": str(home), "DESK_MODELS_DIR": str(MODELS)}
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "server.cli", "run", "--port", str(port)],
            env=environment,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        yield Running(process, log, port, home)
    finally:
        if process.poll() is None:
            process.terminate()
        process.wait(20)


def alive(pids: dict[int, str]) -> list[str]:
    return [args for pid, args in pids.items() if Path(f"/proc/{pid}").exists() and not _zombie(pid)]


def _zombie(pid: int) -> bool:
    try:
        return ") Z " in Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return True


def wait_until_gone(pids: dict[int, str]) -> None:
    deadline = time.monotonic() + 15
    while time.monotonic() < deadline and alive(pids):
        time.sleep(0.1)
    assert alive(pids) == []


def test_it_starts_answers_survives_and_ends_cleanly(home: Path, embedder: object) -> None:
    with running(home) as desk:
        link = desk.wait_for(r"(http://\S+/login\?code=\S+)")
        desk.wait_for(r"(Ready after [\d.]+ s)")
        for page in ("/demo", "/playground", "/docs", "/langserve/support/playground/"):
            assert f"{desk.base}{page}" in desk.text
        assert httpx.get(link).status_code == 303
        assert httpx.get(link).status_code == 401
        assert "shipped" in desk.ask("Where is my order 100234?")
        below = desk.children()
        assert any("postgres" in args for args in below.values())

        # The application is killed: it comes back by itself.
        serving = next(pid for pid, args in below.items() if args.endswith("server.cli serve"))
        os.kill(serving, signal.SIGKILL)
        desk.wait_for(r"(`desk serve` ended with -9)")
        _until_healthy(desk)
        assert "30 days" in desk.ask("What is your return policy?")

        # So do its stores, and what was said before is still known.
        answer = desk.ask("How long does shipping take?", key="before-the-crash")
        for pid, args in below.items():
            if "postgres -D" in args or "redis-server" in args:
                os.kill(pid, signal.SIGKILL)
        desk.wait_for(r"(The embedded Postgres ended with -9)")
        desk.wait_for(r"(The embedded Redis ended with -9)")
        _until_healthy(desk)
        assert desk.ask("How long does shipping take?", key="before-the-crash") == answer

        # Ctrl-C stops everything.
        below = desk.children()
        desk.process.send_signal(signal.SIGINT)
        assert desk.process.wait(20) == 0
        wait_until_gone(below)


def test_after_a_kill_nothing_is_left_and_the_next_start_works(home: Path, embedder: object) -> None:
    with running(home) as desk:
        desk.wait_for(r"(Ready after [\d.]+ s)")
        first = desk.ask("How long does shipping take?", key="before-the-kill")
        below = desk.children()
        os.kill(desk.process.pid, signal.SIGKILL)
        desk.process.wait(10)
        wait_until_gone(below)
    with running(home) as desk:
        desk.wait_for(r"(Ready after [\d.]+ s)")
        assert desk.ask("How long does shipping take?", key="before-the-kill") == first


def test_a_port_in_use_is_said_in_one_sentence(home: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        environment = os.environ | {"DESK_HOME": str(home), "DESK_PORT": str(taken.getsockname()[1])}
        ended = subprocess.run(
            [sys.executable, "-m", "server.cli", "run"],
            env=environment,
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
    assert ended.returncode == 1
    assert "DESK_PORT=" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_second_one_on_the_same_home_is_refused_and_the_first_goes_on(home: Path, embedder: object) -> None:
    with running(home) as desk:
        desk.wait_for(r"(Ready after [\d.]+ s)")
        environment = os.environ | {"DESK_HOME": str(home), "DESK_MODELS_DIR": str(MODELS)}
        for port in (desk.port, 0):
            second = subprocess.run(
                [sys.executable, "-m", "server.cli", "run"],
                env=environment | {"DESK_PORT": str(port)},
                capture_output=True,
                text=True,
                timeout=30,
                check=False,
            )
            assert second.returncode == 1
            assert f"already runs on {home} (process {desk.process.pid})" in second.stderr
            assert "Traceback" not in second.stderr
        assert "30 days" in desk.ask("What is your return policy?")


def _until_healthy(desk: Running) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline:
        try:
            if httpx.get(f"{desk.base}/api/v1/readyz", timeout=2).status_code == 200:
                return
        except httpx.HTTPError:
            time.sleep(0.1)
    raise AssertionError("the application did not come back")
