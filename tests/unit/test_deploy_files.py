"""What the files of `deploy/` must say, by themselves and with the service's settings."""

import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from service.server import _KEEP_ALIVE_SECONDS
from service.settings import Settings
from tests.deployment import (
    CADDYFILE,
    COMPOSE,
    DEPLOY,
    SECRETS,
    compose_environment,
    is_ignored,
    stages,
    start_command,
    value,
)
from tests.running import make_settings

README = (DEPLOY / "README.md").read_text()
DOTENV_EXAMPLE = (DEPLOY / ".env.example").read_text()
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
EACH_SERVICE = pytest.mark.parametrize("name", list(SERVICES))
FILLED_IN = dict.fromkeys(
    (*SECRETS, "SITE_ADDRESS", "TLS", "AI_SERVICE_IMAGE_TAG"), "9f2c81d7e4506ba38d17c0fe5294ab63"
)
OTHERS_THAN_SETTINGS = {"CONFIG_FILE", "IMAGE_TAG"}


def image_names() -> Iterator[str]:
    """Every image that is pulled."""
    for stage in stages():
        yield stage[0][1].partition(" ")[0]
    for service in SERVICES.values():
        if "build" not in service:
            yield service["image"]


@pytest.mark.parametrize("name", list(image_names()))
def test_images_are_named_without_a_host_and_with_a_version(name: str) -> None:
    repository, _, version = name.partition(":")
    assert "." not in repository
    assert version not in ("", "latest")


def test_the_image_runs_the_console_command_as_nobody_in_particular() -> None:
    assert start_command() == ["ai-service", "serve"]
    assert value("USER") == "10001:10001"
    assert value("STOPSIGNAL") == "SIGTERM"
    assert value("VOLUME") == "/data"


def test_nothing_but_what_is_locked_by_hash_is_downloaded_into_the_image() -> None:
    installs = [argument for _, argument in stages()[0] if "pip install" in argument]
    assert len(installs) == 2
    for install in installs:
        assert "--require-hashes" in install or "--no-deps --no-build-isolation ." in install


@pytest.mark.parametrize(
    "path", [".env", "deploy/.env", "data/secret.key", ".git/config", "tests/running.py"]
)
def test_the_build_is_not_given_what_is_nobodys_business(path: str) -> None:
    assert is_ignored(path)
    assert not is_ignored("service/app.py")
    assert is_ignored("service/__pycache__/app.pyc")


def test_only_the_proxy_can_be_reached_from_outside() -> None:
    assert [name for name, service in SERVICES.items() if service.get("ports")] == ["caddy"]
    assert COMPOSE["networks"]["data"] == {"internal": True}
    assert [name for name in SERVICES if "proxy" in SERVICES[name]["networks"]] == [
        "caddy",
        "service",
    ]


@EACH_SERVICE
def test_every_container_is_bounded_and_comes_back(name: str) -> None:
    service = SERVICES[name]
    assert service["restart"] == "unless-stopped"
    assert service["mem_limit"]
    assert service["logging"]["options"] == {"max-size": "10m", "max-file": "5"}
    assert service["security_opt"] == ["no-new-privileges:true"]


@EACH_SERVICE
def test_what_a_container_needs_is_waited_for_until_it_is_well(name: str) -> None:
    for needed, how in SERVICES[name].get("depends_on", {}).items():
        assert how == {"condition": "service_healthy"}
        assert "healthcheck" in SERVICES[needed] or "build" in SERVICES[needed]


def test_the_service_can_write_to_its_data_alone() -> None:
    service = SERVICES["service"]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["volumes"] == ["service-data:/data"]


def test_no_secret_has_a_value_that_everybody_knows() -> None:
    for secret in SECRETS:
        assert f"\n{secret}=\n" in DOTENV_EXAMPLE
        for service in SERVICES.values():
            for text in service.get("environment", {}).values():
                assert f"${{{secret}" not in text or f"${{{secret}:?" in text


def test_the_environment_of_the_service_is_one_that_it_starts_with(tmp_path: Path) -> None:
    environment = compose_environment("service", FILLED_IN)
    names = [name.removeprefix("AI_SERVICE_").lower() for name in environment]
    given = dict(zip(names, environment.values(), strict=True))
    settings = make_settings(
        tmp_path, **{name: given[name] for name in given if name in Settings.model_fields}
    )
    assert settings.uses_postgres
    assert settings.redis_url is not None


def test_the_service_believes_the_proxys_network_and_no_other() -> None:
    (network,) = COMPOSE["networks"]["proxy"]["ipam"]["config"]
    trusted = SERVICES["service"]["environment"]["AI_SERVICE_TRUSTED_PROXIES"]
    assert trusted == network["subnet"]
    assert SERVICES["service"]["environment"]["AI_SERVICE_REQUIRE_HTTPS"] == "true"


@pytest.mark.parametrize("name", ["Dockerfile", "compose.yaml", ".env.example", "README.md"])
def test_no_setting_is_named_that_is_not_there(name: str) -> None:
    named = set(re.findall(r"AI_SERVICE_([A-Z_]+)", (DEPLOY / name).read_text()))
    fields = {field.upper() for field in Settings.model_fields}
    assert named <= fields | OTHERS_THAN_SETTINGS


def test_the_readme_names_every_variable_of_the_deployment() -> None:
    variables = re.findall(r"^([A-Z_]+)=", DOTENV_EXAMPLE, re.MULTILINE)
    variables += re.findall(r"\$\{(\w+)", (DEPLOY / "compose.yaml").read_text())
    for variable in variables:
        assert f"`{variable}`" in README, variable


def seconds(duration: str) -> int:
    """A duration of the Caddyfile or of compose.yaml."""
    return int(duration[:-1]) * {"s": 1, "m": 60}[duration[-1]]


def caddy_duration(option: str) -> int:
    """The value of an option of the Caddyfile, in seconds."""
    (duration,) = re.findall(rf"^\s+{option} (\d+[sm])$", CADDYFILE.read_text(), re.MULTILINE)
    return seconds(duration)


def test_the_proxy_waits_longer_than_the_service_answers_and_keeps_alive_for_less() -> None:
    defaults = Settings.model_fields
    assert (
        caddy_duration("response_header_timeout") > defaults["stream_total_timeout_seconds"].default
    )
    assert caddy_duration("keepalive") < _KEEP_ALIVE_SECONDS


def test_a_container_is_not_killed_before_the_service_has_finished() -> None:
    defaults = Settings.model_fields
    needed = defaults["drain_seconds"].default + defaults["shutdown_timeout_seconds"].default + 5
    assert seconds(SERVICES["service"]["stop_grace_period"]) >= needed


def tool(name: str) -> str:
    """A program of `make tools`."""
    found = shutil.which(name)
    if found is None:
        pytest.fail(f"{name} is not installed: make tools")
    return found


@pytest.mark.parametrize(
    "tls", ["internal", "you@example.com"], ids=["own authority", "public certificate"]
)
def test_the_caddyfile_is_valid_and_formatted(tls: str, tmp_path: Path) -> None:
    environment = {"HOME": str(tmp_path), "SITE_ADDRESS": "ai.example.com", "TLS": tls}
    command = [tool("caddy"), "validate", "--config", str(CADDYFILE), "--adapter", "caddyfile"]
    subprocess.run(command, env=environment, capture_output=True, check=True)
    formatted = subprocess.run(
        [tool("caddy"), "fmt", str(CADDYFILE)], capture_output=True, text=True, check=False
    ).stdout
    assert formatted == CADDYFILE.read_text()


@pytest.mark.parametrize("script", sorted(DEPLOY.glob("*.sh")), ids=lambda path: path.name)
def test_shellcheck_finds_nothing_in_the_scripts(script: Path) -> None:
    found = subprocess.run(
        [tool("shellcheck"), script], capture_output=True, text=True, check=False
    )
    assert found.stdout == ""
    assert script.stat().st_mode & 0o111


def test_the_commands_that_make_the_secrets_fill_in_all_of_them(tmp_path: Path) -> None:
    (commands,) = re.findall(r"```sh\n(cp \.env\.example.*?)```", README, re.DOTALL)
    shutil.copy(DEPLOY / ".env.example", tmp_path)
    path = {"PATH": os.environ["PATH"]}
    subprocess.run(["bash", "-euc", commands], cwd=tmp_path, env=path, check=True)
    dotenv = tmp_path / ".env"
    assert dotenv.stat().st_mode & 0o777 == 0o600
    values = dict(line.split("=", 1) for line in shlex.split(dotenv.read_text(), comments=True))
    secrets = [values[name] for name in SECRETS]
    assert all(re.fullmatch("[0-9a-f]{64}", secret) for secret in secrets)
    assert len(set(secrets)) == len(SECRETS)
