"""An official SDK's client at its lowest level: its address, headers and errors; bodies are ours."""

from typing import Any, cast

import httpx2

from service.adapters.providers import wire
from service.adapters.providers.failures import Failures


class SdkApi:
    """One vendor's API. Every call raises `ProviderFailure` and leaves the answer's body unread."""

    def __init__(
        self,
        client: Any,
        *,
        failures: Failures,
        stream_cls: Any,
        status_error: type[Any],
        sdk_error: type[Exception],
    ) -> None:
        """`client` is either vendor's asynchronous client: both are made by one generator."""
        self.failures = failures
        self._client = client
        self._stream_cls = stream_cls
        self._status_error = status_error
        self._errors = (sdk_error, *wire.TRANSPORT_ERRORS)

    async def post(self, path: str, body: bytes) -> httpx2.Response:
        """Send JSON."""
        return await self._call(self._client.post, path, content=body)

    async def upload(
        self, path: str, *, file: tuple[str, bytes], fields: dict[str, str]
    ) -> httpx2.Response:
        """Send a form with one file: its name and its content."""
        form = {"headers": {"Content-Type": "multipart/form-data"}}
        return await self._call(
            self._client.post, path, body=fields, files={"file": file}, options=form
        )

    async def get(self, path: str) -> httpx2.Response:
        """Ask; a query is a part of `path`."""
        return await self._call(self._client.get, path)

    async def aclose(self) -> None:
        """Release the connections."""
        await self._client.close()

    async def _call(self, method: Any, path: str, **sent: Any) -> httpx2.Response:
        if self._client.is_closed():
            raise wire.transport_failure(ConnectionError())
        try:
            response = await method(
                path, cast_to=httpx2.Response, stream=True, stream_cls=self._stream_cls, **sent
            )
        except self._status_error as error:
            answer = error.response
            raise self.failures.of_status(
                answer.status_code, answer.headers, answer.content
            ) from None
        except self._errors as error:
            raise wire.transport_failure(error) from None
        return cast(httpx2.Response, response)
