"""The stage of a benchmark: a home of its own under the temporary folder, with embedded, migrated stores."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import migrations
from desk.domain import Principal, Tenant, TenantSettings, new_id
from desk.embedded import Engines, engines
from desk.settings import Settings, load_settings
from desk.storage import tenants
from desk.storage.migrate import migrate
from graphs.registry import open_services
from graphs.services import Services
from prompts.choice import PromptChoice

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Effort:
    """How long a benchmark may look: rounds per side, turns per round, and the longest conversation."""

    rounds: int = 5
    turns: int = 96
    longest_talk: int = 1000


@dataclass(frozen=True, slots=True)
class Stage:
    """Where a benchmark plays: settings that name its own home, and the stores that run there."""

    settings: Settings
    stores: Engines
    say: Say


@dataclass(frozen=True, slots=True)
class Cast:
    """What our side needs in-process: services, a tenant and a customer of it."""

    services: Services
    tenant: Tenant
    principal: Principal


@contextmanager
def open_stage(say: Say) -> Iterator[Stage]:
    """A stage with empty stores, gone at the end; call it before an event loop runs."""
    with temporary_home() as home:
        settings = stage_settings(home)
        with engines(settings, say=say) as stores:
            yield Stage(settings, stores, say)


@contextmanager
def temporary_home() -> Iterator[Path]:
    """An empty DESK_HOME that every user may enter, as Postgres does not run as root."""
    with tempfile.TemporaryDirectory(prefix="desk-bench-") as folder:
        home = Path(folder)
        home.chmod(0o755)
        yield home


def stage_settings(home: Path) -> Settings:
    """This machine's settings with stores and keys in `home`, the installed model, and no chat model."""
    settings = load_settings()
    return settings.model_copy(
        update={
            "home": home,
            "models_dir": settings.models_path.absolute(),
            "database_url": None,
            "redis_url": None,
            "openai_api_key": None,
            "openai_base_url": None,
            "llama_model_path": None,
        }
    )


@asynccontextmanager
async def open_cast(stage: Stage) -> AsyncIterator[Cast]:
    """Services on the stage's stores, with a fresh tenant and one customer."""
    stores = stage.stores
    await migrate(stores.migration_database_url, migrations.FOLDER, say=stage.say)
    async with open_services(stage.settings, stores.database_url, on_degraded=_refuse_degraded) as services:
        async with services.engine.database.control_tx() as tx:
            slug = f"bench-{new_id().hex}"
            tenant = await tenants.create(tx, slug, "A shop", TenantSettings(intent_pack="bookshop"))
        subject = await services.engine.keys.subject(tenant.id, "bench", "someone@example.com")
        await services.understandings.of(tenant, PromptChoice())
        yield Cast(services, tenant, Principal(tenant.id, "user", subject, "someone@example.com"))


def _refuse_degraded(what: str, instead: str) -> None:
    raise AssertionError(f"a benchmark must not run degraded: {what}, instead {instead}")
