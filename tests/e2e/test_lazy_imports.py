"""What is heavy is imported only where it is configured."""

import subprocess
import sys
from pathlib import Path

import pytest

_PROGRAM = """
import asyncio, sys
HEAVY = {"anthropic", "openai", "redis", "asyncpg", "dbos", "llama_index", "numpy", "pypdf", "docx"}
from service.app import create_app
from service.settings import Settings

async def main():
    app = create_app(Settings())
    async with app.router.lifespan_context(app):
        print("imported:", *sorted(HEAVY & set(sys.modules)))

asyncio.run(main())
"""


@pytest.mark.parametrize(
    ("environment", "imported"),
    [
        ({}, ""),
        ({"ANTHROPIC_API_KEY": "sk-ant-x"}, "anthropic"),
        ({"OPENAI_API_KEY": "sk-x"}, "openai"),
        ({"AI_SERVICE_PROVIDERS__LOCAL__BASE_URL": "http://127.0.0.1:1/v1"}, "openai"),
    ],
    ids=["nothing", "anthropic", "openai", "a compatible server"],
)
def test_only_what_is_configured_is_imported(
    environment: dict[str, str], imported: str, tmp_path: Path
) -> None:
    run = subprocess.run(
        [sys.executable, "-c", _PROGRAM],
        cwd=tmp_path,
        env={"PATH": "/usr/bin", "AI_SERVICE_LOG_LEVEL": "error"} | environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert run.stdout.splitlines()[-1].split()[1:] == imported.split()
