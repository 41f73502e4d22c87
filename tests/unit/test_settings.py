"""Settings, from wherever they come."""

import os
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from service.access.digests import new_secret
from service.settings import Settings

WEBHOOK_SECRET = "whsec_c2l4dGVlbiByYW5kb20gYnl0ZXM="
STRONG = "sk-ais-0123456789abcdefghijklmnop"
SECRET = "a-secret-that-must-not-be-shown"
POSTGRES = "postgresql+asyncpg://user:password@db/service"


class Place:
    """An empty directory to run in, and an environment with nothing of ours in it."""

    def __init__(self, directory: Path, environment: pytest.MonkeyPatch) -> None:
        self._directory = directory
        self._environment = environment
        environment.chdir(directory)
        for name in list(os.environ):
            if name.upper().startswith(("AI_SERVICE_", "ANTHROPIC_", "OPENAI_", "DATABASE_URL")):
                environment.delenv(name)

    def env(self, **variables: str) -> None:
        for name, value in variables.items():
            self._environment.setenv(name, value)

    def dotenv(self, *lines: str) -> None:
        (self._directory / ".env").write_text("\n".join(lines))

    def toml(self, text: str, name: str = "service.toml") -> str:
        path = self._directory / name
        path.write_text(text)
        return str(path)

    def refusal(self) -> str:
        """What an operator sees of settings that cannot be used."""
        with pytest.raises(ValueError) as caught:  # noqa: PT011 - what it says is the test's matter
            Settings()
        return str(caught.value)


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    return Place(tmp_path, monkeypatch)


@pytest.mark.usefixtures("place")
def test_defaults_are_the_contracts() -> None:
    settings = Settings()
    assert (settings.host, settings.port, settings.workers) == ("127.0.0.1", 8000, 1)
    assert settings.data_dir == Path("data")
    assert settings.storage_url == "sqlite+aiosqlite:///data/ai-service.db"
    assert settings.request_timeout_seconds == 30
    assert settings.max_attempts == 3
    assert (settings.log_level, settings.log_format) == ("info", "console")
    assert settings.content_logging is False
    assert settings.cors_origins == ()
    assert settings.admin_key is None
    assert list(settings.aliases) == ["haiku", "sonnet", "opus", "gpt", "embedding"]


def test_environment_outranks_dotenv_and_dotenv_the_file(place: Place) -> None:
    file = place.toml('port = 1\nhost = "from.toml"\nworkers = 1\nlog_level = "error"')
    place.dotenv("AI_SERVICE_PORT=2", "AI_SERVICE_HOST=from.dotenv")
    place.env(AI_SERVICE_PORT="3", AI_SERVICE_CONFIG_FILE=file)
    settings = Settings()
    assert (settings.port, settings.host, settings.log_level) == (3, "from.dotenv", "error")


def test_config_file_may_be_named_in_dotenv(place: Place) -> None:
    place.dotenv(f"AI_SERVICE_CONFIG_FILE={place.toml('port = 1')}")
    assert Settings().port == 1


def test_config_file_that_is_not_there_is_refused(place: Place) -> None:
    place.env(AI_SERVICE_CONFIG_FILE="/nowhere/service.toml")
    assert "names no file: /nowhere/service.toml" in place.refusal()


def test_file_adds_to_the_shipped_catalog_and_overrides_it_key_by_key(place: Place) -> None:
    file = place.toml(
        """
        [aliases]
        haiku = ["ollama/llama"]
        mine = ["ollama/phi"]
        [profiles."openai/gpt-*"]
        takes_stop = false
        [prices."ollama/*"]
        input_usd_per_million = 0.5
        [providers.ollama]
        base_url = "http://localhost:11434/v1"
        models = ["llama", "phi"]
        """
    )
    place.env(AI_SERVICE_CONFIG_FILE=file)
    settings = Settings()
    assert settings.aliases["haiku"] == ("ollama/llama",)
    assert settings.aliases["mine"] == ("ollama/phi",)
    assert settings.aliases["sonnet"][0].startswith("anthropic/")
    gpt = settings.profiles["openai/gpt-*"]
    assert (gpt.takes_stop, gpt.max_tokens_field) == (False, "max_completion_tokens")
    assert settings.prices["ollama/*"].input_usd_per_million == Decimal("0.5")
    assert settings.providers["ollama"].models == ("llama", "phi")


def test_providers_row_comes_from_nested_variables(place: Place) -> None:
    file = place.toml('[providers.ollama]\nbase_url = "http://from.toml/v1"\nmodels = ["llama"]')
    place.env(
        AI_SERVICE_CONFIG_FILE=file,
        AI_SERVICE_PROVIDERS__OLLAMA__BASE_URL="http://from.env/v1",
        AI_SERVICE_PROVIDERS__VLLM__API_KEY=SECRET,
        AI_SERVICE_PROVIDERS__VLLM__MODELS='["phi"]',
    )
    providers = Settings().providers
    assert providers["ollama"].base_url == "http://from.env/v1"
    assert providers["ollama"].models == ("llama",)
    assert providers["vllm"].api_key.get_secret_value() == SECRET
    assert providers["vllm"].models == ("phi",)
    assert providers["vllm"].dialect == "openai"


def test_vendors_own_variables_have_no_prefix(place: Place) -> None:
    place.env(
        ANTHROPIC_API_KEY="sk-ant",
        ANTHROPIC_BASE_URL="http://localhost:1",
        OPENAI_API_KEY="sk-oai",
        OPENAI_BASE_URL="http://localhost:2/v1",
    )
    rows = Settings().configured_providers()
    assert list(rows) == ["anthropic", "openai"]
    assert [row.dialect for row in rows.values()] == ["anthropic", "openai"]
    assert [row.base_url for row in rows.values()] == [
        "http://localhost:1",
        "http://localhost:2/v1",
    ]
    assert [row.api_key.get_secret_value() for row in rows.values()] == ["sk-ant", "sk-oai"]


def test_sandbox_stands_in_where_no_provider_is_configured(place: Place) -> None:
    assert list(Settings().configured_providers()) == ["sandbox"]
    place.env(AI_SERVICE_PROVIDERS__OLLAMA__BASE_URL="http://localhost:11434/v1")
    assert list(Settings().configured_providers()) == ["ollama"]


def test_providers_row_outranks_the_vendors_variables(place: Place) -> None:
    place.env(
        OPENAI_API_KEY="sk-oai", AI_SERVICE_PROVIDERS__OPENAI__BASE_URL="http://localhost:1/v1"
    )
    assert Settings().configured_providers()["openai"].base_url == "http://localhost:1/v1"


@pytest.mark.parametrize(
    "name",
    ["AI_SERVICE_PORT", "AI_SERVICE_ADMIN_KEY", "OPENAI_API_KEY", "DATABASE_URL", "AI_SERVICE_LOG_LEVEL",
     "AI_SERVICE_CONFIG_FILE", "AI_SERVICE_PROVIDERS", "AI_SERVICE_SECRET_KEY"],
)  # fmt: skip
def test_empty_variable_is_as_good_as_none(place: Place, name: str) -> None:
    unset = Settings()
    place.env(**{name: ""})
    place.dotenv(f"{name}=")
    assert Settings() == unset


def test_empty_variable_does_not_hide_what_a_lesser_source_says(place: Place) -> None:
    place.dotenv("AI_SERVICE_PORT=5")
    place.env(AI_SERVICE_PORT="")
    assert Settings().port == 5


def test_dotenv_may_hold_what_is_not_ours(place: Place) -> None:
    place.dotenv("SOMETHING_ELSE=1", "AI_SERVICE_PORT=5")
    assert Settings().port == 5


def test_origins_are_separated_by_commas(place: Place) -> None:
    place.env(AI_SERVICE_CORS_ORIGINS=" https://a.example, https://b.example ,")
    assert Settings().cors_origins == ("https://a.example", "https://b.example")


def test_allowed_hosts_are_separated_by_commas(place: Place) -> None:
    place.env(AI_SERVICE_OUTBOUND_ALLOWED_HOSTS="hooks.internal, 10.0.0.7:8080")
    assert Settings().outbound_allowed_hosts == ("hooks.internal", "10.0.0.7:8080")


def test_trusted_proxies_are_addresses_and_networks_separated_by_commas(place: Place) -> None:
    place.env(AI_SERVICE_TRUSTED_PROXIES=" 10.0.0.0/8, 192.168.1.7,::1 ,")
    trusted = [str(network) for network in Settings().trusted_proxies]
    assert trusted == ["10.0.0.0/8", "192.168.1.7/32", "::1/128"]


@pytest.mark.parametrize(
    "proxies", ["*", "proxy", "10.0.0.1/8", "10.0.0.0/8 10.1.0.0/16", "10.0.0"]
)
def test_trusted_proxies_that_would_trust_nobody_or_everybody_are_refused(
    place: Place, proxies: str
) -> None:
    place.env(AI_SERVICE_TRUSTED_PROXIES=proxies)
    assert "trusted_proxies" in place.refusal()


def test_certificate_and_key_are_files_and_go_together(place: Place, tmp_path: Path) -> None:
    file = tmp_path / "tls.pem"
    place.env(AI_SERVICE_TLS_CERT_FILE=str(file))
    assert "does not point to a file" in place.refusal()
    file.touch()
    assert "AI_SERVICE_TLS_KEY_FILE go together" in place.refusal()
    place.env(AI_SERVICE_TLS_KEY_FILE=str(file))
    assert Settings().tls_key_file == file


@pytest.mark.parametrize(
    "key",
    [
        "x",
        "changeme",
        "sk-ais-0123456789abcdef",
        "a" * 64,
        "abcabc" * 8,
        STRONG + "\n",
        STRONG + " \x7f",
        STRONG + "ä",
        "changeme-changeme-changeme",
        "change-this-to-a-random-secret-please",
        "Password-Admin-Secret-Token-1234",
        "abcd1234abcd1234abcd1234abcd1234",
        "sk-ais-correct-horse-correct-horse",
    ],
)
def test_weak_admin_key_is_refused_and_not_shown(place: Place, key: str) -> None:
    place.env(AI_SERVICE_ADMIN_KEY=key)
    refusal = place.refusal()
    assert "AI_SERVICE_ADMIN_KEY is weak" in refusal
    assert "random ASCII characters" in refusal
    assert key not in refusal.replace("random", "")


@pytest.mark.parametrize(
    "key",
    [
        STRONG,
        "admin-Vq3kPq8mVt0wYzB7nDhLr5sGcE9u",
        "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "Xq7#pL2!vR9@tK4$wZ6%mB8^",
    ],
)
def test_strong_admin_key_is_taken(key: str, place: Place) -> None:
    place.env(AI_SERVICE_ADMIN_KEY=key)
    found = Settings().admin_key
    assert found is not None
    assert found.get_secret_value() == key


@pytest.mark.parametrize(
    "secret",
    [
        "whsec_",
        "whsec_dG9vIHNob3J0IGJ5IDE=",
        WEBHOOK_SECRET.removeprefix("whsec_"),
        f"x{WEBHOOK_SECRET}",
        "whsec_not base64, but long enough for it",
    ],
)
def test_weak_webhook_secret_is_refused_and_not_shown(place: Place, secret: str) -> None:
    place.env(AI_SERVICE_WEBHOOK_SECRET=secret)
    refusal = place.refusal()
    assert "AI_SERVICE_WEBHOOK_SECRET must be whsec_ and 16 or more random bytes" in refusal
    assert secret.removeprefix("whsec_") == "" or secret not in refusal


@pytest.mark.parametrize("secret", [WEBHOOK_SECRET, WEBHOOK_SECRET.rstrip("=")])
def test_webhook_secret_is_taken_with_its_padding_and_without(secret: str, place: Place) -> None:
    place.env(AI_SERVICE_WEBHOOK_SECRET=secret)
    found = Settings().webhook_secret
    assert found is not None
    assert found.get_secret_value() == secret


def test_keys_that_the_service_makes_are_strong(place: Place) -> None:
    for _ in range(100):
        place.env(AI_SERVICE_ADMIN_KEY=new_secret())
        assert Settings().admin_key is not None


def test_postgres_needs_a_secret_key(place: Place) -> None:
    place.env(DATABASE_URL=POSTGRES)
    assert "AI_SERVICE_SECRET_KEY must be set with PostgreSQL" in place.refusal()
    place.env(AI_SERVICE_SECRET_KEY=SECRET)
    assert Settings().storage_url == POSTGRES


def test_more_than_one_process_needs_postgres(place: Place) -> None:
    place.env(AI_SERVICE_WORKERS="2")
    assert "AI_SERVICE_WORKERS above 1 needs DATABASE_URL" in place.refusal()
    place.env(DATABASE_URL=POSTGRES, AI_SERVICE_SECRET_KEY=SECRET)
    assert Settings().workers == 2


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", SECRET),
        ("PORT", "65536"),
        ("WORKERS", "0"),
        ("REQUEST_TIMEOUT_SECONDS", "0"),
        ("MAX_ATTEMPTS", "0"),
        ("LOG_LEVEL", SECRET),
        ("PROVIDERS", f'{{"x": {{"api_key": "{SECRET}"'),
        ("PROVIDERS", f'["{SECRET}"]'),
        ("PROVIDERS__X", SECRET),
        ("PROVIDERS__X__DIALECT", SECRET),
        ("PROVIDERS__X__API_KEYS", SECRET),
        ("ALIASES", f'{{"haiku": {{"{SECRET}": 1}}}}'),
    ],
)
def test_value_that_cannot_be_used_is_refused_without_showing_it(
    place: Place, name: str, value: str
) -> None:
    place.env(**{f"AI_SERVICE_{name}": value})
    refusal = place.refusal()
    assert name.split("__")[0].lower() in refusal
    assert SECRET not in refusal


def test_secrets_are_not_in_the_settings_own_words(place: Place) -> None:
    place.env(
        ANTHROPIC_API_KEY=SECRET,
        AI_SERVICE_ADMIN_KEY=SECRET,
        AI_SERVICE_SECRET_KEY=SECRET,
        AI_SERVICE_PROVIDERS__X__API_KEY=SECRET,
        DATABASE_URL=f"postgresql+asyncpg://user:{SECRET}@db/service",
    )
    settings = Settings()
    assert SECRET not in repr(settings)
    assert SECRET not in str(settings)
    assert SECRET not in repr(settings.configured_providers())


def test_all_secrets_are_listed_for_whoever_keeps_them_out_of_logs(place: Place) -> None:
    place.env(
        ANTHROPIC_API_KEY="anthropic",
        OPENAI_API_KEY="openai",
        AI_SERVICE_PROVIDERS__X__API_KEY="x",
        AI_SERVICE_PROVIDERS__X__BASE_URL="http://user:proxy-password@x/v1",
        AI_SERVICE_ADMIN_KEY=STRONG,
        AI_SERVICE_SECRET_KEY=SECRET,
        DATABASE_URL="postgresql+asyncpg://user:da%40ta:base@db/service",
        REDIS_URL="redis://:cache@redis:6379/0",
        AI_SERVICE_WEBHOOK_SECRET=WEBHOOK_SECRET,
    )
    secrets = {secret for secret in Settings().secrets() if secret}
    assert secrets == {
        *("anthropic", "openai", "x", "proxy-password", STRONG, SECRET),
        *("da%40ta:base", "da@ta:base", "cache", WEBHOOK_SECRET),
    }


@pytest.mark.parametrize(
    "url", ["redis://redis:6379/0", "redis://user@redis", "unix:///tmp/redis.sock", "nonsense", ""]
)
def test_address_without_a_password_lists_none(place: Place, url: str) -> None:
    place.env(REDIS_URL=url)
    assert not any(Settings().secrets())


@pytest.mark.usefixtures("place")
def test_settings_do_not_change() -> None:
    settings: Any = Settings()
    with pytest.raises(ValidationError):
        settings.port = 1
