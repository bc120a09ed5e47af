"""eval: is it good; runs suites, compares their reports, and holds them to their goals."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import orjson
import typer
from rich.console import Console

from desk.errors import InvalidInput
from evals.compare import compare
from evals.gate import GATES, Run, Verdict, judge, read_gates, skipped
from evals.registry import SUITES, Ground, Inputs, Needs, run_suite
from evals.report import Report, without_evidence
from evals.tables import difference_table, report_table, verdict_table
from evals.verdict_files import to_junit, to_markdown
from server.commands.opening import say

app = typer.Typer()
eval_app = typer.Typer(help="Is it good? Suites, their comparison, and their goals.", no_args_is_help=True)
app.add_typer(eval_app, name="eval")

_WIDE = 200

GivenFile = Annotated[Path | None, typer.Option(exists=True, dir_okay=False)]
WrittenFile = Annotated[Path | None, typer.Option(dir_okay=False)]
ReportFile = Annotated[Path, typer.Argument(exists=True, dir_okay=False)]
Evidence = Annotated[bool, typer.Option("--evidence", help="Also write what was found, row by row.")]


@eval_app.command("run")
def run_one(
    suite: Annotated[str, typer.Argument(help=", ".join(SUITES))],
    dataset: GivenFile = None,
    examples: GivenFile = None,
    corpus: GivenFile = None,
    aliases: Annotated[int, typer.Option(min=0, help="Past questions that each FAQ is given.")] = 0,
    json: WrittenFile = None,
    evidence: Evidence = False,  # noqa: FBT002 - how typer declares a flag
) -> None:
    """Run a suite; the table goes to stderr, the JSON to --json or stdout."""
    from server.commands.measuring import on_ground

    if suite not in SUITES:
        raise InvalidInput(f"There is no suite {suite!r}; there are {', '.join(SUITES)}.")
    inputs = Inputs(dataset, examples, corpus, aliases)
    report = on_ground(SUITES[suite].needs, lambda ground: run_suite(suite, inputs, ground))
    _terminal(stderr=True).print(report_table(report))
    for failure in report.get("failed", []):
        say(orjson.dumps(failure).decode())
    told = orjson.dumps(report if evidence else without_evidence(report), option=orjson.OPT_INDENT_2)
    if json is None:
        typer.echo(told)
    else:
        json.write_bytes(told)


@eval_app.command("compare")
def compare_two(before: ReportFile, after: ReportFile) -> None:
    """Tell what changed from report A to report B; with --evidence in both, the intervals are paired."""
    _terminal().print(difference_table(compare(_read_report(before), _read_report(after))))


@eval_app.command("gate")
def gate(
    data: Annotated[Path | None, typer.Option(help="Folder of the third-party data sets.")] = None,
    gates: Annotated[Path, typer.Option(exists=True, dir_okay=False)] = GATES,
    suite: Annotated[list[str] | None, typer.Option(help="Only these suites.")] = None,
    markdown: WrittenFile = None,
    junit: WrittenFile = None,
) -> None:
    """Hold the suites to their goals; ends with 1 if a goal is certainly missed."""
    runs = [run for run in read_gates(gates, data=data) if not suite or run.suite in suite]
    if not runs:
        raise InvalidInput(f"No run is left; there are the suites {', '.join(SUITES)}.")
    from server.commands.measuring import on_ground

    verdicts = on_ground(_most_needed(runs), lambda ground: _judge_all(runs, ground))
    _terminal().print(verdict_table(verdicts))
    if markdown is not None:
        markdown.write_text(to_markdown(verdicts), encoding="utf-8")
    if junit is not None:
        junit.write_text(to_junit(verdicts), encoding="utf-8")
    if any(verdict.state == "FAIL" for verdict in verdicts):
        raise typer.Exit(1)


async def _judge_all(runs: list[Run], ground: Ground) -> list[Verdict]:
    verdicts: list[Verdict] = []
    for number, run in enumerate(runs, 1):
        if run.missing is not None:
            verdicts += skipped(run)
            continue
        say(f"[{number}/{len(runs)}] {run.suite}: {', '.join(sorted(run.inputs.sources))} ...")
        began = time.monotonic()
        report = await run_suite(run.suite, run.inputs, ground)
        verdicts += judge(run, report)
        for failure in report.get("failed", []):
            say(orjson.dumps(failure).decode())
        say(f"      {time.monotonic() - began:.1f} s")
    return verdicts


def _most_needed(runs: list[Run]) -> Needs:
    order: tuple[Needs, ...] = ("nothing", "services", "demo")
    needed = (SUITES[run.suite].needs for run in runs if run.missing is None)
    return max(needed, key=order.index, default="nothing")


def _terminal(*, stderr: bool = False) -> Console:
    """Where tables go; a file or a pipe gets whole lines."""
    out = Console(stderr=stderr)
    return out if out.is_terminal else Console(stderr=stderr, width=_WIDE)


def _read_report(path: Path) -> Report:
    try:
        report = orjson.loads(path.read_bytes())
    except ValueError:
        report = None
    if not isinstance(report, dict) or not isinstance(report.get("by_source"), dict):
        raise InvalidInput(f"{path.name}: it is not a report that `desk eval run --json` wrote.")
    return report
