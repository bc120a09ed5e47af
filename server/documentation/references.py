"""Checks written pages: every command, option, link, path and test that they name must exist."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from server.documentation.commands import commands, desk_command, options_of

_FENCE = re.compile(r"^```[ ]*(\w*)[^\n]*\n(.*?)^```", re.MULTILINE | re.DOTALL)
_INLINE = re.compile(r"`([^`\n]+)`")
_LINK = re.compile(r"\[([^\]\n]*\]\([^)\s]+)\)")
_HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
_COMMAND = re.compile(r"(?:^|[\s($;&|])(?:\.venv/bin/)?(desk|make)(?![\w.-])((?:[ ]+[^\s|;&()`]+)*)")
_PATH = re.compile(r"[\w.<>*-]+(?:/[\w.<>*-]*)+(?:::\w+)?|[A-Z][\w.-]*\.(?:md|yml|toml)|Makefile|Dockerfile")
_PLACEHOLDER = re.compile(r"<[^>]*>|NNNN")
_SHELL = {"bash", "sh", "console", "shell"}


@dataclass(frozen=True, slots=True)
class Known:
    """What there is: the folders and files at the top of the checkout, make's targets, desk's commands."""

    root: Path
    targets: frozenset[str]
    commands: dict[str, Any]


def untrue_references(root: Path) -> list[str]:
    """Sentences, one for each thing a page names that does not exist: `README.md:12: ...`."""
    known = Known(root, _targets(root), commands())
    return [said for page in written_pages(root) for said in _untrue(page, known)]


def written_pages(root: Path) -> list[Path]:
    """Every Markdown page at the top and under `docs/`."""
    return sorted([*root.glob("*.md"), *(root / "docs").rglob("*.md")])


def _untrue(page: Path, known: Known) -> Iterator[str]:
    text = page.read_text(encoding="utf-8")
    prose = _FENCE.sub(lambda fence: "\n" * fence.group().count("\n"), text)
    checks: tuple[tuple[str, re.Pattern[str], Callable[[str], Iterator[str]]], ...] = (
        (prose, _INLINE, lambda code: _wrong_code(code, known)),
        (prose, _LINK, lambda link: _wrong_link(link, page)),
        (_shell_lines(text), re.compile(r"^(.+)$", re.MULTILINE), lambda line: _wrong_commands(line, known)),
    )
    for source, pattern, judge in checks:
        for match in pattern.finditer(source):
            line = source.count("\n", 0, match.start()) + 1
            for said in judge(match[1]):
                yield f"{page.relative_to(known.root).as_posix()}:{line}: {said}"


def _shell_lines(text: str) -> str:
    """The text with everything blanked but its shell fences, so that line numbers stay."""
    kept, at = [], 0
    for fence in _FENCE.finditer(text):
        kept.append("\n" * text.count("\n", at, fence.start(2)))
        inside = re.sub(r"#.*", "", fence[2]) if fence[1] in _SHELL else "\n" * fence[2].count("\n")
        kept.append(inside)
        at = fence.end(2)
    return "".join(kept)


def _wrong_code(code: str, known: Known) -> Iterator[str]:
    if re.match(r"(?:\.venv/bin/)?(?:desk|make) ", code):
        yield from _wrong_commands(code, known)
    elif _PATH.fullmatch(code):
        yield from _wrong_path(code, known)


def _wrong_commands(line: str, known: Known) -> Iterator[str]:
    for program, rest in _COMMAND.findall(line):
        words = rest.split()
        yield from (_wrong_target if program == "make" else _wrong_desk)(words, known)


def _wrong_target(words: list[str], known: Known) -> Iterator[str]:
    for word in words:
        if "=" not in word and word not in known.targets:
            yield f"make has no target {word!r}."


def _wrong_desk(words: list[str], known: Known) -> Iterator[str]:
    if words and options_of(desk_command()).issuperset(words):
        return
    typed = [f"desk {' '.join(words[:count])}" for count in (1, 2)]
    found = next((path for path in typed if path in known.commands), None)
    if found is None:
        if not any(path.startswith(f"{typed[0]} ") for path in known.commands) or len(words) > 1:
            yield f"there is no command {typed[-1]!r}."
        return
    options = {word.partition("=")[0] for word in words if re.match(r"--?[a-z]", word)}
    for option in sorted(options - options_of(known.commands[found])):
        yield f"{found!r} has no option {option}."


def _wrong_path(code: str, known: Known) -> Iterator[str]:
    path, _, test = code.partition("::")
    top = path.split("/")[0]
    if top == ".desk" or ("/" in path and not (known.root / top).is_dir()):
        return  # not a path of ours: an address, a folder of somebody's machine
    pattern = _PLACEHOLDER.sub("*", path.rstrip("/"))
    matches = list(known.root.glob(pattern))
    if not matches:
        yield f"there is no {path}."
    elif test and not any(_holds_test(match, test) for match in matches):
        yield f"there is no test {test} in {path}."


def _wrong_link(link: str, page: Path) -> Iterator[str]:
    """`link` reads `words](target`; a link that is called as a test leads to the file that holds it."""
    words, _, target = link.partition("](")
    if re.match(r"[a-z]+:", target):
        return
    path, _, anchor = target.partition("#")
    file = (page.parent / path) if path else page
    if not file.exists():
        yield f"the link {target} leads nowhere."
    elif anchor and anchor not in _anchors(file):
        yield f"{path or page.name} has no heading for #{anchor}."
    elif words.startswith("test_") and not _holds_test(file, words):
        yield f"there is no test {words} in {path}."


def _holds_test(file: Path, test: str) -> bool:
    return file.is_file() and f"def {test}(" in file.read_text(encoding="utf-8")


def _anchors(file: Path) -> set[str]:
    headings = _HEADING.findall(file.read_text(encoding="utf-8"))
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


def _targets(root: Path) -> frozenset[str]:
    return frozenset(re.findall(r"^([a-z]+):", (root / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
