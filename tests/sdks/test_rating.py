"""A change of the API that breaks its users needs a version that says so."""

import json
from pathlib import Path
from typing import Any

import pytest

from scripts.check_openapi import COMMITTED, rate


@pytest.fixture
def document() -> Any:
    return json.loads(COMMITTED.read_text())


def test_an_operation_that_is_gone_needs_another_version(document: Any, tmp_path: Path) -> None:
    now = tmp_path / "now.json"
    del document["paths"]["/healthz"]
    now.write_text(json.dumps(document))
    with pytest.raises(SystemExit, match="/healthz"):
        rate(COMMITTED.read_text(), now)


def test_the_same_document_needs_none() -> None:
    rate(COMMITTED.read_text(), COMMITTED)
