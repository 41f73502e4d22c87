"""What the words of a vendor's error become before anybody reads them."""

import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from service.adapters import providers
from service.adapters.providers.failures import ErrorReport, Failures
from service.core.clock import SystemClock
from service.inference.ports import FailureKind

KEY = "operators-own-key-without-a-prefix"
FAILURES = Failures(api_key=KEY, clock=SystemClock())


@pytest.mark.parametrize(
    ("words", "safe"),
    [
        ("Incorrect API key provided: sk-proj-ab**xy.", "Incorrect API key provided: [key]"),
        (f"bad key {KEY}", "bad key [key]"),
        ("token gsk_abcdefgh and AIzaSyA1234567890abcdefghij", "token [key] and [key]"),
        ("header Bearer abc.def-ghi, sorry", "header [key], sorry"),
        ("request id req_011CSHoEeqs5C35K2UUqR7Fy failed", "request id [id] failed"),
        ("Request ID: 7c1f2b0e3d was lost", "Request ID: [id] was lost"),
        ("see 123e4567-e89b-12d3-a456-426614174000 now", "see [id] now"),
        ("organization org-AbC123dEf456 and proj_9xYz", "organization [id] and [id]"),
        ("limit of org_simulator", "limit of org_simulator"),
        (
            "at http://user:secret@10.0.0.1/v1?token=abc&x=1",
            "at http://10.0.0.1/v1?token=[key]&x=1",
        ),
        ("two\r\nlines\x00\x1b[31m", "two lines [31m"),
        (
            "messages.3.content: max_tokens: 4096 > 1024",
            "messages.3.content: max_tokens: 4096 > 1024",
        ),
        ("user_profile and request_too_large", "user_profile and request_too_large"),
        ("", ""),
    ],
)
def test_reason_keeps_the_words_and_loses_ids_and_keys(words: str, safe: str) -> None:
    assert FAILURES.safe(words) == safe


def test_reason_has_at_most_500_characters() -> None:
    assert len(FAILURES.safe("é" * 499)) == 499
    assert len(FAILURES.safe("é" * 100_000)) == 500


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b'{"error": {"message": "m", "type": "t", "code": 400}}', "m"),
        (b'{"type": "error", "error": {"type": "t", "message": "m"}}', "m"),
        (b'{"error": "m"}', "m"),
        (b'{"object": "error", "message": "m"}', "m"),
        (b'{"detail": "m"}', "m"),
        (b'{"detail": [{"loc": []}]}', ""),
        (b'{"error": null}', ""),
        (b'{"error": [1]}', ""),
        (b"[]", ""),
        (b"<html>", ""),
        (b"", ""),
    ],
)
def test_message_is_found_in_every_shape_in_use(body: bytes, message: str) -> None:
    assert ErrorReport.read(body).message == message


@pytest.mark.parametrize("status", [101, 199, 204, 600, 999])
def test_status_that_means_nothing_is_malformed(status: int) -> None:
    assert FAILURES.of_status(status, {}, b"").kind is FailureKind.MALFORMED


def test_date_is_taken_relative_to_the_clock() -> None:
    class Noon(SystemClock):
        def now(self) -> datetime:
            return datetime(2026, 11, 23, 12, tzinfo=UTC)

    headers = {"retry-after": "Mon, 23 Nov 2026 12:01:00 GMT"}
    failure = Failures(api_key="", clock=Noon()).of_status(503, headers, b"")
    assert failure.retry_after_seconds == 60


def test_only_the_modules_of_the_two_vendors_import_their_sdks() -> None:
    names = {path.stem for path in Path(providers.__file__).parent.glob("*.py")}
    shared = sorted(names - {"__init__", "anthropic", "openai"})
    imports = "".join(f"import service.adapters.providers.{name}\n" for name in shared)
    check = "import sys\nassert not {'anthropic', 'openai'} & set(sys.modules)\n"
    subprocess.run([sys.executable, "-c", imports + check], check=True)
