"""A JSON schema of an object with plain properties, as the arguments that a model may give."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, create_model
from pydantic_core import SchemaError

LONGEST_TEXT: Final = 1000
MOST_ARGUMENTS: Final = 20
MOST_ITEMS: Final = 20
PLAIN: Final = (
    "a property is {type: string|integer|number|boolean, description, enum, bounds}, or an array of such."
)

_NAME = re.compile(r"[A-Za-z][\w.-]{0,63}", re.ASCII)
_TYPES: Final[Mapping[str, type]] = {"string": str, "integer": int, "number": float, "boolean": bool}
_OF_TEXTS: Final = {"minLength": "min_length", "maxLength": "max_length", "pattern": "pattern"}
_OF_NUMBERS: Final = {"minimum": "ge", "maximum": "le", "exclusiveMinimum": "gt", "exclusiveMaximum": "lt"}
_BOUNDS: Final[Mapping[str, Mapping[str, str]]] = {
    "string": _OF_TEXTS,
    "integer": _OF_NUMBERS,
    "number": _OF_NUMBERS,
    "boolean": {},
}
_COUNTS: Final = {"minItems": "min_length", "maxItems": "max_length"}
# What tells a reader something, and nothing about which values fit.
_NOTES: Final = frozenset(("title", "description", "default", "examples", "format", "deprecated", "$comment"))
_OBJECT: Final = frozenset(
    ("type", "properties", "required", "additionalProperties", "title", "description", "$schema")
)


def wrong_schema(schema: Mapping[str, Any]) -> str | None:
    """What is wrong about a schema, as a sentence; None for one that `model_of` takes."""
    properties, required = schema.get("properties", {}), schema.get("required", [])
    if schema.get("type", "object") != "object" or schema.keys() - _OBJECT:
        return "`arguments` is a JSON schema {type: object, properties: .., required: ..}."
    if not isinstance(properties, dict) or len(properties) > MOST_ARGUMENTS:
        return f"`properties` is an object with at most {MOST_ARGUMENTS} properties."
    if not isinstance(required, list | tuple) or not set(map(str, required)) <= set(properties):
        return "`required` names properties."
    if not all(_NAME.fullmatch(name) and _is_property(shape) for name, shape in properties.items()):
        return PLAIN
    try:
        model_of("checked", schema)
    except (SchemaError, TypeError, ValueError, OverflowError):
        return "a bound does not fit the type of its property."
    return None


def model_of(name: str, schema: Mapping[str, Any]) -> type[BaseModel]:
    """The arguments as a model whose fields are known by their names in the schema, whatever these are."""
    required = frozenset(schema.get("required", ()))
    fields: dict[str, Any] = {
        f"argument_{number}": _field(argument, shape, required=argument in required)
        for number, (argument, shape) in enumerate(schema.get("properties", {}).items())
    }
    config = ConfigDict(extra="forbid", frozen=True)
    made: type[BaseModel] = create_model(f"{name}_arguments", __config__=config, **fields)
    return made


def given(arguments: BaseModel) -> dict[str, Any]:
    """What was given, by the names in the schema; a null counts only where one must say something."""
    required = {field.alias for field in type(arguments).model_fields.values() if field.is_required()}
    dumped = arguments.model_dump(by_alias=True)
    return {name: value for name, value in dumped.items() if value is not None or name in required}


def _is_property(shape: Any) -> bool:
    if not isinstance(shape, dict):
        return False
    shape, _ = _without_null(shape)
    if shape.get("type") != "array":
        return _is_value(shape)
    counts = [shape[bound] for bound in _COUNTS if bound in shape]
    unknown = shape.keys() - {"type", "items", *_COUNTS, *_NOTES}
    items = shape.get("items")
    return not unknown and all(map(_is_number, counts)) and isinstance(items, dict) and _is_value(items)


def _is_value(shape: Mapping[str, Any]) -> bool:
    choices, named = _choices(shape), shape.get("type")
    kind = _TYPES.get(named) if isinstance(named, str) else None
    if kind is None:
        return False
    bounds = {name: shape[name] for name in _BOUNDS[str(named)] if name in shape}
    return (
        not shape.keys() - {"type", "enum", "const", *bounds, *_NOTES}
        and isinstance(shape.get("description", ""), str)
        and isinstance(choices, list)
        and all(type(choice) is kind and kind is not float for choice in choices)
        and all(_is_number(value) is (name != "pattern") for name, value in bounds.items())
    )


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _choices(shape: Mapping[str, Any]) -> Any:
    return [shape["const"]] if "const" in shape else shape.get("enum", [])


def _without_null(shape: dict[str, Any]) -> tuple[dict[str, Any], bool]:
    """The shape of what is not null, and whether null fits too: `anyOf` with null, as generators write it."""
    either = shape.get("anyOf")
    null = {"type": "null"}
    if not isinstance(either, list) or len(either) != 2 or null not in either:
        return shape, False
    other = next((part for part in either if part != null), None)
    if not isinstance(other, dict):
        return shape, False
    return {**{name: value for name, value in shape.items() if name != "anyOf"}, **other}, True


def _field(name: str, shape: dict[str, Any], *, required: bool) -> tuple[Any, Any]:
    shape, nullable = _without_null(shape)
    kind = _kind(shape)
    about = Field(... if required else None, alias=name, description=shape.get("description"))
    return (kind | None if nullable or not required else kind), about


def _kind(shape: Mapping[str, Any]) -> Any:
    if shape["type"] == "array":
        told = {_COUNTS[name]: shape[name] for name in _COUNTS if name in shape}
        items: Any = list[_kind(shape["items"])]  # type: ignore[misc]
        return Annotated[items, Field(**{"max_length": MOST_ITEMS, **told})]
    choices = _choices(shape)
    if choices:
        return Literal[tuple(choices)]
    told = {ours: shape[theirs] for theirs, ours in _BOUNDS[shape["type"]].items() if theirs in shape}
    if shape["type"] == "string":
        told = {"max_length": LONGEST_TEXT, **told}
    kind = _TYPES[shape["type"]]
    return Annotated[kind, Field(**told)] if told else kind
