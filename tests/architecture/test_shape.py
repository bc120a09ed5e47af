"""Files and functions stay short, modules are named for what they hold and say what they are for."""

from __future__ import annotations

import ast
import re
import tomllib
from pathlib import Path
from statistics import median

import pytest

from tests.architecture.files import ROOT, project_files, room_modules

HARD_FILE_LINES = 400
MEDIAN_FILE_LINES = 120
FUNCTION_LINES = 60
LONG_FUNCTIONS_SHARE = 0.01
VAGUE_NAME = re.compile(r"^(utils?|helpers?|common|misc|managers?|core|base_.*)$")


def _python_files() -> list[Path]:
    return [path for path in project_files() if path.suffix == ".py"]


def _lines(path: Path) -> int:
    return len(path.read_text().splitlines())


def _functions() -> list[tuple[str, int]]:
    return [
        (f"{path.relative_to(ROOT)}:{node.lineno} {node.name}", (node.end_lineno or 0) - node.lineno + 1)
        for path in room_modules()
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]


def test_no_file_is_too_long() -> None:
    long = {str(path.relative_to(ROOT)): _lines(path) for path in _python_files()}
    assert {name: lines for name, lines in long.items() if lines > HARD_FILE_LINES} == {}


def test_half_of_the_modules_are_short() -> None:
    assert median(lines for path in room_modules() if (lines := _lines(path)) > 1) <= MEDIAN_FILE_LINES


def test_hardly_a_function_is_long() -> None:
    functions = _functions()
    long = [(name, lines) for name, lines in functions if lines > FUNCTION_LINES]
    assert len(long) <= LONG_FUNCTIONS_SHARE * len(functions), long


def test_every_name_says_what_is_inside() -> None:
    vague = [
        str(path.relative_to(ROOT))
        for path in _python_files()
        if any(VAGUE_NAME.match(part) for part in (*path.relative_to(ROOT).parts[:-1], path.stem))
    ]
    assert vague == []


@pytest.mark.parametrize("name", ["utils", "helper", "common", "misc", "manager", "core", "base_tool"])
def test_vague_names_are_recognised(name: str) -> None:
    assert VAGUE_NAME.match(name)
    assert not VAGUE_NAME.match(f"order_{name}")


def test_every_module_begins_with_its_purpose() -> None:
    silent = [str(path.relative_to(ROOT)) for path in _python_files() if not _says_its_purpose(path)]
    assert silent == []


def test_a_module_without_a_purpose_is_recognised(tmp_path: Path) -> None:
    path = tmp_path / "module.py"
    for source, expected in {
        '"""What it does."""': True,
        '"""What it does:\n\nand more"""': True,
        '"""Two lines of\none sentence."""': True,
        '"""no sentence"""': False,
        "x = 1": False,
        "": False,
    }.items():
        path.write_text(source)
        assert _says_its_purpose(path) is expected, source


def test_the_linter_and_the_types_are_strict() -> None:
    tool = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]
    assert "C90" in tool["ruff"]["lint"]["select"]
    assert tool["ruff"]["lint"]["mccabe"]["max-complexity"] <= 8
    assert tool["mypy"]["strict"] is True


def _says_its_purpose(path: Path) -> bool:
    source = path.read_text()
    if path.name == "__init__.py" and not source.strip():
        return True
    purpose = (ast.get_docstring(ast.parse(source)) or "").split("\n\n")[0]
    return bool(re.search(r"\w.*[.:?]$", purpose, re.DOTALL))
