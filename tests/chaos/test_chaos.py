"""The short form of the chaos suite: experiments work, and find nothing; `make chaos` does the rest."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from desk.models.embeddings import MiniLM
from tests.chaos.__main__ import HEAD
from tests.chaos.experiments import EXPERIMENTS, Experiment
from tests.chaos.stage import Stage, open_stage
from tests.measured.figures import Section
from tests.measured.report import Run, page

SHORT = [experiment for experiment in EXPERIMENTS if experiment.short]


@pytest.fixture(scope="module")
async def stage(embedder: MiniLM) -> AsyncIterator[Stage]:
    """Stores and a fleet for all experiments."""
    async with open_stage(lambda _: None) as stage:
        yield stage


# A bound for machines that do ten other things: nothing here waits for long by itself.
@pytest.mark.timeout(600)
@pytest.mark.parametrize("experiment", SHORT, ids=lambda experiment: experiment.name)
async def test_nothing_is_lost_doubled_or_out_of_order(stage: Stage, experiment: Experiment) -> None:
    assert experiment.short is not None
    sections = await experiment.short(stage)
    assert sections[0].figures
    missed = [figure for section in sections for figure in section.missed if not figure.timed]
    assert not missed, [section.notes for section in sections]


def test_the_page_says_what_was_missed() -> None:
    kept = Section("P1", "An accepted turn survives", "Processes are killed.")
    kept.none("turns lost", 0, "10 kills")
    broken = Section("P12", "Something else", "", notes=["a | b"])
    broken.at_most("wait", 3, 2, "s", "2 waits")
    told = page(Run([broken, kept], 61, 1, (0.5, 0.6)), HEAD)
    assert told.startswith("# Reliability")
    assert told.index("## P1:") < told.index("## P12:")
    assert "| turns lost | 0 | 0 | yes | 10 kills |" in told
    assert "| wait | <= 2 s | 3 s | **no** | 2 waits |" in told
    assert "| P12 | Something else | **1 of 1 figures not met** |" in told
    assert "- a / b" in told
