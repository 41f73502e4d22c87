"""What a client is apart from the operations of the API, which are generated onto it."""

from collections.abc import Mapping
from types import TracebackType
from typing import Self

import httpx2

from ai_service_sdk._logging import set_up_logging
from ai_service_sdk._requests import (
    DEFAULT_MAX_RETRIES,
    DEFAULT_TIMEOUT_SECONDS,
    LIMITS,
    Requests,
)
from ai_service_sdk._transport import AsyncTransport, Transport


class SyncClient:
    """Pooled connections to one service. Close it, or use it as a context manager; threads may share it.

    Args:
        api_key: The key or a browser token; by default `AI_SERVICE_API_KEY`.
        base_url: Where the service is, without `/api/v1`; by default `AI_SERVICE_BASE_URL`, else
            `http://127.0.0.1:8000`.
        timeout: Seconds that an attempt may be without an answer, or a stream silent; None: no limit.
            Connecting takes at most five.
        max_retries: How often a failed call is tried again.
        sign_requests: Sign every attempt, for a service that asks for it.
        headers: Sent with every request.
        http_client: A client of yours, for proxies or certificates. It stays yours to close.

    Raises:
        AIServiceError: There is no API key.
    """

    def __init__(
        self,
        api_key: str | None = None,
        base_url: str | None = None,
        *,
        timeout: float | None = DEFAULT_TIMEOUT_SECONDS,
        max_retries: int = DEFAULT_MAX_RETRIES,
        sign_requests: bool = False,
        headers: Mapping[str, str] | None = None,
        http_client: httpx2.Client | None = None,
    ) -> None:
        set_up_logging()
        self._requests = Requests(
            api_key,
            base_url,
            timeout=timeout,
            max_retries=max_retries,
            sign_requests=sign_requests,
            headers=headers,
        )
        self._is_owner = http_client is None
        self._transport = Transport(http_client or httpx2.Client(limits=LIMITS))

    @property
    def base_url(self) -> str:
        """Where the service is."""
        return self._requests.base_url

    def close(self) -> None:
        """Close the connections."""
        if self._is_owner:
            self._transport.client.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"{type(self).__name__}(base_url={self.base_url!r})"


class AsyncClient:
    """Pooled connections to one service. Close it, or use it as an async context manager.

    Args:
        api_key: The key or a browser token; by default `AI_SERVICE_API_KEY`.
        base_url: Where the service is, without `/api/v1`; by default `AI_SERVICE_BASE_URL`, else
            `http://127.0.0.1:8000`.
        timeout: Seconds that an attempt may be without an answer, or a stream silent; None: no limit.
            Connecting takes at most five.
        max_retries: How often a failed call is tried again.
        sign_requests: Sign every attempt, for a service that asks for it.
        headers: Sent with every request.
        http_client: A client of yours, for proxies or certificates. It stays yours to close.

    Raises:
        AIServiceError: There is no API key.
    """

    def __init__(
        self,
        api_key: str | None = None,
        base_url: str | None = None,
        *,
        timeout: float | None = DEFAULT_TIMEOUT_SECONDS,
        max_retries: int = DEFAULT_MAX_RETRIES,
        sign_requests: bool = False,
        headers: Mapping[str, str] | None = None,
        http_client: httpx2.AsyncClient | None = None,
    ) -> None:
        set_up_logging()
        self._requests = Requests(
            api_key,
            base_url,
            timeout=timeout,
            max_retries=max_retries,
            sign_requests=sign_requests,
            headers=headers,
        )
        self._is_owner = http_client is None
        self._transport = AsyncTransport(http_client or httpx2.AsyncClient(limits=LIMITS))

    @property
    def base_url(self) -> str:
        """Where the service is."""
        return self._requests.base_url

    async def close(self) -> None:
        """Close the connections."""
        if self._is_owner:
            await self._transport.client.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    def __repr__(self) -> str:
        return f"{type(self).__name__}(base_url={self.base_url!r})"
