"""The gate passes, fails or cannot tell by the interval, and says what it skipped."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from desk.errors import InvalidInput, Misconfigured
from evals.data import EXAMPLE, read_rows
from evals.evidence import evidence
from evals.gate import Goal, Run, Verdict, judge, read_gates, skipped, state_of
from evals.judgement import Judgement
from evals.registry import Inputs
from evals.report import build_report
from evals.verdict_files import to_junit, to_markdown

RUN = """
[[run]]
suite = "pii"
data = "third-party"
dataset = "pii.jsonl"
goals = [{ source = "s", figure = "f2", goal = 0.85 }, { source = "t", figure = "f2", goal = 0.85 }]
"""


def report(good: int, of: int) -> dict[str, Any]:
    """A report whose one share is `good` of `of`."""
    found = evidence("share", {str(at): at < good for at in range(of)})
    figures = {"n": of, "kept": found.figure()}
    return build_report("pii", 1, {"s": figures}, figures, [1.0, 2.0], {"s": {"kept": found}})


def verdict(good: int, of: int, goal: float, *, at_most: bool = False) -> Verdict:
    """The verdict on that report."""
    run = Run("pii", Inputs(), (Goal("s", "kept", goal, at_most),))
    return next(judge(run, report(good, of)))


def test_only_the_lower_bound_passes_and_only_the_upper_one_fails() -> None:
    assert verdict(990, 1000, 0.98).state == "PASS"
    assert verdict(99, 100, 0.98).state == "INCONCLUSIVE", "the same share of fewer rows proves less"
    assert verdict(96, 100, 0.98).state == "INCONCLUSIVE"
    assert verdict(90, 100, 0.98).state == "FAIL"


def test_the_bounds_themselves_belong_to_pass_and_not_to_fail() -> None:
    assert state_of((0.9, 0.95), Goal("s", "x", 0.9)) == "PASS"
    assert state_of((0.8, 0.9), Goal("s", "x", 0.9)) == "INCONCLUSIVE"
    assert state_of((0.8, 0.8999), Goal("s", "x", 0.9)) == "FAIL"


def test_a_goal_may_be_the_most() -> None:
    assert verdict(1, 1000, 0.03, at_most=True).state == "PASS"
    assert verdict(3, 100, 0.03, at_most=True).state == "INCONCLUSIVE"
    assert verdict(20, 100, 0.03, at_most=True).state == "FAIL"


def test_a_share_without_rows_is_judged_by_its_count() -> None:
    told = {"by_source": {"s": {"kept": 0.99}}, "counts": {"s": {"kept": 1000}}}
    run = Run("pii", Inputs(), (Goal("s", "kept", 0.98),))
    [found] = judge(run, told)
    assert found.state == "PASS"
    assert found.interval == verdict(990, 1000, 0.98).interval


def test_a_figure_that_was_not_measured_fails_and_one_without_rows_is_not_judged() -> None:
    absent = Run("pii", Inputs(), (Goal("s", "other", 0.9), Goal("elsewhere", "kept", 0.9)))
    assert [found.state for found in judge(absent, report(9, 10))] == ["FAIL", "FAIL"]
    [found] = judge(Run("pii", Inputs(), (Goal("s", "x", 0.9),)), {"by_source": {"s": {"x": 0.99}}})
    assert found.state == "INCONCLUSIVE"


def test_third_party_data_that_are_missing_are_skipped(tmp_path: Path) -> None:
    gates = tmp_path / "gates.toml"
    gates.write_text(RUN)
    for data in (None, tmp_path):
        [run] = read_gates(gates, data=data)
        assert run.missing == "pii.jsonl"
        assert {found.state for found in skipped(run)} == {"SKIPPED"}
    (tmp_path / "pii.jsonl").touch()
    [run] = read_gates(gates, data=tmp_path)
    assert run.missing is None
    assert run.inputs == Inputs(dataset=tmp_path / "pii.jsonl", sources=frozenset({"s", "t"}))


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ('suite = "pii"', 'suite = "poetry"'),
        ('dataset = "pii.jsonl"', 'datasets = "pii.jsonl"'),
        ("goal = 0.85", "goals = 0.85"),
        ("[[run]]", "[[runs]]"),
        ("[[run]]", "[[run"),
        ('data = "third-party"', 'data = "own"\ncorpus = "nowhere.jsonl"'),
    ],
)
def test_gates_that_make_no_sense_are_refused(tmp_path: Path, before: str, after: str) -> None:
    gates = tmp_path / "gates.toml"
    gates.write_text(RUN.replace(before, after))
    with pytest.raises(Misconfigured):
        read_gates(gates)


def test_a_folder_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="no such folder"):
        read_gates(data=tmp_path / "nowhere")


def test_our_gates_name_our_data_and_their_source() -> None:
    runs = read_gates()
    ours = [run for run in runs if run.missing is None]
    assert {run.suite for run in ours} == {
        *("routing", "retrieval", "faq_answers", "pii", "entities"),
        *("bookshop", "customers", "injection", "orders", "products", "prompted", "parts", "followups"),
    }
    whole = {"all_attacks", "all_support", "all_orders"}  # several kinds of our own rows together
    assert {goal.source for run in ours for goal in run.goals} == {"deskgraph_own"} | whole
    assert {goal.source for run in runs for goal in run.goals} >= {"clinc150", "banking77", "bitext_cs"}
    routing = next(run for run in ours if run.suite == "routing")
    assert routing.inputs.examples is not None
    assert read_rows(routing.inputs.examples, EXAMPLE)


def test_the_files_tell_what_the_table_tells() -> None:
    run = Run("pii", Inputs(), (Goal("s", "kept", 0.98),), missing="pii.jsonl")
    verdicts = [verdict(990, 1000, 0.98), verdict(90, 100, 0.98), verdict(99, 100, 0.98), *skipped(run)]
    judgement = Judgement(tuple(verdicts))
    suite = ElementTree.fromstring(to_junit(judgement).encode())
    assert (suite.get("tests"), suite.get("failures"), suite.get("skipped")) == ("4", "1", "2")
    assert [case[0].tag for case in suite] == ["system-out", "failure", "skipped", "skipped"]
    assert judgement.red
    short, whole = to_markdown(judgement).split("<details>")
    assert [_state(line) for line in short.splitlines() if line.startswith("| pii")] == ["FAIL"]
    told = [_state(line) for line in whole.splitlines() if line.startswith("| pii")]
    assert told == ["PASS", "FAIL", "INCONCLUSIVE", "SKIPPED"]


def _state(line: str) -> str:
    return line.split("|")[7].split(maxsplit=1)[0]
