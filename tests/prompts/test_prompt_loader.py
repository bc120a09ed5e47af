"""Prompts load by version, refuse broken files, and fill variables strictly."""

from __future__ import annotations

import hashlib
import time
from pathlib import Path

import pytest

from desk.errors import InvalidInput, Misconfigured, NotFound
from prompts.loader import diff_prompts, file_seen, list_prompts, load_prompt, newest_seen


def write(folder: Path, version: int, body: str, name: str = "reply") -> None:
    (folder / name).mkdir(exist_ok=True)
    (folder / name / f"{version}.md").write_text(body, encoding="utf-8")


def prompt_file(version: int, text: str, variables: str = "[who]") -> str:
    return f"---\nversion: {version}\nvariables: {variables}\nnotes: a note\n---\n{text}\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write(tmp_path, 1, prompt_file(1, "Dear {{who}},\nhello."))
    write(tmp_path, 2, prompt_file(2, "Dear {{who}},\ngood day."))
    write(tmp_path, 10, prompt_file(10, "Hey {{who}}!"))
    return tmp_path


def test_newest_version_is_by_number_not_by_spelling(folder: Path) -> None:
    assert load_prompt("reply", folder=folder).version == 10
    assert load_prompt("reply", 2, folder=folder).text == "Dear {{who}},\ngood day."


def test_sha_is_of_the_text(folder: Path) -> None:
    prompt = load_prompt("reply", 10, folder=folder)
    assert prompt.sha == hashlib.sha256(b"Hey {{who}}!").hexdigest()
    assert (prompt.ref.name, prompt.ref.version, prompt.ref.sha) == ("reply", 10, prompt.sha)


def test_list_has_every_version_in_order(folder: Path) -> None:
    assert [(prompt.name, prompt.version) for prompt in list_prompts(folder=folder)] == [
        ("reply", 1),
        ("reply", 2),
        ("reply", 10),
    ]


def test_diff_shows_what_changed_and_only_that(folder: Path) -> None:
    lines = diff_prompts("reply", 1, 2, folder=folder).splitlines()
    assert "-hello." in lines
    assert "+good day." in lines
    assert diff_prompts("reply", 2, 2, folder=folder) == ""


@pytest.mark.parametrize(
    ("name", "version"), [("reply", 3), ("nothing", None), ("../reply", None), ("", None), ("Reply", 1)]
)
def test_unknown_prompts_are_not_found(folder: Path, name: str, version: int | None) -> None:
    with pytest.raises(NotFound):
        load_prompt(name, version, folder=folder)


def test_render_is_strict(folder: Path) -> None:
    prompt = load_prompt("reply", 10, folder=folder)
    assert prompt.render(who="Ada") == "Hey Ada!"
    with pytest.raises(InvalidInput, match="needs a value for: who"):
        prompt.render()
    with pytest.raises(InvalidInput, match="no variable named: when"):
        prompt.render(who="Ada", when="now")


def test_values_are_never_rendered_again(folder: Path) -> None:
    prompt = load_prompt("reply", 10, folder=folder)
    assert prompt.render(who="{{who}} {% x %} \\1") == "Hey {{who}} {% x %} \\1!"


@pytest.mark.parametrize(
    ("body", "complaint"),
    [
        ("no front matter", "front matter"),
        (prompt_file(7, "Hi {{who}}"), "says version 7"),
        (prompt_file(1, "Hi {{who}} {{when}}"), "differ in: when"),
        (prompt_file(1, "Hi"), "differ in: who"),
        ("---\nversion: 1\nvariables: []\n---\nHi\n", "exactly version, variables and notes"),
        ("---\nversion: 1\nversion: 1\nvariables: []\nnotes: x\n---\nHi\n", "stands here twice"),
        ("---\n- a\n---\nHi\n", "must be a mapping"),
        ("---\n[a\n---\nHi\n", "not valid YAML"),
    ],
)
def test_broken_files_say_what_is_wrong(tmp_path: Path, body: str, complaint: str) -> None:
    write(tmp_path, 1, body)
    with pytest.raises(Misconfigured, match=complaint):
        load_prompt("reply", folder=tmp_path)


def test_shipped_prompts_load_and_the_support_prompt_starts_with_what_never_changes() -> None:
    assert {prompt.name for prompt in list_prompts()} >= {"support"}
    prompt = load_prompt("support")
    values = {"shop_name": "Shop", "language": "German"}
    first = prompt.render(**values, passages="one", summary="a")
    second = prompt.render(**values, passages="two", summary="b")
    shared = next(i for i, (a, b) in enumerate(zip(first, second, strict=True)) if a != b)
    assert shared > 0.85 * len(first)
    assert "[EMAIL_1]" in first[:shared]


def test_a_turn_sees_a_new_file_within_moments(folder: Path) -> None:
    assert newest_seen("reply", folder=folder).version == 10
    assert file_seen("reply", 11, folder=folder) is None
    write(folder, 11, prompt_file(11, "Hello {{who}}!"))
    until = time.monotonic() + 10
    while newest_seen("reply", folder=folder).version != 11:
        assert time.monotonic() < until
        time.sleep(0.05)
    assert file_seen("reply", 11, folder=folder) == load_prompt("reply", 11, folder=folder)
