"""What both vendors' batch APIs share: small JSON answers, long files of lines, pages of batches."""

from collections.abc import AsyncGenerator
from datetime import datetime, timedelta
from typing import Generic, TypeVar
from urllib.parse import quote

import msgspec
from msgspec import Struct

from service.adapters.providers import wire
from service.adapters.providers.sdk_api import SdkApi

T = TypeVar("T", bound=Struct)


class Listed(Struct):
    """What a list of a vendor's is of."""

    id: str


L = TypeVar("L", bound=Listed)


class _Page(Struct, Generic[L]):
    data: list[L]
    has_more: bool = False


CLOCK_SKEW = timedelta(minutes=5)
"""By how much a vendor's clock may be behind ours."""

_MAX_ANSWER_BYTES = 4 * 1024 * 1024


class BatchCalls:
    """Calls of one vendor's batch API. They raise `ProviderFailure`."""

    def __init__(self, api: SdkApi, *, max_line_bytes: int = wire.MAX_RESPONSE_BYTES) -> None:
        self.failures = api.failures
        self._api = api
        self._max_line_bytes = max_line_bytes

    async def get(self, path: str, shape: type[T]) -> T:
        """Ask for a small object."""
        response = await self._api.get(path)
        return self._read(await wire.read_body(response, max_bytes=_MAX_ANSWER_BYTES), shape)

    async def post(self, path: str, body: bytes, shape: type[T]) -> T:
        """Send JSON, get a small object."""
        response = await self._api.post(path, body)
        return self._read(await wire.read_body(response, max_bytes=_MAX_ANSWER_BYTES), shape)

    async def upload(
        self, path: str, shape: type[T], *, file: tuple[str, bytes], fields: dict[str, str]
    ) -> T:
        """Send a file, get a small object."""
        response = await self._api.upload(path, file=file, fields=fields)
        return self._read(await wire.read_body(response, max_bytes=_MAX_ANSWER_BYTES), shape)

    async def lines(self, path: str, shape: type[T]) -> AsyncGenerator[T]:
        """The lines of a file; what cannot be read as `shape` is passed over."""
        decoder = msgspec.json.Decoder(shape)
        response = await self._api.get(path)
        async for line in wire.read_lines(response, max_bytes=self._max_line_bytes):
            try:
                yield decoder.decode(line)
            except (ValueError, RecursionError):
                continue

    async def listed(
        self, path: str, shape: type[L], *, page_size: int, cursor: str
    ) -> AsyncGenerator[L]:
        """A whole list, page by page; `cursor` names the query parameter that says where to go on."""
        query = f"?limit={page_size}"
        while True:
            page: _Page[L] = await self.get(path + query, _Page[shape])  # type: ignore[valid-type]  # it is one
            for each in page.data:
                yield each
            if not page.has_more or not page.data:
                return
            query = f"?limit={page_size}&{cursor}={_quoted(page.data[-1].id)}"

    def _read(self, body: bytes, shape: type[T]) -> T:
        try:
            return msgspec.json.decode(body, type=shape)
        except (ValueError, RecursionError):
            raise self.failures.of_unreadable(body) from None


def place(root: str, *parts: str) -> str:
    """A path with a vendor's id in it, which may hold anything."""
    return "/".join([root, *map(_quoted, parts)])


def is_older(created_at: datetime, since: datetime) -> bool:
    """Whether something of the vendor's is surely from before `since`."""
    return created_at < since - CLOCK_SKEW


def _quoted(part: str) -> str:
    return quote(part, safe="")
