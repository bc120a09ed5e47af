"""prompt: the versions of what is said."""

from __future__ import annotations

import typer

from prompts.loader import diff_prompts, list_prompts, load_prompt

app = typer.Typer()
prompt_app = typer.Typer(help="Versioned prompts.", no_args_is_help=True)
app.add_typer(prompt_app, name="prompt")


@prompt_app.command("list")
def list_all() -> None:
    """Print name, version, hash and notes of every prompt."""
    for prompt in list_prompts():
        typer.echo(f"{prompt.name}\t{prompt.version}\t{prompt.sha[:12]}\t{prompt.notes}")


@prompt_app.command()
def show(name: str, version: int | None = None) -> None:
    """Print a prompt's text; the newest version unless one is named."""
    typer.echo(load_prompt(name, version).text)


@prompt_app.command()
def diff(name: str, a: int, b: int) -> None:
    """Print what changed from version A to version B."""
    typer.echo(diff_prompts(name, a, b))
