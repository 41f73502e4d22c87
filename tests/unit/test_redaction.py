"""What is taken out of a line, and what is not."""

import json
import logging
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote

import pytest
import structlog

from service.observability import logs
from service.observability.redaction import REDACTED, Redactor, holds_key, without_keys

KEY = "sk-ais-Zm9vYmFyYmF6cXV4_-0123456789abcdefghijk"
SECRET = 'p"a\\s s/wörd@7f3a'


@pytest.mark.parametrize(
    "text",
    [
        KEY,
        f"key={KEY}",
        f'"{KEY}"',
        f"Bearer {KEY}, and more",
        f"/api/v1/{KEY}/x",
        f"?key%3D{KEY}&x",
        json.dumps(f"one\n{KEY}\ttwo"),
        json.dumps(f"\t{KEY}"),
        json.dumps(f"é{KEY}"),
        repr(f"\x1b\a{KEY} \x01{KEY}"),
        f"\x1b[36mpath\x1b[0m=\x1b[35m{KEY}\x1b[0m",
        f"sk-proj-{'x' * 40}",
        f"sk-ant-api03-{'x' * 40}",
        f"{KEY} {KEY}",
    ],
)
def test_a_key_is_taken_out_wherever_it_stands(text: str) -> None:
    assert holds_key(text)
    clean = without_keys(text)
    assert KEY not in clean
    assert "x" * 40 not in clean
    assert REDACTED in clean
    assert not holds_key(clean)


@pytest.mark.parametrize(
    "text",
    [
        "task-0193a1b2c3d4e5f60718293a4b5c6d7e",
        "risk-assessment-of-2026",
        "sk-SK",
        "sk-ais-",
        "req_0193a1b2c3d4e5f60718293a4b5c6d7e",
        "a desk-lamp-on-the-table",
        "",
    ],
)
def test_what_only_resembles_a_key_stays(text: str) -> None:
    assert not holds_key(text)
    assert without_keys(text) == text


@pytest.mark.parametrize("spelling", [SECRET, json.dumps(SECRET), repr(SECRET), quote(SECRET, "")])
def test_a_known_secret_is_taken_out_in_every_spelling_of_a_line(spelling: str) -> None:
    line = Redactor([SECRET])(None, "info", f"before {spelling} after")
    assert line.replace('"', "").replace("'", "") == f"before {REDACTED} after"


def test_of_two_secrets_that_begin_alike_nothing_of_either_stays() -> None:
    redact = Redactor(["beginning", "beginning-and-end"])
    assert redact(None, "info", "beginning-and-end, beginning") == f"{REDACTED}, {REDACTED}"


def test_short_secrets_do_not_tear_holes_into_lines() -> None:
    assert Redactor(["", "a", "request"])(None, "info", "a request") == "a request"


@pytest.fixture
def err(capsys: pytest.CaptureFixture[str]) -> Iterator[Callable[[], str]]:
    """What has been logged; logging is as before afterwards."""
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    yield lambda: capsys.readouterr().err
    root.handlers = handlers
    root.setLevel(level)
    structlog.reset_defaults()


@pytest.mark.parametrize("log_format", ["console", "json"])
def test_every_line_is_clean_whoever_writes_it(err: Callable[[], str], log_format: Any) -> None:
    logs.configure(level="debug", log_format=log_format, secrets=[SECRET])
    structlog.get_logger().info("ours", path=f"/{KEY}", password=SECRET)
    logging.getLogger("uvicorn.error").warning("theirs %s", KEY)
    logging.getLogger("aiohttp.client").error("theirs", extra={"header": KEY})
    try:
        raise RuntimeError(f"{KEY} {SECRET}")
    except RuntimeError:
        structlog.get_logger().exception("failed")
        logging.getLogger("elsewhere").exception("failed")
    text = err()
    assert text.count("ours") == 1
    assert text.count("theirs") == 2
    assert text.count("Traceback") == 2
    assert KEY not in text
    assert "7f3a" not in text
    if log_format == "json":
        assert all(json.loads(line) for line in text.splitlines())


def test_at_the_debug_level_libraries_do_not_tell_what_they_send_and_get(
    err: Callable[[], str],
) -> None:
    logs.configure(level="debug", log_format="json")
    for name in ("aiosqlite", "anthropic", "httpx2", "openai._base_client", "sqlalchemy.engine"):
        logging.getLogger(name).debug("parameters")
        logging.getLogger(name).info("headers")
        logging.getLogger(name).warning("trouble")
    logging.getLogger("uvicorn.error").info("started")
    events = [json.loads(line)["event"] for line in err().splitlines()]
    assert events == ["trouble"] * 5 + ["started"]
