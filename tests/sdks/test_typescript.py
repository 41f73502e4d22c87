"""The TypeScript SDK's own tests: they start the service in front of the simulator themselves."""

import pytest

from tests.sdks.npm import npm_run


def test_its_code_is_formatted_and_typed() -> None:
    npm_run("check")


@pytest.mark.usefixtures("built_sdk")
def test_it_is_published_as_node_bundlers_and_typescript_expect() -> None:
    npm_run("check:package")


@pytest.mark.usefixtures("built_sdk")
def test_it_does_what_its_tests_say() -> None:
    npm_run("test")
