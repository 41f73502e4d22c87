"""Resolve the dependencies and lock them by hash, without naming any index.

`requirements.lock` is what the service runs on (the extras included); `tests/requirements.lock` adds what
checks and tests need, held to the same versions; `sdks/python/tools.lock` is the generator's own environment.
"""

import subprocess
import sys
from pathlib import Path

_COMPILE = (
    sys.executable, "-m", "uv", "pip", "compile", "--quiet", "--universal", "--python-version", "3.11",
    "--generate-hashes", "--no-emit-index-url", "--no-emit-find-links", "--no-header",
)  # fmt: skip


def main() -> None:
    run = Path("requirements.lock")
    dev = Path("tests/requirements.lock")
    build = ("--all-extras", "--group", "pyproject.toml:build")
    _compile("pyproject.toml", *build, output=run)
    groups = ("--group", "pyproject.toml:check", "--group", "pyproject.toml:test")
    _compile("pyproject.toml", *build, *groups, "--constraint", str(run), output=dev)
    _compile("sdks/python/tools.in", output=Path("sdks/python/tools.lock"))


def _compile(*arguments: str, output: Path) -> None:
    subprocess.run([*_COMPILE, *arguments, "--output-file", str(output)], check=True)
    print(f"wrote {output}")


if __name__ == "__main__":
    main()
