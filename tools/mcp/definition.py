"""What a server says that a tool is, whether that is what was approved, and why it may not be."""

from __future__ import annotations

import hashlib
import json
import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, Self

from desk.domain import McpTool
from desk.errors import EgressBlocked
from desk.privacy.egress import check_egress
from desk.privacy.vaults import Vault
from tools.schemas import wrong_schema

LONGEST_DESCRIPTION: Final = 2000
LONGEST_DEFINITION: Final = 8000

Standing = Literal["as approved", "changed", "gone"]

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_./-]{0,63}")
_UNSEEN: Final = frozenset(("Cc", "Cf", "Cs", "Co", "Zl", "Zp"))


@dataclass(frozen=True, slots=True)
class Definition:
    """All of a tool that a model reads: its name, description and input schema, word for word."""

    name: str
    description: str
    arguments: dict[str, Any]

    @classmethod
    def of(cls, listed: dict[str, Any]) -> Self | None:
        """One entry of a server's list; None for what is no tool. What it says of itself is not believed."""
        name, said, schema = (listed.get(part) for part in ("name", "description", "inputSchema"))
        said = "" if said is None else said
        if not isinstance(name, str) or not isinstance(said, str) or not isinstance(schema, dict):
            return None
        return cls(name, said, schema)

    @classmethod
    def approved(cls, tool: McpTool) -> Self:
        """What was approved."""
        return cls(tool.name, tool.description, tool.arguments)

    @property
    def sha(self) -> str:
        """The first 16 digits of its SHA-256, the same however a schema is spaced and ordered."""
        return hashlib.sha256(self._written().encode("utf-8", "surrogatepass")).hexdigest()[:16]

    def same_as(self, other: Definition) -> bool:
        """Whether both say the same, to the letter."""
        return self._written() == other._written()

    def why_not(self) -> str | None:
        """Why it cannot be offered to a model, as a sentence; None if it can."""
        if not _NAME.fullmatch(self.name):
            return "a name is 1 to 64 of A-Z, a-z, 0-9, `_`, `-`, `.` and `/`."
        if not 1 <= len(self.description) <= LONGEST_DESCRIPTION:
            return f"the description has 1 to {LONGEST_DESCRIPTION} characters."
        if len(self._written()) > LONGEST_DEFINITION:
            return f"all of it has at most {LONGEST_DEFINITION} characters."
        return wrong_schema(self.arguments) or self._why_unfit_for_a_model()

    def _why_unfit_for_a_model(self) -> str | None:
        if any(map(_is_unseen, self.name + self.description + "".join(_strings(_settled(self.arguments))))):
            return "it holds characters that nobody sees; they may tell a model what they do not tell you."
        try:
            check_egress(self._written().encode(), Vault())
        except EgressBlocked:
            return "it holds what looks like a personal value, such as a mail address; that may not leave."
        return None

    def _written(self) -> str:
        """As JSON in one way, so that what was kept in a database compares with what a server says."""
        parts = [self.name, self.description, _settled(self.arguments)]
        return json.dumps(parts, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def standing(listed: Sequence[Definition], tool: McpTool) -> Standing:
    """How an approved tool stands in a server's list; a second one of its name counts as a change."""
    approved = Definition.approved(tool)
    found = [one for one in listed if one.name == tool.name]
    if not found:
        return "gone"
    return "as approved" if all(one.same_as(approved) for one in found) else "changed"


def _settled(value: Any, left: int = 16) -> Any:
    """A number that is whole is written as such, as a database does not keep how it was written.

    What lies deeper than any schema that can be offered is left out.
    """
    if isinstance(value, dict | list | tuple) and not left:
        return None
    if isinstance(value, dict):
        return {name: _settled(part, left - 1) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [_settled(part, left - 1) for part in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        yield from value
        for part in value.values():
            yield from _strings(part)
    elif isinstance(value, list | tuple):
        for part in value:
            yield from _strings(part)


def _is_unseen(sign: str) -> bool:
    return sign not in "\n\r\t" and unicodedata.category(sign) in _UNSEEN
