"""What the documents promise."""

import re
from pathlib import Path

import pytest

from service.settings import Settings

README = Path("README.md").read_text()
ARCHITECTURE = Path("service/README.md").read_text()
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


def test_the_first_code_block_is_the_two_commands() -> None:
    block = re.search(r"```sh\n(.*?)```", README, re.DOTALL)
    assert block is not None
    commands = [line.partition("#")[0].strip() for line in block.group(1).splitlines()]
    assert commands == ["make run", "make test"]
