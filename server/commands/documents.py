"""docs: write the pages that are made from the code, and find what in the others is not true."""

from __future__ import annotations

from typing import Annotated

import typer

from desk.errors import Misconfigured
from server.commands.opening import say

app = typer.Typer()

Check = Annotated[bool, typer.Option("--check", help="Write nothing; fail when a page is stale or untrue.")]


@app.command()
def docs(check: Check = False) -> None:  # noqa: FBT002 - how typer declares a flag
    """Write docs/settings.md, api.md, cli.md and graph.md from the code."""
    from server.documentation.generated import PAGES, ROOT, stale_pages, write_pages
    from server.documentation.references import untrue_references

    folder = ROOT / "docs"
    if not folder.is_dir():
        raise Misconfigured("There is no docs folder beside the code; run this in a checkout.")
    if not check:
        write_pages(folder)
        say(f"Wrote {', '.join(PAGES)} in docs/.")
        return
    wrong = [f"docs/{name}: not what the code says; run `desk docs`." for name in stale_pages(folder)]
    wrong += untrue_references(ROOT)
    for line in wrong:
        say(line)
    if wrong:
        raise Misconfigured(f"The documentation is untrue in {len(wrong)} places.")
