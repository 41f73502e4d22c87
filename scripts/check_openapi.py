"""Fail if `sdks/openapi.json` is not what the application emits."""

import json
import sys
from pathlib import Path

from service.app import create_app
from service.settings import Settings

COMMITTED = Path("sdks/openapi.json")


def main() -> None:
    emitted = json.dumps(create_app(Settings()).openapi(), indent=2, ensure_ascii=False) + "\n"
    if not COMMITTED.exists() or COMMITTED.read_text() != emitted:
        sys.exit(f"{COMMITTED} is out of date: run `make openapi` and commit it")


if __name__ == "__main__":
    main()
