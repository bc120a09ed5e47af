"""What is measured in pieces makes one page, and a piece that is measured anew takes its place."""

from __future__ import annotations

from pathlib import Path

from tests.measured.figures import Section
from tests.measured.kept import Watch, page_of


def _measured(folder: Path, name: str, promise: str, lost: int, times: int = 1) -> None:
    section = Section(promise, f"What {name} found", "Something was done.")
    section.none("turns lost", lost, "10 kills")
    Watch.start().stop(name, times, [section]).keep(folder)


def test_pieces_make_one_page(tmp_path: Path) -> None:
    _measured(tmp_path, "streams", "P6", 0)
    _measured(tmp_path, "kills", "P1", 3)
    _measured(tmp_path, "kills", "P1", 0, times=4)
    told = page_of(("kills", "streams", "never_run"), tmp_path, "# Reliability\n")
    assert told.startswith("# Reliability\n")
    assert told.index("## P1: What kills found") < told.index("## P6: What streams found")
    assert told.count("| turns lost | 0 | 0 | yes | 10 kills |") == 2
    assert "minutes for 'kills' (4 times as long as usual), load average" in told
    assert "minutes for 'streams', load average" in told
