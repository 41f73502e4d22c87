"""From a call of a method to what goes over the wire, and when it goes again."""

import json
import logging
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Generic
from urllib.parse import quote

import httpx2

from ai_service_sdk._files import Form, form_of
from ai_service_sdk._generated import __version__
from ai_service_sdk._logging import logger, shown
from ai_service_sdk._model import plain
from ai_service_sdk._operations import OMIT, Answer, CallOptions, Omit, Operation, given
from ai_service_sdk._retries import seconds_before_retry
from ai_service_sdk._signing import sign
from ai_service_sdk.errors import AIServiceError

DEFAULT_BASE_URL = "http://127.0.0.1:8000"
DEFAULT_TIMEOUT_SECONDS = 60.0
CONNECT_TIMEOUT_SECONDS = 5.0
DEFAULT_MAX_RETRIES = 2
LIMITS = httpx2.Limits(max_connections=1000, max_keepalive_connections=100)


@dataclass(frozen=True, slots=True)
class Call(Generic[Answer]):
    """One call, ready to be sent, any number of times."""

    operation: Operation[Answer]
    url: str
    headers: Mapping[str, str] = field(repr=False)
    content: bytes | None = field(repr=False)
    form: Form | None = field(repr=False)
    timeout: httpx2.Timeout
    max_retries: int
    signing_key: str | None = field(repr=False)

    def request(self, client: httpx2.Client | httpx2.AsyncClient) -> httpx2.Request:
        """The request of one attempt."""
        request = client.build_request(
            self.operation.method,
            self.url,
            headers=self.headers,
            content=self.content,
            data=self.form.fields if self.form else None,
            files=self.form.files if self.form else None,
            timeout=self.timeout,
        )
        if self.signing_key is not None:
            if self.form is not None:
                request.read()  # the signature needs all of it
            sign(request, api_key=self.signing_key)
        if logger.isEnabledFor(logging.DEBUG):
            logger.debug(
                "%s %s, headers %s", request.method, self.operation.path, shown(request.headers)
            )
        return request

    def seconds_before_retry(self, failure: AIServiceError, retries_made: int) -> float | None:
        """How long to wait before the next attempt; None if `failure` is final."""
        seconds = seconds_before_retry(
            failure,
            retries_made=retries_made,
            max_retries=self.max_retries,
            may_be_repeated=self.operation.may_be_repeated,
        )
        if seconds is not None:
            logger.info(
                "%s %s: %s; again in %.2f s",
                self.operation.method,
                self.operation.path,
                failure,
                seconds,
            )
        return seconds


class Requests:
    """Makes calls of what the generated methods are given."""

    def __init__(
        self,
        api_key: str | None,
        base_url: str | None,
        *,
        timeout: float | None,
        max_retries: int,
        sign_requests: bool,
        headers: Mapping[str, str] | None,
    ) -> None:
        api_key = api_key or os.environ.get("AI_SERVICE_API_KEY")
        if not api_key:
            raise AIServiceError("No API key: give `api_key`, or set AI_SERVICE_API_KEY")
        base_url = base_url or os.environ.get("AI_SERVICE_BASE_URL") or DEFAULT_BASE_URL
        self.base_url = base_url.rstrip("/")
        self._headers = {
            "X-API-Key": api_key,
            "User-Agent": f"ai-service-sdk-python/{__version__}",
            **(headers or {}),
        }
        self._timeout = _timeout(timeout)
        self._max_retries = max_retries
        self._signing_key = api_key if sign_requests else None

    def call(
        self,
        operation: Operation[Answer],
        options: CallOptions,
        *,
        path: Mapping[str, Any] | None = None,
        query: Mapping[str, Any] | None = None,
        headers: Mapping[str, Any] | None = None,
        body: Any = None,
        form: Mapping[str, Any] | None = None,
        files: Mapping[str, Any] | None = None,
    ) -> Call[Answer]:
        """One call. Raises `ValueError` for a path parameter that would lead to another path."""
        max_retries = (
            self._max_retries if isinstance(options.max_retries, Omit) else options.max_retries
        )
        sent = self._headers | {"Accept": operation.media_type or "*/*"}
        if headers:
            sent |= {name: str(value) for name, value in given(headers).items()}
        content = multipart = None
        if files is not None:
            multipart = form_of(form or {}, files)
            sent["Content-Type"] = multipart.content_type
        elif body is not None and body is not OMIT:
            content = _json(given(body) if isinstance(body, dict) else body)
            sent["Content-Type"] = "application/json"
        if operation.takes_idempotency_key:
            # Without retries of ours there is nothing that a key of ours could make safe.
            key = options.idempotency_key or (os.urandom(16).hex() if max_retries else None)
            if key:
                sent["Idempotency-Key"] = key
        if options.extra_headers:
            sent |= options.extra_headers
        return Call(
            operation,
            self._url(operation.path, path, query),
            sent,
            content,
            multipart,
            self._timeout if isinstance(options.timeout, Omit) else _timeout(options.timeout),
            max_retries,
            self._signing_key,
        )

    def _url(
        self, path: str, values: Mapping[str, Any] | None, query: Mapping[str, Any] | None
    ) -> str:
        if values:
            path = path.format_map({name: _segment(name, value) for name, value in values.items()})
        url = self.base_url + path
        if query and (chosen := _query(query)):
            url += f"?{httpx2.QueryParams(chosen)}"
        return url


def _timeout(seconds: float | None) -> httpx2.Timeout:
    connect = CONNECT_TIMEOUT_SECONDS if seconds is None else min(seconds, CONNECT_TIMEOUT_SECONDS)
    return httpx2.Timeout(seconds, connect=connect)


def _segment(name: str, value: Any) -> str:
    segment = quote(str(value), safe="")
    if segment in ("", ".", ".."):  # these would be another operation's path
        raise ValueError(f"{name} must not be {str(value)!r}")
    return segment


def _query(values: Mapping[str, Any]) -> dict[str, Any]:
    chosen = {name: plain(value) for name, value in given(values).items() if value is not None}
    return {name: _query_text(value) for name, value in chosen.items()}


def _query_text(value: Any) -> Any:
    return value if isinstance(value, list | str) else json.dumps(value)


def _json(body: Any) -> bytes:
    text = json.dumps(
        body, default=plain_or_fail, ensure_ascii=False, separators=(",", ":"), allow_nan=False
    )
    return text.encode()


def plain_or_fail(value: Any) -> Any:
    """For `json.dumps`: what JSON does not know by itself. Raises `TypeError` if we do not, either."""
    made_plain = plain(value)
    if made_plain is value:
        raise TypeError(f"{type(value).__name__} cannot be sent as JSON")
    return made_plain
