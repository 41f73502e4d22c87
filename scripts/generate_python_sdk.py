"""Make `sdks/python/src/ai_service_sdk/_generated` from the OpenAPI document.

    python -m scripts.generate_python_sdk [--check]

openapi-python-client does it with the templates of `sdks/python/templates`, from the environment that
`sdks/python/tools.lock` pins. With `--check` nothing is written: it fails if the committed code is not what
comes out.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

DOCUMENT = Path("sdks/openapi.json")
TEMPLATES = Path("sdks/python/templates")
GENERATED = Path("sdks/python/src/ai_service_sdk/_generated")
TOOLS = Path(sys.prefix) / "sdk-python" / "bin"
"""Where the programs of `sdks/python/tools.lock` are."""


def generate(document: Path, output: Path) -> None:
    """Write the package anew. Exits if the generator has so much as a warning."""
    shutil.rmtree(output, ignore_errors=True)
    with tempfile.NamedTemporaryFile("w", suffix=".json") as wanted:
        json.dump(_for_sdks(json.loads(document.read_text())), wanted)
        wanted.flush()
        made = subprocess.run(
            (
                TOOLS / "openapi-python-client", "generate", "--meta", "none", "--fail-on-warning",
                "--path", wanted.name, "--output-path", output,
                "--config", TEMPLATES / "config.yaml", "--custom-template-path", TEMPLATES,
            ),
            env={"PATH": f"{TOOLS.absolute()}{os.pathsep}{os.environ['PATH']}"},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )  # fmt: skip
    if made.returncode:
        sys.exit(made.stderr)


def _for_sdks(document: dict[str, Any]) -> dict[str, Any]:
    """The document without the operations that say `x-sdk-ignore`."""
    paths = {
        path: {
            method: operation
            for method, operation in operations.items()
            if not operation.get("x-sdk-ignore")
        }
        for path, operations in document["paths"].items()
    }
    return document | {"paths": paths}


def files_of(package: Path) -> dict[str, bytes]:
    """The sources of a package, by their names."""
    return {str(path.relative_to(package)): path.read_bytes() for path in package.rglob("*.py")}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m scripts.generate_python_sdk")
    parser.add_argument("--check", action="store_true", help="fail if it is not up to date")
    if not parser.parse_args().check:
        generate(DOCUMENT, GENERATED)
        return
    with tempfile.TemporaryDirectory() as folder:
        fresh = Path(folder) / "_generated"
        generate(DOCUMENT, fresh)
        if files_of(fresh) != files_of(GENERATED):
            sys.exit(f"{GENERATED} is out of date: run `make sdk-python` and commit it")


if __name__ == "__main__":
    main()
