"""bench: is it fast; each benchmark beside its peer in the same run."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import orjson
import typer
from rich.table import Table

from desk.errors import InvalidInput
from desk.settings import load_settings
from desk.telemetry.logs import configure_logs
from server.commands.opening import console, save, say

if TYPE_CHECKING:
    from bench.kept import Kept
    from bench.result import Result
    from bench.stage import Effort

app = typer.Typer()

PAGE = Path("docs") / "benchmarks.md"
# As in bench/registry.py, which is not installed with the package.
BENCHMARKS = (
    "turn, distance, first_token, tokens, overload, history, canned, admission, tenants, search, ingest,"
    " scrub, route, start"
)


@app.command()
def bench(
    name: Annotated[str, typer.Argument(help=f"{BENCHMARKS}, or all")],
    json: Annotated[Path | None, typer.Option(dir_okay=False, help="Write the figures here.")] = None,
    rounds: Annotated[int, typer.Option(min=1, max=50, help="Rounds per side; the median counts.")] = 5,
    turns: Annotated[int, typer.Option(min=1, max=10_000, help="Turns in each round.")] = 96,
    *,
    page: Annotated[bool, typer.Option("--page", help=f"Write {PAGE}, as `all` does.")] = False,
) -> None:
    """Measure ours beside its peer, in a home of its own; figures are kept in the home for the page."""
    from bench.kept import read_kept
    from bench.page import benchmark_page
    from bench.registry import NAMES
    from bench.stage import Effort

    if name != "all" and name not in NAMES:
        raise InvalidInput(f"There is no benchmark {name!r}; there are {', '.join(NAMES)} and all.")
    configure_logs("error")
    folder = load_settings().home / "bench"
    found, failed = _run_all(NAMES if name == "all" else (name,), Effort(rounds, turns), folder)
    if page or name == "all":
        others = [kept for kept in read_kept(NAMES, folder) if kept.result.name not in failed]
        unknown = set(NAMES) - failed.keys() - {kept.result.name for kept in others}
        why = {name: f"`desk bench {name} --page` puts it here." for name in NAMES if name in unknown}
        PAGE.parent.mkdir(exist_ok=True)
        PAGE.write_text(benchmark_page(others, {**why, **failed}))
    if json is not None:
        plain = [kept.result.to_json() for kept in found]
        told = plain if name == "all" else next(iter(plain), {})
        save(json, orjson.dumps(told, option=orjson.OPT_INDENT_2))
    if failed:
        raise typer.Exit(1)


def _run_all(names: tuple[str, ...], effort: Effort, folder: Path) -> tuple[list[Kept], dict[str, str]]:
    """What was found, and why the others failed; one that fails does not keep the others from running."""
    from bench.kept import just_found
    from bench.result import BenchFailed

    results: list[Kept] = []
    failed: dict[str, str] = {}
    for name in names:
        before = os.getloadavg()[0]
        try:
            results.append(just_found(_run(name, effort), before))
            results[-1].keep(folder)
        except BenchFailed as error:
            failed[name] = error.detail
            say(f"{name} failed: {error.detail}")
    return results, failed


def _run(name: str, effort: Effort) -> Result:
    """One benchmark on fresh stores; its table goes to stderr."""
    import uvloop

    from bench.registry import load
    from bench.stage import open_stage

    measure = load(name)
    # The stores start before the loop does; the loop is the one the server runs on.
    with (
        console.status(f"{name}: starting the stores ...") as status,
        open_stage(lambda line: status.update(f"{line} ...")) as stage,
        asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
    ):
        result = runner.run(measure(stage, effort))
    console.print(_table(result))
    return result


def _table(result: Result) -> Table:
    table = Table("figure", "ours", "peer", "ratio", title=f"{result.name}: {result.title}")
    for figure in dict.fromkeys([*result.ours, *result.peer]):
        sides = (result.ours, result.peer, result.ratio)
        table.add_row(figure, *(f"{side[figure]:g}" if figure in side else "" for side in sides))
    for goal in result.goals:
        colour = "green" if goal.met else "red"
        table.add_row(f"[{colour}]{goal.what} {goal.goal}", f"[{colour}]{goal.found:g}")
    return table
