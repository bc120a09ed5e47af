"""Reads YAML that people edit by hand: a mapping at the top, no key twice."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from desk.errors import Misconfigured

_Parser: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _StrictLoader(_Parser):  # type: ignore[misc]
    """A safe loader for which a repeated key is an error, and a value that is not what it looks like too."""

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:  # noqa: FBT001, FBT002
        try:
            return super().construct_object(node, deep=deep)
        except (ValueError, LookupError, AttributeError, ArithmeticError) as error:  # as of 2001-02-30
            why = f"{node.tag.rpartition(':')[2]} expected, found something else; quote what is text"
            raise yaml.constructor.ConstructorError(None, None, why, node.start_mark) from error

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:  # noqa: FBT001, FBT002
        mapping: dict[Any, Any] = super().construct_mapping(node, deep=deep)
        if len(mapping) < len(node.value):
            raise yaml.constructor.ConstructorError(None, None, "a key stands here twice", node.start_mark)
        return mapping


def parse_mapping(text: str, *, where: str) -> dict[str, Any]:
    """The YAML text as a mapping; raises Misconfigured that names `where` and the line."""
    try:
        content = yaml.load(text, Loader=_StrictLoader)  # noqa: S506 (the loader is a safe one)
    except yaml.YAMLError as error:
        raise Misconfigured(f"{where} is not valid YAML: {error}") from error
    if not isinstance(content, dict) or not all(isinstance(key, str) for key in content):
        raise Misconfigured(f"{where} must be a mapping with text keys; quote keys such as no and on.")
    return content


def read_mapping(path: Path) -> dict[str, Any]:
    """The mapping in a UTF-8 YAML file; raises Misconfigured."""
    return parse_mapping(path.read_text(encoding="utf-8"), where=path.name)
