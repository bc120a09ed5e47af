"""eval: is it good; runs suites, compares their reports, and holds them to their goals."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal
from uuid import UUID

import orjson
import typer
from rich.console import Console

from desk.domain import Principal, TurnId
from desk.errors import InvalidInput
from evals.baselines import FOLDER, write_baseline
from evals.calibration import why_unusable
from evals.compare import compare
from evals.gate import GATES, Run, read_gates
from evals.gate_page import to_html
from evals.judgement import Judgement, run_gate, unjudged
from evals.judges import PREFIX
from evals.power import RUNS as POWER_RUNS
from evals.power import simulate_all
from evals.registry import CALIBRATIONS, SUITES, Ground, Inputs, Needs, judging_of, run_suite
from evals.report import Report, without_evidence
from evals.tables import (
    agreement_table,
    difference_table,
    flaky_cells,
    judge_line,
    power_table,
    regression_table,
    report_table,
    steadiness_table,
    verdict_table,
)
from evals.verdict_files import to_junit, to_markdown
from server.commands.in_tenant import TenantOption
from server.commands.opening import save, say, tenant_of, with_services

if TYPE_CHECKING:
    from graphs.services import Services

app = typer.Typer()
eval_app = typer.Typer(help="Is it good? Suites, their comparison, and their goals.", no_args_is_help=True)
app.add_typer(eval_app, name="eval")

_WIDE = 200

GivenFile = Annotated[Path | None, typer.Option(exists=True, dir_okay=False)]
WrittenFile = Annotated[Path | None, typer.Option(dir_okay=False)]
PromptFile = Annotated[
    Path | None,
    typer.Option(exists=True, dir_okay=False, help="Stands for the support prompt in `prompted`."),
]
ReportFile = Annotated[Path, typer.Argument(exists=True, dir_okay=False)]
Times = Annotated[
    int, typer.Option(min=1, help="Suites of conversations: play each case so often, each time a fresh one.")
]
JudgeName = Annotated[
    str | None, typer.Option(help="Ask the configured model by prompt judge_NAME which answers are good.")
]
PlayedBy = Annotated[
    Literal["rules", "model"], typer.Option(help="Who plays simulated customers: rules or the model.")
]
CalibrationsFolder = Annotated[Path, typer.Option(file_okay=False, help="Where calibrations of judges lie.")]
Evidence = Annotated[bool, typer.Option("--evidence", help="Also write what was found, row by row.")]


@eval_app.command("run")
def run_one(
    suite: Annotated[str, typer.Argument(help=", ".join(SUITES))],
    dataset: GivenFile = None,
    examples: GivenFile = None,
    corpus: Annotated[
        Path | None,
        typer.Option("--corpus", "--passages", exists=True, dir_okay=False, help="What is searched."),
    ] = None,
    aliases: Annotated[int, typer.Option(min=0, help="Past questions that each FAQ is given.")] = 0,
    prompt: PromptFile = None,
    times: Times = 1,
    judge: JudgeName = None,
    calibrations: CalibrationsFolder = CALIBRATIONS,
    customer: PlayedBy = "rules",
    experiment: Annotated[
        str | None, typer.Option(help="Send the rows to LangSmith as an experiment of this name.")
    ] = None,
    json: WrittenFile = None,
    evidence: Evidence = False,  # noqa: FBT002 - how typer declares a flag
    html: WrittenFile = None,
    markdown: WrittenFile = None,
    junit: WrittenFile = None,
) -> None:
    """Run a suite; the table goes to stderr, the JSON to --json or stdout."""
    from server.commands.measuring import on_ground

    if suite not in SUITES:
        raise InvalidInput(f"There is no suite {suite!r}; there are {', '.join(SUITES)}.")
    asked = Inputs(dataset, examples, corpus, aliases, prompt=prompt)
    inputs = replace(asked, times=times, judge=judge, calibrations=calibrations, customer=customer)
    send = _experiment(experiment) if experiment else None
    began = time.monotonic()
    with_model = judge is not None or customer == "model"
    report = on_ground(
        SUITES[suite].needs, lambda ground: run_suite(suite, inputs, ground), with_model=with_model
    )
    _terminal(stderr=True).print(report_table(report))
    _say_if(judge_line(report))
    judgement = unjudged(report, time.monotonic() - began)
    _tell_steadiness(judgement, _terminal(stderr=True))
    _write(judgement, html, markdown, junit)
    for failure in report.get("failed", []):
        say(orjson.dumps(failure).decode())
    told = orjson.dumps(report if evidence else without_evidence(report), option=orjson.OPT_INDENT_2)
    if json is None:
        typer.echo(told)
    else:
        save(json, told)
    if send is not None:
        say(f"Sent to LangSmith as the experiment {send(report)}.")


@eval_app.command("compare")
def compare_two(before: ReportFile, after: ReportFile) -> None:
    """Tell what changed from report A to report B; with --evidence in both, the intervals are paired."""
    _terminal().print(difference_table(compare(_read_report(before), _read_report(after))))


@eval_app.command("gate")
def gate(
    data: Annotated[Path | None, typer.Option(help="Folder of the third-party data sets.")] = None,
    gates: Annotated[Path, typer.Option(exists=True, dir_okay=False)] = GATES,
    suite: Annotated[list[str] | None, typer.Option(help="Only these suites.")] = None,
    prompt: PromptFile = None,
    times: Times = 1,
    judge: JudgeName = None,
    calibrations: CalibrationsFolder = CALIBRATIONS,
    html: WrittenFile = None,
    markdown: WrittenFile = None,
    junit: WrittenFile = None,
) -> None:
    """Hold the suites to their goals and to the baseline; ends with 1 if either is certainly missed.

    The gate also judges the tree beside itself, and says how often that would have been red.
    """
    from server.commands.measuring import on_ground

    asked = Inputs(prompt=prompt, times=times, judge=judge, calibrations=calibrations)
    runs = [_as_asked(run, asked) for run in _runs(gates, data, suite)]
    judgement = on_ground(
        _most_needed(runs), lambda ground: run_gate(runs, ground, say), with_model=judge is not None
    )
    for failure in judgement.failures:
        say(orjson.dumps({"suite": failure.suite, **failure.told}).decode())
    out = _terminal()
    out.print(verdict_table(judgement.verdicts))
    if judgement.beside:
        out.print(regression_table(judgement.beside))
    if judgement.check is not None:
        out.print(judgement.check.told(), highlight=False)
    _tell_steadiness(judgement, out)
    _write(judgement, html, markdown, junit)
    if judgement.red:
        raise typer.Exit(1)


@eval_app.command("power")
def power(
    runs: Annotated[int, typer.Option(min=1, help="Simulated so often.")] = POWER_RUNS,
) -> None:
    """How often the gate is wrong: equal and worse rows, simulated and judged; a few seconds."""
    _terminal().print(power_table(simulate_all(runs)))


@eval_app.command("baseline")
def baseline(
    gates: Annotated[Path, typer.Option(exists=True, dir_okay=False)] = GATES,
    suite: Annotated[list[str] | None, typer.Option(help="Only these suites.")] = None,
    folder: Annotated[Path, typer.Option(file_okay=False, help="Where the baselines lie.")] = FOLDER,
) -> None:
    """Keep what our own data sets show now, as what later changes are held against."""
    from server.commands.measuring import on_ground

    runs = [run for run in _runs(gates, None, suite) if not run.third_party]

    async def keep(ground: Ground) -> None:
        for run in runs:
            path = write_baseline(run, await run_suite(run.suite, run.inputs, ground), folder)
            say(f"Written: {path.name}")

    on_ground(_most_needed(runs), keep)


@eval_app.command("judge")
def judge(
    name: Annotated[str, typer.Argument(help="A judge: there is a prompt judge_NAME.")],
    labels: Annotated[
        Path,
        typer.Option(exists=True, dir_okay=False, help="JSONL of {id, question, answer, sources?, label}."),
    ],
    calibrations: CalibrationsFolder = CALIBRATIONS,
    json: WrittenFile = None,
) -> None:
    """Calibrate a judge: how far the configured model agrees with labels of people; kept for later runs.

    --json also writes each verdict with its reason.
    """
    from evals.calibration import calibrate, read_labels, write_calibration
    from server.commands.measuring import on_ground

    known = read_labels(labels)

    async def ask(ground: Ground) -> None:
        judging = judging_of(Inputs(judge=name, calibrations=calibrations), ground)
        assert judging is not None, "a judge was named"
        found, rulings = await calibrate(judging.judge, known)
        path = write_calibration(found, calibrations)
        _terminal().print(agreement_table(found))
        say(why_unusable(judging.judge, found) or f"Kept in {path.name}: this judge may be asked by a gate.")
        if json is not None:
            rows = [
                {**asdict(one.answered), "label": one.good, **asdict(ruling)}
                for one, ruling in zip(known, rulings, strict=True)
            ]
            save(json, orjson.dumps(rows, option=orjson.OPT_INDENT_2))

    on_ground("demo", ask, with_model=True)


@eval_app.command("case")
def case(
    turn_id: Annotated[UUID, typer.Argument(help="A recorded turn, as the reply and the log name it.")],
    tenant: TenantOption,
    to: Annotated[
        Path | None, typer.Option(dir_okay=False, help="Add it to this file of cases; else stdout.")
    ] = None,
) -> None:
    """Make a case of a recorded turn and what was said before it; personal values stay pseudonyms."""
    from server.recorded_cases import recorded_case

    async def make(services: Services) -> dict[str, Any]:
        known = await tenant_of(services, tenant)
        return await recorded_case(services, Principal(known.id, "worker"), known, TurnId(turn_id))

    line = orjson.dumps(with_services(make)).decode()
    if to is None:
        typer.echo(line)
        return
    with to.open("a", encoding="utf-8") as file:
        file.write(f"{line}\n")
    say(f"Added to {to}. Look it over: facts are what must stand in the answer.")


def _as_asked(run: Run, asked: Inputs) -> Run:
    """The run with what the command says; only conversations are played several times and judged."""
    inputs = replace(run.inputs, prompt=asked.prompt)
    if SUITES[run.suite].talks:
        judged = any(goal.figure.startswith(PREFIX) for goal in run.goals)
        judge = asked.judge if judged else None
        inputs = replace(inputs, times=asked.times, judge=judge, calibrations=asked.calibrations)
    return replace(run, inputs=inputs)


def _experiment(name: str) -> Callable[[Report], str]:
    """What sends a report as an experiment; without a key this fails before anything is measured."""
    from desk.settings import load_settings
    from desk.telemetry.langsmith_wire import LangSmithWire
    from evals.experiments import send_experiment

    wire = LangSmithWire(load_settings())
    return lambda report: send_experiment(wire, report, name)


def _say_if(line: str | None) -> None:
    if line is not None:
        say(line)


def _tell_steadiness(judgement: Judgement, out: Console) -> None:
    if judgement.steadiness:
        out.print(steadiness_table(judgement.steadiness))
        for suite, case, passed in map(flaky_cells, judgement.flaky):
            out.print(f"Flaky: {case} of {suite} passed {passed}.", highlight=False, markup=False)


def _write(judgement: Judgement, html: Path | None, markdown: Path | None, junit: Path | None) -> None:
    for path, form in ((html, to_html), (markdown, to_markdown), (junit, to_junit)):
        if path is not None:
            save(path, form(judgement))


def _runs(gates: Path, data: Path | None, suites: list[str] | None) -> list[Run]:
    runs = [run for run in read_gates(gates, data=data) if not suites or run.suite in suites]
    if not runs:
        raise InvalidInput(f"No run is left; there are the suites {', '.join(SUITES)}.")
    return runs


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
