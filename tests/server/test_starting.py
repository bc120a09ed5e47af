"""What stands in the way of a start: `desk doctor` tells it, and a process says it before all else."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psycopg
import pytest

from desk.embedded import Engines
from tests.conftest import MASTER_KEY, MODELS
from tests.plugins.stores import temporary_home
from tests.server.shell import desk, environment_of

# Each is wrong by itself; "{tmp}" is an empty folder.
WRONG = [
    ({"REDIS_URL": "localhost:6379"}, "REDIS_URL is no address of Redis"),
    ({"DATABASE_URL": "mysql://ann:s3cret@host/x"}, "DATABASE_URL is no address of Postgres"),
    ({"DESK_MASTER_KEY": "abc"}, "DESK_MASTER_KEY is not base64"),
    ({"DESK_SIGNING_KEY_PATH": "{tmp}/none.pem"}, "There is no signing key at {tmp}/none.pem"),
    ({"DESK_SIGNING_KEY_PATH": "{tmp}"}, "The signing key cannot be read from {tmp}"),
    ({"DESK_SIGNING_KEY_PATH": "README.md"}, "README.md holds no Ed25519 key"),
    ({"LLAMA_MODEL_PATH": "{tmp}/none.gguf"}, "LLAMA_MODEL_PATH"),
    ({"DESK_MODELS_DIR": "{tmp}"}, "The embedding model is not exported: {tmp} has no"),
    ({"DESK_SMTP_URL": "smtp://mail.example"}, "DESK_SMTP_URL is set and DESK_MAIL_FROM is not"),
]


@pytest.fixture(scope="module")
def environment(migrated: Engines) -> Iterator[dict[str, str]]:
    """A home of its own on the session's stores."""
    with temporary_home() as home:
        yield environment_of(home, migrated)


@pytest.fixture
def empty(environment: dict[str, str], owner_url: str) -> Iterator[dict[str, str]]:
    """The same on a database of its own, to which nothing was done yet."""
    with psycopg.connect(owner_url, autocommit=True) as conn:
        conn.execute("create database starting")
        own = {
            name: environment[name].replace("/desk?", "/starting?")
            for name in ("DATABASE_URL", "DESK_MIGRATION_DATABASE_URL")
        }
        yield environment | own
        conn.execute("drop database starting with (force)")


def is_untouched(environment: dict[str, str]) -> bool:
    with psycopg.connect(environment["DESK_MIGRATION_DATABASE_URL"]) as conn:
        found = conn.execute("select nspname from pg_namespace where nspname !~ '^(pg_|information_)'")
        return found.fetchall() == [("public",)]


@pytest.mark.parametrize(("wrong", "said"), WRONG)
def test_what_is_wrong_is_found_by_doctor_and_refused_by_a_start(
    environment: dict[str, str], tmp_path: Path, wrong: dict[str, str], said: str
) -> None:
    said = said.format(tmp=tmp_path)
    broken = environment | {name: value.format(tmp=tmp_path) for name, value in wrong.items()}
    found = desk(broken, "doctor")
    assert found.returncode == 1
    assert [line for line in found.stdout.splitlines() if line.startswith(f"wrong: {said}")]
    assert found.stdout.count("wrong: ") == 1
    refused = desk(broken | {"DESK_PORT": "0"}, "serve")
    assert refused.returncode == 1
    assert refused.stderr.startswith(f"desk: {said}"), refused.stderr
    assert "s3cret" not in refused.stderr + found.stdout + found.stderr
    assert "Traceback" not in refused.stderr


@pytest.mark.parametrize("process", ["worker", "run"])
def test_the_other_processes_refuse_it_too(environment: dict[str, str], process: str) -> None:
    wrong = {"REDIS_URL": "localhost:6379", "DESK_SIGNING_KEY_PATH": "README.md", "DESK_PORT": "0"}
    refused = desk(environment | wrong, process)
    assert refused.returncode == 1
    assert refused.stderr.startswith("desk: REDIS_URL is no address of Redis"), refused.stderr
    assert "README.md holds no Ed25519 key" in refused.stderr, "all of it is told"


def test_doctor_tells_all_and_makes_nothing(environment: dict[str, str], tmp_path: Path) -> None:
    home = tmp_path / "home"
    assert desk(environment, "tenant", "list").returncode == 0, "the database knows its key now"
    broken = environment | {"DESK_HOME": str(home), "REDIS_URL": "x", "DESK_MODELS_DIR": str(tmp_path)}
    bare = {name: value for name, value in broken.items() if name != "DESK_MASTER_KEY"}
    found = desk(bare, "doctor")
    assert found.returncode == 1
    wrong = [line for line in found.stdout.splitlines() if line.startswith("wrong: ")]
    assert len(wrong) == 3, wrong
    assert "master key cannot be read" in wrong[2], "a new one would not open what is there"
    assert not home.exists()


def test_doctor_looks_at_an_embedded_desk_without_starting_it(tmp_path: Path) -> None:
    bare = {name: value for name, value in os.environ.items() if name not in {"DATABASE_URL", "REDIS_URL"}}
    home = {"DESK_HOME": str(tmp_path / "home"), "DESK_MODELS_DIR": str(MODELS)}
    found = desk(bare | home, "doctor")
    assert found.returncode == 0, found.stdout
    assert "database: embedded, not running; `desk run` starts it" in found.stdout
    assert not (tmp_path / "home").exists()
    required = desk(bare | home | {"DESK_ENVIRONMENT": "production"}, "doctor")
    assert required.returncode == 1
    for name in ("DATABASE_URL is not set", "Set DESK_MASTER_KEY", "There is no signing key"):
        assert f"wrong: {name}" in required.stdout


def test_a_redis_that_is_away_is_told_and_stops_nothing(environment: dict[str, str]) -> None:
    found = desk(environment | {"REDIS_URL": "redis://127.0.0.1:1"}, "doctor")
    assert found.returncode == 0
    assert "redis: REDIS_URL does not answer" in found.stdout


@pytest.mark.parametrize("silent", [False, True], ids=["refuses", "says nothing"])
def test_a_database_that_is_away_is_told_once_and_so_is_the_rest(
    environment: dict[str, str], silent: bool
) -> None:
    with socket.socket() as door:
        door.bind(("127.0.0.1", 0))
        if silent:
            door.listen(16)
        away = {"DATABASE_URL": f"postgresql://desk:x@127.0.0.1:{door.getsockname()[1]}/desk"}
        found = desk(environment | away, "doctor")
        door.settimeout(0)
        knocks = 0
        with suppress(OSError):
            while True:
                door.accept()[0].close()
                knocks += 1
    assert found.returncode == 1
    wrong = [line for line in found.stdout.splitlines() if line.startswith("wrong: ")]
    assert wrong == ["wrong: Postgres does not answer at DATABASE_URL; is it running?"]
    assert "redis: REDIS_URL" in found.stdout
    assert "mail: files under" in found.stdout
    assert knocks == silent, "it does not try again and again, as a start does"


@pytest.mark.parametrize(("command", "code"), [("serve", 0), ("doctor", 0), ("list", 0), ("doctor", 1)])
def test_a_key_command_is_asked_once_a_process(
    environment: dict[str, str], tmp_path: Path, command: str, code: int
) -> None:
    asked = tmp_path / "asked"
    program = f"open({str(asked)!r}, 'a').write('x'); print({MASTER_KEY!r}); raise SystemExit({code})"
    keyless = {name: value for name, value in environment.items() if name != "DESK_MASTER_KEY"}
    keyed = keyless | {"DESK_MASTER_KEY_COMMAND": json.dumps([sys.executable, "-c", program])}
    if command == "serve":
        assert '"event":"ready"' in told_until(keyed, "ready")
    else:
        ended = desk(keyed, *(["tenant"] if command == "list" else []), command)
        assert ended.returncode == code, ended.stdout + ended.stderr
        assert ended.stdout.count("wrong: DESK_MASTER_KEY_COMMAND ended with") == code
    assert asked.read_text() == "x"


def told_until(environment: dict[str, str], event: str) -> str:
    """The log of `desk serve`, with all that it does besides, up to this event; it is stopped then."""
    command = [sys.executable, "-m", "server.cli", "serve", "--port", "0"]
    with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True) as process:
        told = ""
        assert process.stderr is not None
        for line in process.stderr:
            told += line
            if f'"event":"{event}"' in line:
                break
        process.terminate()
    return told


def test_a_database_that_is_not_migrated_is_left_as_it_is(empty: dict[str, str]) -> None:
    for process, code in (("doctor", 1), ("serve", 3), ("worker", 1)):
        ended = desk(empty | {"DESK_PORT": "0"}, process)
        assert ended.returncode == code, ended.stderr
        assert "The database is not migrated: run `desk migrate`." in ended.stdout + ended.stderr
        assert is_untouched(empty)


def test_a_database_that_is_behind_is_told(empty: dict[str, str]) -> None:
    assert desk(empty, "migrate").returncode == 0
    assert desk(empty, "doctor").returncode == 0
    with psycopg.connect(empty["DESK_MIGRATION_DATABASE_URL"]) as conn:
        conn.execute(
            "delete from desk_control.migrations where number ="
            " (select max(number) from desk_control.migrations)"
        )
    for process, code in (("doctor", 1), ("serve", 3), ("worker", 1)):
        ended = desk(empty | {"DESK_PORT": "0"}, process)
        assert ended.returncode == code, ended.stderr
        assert "The database is behind by 1 migrations: run `desk migrate`." in ended.stdout + ended.stderr


def test_a_database_of_a_newer_version_is_refused(empty: dict[str, str]) -> None:
    assert desk(empty, "migrate").returncode == 0
    with psycopg.connect(empty["DESK_MIGRATION_DATABASE_URL"]) as conn:
        conn.execute(
            "insert into desk_control.migrations (placement, number, name, sha256)"
            " values ('shared', 9999, 'later', '')"
        )
    for process, code in (("doctor", 1), ("migrate", 1), ("serve", 3), ("worker", 1)):
        ended = desk(empty | {"DESK_PORT": "0"}, process)
        assert ended.returncode == code, ended.stderr
        assert "The database was migrated by a newer version (to 9999;" in ended.stdout + ended.stderr


def test_a_login_that_may_not_act_as_the_application_is_told(
    environment: dict[str, str], owner_url: str
) -> None:
    with psycopg.connect(owner_url, autocommit=True) as conn:
        conn.execute("drop role if exists stranger")
        conn.execute("create role stranger login")
        url = {"DATABASE_URL": owner_url.replace("//desk_owner@", "//stranger@")}
        foreign = {**environment, **url, "DESK_MIGRATION_DATABASE_URL": ""}
        for command in (("doctor",), ("tenant", "list")):
            ended = desk(foreign, *command)
            assert ended.returncode == 1
            assert "The login stranger may not act as desk_app" in ended.stdout + ended.stderr
            assert "Traceback" not in ended.stderr
        conn.execute("drop role stranger")


@pytest.mark.parametrize("command", [("migrate",), ("tenant", "create", "early"), ("chat", "-m", "hi")])
def test_a_wrong_key_is_refused_before_anything_is_changed(
    empty: dict[str, str], command: tuple[str, ...]
) -> None:
    ended = desk(empty | {"DESK_MASTER_KEY": "abc"}, *command)
    assert ended.returncode == 1
    assert ended.stderr.startswith("desk: DESK_MASTER_KEY is not base64")
    assert is_untouched(empty)


def test_the_key_of_another_database_is_told(environment: dict[str, str]) -> None:
    assert desk(environment, "tenant", "list").returncode == 0, "the database knows its key now"
    other = environment | {"DESK_MASTER_KEY": "A" * 43 + "="}
    found = desk(other, "doctor")
    assert found.returncode == 1
    assert "wrong: This database was made with the master key" in found.stdout
    assert "A" * 43 not in found.stdout
    ended = desk(other | {"DESK_PORT": "0"}, "serve")
    told = [line for line in ended.stderr.splitlines() if '"event":"not_started"' in line]
    assert ended.returncode == 3
    assert len(told) == 1
    assert "This database was made with the master key" in told[0]


@pytest.mark.parametrize("process", ["serve", "run", "shop"])
def test_a_port_in_use_is_told_before_anything_is_started(environment: dict[str, str], process: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ended = desk(environment, process, "--port", str(port))
    assert ended.returncode == 1
    assert ended.stderr.startswith(f"desk: Cannot listen on 127.0.0.1:{port}")
    assert len(ended.stderr.splitlines()) == 1


def test_doctor_says_how_the_desk_is_set_up_without_its_secrets(environment: dict[str, str]) -> None:
    ended = desk(environment, "doctor")
    assert ended.returncode == 0, ended.stdout
    assert "database: DATABASE_URL, in today's shape" in ended.stdout
    assert MASTER_KEY not in ended.stdout
    said = " ".join(ended.stdout.split())
    assert "mail: files under" in said
    assert "links in it lead to http://" in said


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"DESK_PORT": "s3cret"}, "DESK_PORT: Input should be a valid integer"),
        ({"RATE_LIMIT_PER_MINUTE": "-1"}, "RATE_LIMIT_PER_MINUTE: Input should be greater"),
        ({"ALLOWED_ORIGINS": "https://s3cret.example"}, "ALLOWED_ORIGINS is no JSON"),
        ({"DESK_ISSUERS": '[{"name": "s3cret key"}]'}, "DESK_ISSUERS.0.name: "),
    ],
)
def test_a_wrong_setting_is_a_sentence_without_its_value(
    environment: dict[str, str], wrong: dict[str, str], said: str
) -> None:
    ended = desk(environment | wrong, "doctor")
    assert ended.returncode == 1
    assert ended.stderr.startswith(f"desk: {said}")
    assert "docs/settings.md" in ended.stderr
    assert "s3cret" not in ended.stderr + ended.stdout


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("DESK_RATE_LIMITS", "; see docs/settings.md"),
        ("DATABSE_URL", "; did you mean DATABASE_URL?"),
        ("DESK_MASTERKEY", "; did you mean DESK_MASTER_KEY?"),
        ("DESK_DATABASE_URL", "; did you mean DATABASE_URL?"),
    ],
)
def test_doctor_names_a_variable_that_is_no_setting(
    environment: dict[str, str], name: str, said: str
) -> None:
    ended = desk(environment | {name: "s3cret"}, "doctor")
    assert f"{name} is set and is no setting{said}" in ended.stdout
    assert ended.stdout.count("is set and is no setting") == 1
    assert "s3cret" not in ended.stdout


def test_doctor_says_how_mail_goes_out_without_its_password(environment: dict[str, str]) -> None:
    smtp = {"DESK_SMTP_URL": "smtp://desk:hush-hush@mail.example", "DESK_MAIL_FROM": "chat@shop.example"}
    ended = desk(environment | smtp | {"DESK_PUBLIC_URL": "https://chat.shop.example"}, "doctor")
    said = " ".join(ended.stdout.split())
    assert "mail: sent by DESK_SMTP_URL; links in it lead to https://chat.shop.example" in said
    assert "hush" not in ended.stdout + ended.stderr


@pytest.mark.parametrize("process", ["serve", "worker"])
def test_without_a_database_it_says_what_to_do(environment: dict[str, str], process: str) -> None:
    ended = desk(environment | {"DATABASE_URL": ""}, process)
    assert ended.returncode == 1
    assert ended.stderr == (
        "desk: DATABASE_URL is not set; `desk run` starts embedded stores and the demo.\n"
    )
