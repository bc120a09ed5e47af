"""The `desk` command: what it prints, and that its errors are sentences."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import jwt
import orjson
import psycopg
import pytest
from pydantic import SecretStr

from desk.domain import Principal
from desk.embedded import Engines
from desk.settings import Settings
from desk.storage import audit
from desk.storage.near_index import WORTH_IT
from desk.storage.pool import Database
from desk.storage.tenants import TenantDirectory
from desk.subjects.audit_chain import PURPOSE, Chain, seal_batch
from desk.subjects.keys import KeyRing
from desk.subjects.master_keys import open_master_key
from prompts.intents import load_intents, read_intents
from server.commands.opening import saved
from tests.conftest import MASTER_KEY
from tests.plugins.stores import temporary_home
from tests.server.shell import desk, environment_of


@pytest.fixture(scope="module")
def environment(migrated: Engines) -> Iterator[dict[str, str]]:
    """A home of its own on the session's stores."""
    with temporary_home() as home:
        yield environment_of(home, migrated)


@pytest.mark.parametrize(("command", "threads"), [("serve", "1"), ("worker", "1"), ("eval", "None")])
def test_only_who_serves_calculates_on_one_thread(command: str, threads: str) -> None:
    said = "import os, sys; import server.cli; print(os.environ.get('OPENBLAS_NUM_THREADS'))"
    bare = {name: value for name, value in os.environ.items() if name != "OPENBLAS_NUM_THREADS"}
    ended = subprocess.run(
        [sys.executable, "-c", said, command], env=bare, capture_output=True, text=True, check=True
    )
    assert ended.stdout.strip() == threads


# How many MB of 80 go back to the system when large blocks are freed and small ones between them stay.
_FREED = """
import os
import server.cli
def resident():
    return int(open("/proc/self/statm").read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20
b"x" * 2**21
holes = [b"x" * 5000 for _ in range(4000)]  # takes what imports left free, or the small ones went there
pairs = [(b"x" * 2**21, b"x" * 5000) for _ in range(40)]
full = resident()
pairs = [small for _, small in pairs]
print(full - resident())
"""


@pytest.mark.parametrize(("command", "returned"), [("serve", True), ("worker", True), ("eval", False)])
def test_what_a_server_frees_while_it_starts_goes_back_to_the_system(command: str, returned: bool) -> None:
    started = [sys.executable, "-c", _FREED, command]
    ended = subprocess.run(started, capture_output=True, text=True, check=True)
    assert (float(ended.stdout) > 60) == returned


def test_token_prints_a_token_and_nothing_else(environment: dict[str, str]) -> None:
    ended = desk(environment, "token", "--tenant", "bookshop", "--user", "Ada@Example.com", "--role", "agent")
    claims = jwt.decode(ended.stdout.strip(), options={"verify_signature": False})
    assert ended.stdout.count("\n") == 1
    assert (claims["tenant"], claims["role"], claims["email"]) == ("bookshop", "agent", "ada@example.com")


def test_a_token_needs_an_email_address(environment: dict[str, str]) -> None:
    ended = desk(environment, "token", "--tenant", "bookshop", "--user", "ada")
    assert ended.returncode == 1
    assert ended.stderr.startswith("desk: --user takes an e-mail address")


def test_whoever_does_not_own_the_tables_can_work_with_them(environment: dict[str, str]) -> None:
    bare = {name: value for name, value in environment.items() if name != "DESK_MIGRATION_DATABASE_URL"}
    for command in (("tenant", "list"), ("migrate",), ("jobs", "list")):
        ended = desk(bare, *command)
        assert ended.returncode == 0, ended.stderr


@pytest.mark.parametrize("command", [("create", "cove", "--placement", "own"), ("index", "dune")])
def test_what_needs_the_owner_says_what_to_set(environment: dict[str, str], command: tuple[str, ...]) -> None:
    desk(environment, "tenant", "create", "dune")
    bare = {name: value for name, value in environment.items() if name != "DESK_MIGRATION_DATABASE_URL"}
    ended = desk(bare, "tenant", *command)
    assert ended.returncode == 1
    assert "needs the login of the database's owner" in ended.stderr
    assert "DESK_MIGRATION_DATABASE_URL" in ended.stderr
    assert "cove" not in desk(environment, "tenant", "list").stdout


def test_the_version_is_the_projects(environment: dict[str, str]) -> None:
    project = tomllib.loads(Path("pyproject.toml").read_text())["project"]
    ended = desk(environment, "--version")
    assert (ended.returncode, ended.stdout) == (0, f"{project['version']}\n")


def test_colours_are_left_out_where_nobody_wants_them(environment: dict[str, str]) -> None:
    for wish, painted in (({"FORCE_COLOR": "1"}, True), ({"FORCE_COLOR": "1", "NO_COLOR": "1"}, False)):
        refused = desk(environment | wish, "token", "--tenant", "garden", "--user", "ada")
        assert ("\x1b[31m" in refused.stderr) == painted
        assert "takes an e-mail address" in refused.stderr


def test_help_says_with_what_it_ends(environment: dict[str, str]) -> None:
    assert "Ends with 0 when it is done; with 1" in " ".join(desk(environment, "--help").stdout.split())
    assert desk(environment, "no-such-command").returncode == 2


def test_an_address_that_is_none_is_not_quoted(environment: dict[str, str]) -> None:
    wrong = {"DATABASE_URL": "mysql://ann:secret@host/x", "DESK_MIGRATION_DATABASE_URL": "secret"}
    ended = desk(environment | wrong, "tenant", "list")
    assert ended.returncode == 1
    assert "no address of Postgres" in ended.stderr
    assert "secret" not in ended.stderr
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (("tenant", "create", "Bad Slug"), "A slug is up to 63"),
        (("tenant", "create", "Bad Slug", "--placement", "own"), "A slug is up to 63"),
        (("tenant", "export", "platform", "--out", "README.md/out"), "cannot be written"),
        (("ingest", "--tenant", "nope", "README.md"), "There is no tenant 'nope'"),
        (("key", "create", "--tenant", "platform", "--days", "99999999"), "to 3650"),
    ],
)
def test_bad_input_is_refused_in_a_sentence(
    environment: dict[str, str], command: tuple[str, ...], said: str
) -> None:
    ended = desk(environment, *command)
    assert ended.returncode in {1, 2}
    assert said in ended.stderr
    assert "Traceback" not in ended.stderr


def test_an_export_that_breaks_off_leaves_no_half_file(tmp_path: Path) -> None:
    whole = tmp_path / "rows"
    with saved(whole) as file:
        file.write(b"all")

    def break_off() -> None:
        with saved(whole) as file:
            file.write(b"hal")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        break_off()
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("rows", b"all")]


def test_a_tenant_gets_knowledge_and_answers_from_it(environment: dict[str, str], tmp_path: Path) -> None:
    assert desk(environment, "tenant", "create", "garden", "--name", "A garden shop").returncode == 0
    assert "garden\t" in desk(environment, "tenant", "list").stdout
    faqs = tmp_path / "faqs.jsonl"
    faqs.write_text(
        '{"id": "watering", "question": "How often should I water tulips?", "answer": "Twice a week."}\n'
        "this is not JSON\n"
        '{"id": "empty", "question": "", "answer": "x"}\n'
    )
    loaded = desk(environment, "ingest", faqs, "--tenant", "garden")
    assert "1 added, 0 changed, 0 unchanged, 2 skipped" in loaded.stdout
    assert "line 2" in loaded.stderr
    assert "1 unchanged" in desk(environment, "ingest", faqs, "--tenant", "garden").stdout
    talk = desk(environment, "chat", "--tenant", "garden", "-m", "how often do tulips need water?")
    assert "Twice a week." in talk.stdout
    assert "retrieve_faqs" in talk.stderr


def test_ctrl_c_ends_a_chat_that_waits_for_a_line(environment: dict[str, str]) -> None:
    desk(environment, "tenant", "create", "garden")
    terminal, inside = os.openpty()
    command = [sys.executable, "-m", "server.cli", "chat", "--tenant", "garden"]
    chat = subprocess.Popen(command, env=environment, stdin=inside, stdout=inside, stderr=inside)
    try:
        said = b""
        while b"you>" not in said:
            said += os.read(terminal, 4096)
        chat.send_signal(signal.SIGINT)
        assert chat.wait(15) == 130
    finally:
        chat.kill()
        os.close(terminal)
        os.close(inside)


def test_very_many_vectors_want_an_index(environment: dict[str, str], owner_url: str, tmp_path: Path) -> None:
    desk(environment, "tenant", "create", "orchard")
    faqs = tmp_path / "faqs.jsonl"
    faqs.write_text('{"id": "apples", "question": "When are apples ripe?", "answer": "In autumn."}')
    assert "index" not in desk(environment, "ingest", faqs, "--tenant", "orchard").stderr
    with psycopg.connect(owner_url) as conn:
        conn.execute(
            "insert into shared.faq_embeddings select tenant_id, faq_id, part + more,"
            " (select array_agg(random() - 0.5) from generate_series(1, 384 + 0 * more))::public.vector"
            " from shared.faq_embeddings, generate_series(1, %s) more where tenant_id ="
            " (select id from desk_control.tenants where slug = 'orchard')",
            (WORTH_IT,),
        )
    faqs.write_text('{"id": "pears", "question": "When are pears ripe?", "answer": "In autumn."}')
    advised = desk(environment, "ingest", faqs, "--tenant", "orchard").stderr
    assert f"all {WORTH_IT + 2} vectors of orchard; `desk tenant index orchard`" in " ".join(advised.split())
    made = desk(environment, "tenant", "index", "orchard").stderr
    assert f"an index of {WORTH_IT + 2} vectors" in " ".join(made.split())


def test_ingest_says_what_is_wrong(environment: dict[str, str], tmp_path: Path) -> None:
    odd = tmp_path / "faqs.pdf"
    odd.write_text("x")
    desk(environment, "tenant", "create", "garden")
    ended = desk(environment, "ingest", odd, "--tenant", "garden")
    assert ended.returncode == 1
    assert ".jsonl" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_file_that_cannot_be_read_does_not_stop_the_others(
    environment: dict[str, str], tmp_path: Path
) -> None:
    desk(environment, "tenant", "create", "meadow")
    odd, headless, good = (tmp_path / name for name in ("odd.pdf", "headless.csv", "good.jsonl"))
    odd.write_text("x")
    headless.write_text("a,b\n1,2\n")
    good.write_text('{"question": "When is the meadow cut?", "answer": "In June."}')
    ended = desk(environment, "ingest", odd, headless, good, "--tenant", "meadow")
    assert ended.returncode == 1
    assert "good.jsonl: 1 added" in ended.stdout
    assert "2 of 3 files were not loaded" in ended.stderr
    assert f"{odd}: the name must end in" in ended.stderr
    assert f"{headless}: The first line of a CSV must" in ended.stderr


def test_an_api_key_is_made(environment: dict[str, str]) -> None:
    desk(environment, "tenant", "create", "garden")
    made = desk(environment, "key", "create", "--tenant", "garden")
    assert made.stdout.startswith("dk_")
    assert desk(environment, "key", "create", "--tenant", "nobody").returncode == 1


def test_a_tenant_is_configured_suspended_exported_and_erased(
    environment: dict[str, str], tmp_path: Path
) -> None:
    slug, out = "lamps", tmp_path / "lamps.ndjson"
    assert desk(environment, "tenant", "create", slug, "--placement", "own").returncode == 0
    told = desk(environment, "tenant", "set", slug, "locale=de", "retention_days=90")
    assert orjson.loads(told.stdout) == {"intent_pack": "general", "locale": "de", "retention_days": 90}
    wrong = desk(environment, "tenant", "set", slug, "retention_days=0")
    assert wrong.returncode == 1
    assert "must be 1 to" in wrong.stderr
    unproven = desk(environment, "tenant", "set", slug, "intent_pack=bookshop", "promised_error=0.05")
    assert unproven.returncode == 1
    assert "about" in unproven.stderr
    assert "would" in unproven.stderr
    assert orjson.loads(desk(environment, "tenant", "show", slug).stdout)["settings"]["locale"] == "de"
    assert desk(environment, "tenant", "export", slug, "--out", out).returncode == 0
    assert [orjson.loads(line)["table"] for line in out.read_bytes().splitlines()][:1] == ["tenants"]
    erase = ("tenant", "erase", slug, "--confirm", slug)
    assert "suspend it first" in desk(environment, *erase).stderr
    assert desk(environment, "tenant", "suspend", slug).returncode == 0
    assert f"{slug}\t" in desk(environment, "tenant", "list").stdout
    assert f"{slug} is gone" in desk(environment, *erase).stderr
    assert f"{slug}\t" not in desk(environment, "tenant", "list").stdout


def test_prompts_are_listed_shown_and_compared(environment: dict[str, str]) -> None:
    assert desk(environment, "prompt", "list").stdout.startswith("support\t1\t")
    assert "Answer only from" in desk(environment, "prompt", "show", "support").stdout
    assert desk(environment, "prompt", "diff", "support", "1", "1").stdout.strip() == ""
    assert desk(environment, "prompt", "show", "nothing").returncode == 1


def test_a_prompt_of_a_mistyped_name_is_refused_with_the_names_there_are(
    environment: dict[str, str], tmp_path: Path
) -> None:
    desk(environment, "tenant", "create", "lagoon")
    of, file = ("--tenant", "lagoon"), tmp_path / "tone.md"
    file.write_text("Be brief.")
    refused = desk(environment, "prompt", "write", "suport", file, *of)
    assert refused.returncode == 1
    assert "There is no prompt 'suport'; there are intents, support." in refused.stderr
    assert "--new" in refused.stderr
    for command in (("history", "suport"), ("promote", "suport", "1"), ("rollback", "suport")):
        unknown = desk(environment, "prompt", *command, *of)
        assert unknown.returncode == 1
        assert "there are intents, support" in unknown.stderr
    unmoved = desk(environment, "prompt", "history", "support", *of)
    assert (unmoved.returncode, unmoved.stdout) == (0, "")
    assert "No label of support was ever moved." in unmoved.stderr
    assert desk(environment, "prompt", "write", "tone", file, *of, "--new").stdout == "1001\n"
    file.write_text("Be brief and kind.")
    assert desk(environment, "prompt", "write", "tone", file, *of).stdout == "1002\n", "it is known now"


def test_a_tenants_intents_are_written_from_a_file_and_exported(
    environment: dict[str, str], tmp_path: Path
) -> None:
    desk(environment, "tenant", "create", "harbour")
    text = read_intents("bookshop").replace("Hello and welcome to the bookshop!", "Ahoy!")
    file = tmp_path / "intents.yaml"
    file.write_text(text)
    assert desk(environment, "prompt", "write", "intents", file, "--tenant", "harbour").stdout == "1001\n"
    export = ("prompt", "export", "intents", "1001", "--tenant", "harbour", "--to", tmp_path)
    written = Path(desk(environment, *export).stdout.strip())
    assert written == tmp_path / "intents" / "own_1001.yaml"
    assert load_intents("own_1001", folder=written.parent).find("greeting") is not None
    file.write_text("intents: []")
    refused = desk(environment, "prompt", "write", "intents", file, "--tenant", "harbour")
    assert (refused.returncode, "must have exactly intents" in refused.stderr) == (1, True)


def test_a_person_is_exported_and_erased_by_command(environment: dict[str, str]) -> None:
    desk(environment, "tenant", "create", "rights", "--name", "A shop")
    who = ("--tenant", "rights", "--user", "eve@example.com")
    nobody = desk(environment, "subject", "export", *who)
    assert nobody.returncode == 1
    assert nobody.stderr.startswith("desk: There is no such person")
    asyncio.run(make_person(environment, "rights", "eve@example.com"))
    export = json.loads(desk(environment, "subject", "export", *who).stdout)
    assert [one["action"] for one in export["audit"]] == ["subject.export"]
    erased = desk(environment, "subject", "erase", *who)
    assert erased.returncode == 0, erased.stderr
    assert UUID(erased.stdout.strip()).version == 7
    assert desk(environment, "subject", "export", *who).returncode == 1


async def make_person(environment: dict[str, str], tenant: str, email: str) -> None:
    database = Database(environment["DATABASE_URL"], size=2)
    await database.open()
    settings = Settings().model_copy(update={"master_key": SecretStr(MASTER_KEY)})
    known = await TenantDirectory(database).get(tenant)
    await KeyRing(database, await open_master_key(settings, database)).subject(
        known.id, settings.issuer, email
    )
    await database.close()


def test_the_audit_is_checked_and_a_broken_link_is_named(environment: dict[str, str]) -> None:
    desk(environment, "tenant", "create", "chained", "--name", "A shop")
    asyncio.run(note_and_seal(environment, "chained"))
    sound = desk(environment, "audit", "verify", "--tenant", "chained")
    assert sound.returncode == 0, sound.stderr
    slug, rows, unsealed, head = sound.stdout.strip().split("\t")
    assert (slug, rows, unsealed) == ("chained", "4 rows", "0 unsealed")
    assert desk(environment, "audit", "verify", "--tenant", "chained", "--expect", head).returncode == 0
    wrong = desk(environment, "audit", "verify", "--tenant", "chained", "--expect", f"9{head}")
    assert wrong.returncode == 1
    exported = desk(environment, "audit", "export", "--tenant", "chained").stdout.splitlines()
    assert [json.loads(line)["number"] for line in exported] == [1, 2, 3, 4, None]
    with psycopg.connect(environment["DESK_MIGRATION_DATABASE_URL"]) as conn:
        conn.execute(
            "update shared.audit set action = 'thing.undo' where id = %s", (json.loads(exported[1])["id"],)
        )
    broken = desk(environment, "audit", "verify", "--tenant", "chained")
    assert broken.returncode == 1
    assert "chained\tbroken at 2: the row or its place was changed" in broken.stdout
    assert desk(environment, "audit", "verify", "--tenant", "nowhere").returncode == 1


async def note_and_seal(environment: dict[str, str], slug: str) -> None:
    database = Database(environment["DATABASE_URL"], size=2)
    await database.open()
    settings = Settings().model_copy(update={"master_key": SecretStr(MASTER_KEY)})
    worker = Principal((await TenantDirectory(database).get(slug)).id, "worker")
    chain = Chain((await open_master_key(settings, database)).derive(PURPOSE))
    async with database.tenant_tx(worker) as tx:
        for number in range(3):
            await audit.record(tx, worker, "thing.do", str(number))
        assert await seal_batch(tx, chain, limit=10) == 4, "its making is noted too"
    await database.close()
