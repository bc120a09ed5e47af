"""A schema of plain properties takes what fits it, by the names that it has, and nothing else."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from tools.schemas import MOST_ITEMS, given, model_of, wrong_schema


def schema_of(shape: dict[str, Any], *, required: bool = True) -> dict[str, Any]:
    return {"type": "object", "properties": {"x": shape}, "required": ["x"] if required else []}


@pytest.mark.parametrize(
    ("shape", "fits", "not_fit"),
    [
        ({"type": "string"}, "a", "a" * 1001),
        ({"type": "string", "enum": ["a", "b"]}, "a", "c"),
        ({"type": "string", "const": "a"}, "a", "b"),
        ({"type": "integer", "enum": [1, 2]}, 2, 3),
        ({"type": "string", "pattern": "^a+$"}, "aa", "ab"),
        ({"type": "string", "minLength": 2, "format": "date"}, "ab", "a"),
        ({"type": "integer", "minimum": 1, "maximum": 5, "default": 3}, 5, 6),
        ({"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1}, 0.5, 1),
        ({"type": "boolean", "title": "Really"}, True, "perhaps"),
        ({"type": "array", "items": {"type": "string", "maxLength": 2}}, ["ab"], ["abc"]),
        ({"type": "array", "items": {"type": "integer"}, "maxItems": 2}, [1, 2], [1, 2, 3]),
        ({"type": "array", "items": {"type": "integer"}}, [1], [1] * (MOST_ITEMS + 1)),
        ({"anyOf": [{"type": "string", "maxLength": 2}, {"type": "null"}]}, None, "abc"),
    ],
)
def test_what_fits_is_given_on_and_nothing_else(shape: dict[str, Any], fits: Any, not_fit: Any) -> None:
    assert wrong_schema(schema_of(shape)) is None
    model = model_of("tool", schema_of(shape))
    assert given(model.model_validate({"x": fits})) == {"x": fits}
    for wrong in ({"x": not_fit}, {}, {"x": fits, "y": 1}, {"argument_0": fits}):
        with pytest.raises(ValidationError):
            model.model_validate(wrong)


def test_what_need_not_be_given_is_left_out() -> None:
    for shape in ({"type": "string"}, {"anyOf": [{"type": "string"}, {"type": "null"}], "default": None}):
        model = model_of("tool", schema_of(shape, required=False))
        assert given(model.model_validate({})) == {}
        assert given(model.model_validate({"x": None})) == {}


@pytest.mark.parametrize("name", ["schema", "copy", "model_config", "json", "kebab-case", "dotted.name"])
def test_a_name_may_be_any_that_servers_use(name: str) -> None:
    schema = {"type": "object", "properties": {name: {"type": "string"}}, "required": [name]}
    assert wrong_schema(schema) is None
    model = model_of("tool", schema)
    assert list(model.model_json_schema()["properties"]) == [name]
    assert given(model.model_validate({name: "a"})) == {name: "a"}


@pytest.mark.parametrize(
    "shape",
    [
        {},
        {"type": "object"},
        {"type": ["string", "integer"]},
        {"type": "string", "enum": [1]},
        {"type": "boolean", "enum": ["a"]},
        {"type": "string", "enum": "abc"},
        {"type": "string", "maxLength": -1},
        {"type": "string", "maxLength": "9"},
        {"type": "string", "minimum": 1},
        {"type": "string", "pattern": "(?=a)"},
        {"type": "string", "pattern": 1},
        {"type": "string", "description": 1},
        {"type": "string", "oneOf": []},
        {"type": "integer", "minimum": True},
        {"type": "array"},
        {"type": "array", "items": {"type": "array", "items": {"type": "string"}}},
        {"type": "array", "items": {"type": "string"}, "uniqueItems": True},
        {"anyOf": [{"type": "string"}, {"type": "integer"}]},
        {"anyOf": [{"type": "null"}, {"type": "null"}]},
        "string",
    ],
)
def test_what_cannot_be_checked_is_refused(shape: Any) -> None:
    assert wrong_schema(schema_of(shape)) is not None


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "array"},
        {"type": "object", "properties": []},
        {"type": "object", "properties": {f"x{number}": {"type": "string"} for number in range(21)}},
        {"type": "object", "properties": {"two words": {"type": "string"}}},
        {"type": "object", "properties": {}, "required": "x"},
        {"type": "object", "properties": {}, "required": [["x"]]},
        {"type": "object", "$defs": {}},
    ],
)
def test_what_is_no_plain_object_is_refused(schema: dict[str, Any]) -> None:
    assert wrong_schema(schema) is not None
