"""Pages that are made from the code: settings, endpoints, commands, the graph."""

from __future__ import annotations

import ast
import json
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from fastapi import FastAPI
from fastapi.routing import APIRoute, APIWebSocketRoute
from pydantic.fields import FieldInfo

from desk.settings import Settings, variable_of
from graphs.support import build_support_graph
from server.documentation.commands import commands_page
from web import FILES

ROOT = Path(__file__).parents[2]
ROOMS = ("bench", "desk", "evals", "graphs", "server", "tools")

_MADE = "<!-- Made by `desk docs` from the code; change the code, then run it again. -->"


def write_pages(folder: Path) -> None:
    """Write every generated page into `folder`."""
    for name, page in PAGES.items():
        (folder / name).write_text(page(), encoding="utf-8")


def stale_pages(folder: Path) -> list[str]:
    """Names of the generated pages that are missing from `folder` or say something else than the code."""
    return [name for name, page in PAGES.items() if _read(folder / name) != page()]


def settings_page() -> str:
    """Every setting with its default, its meaning and the rooms that read it."""
    readers = _readers()
    rows = [
        (f"`{variable_of(name)}`", _default(field), field.description, _rooms(readers[name]))
        for name, field in Settings.model_fields.items()
    ]
    return _page(
        "Settings",
        "Read from the environment, or from a file `.env` in the working directory; an empty variable counts "
        "as unset. `desk doctor` shows what is set. A setting that nothing reads has no effect yet.",
        _table(("Variable", "Default", "Meaning", "Read in"), rows),
    )


def endpoints_page() -> str:
    """Every address that is answered, whether it needs an identity, and what it does."""
    from server.access import served  # heavy, and the other pages do without it
    from server.langserve import ROUTES

    app = _application()
    described = app.openapi()["paths"]
    api = [_api_row(method, route, described) for method, route in served(app)]
    files = [(f"`{path}`", f"`{file.relative_to(ROOT).as_posix()}`") for path, file in FILES.items()]
    langserve = [(f"`{method}`", f"`{path}`", _yes(method == "POST")) for method, path in sorted(ROUTES)]
    return _page(
        "Endpoints",
        "What the application answers. The OpenAPI document is at `/openapi.json`, drawn at `/docs`. Every "
        "error is `application/problem+json` with `type, title, status, detail, correlation_id`.",
        "`public` needs no identity; every other address asks for a right, which a role has or not. A service"
        " is who comes with an API key.",
        "An answer is named as its schema in the OpenAPI document, which lists its fields.",
        _table(("Method", "Address", "Right", "Does", "Answer"), api),
        "## Rights",
        _rights_table(),
        "## Files for browsers",
        _table(("Address", "File"), files),
        "## LangServe",
        "Only with `DESK_LANGSERVE`, see [the decision](adr/0007-langserve-is-fenced.md).",
        _table(("Method", "Address", "Identity"), langserve),
    )


def graph_page() -> str:
    """The support graph as it is compiled, and what each node is for."""
    drawn = build_support_graph().compile().get_graph()
    edges = sorted((edge.source, edge.target, edge.conditional) for edge in drawn.edges)
    lines = [
        f"    {_place(source)} {'-.->' if conditional else '-->'} {_place(target)}"
        for source, target, conditional in edges
    ]
    nodes = [name for name in drawn.nodes if not name.startswith("__")]
    return _page(
        "The support graph",
        "A dotted arrow is taken only if the node's outcome says so.",
        "\n".join(["```mermaid", "flowchart TD", *lines, "```"]),
        _table(("Node", "Does"), [(f"`{name}`", _purpose(name)) for name in nodes]),
    )


PAGES: Mapping[str, Callable[[], str]] = MappingProxyType(
    {
        "settings.md": settings_page,
        "api.md": endpoints_page,
        "cli.md": commands_page,
        "graph.md": graph_page,
    }
)


def _page(title: str, *parts: str) -> str:
    return "\n\n".join([f"# {title}", _MADE, *parts]) + "\n"


def _table(head: tuple[str, ...], rows: list[tuple[Any, ...]]) -> str:
    lines = [head, ("---",) * len(head), *rows]
    return "\n".join(
        "| " + " | ".join(str(cell).replace("|", "\\|") for cell in line) + " |" for line in lines
    )


def _read(path: Path) -> str | None:
    return path.read_text(encoding="utf-8") if path.is_file() else None


def _default(field: FieldInfo) -> str:
    value = field.default
    if value is None:
        return "unset"
    if isinstance(value, tuple | bool | float):
        return f"`{json.dumps(value)}`"
    return f"`{value}`"


def _rooms(names: set[str]) -> str:
    return ", ".join(f"`{name}/`" for name in sorted(names)) or "nothing yet"


def _readers() -> dict[str, set[str]]:
    """Which rooms read each setting, told from the names in their source."""
    found: dict[str, set[str]] = {name: set() for name in Settings.model_fields}
    for room in ROOMS:
        for path in (ROOT / room).rglob("*.py"):
            for name in _settings_read(ast.parse(path.read_text(encoding="utf-8"))) & found.keys():
                found[name].add(room)
    return found


def _settings_read(tree: ast.AST) -> set[str]:
    return {
        node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and _named(node.value) in {"settings", "_settings"}
    } | {
        child.attr  # a property of Settings reads on behalf of its callers
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef) and node.name == "Settings"
        for child in ast.walk(node)
        if isinstance(child, ast.Attribute) and _named(child.value) == "self"
    }


def _named(node: ast.expr) -> str:
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
        case _:
            return ""


def _application() -> FastAPI:
    from server.app import build_routes

    return build_routes(Settings(_env_file=None).model_copy(update={"langserve": False}))


def _api_row(
    method: str, route: APIRoute | APIWebSocketRoute, described: dict[str, Any]
) -> tuple[str, str, str, str, str]:
    from server.access import right_of

    does = getattr(route, "summary", None) or _first_line(route)
    operation = described.get(route.path, {}).get(method.lower(), {"responses": {}})
    answer = ", ".join(f"`{name}`" for name in _answers(operation["responses"]))
    return f"`{method}`", f"`{route.path}`", f"`{right_of(method, route.path)}`", does, answer


def _answers(responses: dict[str, Any]) -> Iterator[str]:
    """The schemas of an operation's success, and the media types of what is no JSON."""
    good = [answer.get("content", {}) for status, answer in responses.items() if status < "300"]
    for media_type, body in (item for content in good for item in content.items()):
        refs = [one["$ref"] for one in body["schema"].get("anyOf", [body["schema"]]) if "$ref" in one]
        yield from (ref.rpartition("/")[2] for ref in refs)
        if not refs:
            yield media_type


def _rights_table() -> str:
    """Which role has which right."""
    from server.access import RIGHTS

    rights = sorted(frozenset().union(*RIGHTS.values()))
    rows = [
        (f"`{right}`", *("yes" if right in owned else "" for owned in RIGHTS.values())) for right in rights
    ]
    return _table(("Right", *RIGHTS), rows)


def _first_line(route: APIRoute | APIWebSocketRoute) -> str:
    said = (route.endpoint.__doc__ or "").split("; raises")[0]
    return said.splitlines()[0].rstrip(".")


def _yes(value: bool) -> str:  # noqa: FBT001 - one word for one truth
    return "yes" if value else "no"


def _place(node: str) -> str:
    return {"__start__": "start([message])", "__end__": "done([reply])"}.get(node, node)


def _purpose(node: str) -> str:
    """What the node's module says of itself, after its name."""
    said = (sys.modules[f"graphs.nodes.{node}"].__doc__ or "").split("\n\n")[0]
    return " ".join(said.partition(": ")[2].split())
