"""Every setting, its default and its meaning; the only reader of the environment."""

from __future__ import annotations

import os
from functools import lru_cache
from pathlib import Path
from typing import Literal

from pydantic import AliasChoices, Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """`DESK_*` variables, and the conventional names of the field beside them."""

    model_config = SettingsConfigDict(
        env_prefix="DESK_",
        env_file=".env",
        extra="ignore",
        frozen=True,
        populate_by_name=True,
        env_ignore_empty=True,
    )

    environment: Literal["development", "production"] = Field(
        "development", description="`production` refuses every secret that was not set on purpose."
    )
    home: Path = Field(Path(".desk"), description="Where embedded data, keys and models lie.")
    models_dir: Path | None = Field(
        None, description="Where the exported embedding model lies; default `<home>/models`."
    )
    host: str = Field("127.0.0.1", description="Address to listen on.")
    port: int = Field(8000, ge=0, le=65535, description="Port to listen on; 0 takes a free one.")
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="Least level logged.")

    database_url: SecretStr | None = Field(
        None,
        validation_alias=AliasChoices("DATABASE_URL", "database_url"),
        description="Postgres with pgvector; unset starts the embedded one.",
    )
    migration_database_url: SecretStr | None = Field(
        None, description="Owner's login for migrations; default is `DATABASE_URL`."
    )
    database_pool_size: int = Field(
        10,
        ge=2,
        le=200,
        validation_alias=AliasChoices("DATABASE_POOL_SIZE", "database_pool_size"),
        description="Connections of one process.",
    )
    redis_url: SecretStr | None = Field(
        None,
        validation_alias=AliasChoices("REDIS_URL", "redis_url"),
        description="Redis; unset starts the embedded one; away, its uses fall back to process memory.",
    )

    openai_api_key: SecretStr | None = Field(
        None,
        validation_alias=AliasChoices("OPENAI_API_KEY", "openai_api_key"),
        description="Key of the OpenAI-wire provider.",
    )
    openai_base_url: str | None = Field(
        None,
        validation_alias=AliasChoices("OPENAI_BASE_URL", "openai_base_url"),
        description="Base address of an OpenAI-wire server (vLLM, Ollama, ...); unset is OpenAI itself.",
    )
    openai_model: str = Field("gpt-5-mini", description="Model name asked of the OpenAI-wire provider.")
    llama_model_path: Path | None = Field(
        None,
        validation_alias=AliasChoices("LLAMA_MODEL_PATH", "llama_model_path"),
        description="A GGUF file for the local model (needs the `llama` extra).",
    )
    model_order: tuple[str, ...] = Field(
        ("llama_cpp", "openai"), description="Providers in the order they are tried; unset ones are left out."
    )
    model_timeout_seconds: float = Field(30.0, gt=0, description="Total time one model answer may take.")

    langsmith_api_key: SecretStr | None = Field(
        None,
        validation_alias=AliasChoices("LANGSMITH_API_KEY", "langsmith_api_key"),
        description="Turns on scrubbed traces; without it not a byte is sent.",
    )
    rate_limit_per_minute: int = Field(
        60,
        ge=1,
        validation_alias=AliasChoices("RATE_LIMIT_PER_MINUTE", "rate_limit_per_minute"),
        description="Requests a caller may make in a minute.",
    )
    rate_limit_per_hour: int = Field(
        1000,
        ge=1,
        validation_alias=AliasChoices("RATE_LIMIT_PER_HOUR", "rate_limit_per_hour"),
        description="Requests a caller may make in an hour.",
    )
    streams_per_user: int = Field(
        8, ge=1, description="Event streams and sockets one caller may hold open at a process."
    )
    streams_per_tenant: int = Field(
        1000, ge=1, description="Event streams and sockets one tenant may hold open at a process."
    )
    allowed_origins: tuple[str, ...] = Field(
        (),
        validation_alias=AliasChoices("ALLOWED_ORIGINS", "allowed_origins"),
        description="Origins whose pages may call the API (CORS), as a JSON list.",
    )
    access_token_expire_minutes: int = Field(
        30,
        ge=1,
        validation_alias=AliasChoices("ACCESS_TOKEN_EXPIRE_MINUTES", "access_token_expire_minutes"),
        description="Life of a token of the built-in issuer.",
    )
    data_retention_days: int = Field(
        365,
        ge=1,
        validation_alias=AliasChoices("DATA_RETENTION_DAYS", "data_retention_days"),
        description="How long conversations are kept.",
    )
    jobs_database_url: SecretStr | None = Field(
        None,
        description="Direct login for background jobs, for when `DATABASE_URL` is a transaction pooler.",
    )
    jobs_at_once: int = Field(2, ge=1, le=50, description="Background jobs that one process runs at a time.")
    webhook_hosts: tuple[str, ...] = Field(
        (),
        description="Services in private networks that webhooks may reach, as a JSON list of `host:port`.",
    )
    issuer: str = Field("deskgraph", description="`iss` of the built-in issuer's tokens.")
    audience: str = Field("deskgraph", description="`aud` that every token must carry.")
    master_key: SecretStr | None = Field(
        None,
        description="32 bytes in base64 that wrap the data keys; development makes `<home>/keys/master.key`.",
    )
    signing_key_path: Path | None = Field(
        None, description="PEM key of the built-in issuer; development makes `<home>/keys/issuer.pem`."
    )
    shop_api_url: str | None = Field(None, description="Address of the order service; the demo sets its own.")
    shop_api_key: SecretStr | None = Field(None, description="Service key sent to the order service.")
    langserve: bool = Field(
        False, description="Mount LangServe at `/langserve/support` (its licence forbids hosted services)."
    )
    metrics: bool = Field(False, description="Serve Prometheus metrics at `/metrics` on the main port.")
    in_process_worker: bool = Field(True, description="Pick up orphaned turns and run jobs in this process.")
    demo: bool = Field(False, description="Load the demo bookshop at start; never in production.")
    crash_at: str | None = Field(
        None, description="Chaos tests only: the named point at which this process kills itself."
    )

    @property
    def models_path(self) -> Path:
        """Folder of the exported embedding model."""
        return self.models_dir or self.home / "models"


@lru_cache(maxsize=1)
def load_settings() -> Settings:
    """The process's settings, read once."""
    return Settings()


def child_environment(**overrides: str) -> dict[str, str]:
    """This process's environment for a child, with `overrides` on top."""
    return {**os.environ, **overrides}
