"""The integration guide, read from top to bottom by a newcomer who types everything in."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.process import ServiceProcess
from tests.running import ADMIN_KEY

GUIDE = Path("sdks/README.md").read_text()
_BLOCK = re.compile(
    r"^## (?P<heading>[^\n]*)$"
    r"|^```(?P<language>sh|python)\n(?P<code>.*?)^```\n(?:\n^```text\n(?P<said>.*?)^```\n)?",
    re.MULTILINE | re.DOTALL,
)
_COMMANDS = {
    "sh": ["bash", "-euo", "pipefail", "-c"],
    "python": [sys.executable, "-W", "error", "-c"],
}


def blocks() -> Iterator[object]:
    """What is to be typed in, and what is said to come of it, by heading."""
    heading = ""
    for number, block in enumerate(_BLOCK.finditer(GUIDE)):
        heading = block["heading"] or heading
        if block["code"]:
            yield pytest.param(
                block["language"], block["code"], block["said"], id=f"{number} {heading}"
            )


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """A service as `make run` starts it, and what its reader has set."""
    folder = tmp_path_factory.mktemp("guide")
    with ServiceProcess(
        folder, AI_SERVICE_ADMIN_KEY=ADMIN_KEY, AI_SERVICE_OUTBOUND_ALLOWED_HOSTS="127.0.0.1"
    ) as service:
        yield {
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "PYTHONPATH": str(Path("sdks/python/src").absolute()),
            "AI_SERVICE_API_KEY": ADMIN_KEY,
            "AI_SERVICE_BASE_URL": service.url,
        }


@pytest.mark.parametrize(("language", "code", "said"), list(blocks()))
def test_what_the_guide_shows_is_what_happens(
    language: str, code: str, said: str | None, environment: dict[str, str], tmp_path: Path
) -> None:
    assert said is not None, "a block says what comes of it"
    done = subprocess.run(
        [*_COMMANDS[language], code],
        env=environment,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    wanted = re.escape(said.strip()).replace("…", ".*?")
    assert re.fullmatch(wanted, done.stdout.strip(), re.DOTALL), done.stdout
