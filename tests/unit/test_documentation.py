"""What the documents promise."""

import re
from pathlib import Path
from typing import get_args

import pytest
from fastapi.routing import APIRoute

from service.adapters.documents.formats import MAX_CHARACTERS
from service.app import ROOMS
from service.batches.ports import MAX_ITEMS
from service.cli import app
from service.prompts.definitions import MAX_VARIABLES
from service.prompts.templates import MAX_RENDERED_CHARACTERS
from service.settings import Settings
from service.usage.reports import MAX_GROUPS
from service.web.body import MAX_JSON_DEPTH
from service.web.errors import STATUS
from service.web.paging import MAX_PAGE
from service.webhooks.ports import DisabledReason
from service.webhooks.schemas import WebhookDeliveryResponse
from service.webhooks.usecases import MAX_ENDPOINTS

README = Path("README.md").read_text()
GUIDE = Path("sdks/README.md").read_text()
ARCHITECTURE = Path("service/README.md").read_text()
MIB = 1024 * 1024
TABLES = {"providers", "aliases", "profiles", "prices", "batch_price_factors"}
OF_CLIENTS = {"API_KEY", "BASE_URL"}
"""What the SDKs and `ai-service batch` read."""
UNPREFIXED = {
    "anthropic_api_key",
    "anthropic_base_url",
    "openai_api_key",
    "openai_base_url",
    "database_url",
    "redis_url",
}


def _default(field: str) -> int:
    return int(Settings.model_fields[field].default)


@pytest.mark.parametrize("field", sorted(Settings.model_fields))
def test_every_setting_is_in_the_table(field: str) -> None:
    if field in TABLES:
        assert re.search(rf"\| `\[{field}", ARCHITECTURE)
    else:
        variable = field.upper() if field in UNPREFIXED else f"AI_SERVICE_{field.upper()}"
        assert f"`{variable}`" in ARCHITECTURE


def test_the_table_names_no_setting_that_is_not_there() -> None:
    named = set(re.findall(r"`AI_SERVICE_([A-Z_]+)`", README + ARCHITECTURE))
    fields = {field.upper() for field in Settings.model_fields} | {"CONFIG_FILE"} | OF_CLIENTS
    assert named <= fields


@pytest.mark.parametrize(
    "document", ["README.md", "service/README.md", "deploy/README.md", "sdks/README.md"]
)
def test_every_link_inside_the_repository_leads_somewhere(document: str) -> None:
    text = Path(document).read_text()
    for target in re.findall(r"\]\((?!https?:)([^)#]+)(?:#[^)]*)?\)", text):
        assert (Path(document).parent / target).exists(), target


def test_readme_names_every_part_of_the_api() -> None:
    paths = {route.path for room in ROOMS for route in room.routes if isinstance(route, APIRoute)}
    parts = {re.match(r"(/api/v1)?(/[^/]+)", path).group(2) for path in paths}  # type: ignore[union-attr]
    assert {
        part for part in parts if f"{part}`" not in README and f"{part}/" not in README
    } == set()


def test_every_command_is_told_to_its_users() -> None:
    commands = {command.name or command.callback.__name__ for command in app.registered_commands}  # type: ignore[union-attr]
    groups = {group.name for group in app.registered_groups}
    told = README + ARCHITECTURE
    assert {each for each in commands | groups if f"ai-service {each}" not in told} == set()


def _section(heading: str) -> str:
    return GUIDE.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]


def test_guide_has_every_error_with_its_cause_and_remedy() -> None:
    rows = set(re.findall(r"^\| (\d+) `(\w+)` \|", _section("Errors"), re.MULTILINE))
    assert rows == {(str(status), error.type) for error, status in STATUS.items()}


def test_guide_has_every_word_that_says_why_a_delivery_has_failed() -> None:
    described = str(WebhookDeliveryResponse.model_fields["error"].description)
    words = {*re.findall(r"`(\w+)`", described), *get_args(DisabledReason)} - {"requested"}
    assert len(words) > len(get_args(DisabledReason))
    assert {word for word in words if f"`{word}`" not in _section("Errors")} == set()


@pytest.mark.parametrize(
    ("limit", "row"),
    [
        (MAX_ITEMS, "a durable batch"),
        (MAX_RENDERED_CHARACTERS, "a prompt template"),
        (MAX_VARIABLES, "a prompt template"),
        (MAX_CHARACTERS, "documents"),
        (MAX_JSON_DEPTH, "a body"),
        (MAX_ENDPOINTS, "webhooks"),
        (MAX_GROUPS, "a usage report"),
        (MAX_PAGE, "a page of a list"),
        (_default("max_body_bytes") // MIB, "a body"),
        (_default("max_upload_bytes") // MIB, "an upload"),
        (_default("conversation_max_bytes") // MIB, "a conversation"),
        (_default("idempotency_max_answer_bytes") // MIB, "an `Idempotency-Key`"),
        (_default("idempotency_retention_seconds") // 3600, "an `Idempotency-Key`"),
        (_default("request_timeout_seconds"), "a plain call"),
        (_default("stream_first_token_timeout_seconds"), "a stream"),
        (_default("stream_idle_timeout_seconds"), "a stream"),
        (_default("stream_total_timeout_seconds"), "a stream"),
        (_default("document_timeout_seconds"), "documents"),
        (_default("content_retention_days"), "a durable batch"),
        (_default("content_retention_days"), "webhooks"),
    ],
)
def test_guide_tells_the_limits_that_hold(limit: int, row: str) -> None:
    told = re.search(rf"^\| {re.escape(row)} \| (.*) \|$", _section("Limits"), re.MULTILINE)
    assert told is not None
    assert re.search(rf"(?<![\d,]){limit:,}(?![\d,])", told.group(1))


def test_the_first_code_block_is_the_two_commands() -> None:
    block = re.search(r"```sh\n(.*?)```", README, re.DOTALL)
    assert block is not None
    commands = [line.partition("#")[0].strip() for line in block.group(1).splitlines()]
    assert commands == ["make run", "make test"]
