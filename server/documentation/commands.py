"""The page of the `desk` command: every subcommand with its arguments and options."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal, get_args, get_origin

import typer


def commands_page() -> str:
    """The page, one section a command."""
    from server.cli import ENDS

    lines = [
        "# The `desk` command",
        "<!-- Made by `desk docs` from the code; change the code, then run it again. -->",
        "In a checkout it is `.venv/bin/desk`; in the image it is the entry point."
        " `desk --version` prints the version.",
        ENDS,
    ]
    for path, command in commands().items():
        lines += [f"## `{path}`", (command.help or "").strip(), f"    {_usage(path, command)}"]
        told = [f"- `{_spelling(param)}`: {said}" for param in command.params if (said := _help(param))]
        lines += ["\n".join(told)] if told else []
    return "\n\n".join(lines) + "\n"


def commands() -> dict[str, Any]:
    """Every command that can be run, by how it is typed: `desk token`, `desk prompt list`."""
    return dict(_walk("desk", desk_command()))


def desk_command() -> Any:
    """The command `desk` itself, which all others are under."""
    from server.cli import app  # it imports every command, this one too

    return typer.main.get_command(app)


def options_of(command: Any) -> set[str]:
    """Every option that the command takes."""
    return {name for param in command.params for name in (*param.opts, *param.secondary_opts)} | {"--help"}


def _walk(path: str, command: Any) -> Iterator[tuple[str, Any]]:
    inner = getattr(command, "commands", None)
    if inner is None:
        yield path, command
        return
    for name in sorted(inner):
        yield from _walk(f"{path} {name}", inner[name])


def _usage(path: str, command: Any) -> str:
    words = [path]
    for param in command.params:
        word = _spelling(param)
        words.append(word if param.required else f"[{word}]")
    return " ".join(words)


def _spelling(param: Any) -> str:
    """How it is typed: `FILES...`, `--tenant TENANT`, `--check`."""
    value = str(param.name).upper()
    if param.param_type_name == "argument":
        return value + ("..." if param.nargs == -1 else "")
    name: str = next((name for name in param.opts if name.startswith("--")), param.opts[0])
    if param.is_flag:
        return name
    annotation = param.type_descriptor.annotation
    choices = get_args(annotation) if get_origin(annotation) is Literal else ()
    return f"{name} {'|'.join(choices) or value}"


def _help(param: Any) -> str:
    return " ".join((getattr(param, "help", None) or "").split())
