"""Every seeded bug is caught by a test.

Each bug of `tests/security/mutations.toml` (a filter, a lock, a check or a limit that is missing) is put
alone into a copy of the tree, and the tests that are named for it run there; one of them must fail by its own
assertion. Before that all of them pass in the same copy without a bug.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.measured.figures import Say, Section
from tests.security.mutations import ROOT, Mutation, applied, read_mutations

LEAST = 30
LONGEST_SECONDS = 900
_FAILED = re.compile(r"^FAILED (\S+)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Tried:
    """What came of a bug: the test that caught it, or None; `told` is the end of what pytest said."""

    mutation: Mutation
    caught_by: str | None
    seconds: float
    told: str


async def measure(say: Say, before: Section | None = None) -> Section:
    """P17's second half; with what was found `before`, only what was not caught then is tried again."""
    section = Section.of("P17", "Every seeded bug is caught", __doc__)
    told = {note.partition(": caught by ")[0]: note for note in before.notes} if before else {}
    done = {name: note for name, note in told.items() if ": caught by NOTHING" not in note}
    mutations = [mutation for mutation in read_mutations() if mutation.name not in done]
    with section.timed():
        tests, red, tried = try_all(mutations, say)
    section.none("named tests that fail without a bug", len(red), f"{len(tests)} tests and files of tests")
    again = " (not in the first run; since then the test, or the bug itself, was mended)" if before else ""
    lines = done | {one.mutation.name: f"{_line(one)}{again}" for one in tried}
    section.notes += [lines[mutation.name] for mutation in read_mutations()]
    caught = sum(": caught by NOTHING" not in note for note in section.notes)
    section.at_least("seeded bugs", len(lines), LEAST, "each in a copy of the tree")
    section.seconds += before.seconds if before else 0
    section.all("of them caught", caught, len(lines), f"{section.seconds / 60:.0f} minutes")
    return section


def try_all(mutations: Sequence[Mutation], say: Say) -> tuple[list[str], list[str], list[Tried]]:
    """The tests that are named for these bugs, those that are red without one, and what came of each bug."""
    with scratch() as tree:
        tests = sorted({test for mutation in mutations for test in mutation.tests})
        say(f"all {len(tests)} named tests without a bug")
        sound = run_tests(tree, _least(tests), first_failure=False)
        assert sound.code in (0, 1), sound.told[-3000:]
        red = _FAILED.findall(sound.told)
        say(f"{len(red)} of them are red: {', '.join(red)}" if red else "they pass")
        return tests, red, [_try(tree, mutation, say, red) for mutation in mutations]


@dataclass(frozen=True, slots=True)
class Ran:
    """How pytest ended."""

    code: int
    told: str


@contextmanager
def scratch() -> Iterator[Path]:
    """A copy of the tree, with what is not committed yet and without what git ignores."""
    with tempfile.TemporaryDirectory(prefix="desk-mutate-") as name:
        tree = Path(name)
        tree.chmod(0o755)
        listed = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
        files = subprocess.run(listed, cwd=ROOT, check=True, capture_output=True).stdout.decode()
        for file in filter(None, files.split("\0")):
            if (ROOT / file).is_file():
                (tree / file).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(ROOT / file, tree / file)
        (tree / ".desk").mkdir(exist_ok=True)
        (tree / ".desk" / "models").symlink_to(ROOT / ".desk" / "models")
        yield tree


def run_tests(tree: Path, tests: Sequence[str], *, first_failure: bool = True) -> Ran:
    """Run tests of the tree, whose packages come before the installed ones, also in processes they start."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:randomly", *(["-x"] if first_failure else [])]
    environment = {**os.environ, "PYTHONPATH": str(tree), "PYTHONDONTWRITEBYTECODE": "1"}
    try:
        done = subprocess.run(
            [*command, *tests],
            cwd=tree,
            env=environment,
            capture_output=True,
            text=True,
            timeout=LONGEST_SECONDS * (1 if first_failure else 4),
            check=False,
        )
    except subprocess.TimeoutExpired:
        return Ran(-1, "it took too long")
    return Ran(done.returncode, done.stdout + done.stderr)


def _try(tree: Path, mutation: Mutation, say: Say, red: Sequence[str]) -> Tried:
    """A test that is red anyway catches nothing."""
    began = time.monotonic()
    spared = [word for test in red for word in ("--deselect", test)]
    with applied(mutation, tree):
        ran = run_tests(tree, [*_least(mutation.tests), *spared])
    failed = _FAILED.findall(ran.told)
    caught = failed[0] if ran.code == 1 and failed else None
    tried = Tried(mutation, caught, time.monotonic() - began, ran.told)
    say(_line(tried))
    if caught is None:
        say(ran.told[-1500:])
    return tried


def _least(tests: Sequence[str]) -> list[str]:
    """Without the tests of a file that is named as a whole."""
    whole = {test for test in tests if "::" not in test}
    return [test for test in tests if test in whole or test.partition("::")[0] not in whole]


def _line(tried: Tried) -> str:
    by = tried.caught_by.partition("[")[0] if tried.caught_by else "NOTHING"
    return f"{tried.mutation.name}: caught by {by} in {tried.seconds:.0f} s"
