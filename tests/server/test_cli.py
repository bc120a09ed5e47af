"""The `desk` command: what it prints, and that its errors are sentences."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import jwt
import pytest

from desk.embedded import Engines
from tests.conftest import MODELS
from tests.plugins.stores import temporary_home


@pytest.fixture(scope="module")
def environment(migrated: Engines) -> Iterator[dict[str, str]]:
    """A home of its own on the session's stores."""
    with temporary_home() as home:
        yield os.environ | {
            "DESK_HOME": home,
            "DESK_MODELS_DIR": str(MODELS),
            "DATABASE_URL": migrated.database_url,
            "DESK_MIGRATION_DATABASE_URL": migrated.migration_database_url,
            "REDIS_URL": migrated.redis_url or "",
        }


def desk(environment: dict[str, str], *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run `desk` to its end."""
    command = [sys.executable, "-m", "server.cli", *map(str, arguments)]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)


def test_token_prints_a_token_and_nothing_else(environment: dict[str, str]) -> None:
    ended = desk(environment, "token", "--tenant", "bookshop", "--user", "Ada@Example.com", "--role", "agent")
    claims = jwt.decode(ended.stdout.strip(), options={"verify_signature": False})
    assert ended.stdout.count("\n") == 1
    assert (claims["tenant"], claims["role"], claims["email"]) == ("bookshop", "agent", "ada@example.com")


def test_a_token_needs_an_email_address(environment: dict[str, str]) -> None:
    ended = desk(environment, "token", "--tenant", "bookshop", "--user", "ada")
    assert ended.returncode == 1
    assert ended.stderr.startswith("desk: --user takes an e-mail address")


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


def test_ingest_says_what_is_wrong(environment: dict[str, str], tmp_path: Path) -> None:
    odd = tmp_path / "faqs.pdf"
    odd.write_text("x")
    desk(environment, "tenant", "create", "garden")
    ended = desk(environment, "ingest", odd, "--tenant", "garden")
    assert ended.returncode == 1
    assert ".jsonl" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_an_api_key_is_made(environment: dict[str, str]) -> None:
    desk(environment, "tenant", "create", "garden")
    made = desk(environment, "key", "create", "--tenant", "garden")
    assert made.stdout.startswith("dk_")
    assert desk(environment, "key", "create", "--tenant", "nobody").returncode == 1


def test_prompts_are_listed_shown_and_compared(environment: dict[str, str]) -> None:
    assert desk(environment, "prompt", "list").stdout.startswith("support\t1\t")
    assert "Answer only from" in desk(environment, "prompt", "show", "support").stdout
    assert desk(environment, "prompt", "diff", "support", "1", "1").stdout.strip() == ""
    assert desk(environment, "prompt", "show", "nothing").returncode == 1


def test_doctor_says_how_the_desk_is_set_up_without_its_secrets(environment: dict[str, str]) -> None:
    ended = desk(environment | {"DESK_MASTER_KEY": "A" * 43 + "="}, "doctor")
    assert ended.returncode == 0
    assert "DATABASE_URL" in ended.stdout
    assert "A" * 43 not in ended.stdout


def test_serve_without_a_database_says_what_to_do(environment: dict[str, str]) -> None:
    ended = desk(environment | {"DATABASE_URL": ""}, "serve")
    assert ended.returncode == 1
    assert "DATABASE_URL" in ended.stderr
