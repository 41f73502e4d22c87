"""Fail if `sdks/openapi.json` is not what the application emits, or breaks more than its version says.

What changed since the last release is rated by Redocly's `diff`; before the first release nothing is.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

from service.app import create_app
from service.settings import Settings

COMMITTED = Path("sdks/openapi.json")
REDOCLY = "@redocly/cli@2.77.0"


def main() -> None:
    emitted = json.dumps(create_app(Settings()).openapi(), indent=2, ensure_ascii=False) + "\n"
    if not COMMITTED.exists() or COMMITTED.read_text() != emitted:
        sys.exit(f"{COMMITTED} is out of date: run `make openapi` and commit it")
    released = last_released()
    if released is not None:
        rate(released, COMMITTED)


def last_released() -> str | None:
    """The document of the newest tag that has one."""
    tag = _output("git", "describe", "--tags", "--abbrev=0")
    return None if tag is None else _output("git", "show", f"{tag.strip()}:{COMMITTED}")


def rate(released: str, now: Path) -> None:
    """Exit, and tell what changed, if `info.version` does not say that so much changed since `released`."""
    with tempfile.TemporaryDirectory() as folder:
        before = Path(folder) / "released.json"
        before.write_text(released)
        rated = subprocess.run(
            ("npx", "--yes", REDOCLY, "diff", before, now, "--check-version"),
            capture_output=True,
            text=True,
            check=False,
        )
    if rated.returncode:
        sys.exit(rated.stdout + rated.stderr)


def _output(*command: str) -> str | None:
    """What the command prints; None if it fails."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return None if done.returncode else done.stdout


if __name__ == "__main__":
    main()
