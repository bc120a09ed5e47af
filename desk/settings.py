"""Every setting, its default and its meaning; the only reader of the environment."""

from __future__ import annotations

import os
from difflib import get_close_matches
from functools import lru_cache
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import (
    AliasChoices,
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_settings import BaseSettings, SettingsConfigDict, SettingsError

from desk.errors import Misconfigured

SignatureAlgorithm = Literal[
    "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"
]


class TrustedIssuer(BaseModel):
    """An identity provider whose tokens are believed, and how far: an entry of `DESK_ISSUERS`.

    Its people belong to the fixed `tenant`, or to the one that `tenant_claim` names by its slug. `roles` says
    which of its roles is which of ours; a token with none of them is refused.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,31}$")]
    label: str | None = None
    issuer: Annotated[str, Field(pattern=r"^https?://[^\s?#]+$")]
    audience: Annotated[str, Field(min_length=1)]
    jwks_uri: str | None = None
    algorithms: Annotated[tuple[SignatureAlgorithm, ...], Field(min_length=1)] = ("RS256",)
    token_types: Annotated[tuple[str, ...], Field(min_length=1)] = ("JWT", "at+jwt")
    authorized_parties: tuple[str, ...] = ()
    tenant: str | None = None
    tenant_claim: str | None = None
    roles_claim: str = "realm_access.roles"
    roles: dict[str, Literal["user", "agent", "admin"]]
    client_id: str | None = None
    client_secret: SecretStr | None = None
    plain_http: bool = False

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        if (self.tenant is None) == (self.tenant_claim is None):
            raise ValueError("set either tenant or tenant_claim")
        for address in (self.issuer, self.jwks_uri):
            if address is not None and urlsplit(address).scheme != "https" and not self.plain_http:
                raise ValueError("its addresses must begin with https://, or plain_http be true")
        return self


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
    model_timeout_seconds: float = Field(
        29.0,
        gt=0,
        description="Total time that models may take in one turn; the turn takes a little more.",
    )

    langsmith_api_key: SecretStr | None = Field(
        None,
        validation_alias=AliasChoices("LANGSMITH_API_KEY", "langsmith_api_key"),
        description="Turns on scrubbed traces; without it not a byte is sent.",
    )
    langsmith_endpoint: str = Field(
        "https://api.smith.langchain.com",
        pattern=r"^https?://[^/]+",
        validation_alias=AliasChoices("LANGSMITH_ENDPOINT", "langsmith_endpoint"),
        description="Where traces and experiments are sent.",
    )
    langsmith_project: str = Field(
        "deskgraph",
        validation_alias=AliasChoices("LANGSMITH_PROJECT", "langsmith_project"),
        description="LangSmith's project that traces of turns belong to.",
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
    address_rate_limit_per_minute: int = Field(
        600, ge=1, description="Requests that may come from one address in a minute."
    )
    address_rate_limit_per_hour: int = Field(
        20_000, ge=1, description="Requests that may come from one address in an hour."
    )
    tenant_rate_limit_per_minute: int = Field(
        6_000, ge=1, description="Requests of all callers of a tenant in a minute."
    )
    tenant_rate_limit_per_hour: int = Field(
        120_000, ge=1, description="Requests of all callers of a tenant in an hour."
    )
    streams_per_user: int = Field(
        8, ge=1, description="Event streams and sockets one caller may hold open at a process."
    )
    streams_per_tenant: int = Field(
        1000, ge=1, description="Event streams and sockets one tenant may hold open at a process."
    )
    streams_per_address: int = Field(
        200, ge=1, description="Event streams and sockets one address may hold open at a process."
    )
    trusted_proxies: tuple[str, ...] = Field(
        (),
        description="Networks whose `X-Forwarded-For` is believed, as a JSON list; without it every caller"
        " behind a proxy has the proxy's address.",
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
    public_url: str | None = Field(
        None,
        pattern=r"^https?://[^/]+",
        description="Address at which people reach this desk; default is `http://<host>:<port>`.",
    )
    smtp_url: SecretStr | None = Field(
        None,
        description="Mail server: `smtp://user:password@host:587` or `smtps://`; unset, development writes"
        " files under `<home>/mail` and production refuses mail.",
    )
    mail_from: str | None = Field(
        None, description="Sender of mail: an address, or `Name <address>`; needed with `DESK_SMTP_URL`."
    )
    issuer: str = Field("deskgraph", description="`iss` of the built-in issuer's tokens.")
    audience: str = Field("deskgraph", description="`aud` that every token must carry.")
    issuers: tuple[TrustedIssuer, ...] = Field(
        (),
        description="Identity providers whose tokens are believed beside the built-in issuer's, as a JSON"
        " list; see [identity](identity.md#identity-providers).",
    )
    refresh_token_expire_days: int = Field(
        30, ge=1, le=365, description="After so many days an account signs in with its password again."
    )
    master_key: SecretStr | None = Field(
        None,
        description="32 bytes in base64 that wrap the data keys; development makes `<home>/keys/master.key`."
        " Of several, separated by spaces, the first wraps and the others still open.",
    )
    master_key_path: Path | None = Field(None, description="A file with the same, instead.")
    master_key_command: tuple[str, ...] = Field(
        (),
        description="A program that writes the same to its stdout, instead: a JSON list of its words. Each"
        " process runs it once.",
    )
    signing_key_path: Path | None = Field(
        None, description="PEM key of the built-in issuer; development makes `<home>/keys/issuer.pem`."
    )
    shop_api_url: str | None = Field(None, description="Address of the order service; the demo sets its own.")
    shop_api_key: SecretStr | None = Field(None, description="Service key sent to the order service.")
    tool_hosts: tuple[str, ...] = Field(
        (),
        description="Services, as `host:port`, that tenants' tools and MCP servers may reach in a private"
        " network, as a JSON list.",
    )
    tool_secrets: dict[str, SecretStr] = Field(
        {},
        description="Secrets of tenants' tools and MCP servers, as a JSON object from `tenant/name` to a"
        " header's value.",
    )
    langserve: bool = Field(
        False, description="Mount LangServe at `/langserve/support` (its licence forbids hosted services)."
    )
    metrics: bool = Field(False, description="Serve Prometheus metrics at `/metrics` on the main port.")
    in_process_worker: bool = Field(True, description="Pick up orphaned turns and run jobs in this process.")
    demo: bool = Field(False, description="Load the demo bookshop at start; never in production.")
    crash_at: str | None = Field(
        None, description="Chaos tests only: the named point at which this process kills itself."
    )

    @field_validator("issuers")
    @classmethod
    def _are_distinct(cls, issuers: tuple[TrustedIssuer, ...]) -> tuple[TrustedIssuer, ...]:
        if any(len({of(entry) for entry in issuers}) < len(issuers) for of in (_name, _issuer)):
            raise ValueError("each issuer has a name and an address of its own")
        return issuers

    @field_validator("trusted_proxies")
    @classmethod
    def _are_networks(cls, networks: tuple[str, ...]) -> tuple[str, ...]:
        for network in networks:
            ip_network(network)  # a ValueError says what is wrong with it
        return networks

    @property
    def models_path(self) -> Path:
        """Folder of the exported embedding model."""
        return self.models_dir or self.home / "models"

    @property
    def public_address(self) -> str:
        """Where people reach this desk, without a slash at the end: what links in mail begin with."""
        if self.public_url is not None:
            return self.public_url.rstrip("/")
        host = "127.0.0.1" if self.host in ("0.0.0.0", "::") else self.host  # noqa: S104 - read, not bound
        return f"http://{f'[{host}]' if ':' in host else host}:{self.port}"


def _name(entry: TrustedIssuer) -> str:
    return entry.name


def _issuer(entry: TrustedIssuer) -> str:
    return entry.issuer


@lru_cache(maxsize=1)
def load_settings() -> Settings:
    """The process's settings, read once; raises Misconfigured that names the variable, never its value."""
    try:
        return Settings()
    except ValidationError as error:
        wrong = "; ".join(f"{_place(item['loc'])}: {item['msg']}" for item in error.errors())
    except SettingsError as error:
        wrong = f'{_unread(error)} is no JSON, such as \'["one", "two"]\''
    raise Misconfigured(f"{wrong}. docs/settings.md says what each setting takes.")


def variable_of(name: str) -> str:
    """The variable that a setting is read from."""
    alias = Settings.model_fields[name].validation_alias
    return str(alias.choices[0]) if isinstance(alias, AliasChoices) else f"DESK_{name.upper()}"


def unknown_variables() -> dict[str, str | None]:
    """Variables that look like settings and are none, each with the setting of nearly its name, if any."""
    known = [variable_of(name) for name in Settings.model_fields]
    unknown = [name for name in sorted(os.environ) if name.upper() not in known]
    meant = {name: _resembled(name.upper(), known) for name in unknown}
    return {name: near for name, near in meant.items() if near or name.startswith("DESK_")}


def _resembled(name: str, known: list[str]) -> str | None:
    """The setting that was meant. A name without `DESK_` may be another program's: it must be nearer."""
    bare = name.removeprefix("DESK_")
    if bare in known:
        return bare
    near = get_close_matches(name, known, n=1, cutoff=0.87 if bare == name else 0.8)
    return near[0] if near else None


def _place(path: tuple[int | str, ...]) -> str:
    name, *inside = path or ("settings",)
    variable = variable_of(str(name)) if name in Settings.model_fields else str(name)
    return ".".join(map(str, (variable, *inside)))


def _unread(error: SettingsError) -> str:
    """The variable that pydantic names as a field, between quotes."""
    name = str(error).partition('"')[2].partition('"')[0]
    return variable_of(name) if name in Settings.model_fields else "A setting"


def forget_variables(*names: str) -> None:
    """Take variables out of this process's environment, which a library would act on."""
    for name in names:
        os.environ.pop(name, None)


def child_environment(**overrides: str) -> dict[str, str]:
    """This process's environment for a child, with `overrides` on top."""
    return {**os.environ, **overrides}
