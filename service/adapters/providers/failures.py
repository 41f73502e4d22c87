"""What a vendor's refusal means: one table for statuses, and words that are fit to be passed on."""

import email.utils
import math
import re
from collections.abc import Mapping
from typing import Any

import msgspec

from service.core.clock import Clock
from service.inference.ports import FailureKind, ProviderFailure

MAX_REASON_CHARACTERS = 500

_KINDS = {
    400: FailureKind.REJECTED,
    408: FailureKind.OVERLOADED,
    409: FailureKind.OVERLOADED,
    413: FailureKind.REJECTED,
    422: FailureKind.REJECTED,
    429: FailureKind.RATE_LIMITED,
}

_STATUS_OF_ERROR = {
    "api_error": 500,
    "authentication_error": 401,
    "billing_error": 402,
    "context_length_exceeded": 400,
    "insufficient_quota": 429,
    "invalid_api_key": 401,
    "invalid_request_error": 400,
    "model_not_found": 404,
    "not_found_error": 404,
    "overloaded_error": 529,
    "permission_error": 403,
    "rate_limit_error": 429,
    "rate_limit_exceeded": 429,
    "request_too_large": 413,
    "server_error": 500,
    "timeout_error": 504,
}
"""The status that an error inside a stream would have had, by its type or code."""

_SPENT_CODES = re.compile(r"insufficient_quota|billing|spend_limit|on_hold|not_billable")
_SPENT_WORDS = re.compile(r"credit balance|API usage limit|spend(ing)? (limit|cap)", re.IGNORECASE)
"""Money has run out: waiting does not help. Anthropic says it with 400 or 429 and in words."""

_KEY = "[key]"
_ID = "[id]"
_SECRETS = tuple(
    (re.compile(pattern, re.IGNORECASE), replacement)
    for pattern, replacement in (
        (r"(\w+://)[^/\s@]+@", r"\1"),
        (r"([?&][\w-]*(?:key|token|sig|signature)=)[^&\s]+", rf"\1{_KEY}"),
        (r"\bBearer\s+[^\s,;\"']+", _KEY),
        (r"\b(?:sk|pk|rk|gsk|xai|hf)[-_][\w*.-]{4,}|\bAIza[\w-]{20,}", _KEY),
        (r"\b(?:req|request|msg|resp|chatcmpl)[-_](?=\w*\d)[\w-]+", _ID),
        (r"\b(?:org|proj|wrkspc|user|acct)[-_](?=[a-z]*\d|[a-z]{16})[a-z\d-]+", _ID),
        (r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b", _ID),
        (r"(request[ _-]?id\W{1,4})(?=[\w-]*\d)[\w-]{6,}", rf"\1{_ID}"),
    )
)
_BLANKS = re.compile(r"[\s\x00-\x1f\x7f]+")


class ErrorReport(msgspec.Struct, frozen=True):
    """What an error's body says, in whichever of the shapes in use it came."""

    codes: tuple[str, ...] = ()
    message: str = ""
    is_error: bool = False
    """Whether the body calls itself an error."""

    @staticmethod
    def read(content: bytes) -> "ErrorReport":
        """The report in an error's body; an empty one if it cannot be read."""
        try:
            body = msgspec.json.decode(content)
        except (ValueError, RecursionError):
            return ErrorReport()
        return ErrorReport.of(body)

    @staticmethod
    def of(body: Any) -> "ErrorReport":
        """The report in a decoded body: `{"error": {…}}`, `{"error": "…"}` or what is in them."""
        is_error = isinstance(body, dict) and bool(body.get("error"))
        if is_error:
            body = body["error"]
        if isinstance(body, str):
            return ErrorReport(message=body, is_error=is_error)
        if not isinstance(body, dict):
            return ErrorReport(is_error=is_error)
        details = body.get("details")
        found = [body.get("code"), body.get("type")]
        if isinstance(details, dict):
            found.insert(0, details.get("error_code"))
        message = body.get("message") or body.get("detail")
        return ErrorReport(
            codes=tuple(str(code) for code in found if isinstance(code, str | int)),
            message=message if isinstance(message, str) else "",
            is_error=is_error,
        )

    @property
    def is_about_money(self) -> bool:
        """Whether it says that credit, quota or a spend cap is used up."""
        return any(_SPENT_CODES.search(code) for code in self.codes) or bool(
            _SPENT_WORDS.search(self.message)
        )

    @property
    def status(self) -> int:
        """The HTTP status that this error would have had, where it came inside a stream."""
        for code in self.codes:
            if code in _STATUS_OF_ERROR:
                return _STATUS_OF_ERROR[code]
            if code.isdecimal() and 400 <= int(code[:3]) <= 599 and len(code) == 3:
                return int(code)
        return 500


class Failures:
    """Makes the failures of one provider: it knows the key that no reason may repeat."""

    def __init__(self, *, api_key: str, clock: Clock) -> None:
        self._api_key = api_key
        self._clock = clock

    def of_status(self, status: int, headers: Mapping[str, str], content: bytes) -> ProviderFailure:
        """The failure that an answer with an error status is."""
        return self._failure(status, ErrorReport.read(content), headers)

    def of_event(self, report: ErrorReport) -> ProviderFailure:
        """The failure that an error inside a stream is."""
        return self._failure(report.status, report, {})

    def of_unreadable(self, content: bytes) -> ProviderFailure:
        """The failure that content outside the dialect is: an error in its place, or nonsense."""
        report = ErrorReport.read(content)
        if report.is_error:
            return self.of_event(report)
        return malformed("The provider's answer is not in its own format")

    def safe(self, text: str) -> str:
        """`text` without keys, ids and credentials, on one line, at most 500 characters."""
        text = text[: 8 * MAX_REASON_CHARACTERS]
        if len(self._api_key) >= 8:
            text = text.replace(self._api_key, "[key]")
        for pattern, replacement in _SECRETS:
            text = pattern.sub(replacement, text)
        text = _BLANKS.sub(" ", text).strip()
        if len(text) <= MAX_REASON_CHARACTERS:
            return text
        return text[: MAX_REASON_CHARACTERS - 1] + "…"

    def _failure(
        self, status: int, report: ErrorReport, headers: Mapping[str, str]
    ) -> ProviderFailure:
        kind = _kind(status, report)
        waits = kind in (FailureKind.RATE_LIMITED, FailureKind.OVERLOADED)
        return ProviderFailure(
            kind,
            self.safe(report.message) or f"The provider answered with status {status}",
            retry_after_seconds=self._retry_after(headers) if waits else None,
        )

    def _retry_after(self, headers: Mapping[str, str]) -> float | None:
        """Milliseconds, as OpenAI sends, or seconds or an HTTP date, as in RFC 9110."""
        for header, unit_seconds in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
            seconds = _number(headers.get(header, "")) * unit_seconds
            if math.isfinite(seconds):
                return max(seconds, 0.0)
        try:
            date = email.utils.parsedate_to_datetime(headers.get("retry-after", ""))
        except (ValueError, OverflowError):
            return None
        return max(date.timestamp() - self._clock.now().timestamp(), 0.0)


def malformed(reason: str) -> ProviderFailure:
    """The failure that an answer outside the vendor's own format is."""
    return ProviderFailure(FailureKind.MALFORMED, reason)


def _kind(status: int, report: ErrorReport) -> FailureKind:
    if status in (400, 429) and report.is_about_money:
        return FailureKind.MISCONFIGURED
    if status in _KINDS:
        return _KINDS[status]
    if 500 <= status <= 599:
        return FailureKind.OVERLOADED
    if 300 <= status <= 499:
        return FailureKind.MISCONFIGURED
    return FailureKind.MALFORMED


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan
