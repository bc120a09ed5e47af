"""The gate's verdicts as files: Markdown for readers, JUnit XML for CI."""

from __future__ import annotations

from collections.abc import Sequence
from xml.etree import ElementTree

from evals.gate import Verdict
from evals.tables import verdict_cells


def to_markdown(verdicts: Sequence[Verdict]) -> str:
    """A Markdown table of the verdicts."""
    lines = [
        "| suite | source | figure | goal | value | 95 % | verdict |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for verdict in verdicts:
        said = verdict.state + (f" ({verdict.why})" if verdict.why else "")
        cells = [cell.replace("|", "\\|") for cell in (*verdict_cells(verdict), said)]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def to_junit(verdicts: Sequence[Verdict]) -> str:
    """JUnit XML: a test case a goal; FAIL is a failure, what was not or could not be judged is skipped."""
    failures = sum(verdict.state == "FAIL" for verdict in verdicts)
    passed = sum(verdict.state == "PASS" for verdict in verdicts)
    suite = ElementTree.Element(
        "testsuite",
        name="eval gate",
        tests=str(len(verdicts)),
        failures=str(failures),
        skipped=str(len(verdicts) - failures - passed),
    )
    for verdict in verdicts:
        _add_case(suite, verdict)
    ElementTree.indent(suite)
    return ElementTree.tostring(suite, encoding="unicode", xml_declaration=True) + "\n"


def _add_case(suite: ElementTree.Element, verdict: Verdict) -> None:
    name, source, figure, goal, value, interval = verdict_cells(verdict)
    case = ElementTree.SubElement(suite, "testcase", classname=f"{name}.{source}", name=figure)
    message = verdict.why or f"{value} ({interval}), goal {goal}"
    match verdict.state:
        case "FAIL":
            ElementTree.SubElement(case, "failure", message=message)
        case "INCONCLUSIVE" | "SKIPPED":
            ElementTree.SubElement(case, "skipped", message=f"{verdict.state}: {message}")
        case "PASS":
            ElementTree.SubElement(case, "system-out").text = message
