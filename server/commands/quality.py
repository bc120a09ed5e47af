"""eval, bench: is it good, is it fast."""

from __future__ import annotations

import typer

app = typer.Typer()
