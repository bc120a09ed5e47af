"""End-to-end cases: who says what, and what must hold of each answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from desk.errors import InvalidInput
from evals.customer import Customer, parse_customer
from evals.data import Row, read_rows
from evals.scorers.observed import Expected

CASE = {"id": str, "source": str, "turns": list}
CASE_OF_EITHER_KIND = {"id": str, "source": str}
KEYS = frozenset({"routes", "intent", "facts", "absent", "citations", "tools", "language", "actions"})
DEFAULT_PERSON = "ada@example.com"


NOTHING_ASKED = Expected()


@dataclass(frozen=True, slots=True)
class CaseTurn:
    """What the customer says, and what must hold of the answer."""

    say: str
    expect: Expected


@dataclass(frozen=True, slots=True)
class Case:
    """A conversation of its own; `person` is the verified e-mail, None = a guest whom nobody vouches for.

    It has scripted turns, or a customer who chooses the words; then `expect` is what must hold of the whole.
    """

    id: str
    source: str
    person: str | None
    turns: tuple[CaseTurn, ...]
    customer: Customer | None = None
    expect: Expected = NOTHING_ASKED


def read_cases(path: Path) -> list[Case]:
    """The cases of a file of `{id, source, as?, turns: [{say, expect}]}`; a bad one raises InvalidInput.

    In place of `turns` there may be `customer: {goal, facts, persona?, turns_at_most?}` and `expect`.
    """
    rows = read_rows(path, CASE_OF_EITHER_KIND)
    return [_played(row) if "customer" in row else _case(row) for row in rows]


def parse_cases(rows: Sequence[Row]) -> list[Case]:
    """The same of rows that are at hand; raises InvalidInput for a bad one."""
    for number, row in enumerate(rows, 1):
        bad = [name for name, kind in CASE.items() if not isinstance(row.get(name), kind)]
        if bad or not isinstance(row.get("as"), str | None):
            raise InvalidInput(f"Case {number}: {', '.join(bad) or 'as'} is missing or of another kind.")
    return [_case(row) for row in rows]


def _played(row: Row) -> Case:
    if "turns" in row:
        raise InvalidInput(f"Case {row['id']}: it has either turns or a customer.")
    customer = parse_customer(row["customer"], row["id"])
    expect = _known(row.get("expect", {}), row["id"])
    return Case(row["id"], row["source"], row.get("as", DEFAULT_PERSON), (), customer, expect)


def _case(row: Row) -> Case:
    if not isinstance(row.get("turns"), list):
        raise InvalidInput(f"Case {row['id']}: `turns` must be there as list.")
    turns = tuple(_turn(turn, row["id"]) for turn in row["turns"])
    if not turns:
        raise InvalidInput(f"Case {row['id']}: it has no turn.")
    return Case(row["id"], row["source"], row.get("as", DEFAULT_PERSON), turns)


def _turn(turn: Any, case_id: str) -> CaseTurn:
    if not isinstance(turn, dict) or not isinstance(turn.get("say"), str):
        raise InvalidInput(f"Case {case_id}: a turn is {{say, expect}}.")
    return CaseTurn(turn["say"], _known(turn.get("expect", {}), case_id))


def _known(expect: dict[str, Any], case_id: str) -> Expected:
    unknown = sorted(expect.keys() - KEYS)
    if unknown:
        raise InvalidInput(f"Case {case_id}: {unknown} is not known; known are {sorted(KEYS)}.")
    return _expected(expect)


def _expected(expect: dict[str, Any]) -> Expected:
    facts = tuple((fact,) if isinstance(fact, str) else tuple(fact) for fact in expect.get("facts", ()))
    return Expected(
        routes=tuple(expect.get("routes", ())),
        intent=expect.get("intent"),
        facts=facts,
        absent=tuple(expect.get("absent", ())),
        citations=_optional_tuple(expect, "citations"),
        tools=_optional_tuple(expect, "tools"),
        language=expect.get("language"),
        actions=tuple(expect.get("actions", ())),
    )


def _optional_tuple(expect: dict[str, Any], key: str) -> tuple[str, ...] | None:
    return tuple(expect[key]) if key in expect else None
