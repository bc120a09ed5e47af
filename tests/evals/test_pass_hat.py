"""pass^k is unbiased, falls with k, tells the flaky cases, and has an interval that covers the truth."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path
from statistics import mean
from xml.etree import ElementTree

import numpy as np
import orjson
import pytest

from desk.errors import InvalidInput
from evals.data import OWN
from evals.evidence import Evidence
from evals.gate_page import to_html
from evals.intervals import interval_of
from evals.judgement import unjudged
from evals.pass_hat import flaky, pass_hat, pass_hat_evidence
from evals.report import build_report
from evals.verdict_files import to_junit, to_markdown
from tests.evals.test_eval_command import CASES, on_stores, run

__all__ = ["on_stores"]


@pytest.mark.parametrize("k", [1, 2, 3, 5])
def test_it_is_the_share_of_all_ways_to_pick_k_plays_that_all_passed(k: int) -> None:
    plays = (True, True, False, True, False)
    picked = [all(some) for some in combinations(plays, k)]
    assert pass_hat(sum(plays), len(plays), k) == pytest.approx(mean(picked))


def test_it_is_unbiased_and_its_interval_covers_the_truth() -> None:
    random = np.random.default_rng(7)
    cases, times, k = 40, 4, 3
    estimates, covered = [], 0
    for _ in range(400):
        # Half of the cases always pass, the others do so seven times in ten.
        chances = np.where(random.random(cases) < 0.5, 1.0, 0.7)
        truth = 0.5 + 0.5 * 0.7**k
        plays = {str(at): [*(random.random(times) < chance)] for at, chance in enumerate(chances)}
        found = pass_hat_evidence(plays)[f"pass_hat_{k}"]
        low, high = interval_of(found) or (1.0, 0.0)
        estimates.append(found.figure() or 0.0)
        covered += low <= truth <= high
    assert mean(estimates) == pytest.approx(0.5 + 0.5 * 0.7**k, abs=0.01)
    assert covered / 400 >= 0.95


def test_cases_that_never_failed_are_not_proven_to_never_fail() -> None:
    found = pass_hat_evidence({str(at): [True, True] for at in range(20)})["pass_hat_2"]
    low, high = interval_of(found) or (1.0, 0.0)
    assert (found.figure(), high) == (1.0, 1.0)
    assert low < 0.9


def test_one_play_tells_nothing_of_the_next() -> None:
    assert pass_hat_evidence({"a": [True], "b": [False]}) == {}
    assert flaky({"a": [True], "b": [False]}) == []


def test_the_flaky_are_named_the_worst_first() -> None:
    often, seldom = [True, False, True], [False, True, False]
    assert flaky({"good": [True] * 3, "bad": [False] * 3, "often": often, "seldom": seldom}) == [
        {"case": "seldom", "passed": 1, "of": 3},
        {"case": "often", "passed": 2, "of": 3},
    ]


def test_every_form_tells_it() -> None:
    plays = {"steady": [True, True], "shaky <b>": [True, False]}
    proofs: dict[str, Evidence] = pass_hat_evidence(plays)
    figures = {"n": 2} | {name: found.figure() for name, found in proofs.items()}
    report = build_report("bookshop", 1, {"s": figures}, figures, [], {"s": proofs})
    judgement = unjudged({**report, "times": 2, "flaky": flaky(plays)}, 1.0)
    page, text = to_html(judgement), to_markdown(judgement)
    assert "held to no goal" in page
    assert "shaky &lt;b&gt;" in page
    assert "| bookshop | s | pass_hat_2 | 0.5000 |" in text
    assert "| bookshop | shaky <b> | 1 of 2 |" in text
    told = ElementTree.fromstring(to_junit(judgement)).iter("property")
    properties = {one.get("name"): one.get("value") for one in told}
    assert properties["bookshop.flaky.shaky <b>"] == "1 of 2"
    assert str(properties["bookshop.s.pass_hat_1"]).startswith("0.7500 (")


@pytest.mark.usefixtures("on_stores")
def test_each_play_is_a_conversation_of_its_own(tmp_path: Path) -> None:
    cases, text = tmp_path / "cases.jsonl", tmp_path / "run.md"
    cases.write_bytes(b"\n".join(map(orjson.dumps, CASES)))
    result = run("run", "bookshop", "--dataset", cases, "--times", "3", "--markdown", text)
    told = orjson.loads(result.stdout)
    found = told["by_source"]["s"]
    assert [found[f"pass_hat_{k}"] for k in (1, 2, 3)] == [0.5, 0.5, 0.5]
    assert (found["n"], found["turns"], told["flaky"]) == (2, 3, [])
    assert [one["play"] for one in told["failed"]] == [1, 2, 3]
    assert "pass_hat_3" in text.read_text()


def test_only_conversations_are_played_again() -> None:
    with pytest.raises(InvalidInput, match="bookshop"):
        run("run", "entities", "--dataset", OWN / "entities.jsonl", "--times", "2")
