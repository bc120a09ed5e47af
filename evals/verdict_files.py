"""The gate's verdicts as files: Markdown for readers, JUnit XML for CI."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import get_args
from xml.etree import ElementTree

from evals.gate import State
from evals.judgement import Judgement
from evals.tables import (
    FLAKY_COLUMNS,
    REGRESSION_COLUMNS,
    STEADINESS_COLUMNS,
    flaky_cells,
    regression_cells,
    steadiness_cells,
    verdict_cells,
)

_GOALS = ("suite", "source", "figure", "goal", "value", "95 %", "verdict")


def to_markdown(judgement: Judgement) -> str:
    """Markdown: how it ended, what failed, what several plays showed, then all verdicts, folded away."""
    states = judgement.states
    counted = ", ".join(f"{states.count(state)} {state}" for state in get_args(State) if state in states)
    text = f"### Eval gate: {'FAIL' if judgement.red else 'not red'}\n\n{counted or 'No goal was asked'}.\n"
    if judgement.check is not None:
        text += f"\n{judgement.check.told()}.\n"
    goals = [
        (*verdict_cells(verdict), verdict.state + (f" ({verdict.why})" if verdict.why else ""))
        for verdict in judgement.verdicts
    ]
    beside = [(*regression_cells(one), one.state) for one in judgement.beside]
    for title, columns, rows in (
        ("Goals", _GOALS, goals),
        ("Beside the baseline", REGRESSION_COLUMNS, beside),
    ):
        failed = [row for row in rows if row[-1].startswith("FAIL")]
        if failed:
            text += f"\n**{title}: certainly missed**\n\n{_table(columns, failed)}"
        if rows:
            folded = f"<details><summary>{title}: all {len(rows)}</summary>"
            text += f"\n{folded}\n\n{_table(columns, rows)}\n</details>\n"
    return text + _steadiness(judgement)


def _steadiness(judgement: Judgement) -> str:
    """pass^k and the flaky cases; nothing where each case was played once."""
    tables = (
        ("Every time? (pass^k)", STEADINESS_COLUMNS, [*map(steadiness_cells, judgement.steadiness)]),
        ("Flaky cases", FLAKY_COLUMNS, [*map(flaky_cells, judgement.flaky)]),
    )
    return "".join(f"\n**{title}**\n\n{_table(columns, rows)}" for title, columns, rows in tables if rows)


def _table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = ["| " + " | ".join(columns) + " |", "|" + " --- |" * len(columns)]
    lines += ("| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows)
    return "\n".join(lines) + "\n"


def to_junit(judgement: Judgement) -> str:
    """JUnit XML: a test case a goal; FAIL is a failure, what was not or could not be judged is skipped.

    What several plays showed stands in the suite's properties: it is a measurement, and no goal.
    """
    states = judgement.states
    failures, passed = states.count("FAIL"), states.count("PASS")
    suite = ElementTree.Element(
        "testsuite",
        name="eval gate",
        tests=str(len(states)),
        failures=str(failures),
        skipped=str(len(states) - failures - passed),
    )
    _add_properties(suite, judgement)
    for verdict in judgement.verdicts:
        name, source, figure, goal, value, interval = verdict_cells(verdict)
        message = verdict.why or f"{value} ({interval}), goal {goal}"
        _add_case(suite, f"{name}.{source}", figure, verdict.state, message)
    for one in judgement.beside:
        name, source, figure, _rows, before, after, lost, _p = regression_cells(one)
        message = f"{before} before, {after} now, lost {lost}"
        _add_case(suite, f"{name}.{source}", f"{figure} beside the baseline", one.state, message)
    if judgement.check is not None:
        _add_case(suite, "gate", "self-check", judgement.check.state, judgement.check.told())
    ElementTree.indent(suite)
    return ElementTree.tostring(suite, encoding="unicode", xml_declaration=True) + "\n"


def _add_properties(suite: ElementTree.Element, judgement: Judgement) -> None:
    told = [
        (f"{name}.{source}.{figure}", f"{value} ({interval})")
        for name, source, figure, value, interval in map(steadiness_cells, judgement.steadiness)
    ]
    told += [(f"{name}.flaky.{case}", passed) for name, case, passed in map(flaky_cells, judgement.flaky)]
    if told:
        properties = ElementTree.SubElement(suite, "properties")
        for name, value in told:
            ElementTree.SubElement(properties, "property", name=name, value=value)


def _add_case(suite: ElementTree.Element, classname: str, name: str, state: State, message: str) -> None:
    case = ElementTree.SubElement(suite, "testcase", classname=classname, name=name)
    match state:
        case "FAIL":
            ElementTree.SubElement(case, "failure", message=message)
        case "INCONCLUSIVE" | "SKIPPED":
            ElementTree.SubElement(case, "skipped", message=f"{state}: {message}")
        case "PASS":
            ElementTree.SubElement(case, "system-out").text = message
