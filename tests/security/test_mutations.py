"""The list of seeded bugs is true: each applies, compiles and names its tests; `make mutate` runs them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.security.mutate import LEAST
from tests.security.mutations import ROOT, DoesNotApply, Mutation, applied, mutated, read_mutations

MUTATIONS = read_mutations()


@pytest.mark.parametrize("mutation", MUTATIONS, ids=[mutation.name for mutation in MUTATIONS])
def test_it_applies_and_names_tests(mutation: Mutation) -> None:
    sound = (ROOT / mutation.file).read_text()
    assert mutated(mutation, sound) != sound
    assert mutation.tests
    for test in mutation.tests:
        file, _, name = test.partition("::")
        assert (ROOT / file).is_file(), test
        assert not name or f"def {name}(" in (ROOT / file).read_text(), test


def test_there_are_enough_of_them() -> None:
    assert len({mutation.name for mutation in MUTATIONS}) == len(MUTATIONS) >= LEAST


def test_what_does_not_stand_exactly_once_is_an_error_of_the_list() -> None:
    twice = Mutation("twice", "a.py", (("x = 1", "x = 2"),), ("tests",))
    for text in ("x = 1\nx = 1\n", "y = 1\n"):
        with pytest.raises(DoesNotApply, match="times 'x = 1'"):
            mutated(twice, text)
    broken = Mutation("broken", "a.py", (("x = 1", "x ="),), ("tests",))
    with pytest.raises(DoesNotApply, match="does not compile"):
        mutated(broken, "x = 1\n")


def test_a_bug_is_gone_when_its_turn_is_over(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("x = 1\n")
    bug = Mutation("one", "a.py", (("x = 1", "x = 2"),), ("tests",))
    with applied(bug, tmp_path):
        assert (tmp_path / "a.py").read_text() == "x = 2\n"
    assert (tmp_path / "a.py").read_text() == "x = 1\n"
    with pytest.raises(AssertionError, match="never changed"), applied(bug, ROOT):
        pass
