"""The deployment files hold together and hold no secret; no file names a machine or a package index."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.architecture.files import ROOT, project_files

SECRET_NAME = re.compile(r"PASSWORD|SECRET|_KEY$|TOKEN|AUTH$")
REQUIRED = re.compile(r"^\$\{[A-Z_]+:\?[^}]+\}$")
PASSWORD_IN_URL = re.compile(r"://[^/@\s]*:(?P<password>[^@\s]*)@")
# Put together, so that this file does not name them either.
MACHINE_PATH = re.compile(r"""(?:^|[\s"'=(:`])/(?:""" + "|".join(["work", "root", "home", "Users"]) + r")/\w")
INDEX = re.compile(
    "|".join(["pythonhosted" + r"\.", "pypi" + r"\.\w+/", r"(?<!emit-)index-" + "url", "/simple" + "/"])
)


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    return loaded


def _instructions() -> list[tuple[str, str]]:
    """The Dockerfile as (instruction, rest), continued lines joined."""
    text = (ROOT / "Dockerfile").read_text().replace("\\\n", " ")
    lines = [line.split(maxsplit=1) for line in text.splitlines() if line and not line.startswith("#")]
    return [(line[0].upper(), line[1]) for line in lines]


def _environment(service: dict[str, Any]) -> dict[str, str | None]:
    environment: dict[str, str | None] = service.get("environment", {})
    return environment


def test_compose_has_every_part(compose: dict[str, Any]) -> None:
    assert set(compose["services"]) == {"postgres", "redis", "migrate", "app", "worker", "shop"}


def test_every_service_is_watched_or_ends(compose: dict[str, Any]) -> None:
    for name, service in compose["services"].items():
        one_shot = service["restart"] == "no"
        assert one_shot or service["healthcheck"].get("test"), name


def test_services_start_after_what_they_need(compose: dict[str, Any]) -> None:
    services = compose["services"]
    for name, service in services.items():
        for needed, how in service.get("depends_on", {}).items():
            ends = services[needed]["restart"] == "no"
            ready = "service_completed_successfully" if ends else "service_healthy"
            assert how["condition"] == ready, name


def test_volumes_and_secrets_are_declared(compose: dict[str, Any]) -> None:
    for name, service in compose["services"].items():
        sources = {volume.split(":")[0] for volume in service.get("volumes", [])}
        for source in sources:
            assert (ROOT / source).exists() if source.startswith("./") else source in compose["volumes"], name
        assert set(service.get("secrets", [])) <= set(compose["secrets"])


def test_compose_holds_no_secret(compose: dict[str, Any]) -> None:
    for name, service in compose["services"].items():
        for key, value in _environment(service).items():
            if SECRET_NAME.search(key):
                assert value is None or REQUIRED.match(value), (name, key)
            for found in PASSWORD_IN_URL.finditer(value or ""):
                assert REQUIRED.match(found["password"]), (name, key)
    for key, secret in compose["secrets"].items():
        assert REQUIRED.match(secret["file"]), key


def test_only_the_migration_logs_in_as_the_owner(compose: dict[str, Any]) -> None:
    with_owner = {
        name
        for name, service in compose["services"].items()
        if any("desk_owner" in str(value) for value in _environment(service).values())
    }
    assert with_owner == {"postgres", "migrate"}


def test_the_example_names_every_variable_and_sets_none(compose: dict[str, Any]) -> None:
    required = set(re.findall(r"\$\{([A-Z_]+):\?", (ROOT / "docker-compose.yml").read_text()))
    example = (ROOT / ".env.example").read_text()
    assert set(re.findall(r"^([A-Z_]+)=$", example, re.MULTILINE)) == required
    assert not re.search(r"^[A-Z_]+=.+", example, re.MULTILINE)


def test_the_image_is_built_in_stages_from_pinned_bases() -> None:
    stages: set[str] = set()
    for instruction, rest in _instructions():
        if instruction == "FROM":
            base, *name = re.split(r"\s+as\s+", rest, flags=re.IGNORECASE)
            assert base in stages or re.search(r":\d+\.\d+\.\d+-|@sha256:", base), base
            stages.update(name)
    assert len(stages) >= 2


def test_the_image_runs_as_nobody_special_and_says_how_it_is() -> None:
    instructions = _instructions()
    users = [rest for instruction, rest in instructions if instruction == "USER"]
    assert re.match(r"[1-9]\d+(:[1-9]\d+)?$", users[-1])
    health = [rest for instruction, rest in instructions if instruction == "HEALTHCHECK"]
    assert "/api/v1/healthz" in health[-1]
    assert "curl" not in health[-1]


def test_the_image_is_fit_for_production() -> None:
    environment = " ".join(rest for instruction, rest in _instructions() if instruction == "ENV")
    assert "DESK_ENVIRONMENT=production" in environment
    assert "DESK_LANGSERVE=false" in environment
    for instruction, rest in _instructions():
        for install in re.findall(r"pip (?:install|sync)[^&]*", rest if instruction == "RUN" else ""):
            assert "--require-hashes" in install or "--no-deps" in install, install


def test_the_image_gets_no_local_data() -> None:
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    assert ignored[0] == "*"
    assert not {"!.env", "!.desk", "!.git", "!.venv", "!tests"} & set(ignored)


@pytest.mark.parametrize("name", [".ci/run", "deploy/postgres/10-app-role.sh"])
def test_scripts_parse_and_may_be_run(name: str) -> None:
    subprocess.run(["bash", "-n", str(ROOT / name)], check=True)
    assert (ROOT / name).stat().st_mode & 0o100


def test_the_makefile_parses() -> None:
    targets = ["run", "test", "check", "fix", "extras", "lock", "clean"]
    done = subprocess.run(["make", "-n", *targets], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", ["bootstrap", "requirements", "requirements-dev", "models", "extras"])
def test_every_pin_has_a_hash(name: str) -> None:
    text = (ROOT / f"{name}.lock").read_text().replace("\\\n", " ")
    pins = [line for line in text.splitlines() if line.strip()]
    assert pins
    assert [pin.split()[0] for pin in pins if "--hash=sha256:" not in pin or "==" not in pin] == []


def test_the_locks_agree() -> None:
    runtime, rest = _pins("requirements.lock"), [_pins("requirements-dev.lock"), _pins("extras.lock")]
    for other in rest:
        assert {name: other.get(name) for name in runtime} == runtime


def test_no_file_names_a_machine_or_a_package_index() -> None:
    named = [
        f"{path.relative_to(ROOT)}:{number}"
        for path in project_files()
        for number, line in enumerate(_text(path).splitlines(), start=1)
        if MACHINE_PATH.search(line) or INDEX.search(line)
    ]
    assert named == []


def test_a_machine_and_an_index_are_recognised() -> None:
    assert MACHINE_PATH.search("see " + "/" + "root/project")
    assert not MACHINE_PATH.search("https://example.com/work/x and src/home/y")
    assert INDEX.search("--index-" + "url here")
    assert INDEX.search("https://files." + "pythonhosted" + ".org/x")
    assert not INDEX.search("--no-emit-index-" + "url")


def _text(path: Path) -> str:
    """The file's text; empty for a binary or a data file, which may quote anything."""
    if path.suffix in {".jsonl", ".csv", ".gz"} or path.stat().st_size > 1 << 20:
        return ""
    raw = path.read_bytes()
    return "" if b"\0" in raw else raw.decode(errors="replace")


def _pins(name: str) -> dict[str, str]:
    return dict(re.findall(r"^([a-z0-9._-]+)(?:\[[^\]]*\])?==(\S+)", (ROOT / name).read_text(), re.MULTILINE))
