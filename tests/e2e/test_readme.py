"""What the README shows in Python is what happens, without a provider's key."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.running import ADMIN_KEY, RunningService, make_settings

README = Path("README.md").read_text()
_BLOCK = re.compile(
    r"^## (?P<heading>[^\n]*)$|^```python\n(?P<code>(?:(?!^```).)*)^```\n\n^```text\n(?P<said>.*?)^```\n",
    re.MULTILINE | re.DOTALL,
)


def blocks() -> Iterator[object]:
    """The programs and what they print, by heading."""
    heading = ""
    for block in _BLOCK.finditer(README):
        heading = block["heading"] or heading
        if block["code"]:
            yield pytest.param(block["code"], block["said"], id=heading)


def test_every_program_says_what_it_prints() -> None:
    assert len(list(blocks())) == README.count("```python") > 0


@pytest.mark.parametrize(("code", "said"), list(blocks()))
def test_a_program_prints_what_it_says(code: str, said: str, tmp_path: Path) -> None:
    with RunningService(make_settings(tmp_path)) as service:
        done = subprocess.run(
            [sys.executable, "-c", code],
            env={"AI_SERVICE_API_KEY": ADMIN_KEY, "AI_SERVICE_BASE_URL": service.url},
            capture_output=True,
            text=True,
            check=False,
        )
    assert done.returncode == 0, done.stderr
    wanted = re.escape(said.strip()).replace("…", ".*?")
    assert re.fullmatch(wanted, done.stdout.strip(), re.DOTALL), done.stdout
