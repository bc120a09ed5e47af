"""A diff leads from the old text to the new one, whatever the lines are."""

from __future__ import annotations

import re
from random import Random

import pytest

from prompts.changes import unified

NAMES = ("old", "new")


def patched(old: str, diff: str) -> list[str]:
    """The lines of the old text with the diff applied; asserts that it fits."""
    lines, done, at = old.splitlines(), list[str](), 0
    for told in diff.splitlines()[2:]:
        head = re.fullmatch(r"@@ -(\d+)(?:,(\d+))? \+\d+(?:,\d+)? @@", told)
        if head:
            begin = int(head[1]) - (head[2] != "0")
            done, at = done + lines[at:begin], begin
        elif told[0] == "+":
            done.append(told[1:])
        else:
            assert lines[at] == told[1:]
            done, at = done + lines[at : at + 1] * (told[0] == " "), at + 1
    return done + lines[at:]


@pytest.mark.parametrize("seed", range(50))
def test_it_leads_from_the_old_text_to_the_new_one(seed: int) -> None:
    random = Random(seed)
    words = "abcdefghijklmnopqrstuvwxyz"[: random.randint(1, 26)]
    old = [random.choice(words) for _ in range(random.randint(0, 40))]
    new = [line for line in old if random.random() < 0.9]
    for _ in range(random.randint(0, 5)):
        new.insert(random.randint(0, len(new)), random.choice([*words, "new"]))
    diff = unified("\n".join(old), "\n".join(new), NAMES)
    assert patched("\n".join(old), diff) == new
    assert (diff == "") == (old == new)


def test_one_line_that_changed_is_told_with_what_stands_around_it() -> None:
    old = "a\nb\nc\nd\ne\nf\ng\nh\ni"
    assert unified(old, old.replace("e", "E"), NAMES).splitlines() == [
        "--- old",
        "+++ new",
        "@@ -2,7 +2,7 @@",
        *(" b", " c", " d", "-e", "+E", " f", " g", " h"),
    ]


def test_lines_that_stand_often_are_matched_beside_others_alone() -> None:
    """Every way to match thousands of them by themselves would be tried, for minutes."""
    often = [str(at % 101) for at in range(5000)]
    apart = [line for said in often[:2500] for line in (said, "-")]
    diff = unified("\n".join([*often, "end"]), "\n".join([*apart, "end"]), NAMES).splitlines()
    assert [line for line in diff[3:] if line.startswith(" ")] == [" 0", " end"]
