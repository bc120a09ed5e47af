"""The check of written pages finds what is not true, and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from server.documentation.references import untrue_references

TRUE = """# A page

See [here](docs/other.md#the-other-page), [there](https://example.com), [above](#a-page) and
[test_holds](tests/test_one.py). Run `make run` or `make PYTHON=python3.12 run`, then `desk token --tenant T
--user U`, `desk prompt list`, `desk chat -m hi`, `desk --version`. Files: `tests/test_one.py`,
`tests/test_one.py::test_holds`, `tests/<name>.py`, `docs/`, `Makefile`. Not ours: `/api/v1/chat/`, `and/or`,
`.desk/models/x.onnx`.

```bash
TOKEN=$(.venv/bin/desk token --tenant bookshop --user ada@example.com --role user)  # make nonsense
make test && desk eval run bookshop --json OUT
```

```text
desk nonsense
```
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "Makefile").write_text("run: model\n\techo\ntest:\n\techo\n")
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "other.md").write_text("# The other page\n")
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "test_one.py").write_text("def test_holds() -> None: ...\n")
    return tmp_path


def test_a_true_page_passes(root: Path) -> None:
    (root / "README.md").write_text(TRUE)
    assert untrue_references(root) == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[x](docs/none.md)", "the link docs/none.md leads nowhere."),
        ("[x](docs/other.md#nothing)", "docs/other.md has no heading for #nothing."),
        ("[test_gone](tests/test_one.py)", "there is no test test_gone in tests/test_one.py."),
        ("`tests/none.py`", "there is no tests/none.py."),
        ("`tests/test_one.py::test_gone`", "there is no test test_gone in tests/test_one.py."),
        ("`docs/<name>.py`", "there is no docs/<name>.py."),
        ("`NONE.md`", "there is no NONE.md."),
        ("`make nothing`", "make has no target 'nothing'."),
        ("`desk --nothing`", "there is no command 'desk --nothing'."),
        ("`desk nothing`", "there is no command 'desk nothing'."),
        ("`desk prompt nothing`", "there is no command 'desk prompt nothing'."),
        ("`desk token --tenants T`", "'desk token' has no option --tenants."),
        ("```bash\nX=$(desk token --email a)\n```", "'desk token' has no option --email."),
        ("```sh\nmake run && make nothing\n```", "make has no target 'nothing'."),
    ],
)
def test_what_is_not_there_is_named_with_its_line(root: Path, text: str, said: str) -> None:
    (root / "README.md").write_text(f"# A page\n\n{text}\n")
    (line,) = untrue_references(root)
    assert line == f"README.md:{4 if text.startswith('```') else 3}: {said}"


def test_pages_in_folders_are_read_too(root: Path) -> None:
    (root / "docs" / "adr").mkdir()
    (root / "docs" / "adr" / "0001-x.md").write_text("[x](../other.md) and [y](other.md)")
    assert untrue_references(root) == ["docs/adr/0001-x.md:1: the link other.md leads nowhere."]
