"""prompt: the versions of what is said, their labels, and what a reply was made of."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import orjson
import typer

from desk.domain import Principal
from desk.embedded import Engines
from desk.errors import InvalidInput
from desk.settings import Settings
from desk.storage import prompt_bundles, prompt_labels, tenants
from desk.storage.pool import Database, Tx
from prompts.loader import diff_of, list_prompts, load_prompt
from server.commands.in_tenant import in_tenant
from server.commands.opening import say, with_stores

if TYPE_CHECKING:
    from desk.storage.prompt_labels import Label
    from prompts.loader import Prompt

app = typer.Typer()
prompt_app = typer.Typer(help="Versioned prompts and their labels.", no_args_is_help=True)
app.add_typer(prompt_app, name="prompt")

Result = TypeVar("Result")
Of = Annotated[str | None, typer.Option("--tenant", help="The tenant's slug; without it, all tenants.")]
Own = Annotated[str | None, typer.Option("--tenant", help="Also this tenant's own versions and labels.")]
LabelOption = Annotated[str, typer.Option(help="production, candidate or canary.")]
ChannelOption = Annotated[str, typer.Option(help="Only for this channel, such as web; else for every one.")]
NoteOption = Annotated[str, typer.Option(help="Why; kept with the label's history.")]
NewOption = Annotated[bool, typer.Option("--new", help="Begin a text of a new name, for others to take in.")]


@prompt_app.command("list")
def list_all(tenant: Own = None) -> None:
    """Print name, version, hash, labels and notes of every prompt."""
    if tenant is None:
        for prompt in list_prompts():
            typer.echo(f"{prompt.name}\t{prompt.version}\t{prompt.sha[:12]}\t{prompt.notes}")
        return

    async def show(tx: Tx, who: Principal) -> None:
        from server.prompting import list_versions

        labels = await prompt_labels.list_current(tx, who.tenant_id)
        for one in await list_versions(tx, who):
            prompt = one.prompt
            at = [row for row in labels if (row.name, row.version) == (prompt.name, prompt.version)]
            told = ",".join(row.label + (f"@{row.channel}" if row.channel else "") for row in at) or "-"
            typer.echo(f"{prompt.name}\t{prompt.version}\t{prompt.sha[:12]}\t{told}\t{prompt.notes}")

    _within(tenant, show)


@prompt_app.command()
def show(name: str, version: int | None = None, tenant: Own = None) -> None:
    """Print a prompt's text; the newest file unless a version is named."""
    if tenant is None or version is None:
        typer.echo(load_prompt(name, version).text)
    else:
        typer.echo(_within(tenant, lambda tx, who: _version(tx, who, name, version)).text)


@prompt_app.command()
def diff(name: str, a: int, b: int, tenant: Own = None) -> None:
    """Print what changed from version A to version B."""

    async def both(tx: Tx, who: Principal) -> tuple[Prompt, Prompt]:
        return await _version(tx, who, name, a), await _version(tx, who, name, b)

    pair = _within(tenant, both) if tenant else (load_prompt(name, a), load_prompt(name, b))
    typer.echo(diff_of(*pair))


@prompt_app.command()
def write(
    name: str,
    file: Annotated[Path, typer.Argument(help="The text: a prompt's, or the YAML of `intents`.")],
    tenant: Annotated[str, typer.Option("--tenant", help="The tenant's slug.")],
    notes: NoteOption = "",
    new: NewOption = False,  # noqa: FBT002 - how typer declares a flag
) -> None:
    """Write a tenant's next version from a file, and print its number; nobody is told it before a label."""

    async def add(tx: Tx, who: Principal) -> int:
        from server.prompting import add_version

        if not new:
            await _refuse_unknown(tx, who, name, " --new begins a text that others take in.")
        return await add_version(tx, who, name, text, notes)

    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInput(f"{file} cannot be read as a text.") from error
    typer.echo(_within(tenant, add))


@prompt_app.command()
def promote(
    name: str,
    version: int,
    label: LabelOption = "production",
    tenant: Of = None,
    channel: ChannelOption = "",
    share: Annotated[float, typer.Option(help="Part of the conversations, 0 to 1; not of production.")] = 0.0,
    note: NoteOption = "",
) -> None:
    """Put a label on a version; every process heeds it within a second."""

    async def move(tx: Tx, who: Principal) -> None:
        from server.prompting import Move
        from server.prompting import promote as put

        await _refuse_unknown(tx, who, name)
        await put(tx, who, Move(name, _label(label), version, channel, share, note))

    _within(tenant, move)
    say(f"{label} of {name} is version {version} now.")


@prompt_app.command()
def rollback(
    name: str,
    label: LabelOption = "production",
    tenant: Of = None,
    channel: ChannelOption = "",
    note: NoteOption = "",
) -> None:
    """Put a label back to where it stood before; again goes back one further."""

    async def back(tx: Tx, who: Principal) -> int | None:
        from server.prompting import roll_back

        await _refuse_unknown(tx, who, name)
        before = await roll_back(tx, who, name, _label(label), channel, note)
        return before.version if before else None

    version = _within(tenant, back)
    say(f"{label} of {name} is {f'version {version}' if version else 'taken away'} now.")


@prompt_app.command()
def history(name: str, tenant: Of = None) -> None:
    """Print where a prompt's labels stood, the newest first: when, label, version, share, by whom, why."""

    async def told(tx: Tx, who: Principal) -> None:
        rows = await prompt_labels.list_history(tx, who.tenant_id, name)
        if not rows:
            await _refuse_unknown(tx, who, name)
            say(f"No label of {name} was ever moved.")
        for row in rows:
            place = row.label + (f"@{row.channel}" if row.channel else "")
            act = "rollback" if row.rollback else "promote"
            told = (f"{row.at:%Y-%m-%dT%H:%M:%SZ}", act, place, row.version or "-", f"{row.share:g}")
            typer.echo("\t".join(map(str, (*told, row.author, row.note))))

    _within(tenant, told)


@prompt_app.command()
def export(
    name: str,
    version: int,
    tenant: Annotated[str, typer.Option("--tenant", help="The tenant's slug.")],
    to: Annotated[Path, typer.Option(help="The folder of prompts; the next free number is taken.")],
) -> None:
    """Write a tenant's version as a file, with all that it takes in, and print its path."""
    from prompts.drafts import write_file

    typer.echo(write_file(_within(tenant, lambda tx, who: _version(tx, who, name, version)), to))


@prompt_app.command()
def bundle(
    bundle_id: str, tenant: Annotated[str | None, typer.Option("--tenant", help="Look only there.")] = None
) -> None:
    """Print what a reply's bundle was made of, as JSON."""

    async def find(_settings: Settings, found: Engines) -> None:
        async with _opened(found) as database:
            async with database.control_tx() as tx:
                homes = [home for home in await tenants.list_homes(tx) if tenant in (None, home.slug)]
            for home in homes:
                database.place(home.id, home.placement)
                async with database.tenant_tx(Principal(home.id, "worker")) as tx:
                    made_of = await prompt_bundles.get(tx, home.id, bundle_id)
                if made_of is not None:
                    shown = {"id": bundle_id, "tenant": home.slug, "made_of": made_of}
                    typer.echo(orjson.dumps(shown, option=orjson.OPT_INDENT_2).decode())
                    return
        raise InvalidInput(f"No tenant had a reply of bundle {bundle_id!r}.")

    with_stores(find)


def _within(tenant: str | None, work: Callable[[Tx, Principal], Awaitable[Result]]) -> Result:
    """Run `work` in one transaction of the tenant, or of whoever runs the installation, for all tenants."""

    async def run(settings: Settings, found: Engines) -> Result:
        async with (
            in_tenant(settings, found, tenant or tenants.PLATFORM) as place,
            place.database.tenant_tx(place.worker) as tx,
        ):
            return await work(tx, place.worker)

    return with_stores(run)


@asynccontextmanager
async def _opened(found: Engines) -> AsyncIterator[Database]:
    database = Database(found.database_url, size=2)
    await database.open()
    try:
        yield database
    finally:
        await database.close()


async def _version(tx: Tx, who: Principal, name: str, version: int) -> Prompt:
    from server.prompting import get_version

    return (await get_version(tx, who, name, version)).prompt


async def _refuse_unknown(tx: Tx, who: Principal, name: str, hint: str = "") -> None:
    from server.prompting import list_names

    names = await list_names(tx, who)
    if name not in names:
        raise InvalidInput(f"There is no prompt {name!r}; there are {', '.join(names)}.{hint}")


def _label(text: str) -> Label:
    for known in prompt_labels.LABELS:
        if text == known:
            return known
    raise InvalidInput(f"There is no label {text!r}; there are {', '.join(prompt_labels.LABELS)}.")
