"""Fixtures of the SDKs' tests."""

import pytest

from tests.sdks.npm import npm_run


@pytest.fixture(scope="session")
def built_sdk() -> None:
    """The TypeScript SDK as it is published, in `dist`."""
    npm_run("build")
