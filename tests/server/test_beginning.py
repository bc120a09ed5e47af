"""NumPy's threads are settled before it is loaded, for what serves and for what measures it."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

SHOWS = "import os, server.beginning; print(os.environ.get('OPENBLAS_NUM_THREADS', 'its own'))"


def threads_of(command: str, **environment: str) -> str:
    around = {name: value for name, value in os.environ.items() if name != "OPENBLAS_NUM_THREADS"}
    started = subprocess.run(
        [sys.executable, "-c", SHOWS, command],
        env=around | environment,
        capture_output=True,
        text=True,
        check=True,
    )
    return started.stdout.strip()


@pytest.mark.parametrize("command", ["serve", "worker", "bench"])
def test_what_serves_and_what_measures_it_calculates_on_one_thread(command: str) -> None:
    assert threads_of(command) == "1"


def test_an_evaluation_keeps_its_threads_and_the_operator_has_the_last_word() -> None:
    assert threads_of("eval") == "its own"
    assert threads_of("serve", OPENBLAS_NUM_THREADS="4") == "4"
