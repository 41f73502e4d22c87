"""The one place that reads the environment: a frozen tree of settings.

Sources, first one wins: the environment, `.env`, the TOML file named by `AI_SERVICE_CONFIG_FILE`, and
`catalog.toml`, which ships with the package. Tables (providers, aliases, profiles, prices) of all
sources are merged key by key. `service/README.md` tables every variable.
"""

import re
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import unquote

from pydantic import (
    AliasChoices,
    BaseModel,
    ConfigDict,
    Field,
    FilePath,
    IPvAnyNetwork,
    SecretStr,
    field_validator,
    model_validator,
)
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from service.inference.profiles import ModelProfile
from service.usage.prices import PriceOverride

_SHIPPED_CATALOG = Path(__file__).with_name("catalog.toml")
_MIN_ADMIN_KEY_CHARACTERS = 24
_MIN_ADMIN_KEY_DISTINCT_CHARACTERS = 8
_GUESSABLE = re.compile(
    "admin|change|default|example|letmein|please|passw(?:or)?d|qwerty|random|replace|secret|token",
    re.IGNORECASE,
)
# Of random keys as long as they usually are, one in 10,000 repeats six characters, if it is in hex.
_REPEATED = re.compile(r"(.{6}).*\1")


class ProviderSettings(BaseModel):
    """One model server: which wire dialect it speaks, where it is, and what it serves."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    dialect: Literal["anthropic", "openai", "sandbox"] = "openai"
    base_url: str | None = None
    api_key: SecretStr = SecretStr("")
    models: tuple[str, ...] = ()


def _unprefixed(name: str) -> AliasChoices:
    return AliasChoices(name, name.upper())


def _passwords(url: str) -> tuple[str, ...]:
    """The password in an address, as it is written there and as it is meant. Never raises."""
    authority = url.partition("://")[2].rpartition("@")[0]
    password = authority.partition(":")[2]
    return (password, unquote(password))


def _config_file(*sources: PydanticBaseSettingsSource) -> str | None:
    """The variable `AI_SERVICE_CONFIG_FILE`, of the first source that has it."""
    found = [
        source.env_vars.get("ai_service_config_file")
        for source in sources
        if isinstance(source, EnvSettingsSource)
    ]
    return next((path for path in found if path), None)


class Settings(BaseSettings):
    """Every setting. Variables are `AI_SERVICE_` and the field's name, but for the vendors' own."""

    model_config = SettingsConfigDict(
        env_prefix="AI_SERVICE_",
        env_nested_delimiter="__",
        env_file=".env",
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
        hide_input_in_errors=True,
    )

    anthropic_api_key: SecretStr | None = Field(
        None, validation_alias=_unprefixed("anthropic_api_key")
    )
    anthropic_base_url: str | None = Field(None, validation_alias=_unprefixed("anthropic_base_url"))
    openai_api_key: SecretStr | None = Field(None, validation_alias=_unprefixed("openai_api_key"))
    openai_base_url: str | None = Field(None, validation_alias=_unprefixed("openai_base_url"))

    providers: dict[str, ProviderSettings] = Field(default_factory=dict)
    aliases: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    profiles: dict[str, ModelProfile] = Field(default_factory=dict)
    prices: dict[str, PriceOverride] = Field(default_factory=dict)

    data_dir: Path = Path("data")
    database_url: str = Field("", validation_alias=_unprefixed("database_url"), repr=False)

    redis_url: SecretStr | None = Field(None, validation_alias=_unprefixed("redis_url"))
    cache_ttl_seconds: int = Field(3600, ge=0)
    cache_max_bytes: int = Field(64 * 1024 * 1024, gt=0)

    host: str = "127.0.0.1"
    port: int = Field(8000, ge=0, le=65535)
    workers: int = Field(1, ge=1)
    drain_seconds: float = Field(2.0, ge=0)
    shutdown_timeout_seconds: float = Field(20.0, gt=0)
    max_concurrent_requests: int = Field(200, ge=1)
    max_concurrent_streams: int = Field(1000, ge=1)
    admission_queue_size: int = Field(100, ge=0)
    admission_queue_seconds: float = Field(0.25, ge=0)
    max_body_bytes: int = Field(20 * 1024 * 1024, gt=0)
    max_upload_bytes: int = Field(100 * 1024 * 1024, gt=0)
    cors_origins: Annotated[tuple[str, ...], NoDecode] = ()

    tls_cert_file: FilePath | None = None
    tls_key_file: FilePath | None = None
    require_https: bool = False
    trusted_proxies: Annotated[tuple[IPvAnyNetwork, ...], NoDecode] = ()
    request_signing: Literal["off", "optional", "required"] = "off"

    admin_key: SecretStr | None = None
    secret_key: SecretStr | None = None

    request_timeout_seconds: float = Field(30.0, gt=0)
    stream_first_token_timeout_seconds: float = Field(60.0, gt=0)
    stream_idle_timeout_seconds: float = Field(30.0, gt=0)
    stream_total_timeout_seconds: float = Field(600.0, gt=0)
    stream_heartbeat_seconds: float = Field(15.0, gt=0)
    connect_timeout_seconds: float = Field(2.0, gt=0)
    max_attempts: int = Field(3, ge=1)
    max_attempts_per_request: int = Field(6, ge=1)
    retry_base_seconds: float = Field(0.5, gt=0)
    retry_cap_seconds: float = Field(10.0, gt=0)
    breaker_failures: int = Field(5, ge=1)
    breaker_open_seconds: float = Field(10.0, gt=0)
    lease_seconds: float = Field(30.0, gt=0)
    idempotency_retention_seconds: float = Field(24 * 3600.0, gt=0)
    idempotency_max_answer_bytes: int = Field(4 * 1024 * 1024, gt=0)

    document_timeout_seconds: float = Field(120.0, gt=0)
    document_max_memory_bytes: int = Field(1024 * 1024 * 1024, ge=512 * 1024 * 1024)

    log_level: Literal["debug", "info", "warning", "error"] = "info"
    log_format: Literal["console", "json"] = "console"
    content_logging: bool = False

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        sources = [init_settings, env_settings, dotenv_settings]
        if config_file := _config_file(env_settings, dotenv_settings):
            if not Path(config_file).is_file():
                raise ValueError(f"AI_SERVICE_CONFIG_FILE names no file: {config_file}")
            sources.append(TomlConfigSettingsSource(settings_cls, Path(config_file)))
        sources.append(TomlConfigSettingsSource(settings_cls, _SHIPPED_CATALOG))
        return tuple(sources)

    @field_validator("cors_origins", "trusted_proxies", mode="before")
    @classmethod
    def _split_at_commas(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(item.strip() for item in value.split(",") if item.strip())
        return value

    @field_validator("admin_key")
    @classmethod
    def _refuse_weak_key(cls, value: SecretStr | None) -> SecretStr | None:
        if value is None:
            return None
        secret = value.get_secret_value()
        unguessable = _GUESSABLE.sub("", secret)
        if (
            len(unguessable) < _MIN_ADMIN_KEY_CHARACTERS
            or len(set(unguessable)) < _MIN_ADMIN_KEY_DISTINCT_CHARACTERS
            or _REPEATED.search(secret)
            or not secret.isascii()
            or not secret.isprintable()
        ):
            raise ValueError(
                f"AI_SERVICE_ADMIN_KEY is weak: use {_MIN_ADMIN_KEY_CHARACTERS} or more random ASCII"
                " characters"
            )
        return value

    @field_validator("database_url")
    @classmethod
    def _know_the_database(cls, value: str) -> str:
        if value and not value.startswith(("sqlite+aiosqlite:///", "postgresql+asyncpg://")):
            raise ValueError(
                "DATABASE_URL must begin with sqlite+aiosqlite:/// or postgresql+asyncpg://"
            )
        return value

    @model_validator(mode="after")
    def _refuse_what_cannot_be_shared(self) -> "Settings":
        if self.uses_postgres and self.secret_key is None:
            raise ValueError(
                "AI_SERVICE_SECRET_KEY must be set with PostgreSQL: every replica needs the same one"
            )
        if self.workers > 1 and not self.uses_postgres:
            raise ValueError(
                "AI_SERVICE_WORKERS above 1 needs DATABASE_URL to name PostgreSQL:"
                " the embedded database serves one process"
            )
        return self

    @model_validator(mode="after")
    def _refuse_half_a_certificate(self) -> "Settings":
        if (self.tls_cert_file is None) != (self.tls_key_file is None):
            raise ValueError("AI_SERVICE_TLS_CERT_FILE and AI_SERVICE_TLS_KEY_FILE go together")
        return self

    @property
    def uses_postgres(self) -> bool:
        """Whether the database is PostgreSQL."""
        return self.database_url.startswith("postgresql")

    @property
    def storage_url(self) -> str:
        """`database_url`, or the embedded database under `data_dir`."""
        return self.database_url or f"sqlite+aiosqlite:///{self.data_dir / 'ai-service.db'}"

    def secrets(self) -> tuple[str, ...]:
        """Every secret among the settings, in the clear: for whoever has to keep them out of something."""
        rows = self.configured_providers().values()
        whole = (self.admin_key, self.secret_key, *(row.api_key for row in rows))
        redis_url = self.redis_url.get_secret_value() if self.redis_url else ""
        urls = (self.database_url, redis_url, *(row.base_url or "" for row in rows))
        return (
            *(secret.get_secret_value() for secret in whole if secret is not None),
            *(password for url in urls for password in _passwords(url)),
        )

    def configured_providers(self) -> dict[str, ProviderSettings]:
        """The providers to use: the vendors whose key is set, the rows of the file, else the sandbox."""
        found: dict[str, ProviderSettings] = {}
        if self.anthropic_api_key:
            found["anthropic"] = ProviderSettings(
                dialect="anthropic",
                api_key=self.anthropic_api_key,
                base_url=self.anthropic_base_url,
            )
        if self.openai_api_key:
            found["openai"] = ProviderSettings(
                dialect="openai", api_key=self.openai_api_key, base_url=self.openai_base_url
            )
        found.update(self.providers)
        return found or {"sandbox": ProviderSettings(dialect="sandbox")}
