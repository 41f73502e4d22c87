"""Lists that come in pages: loop over the items of all pages, or over the pages."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Generic, TypeVar

from ai_service_sdk._model import Converter, Model, each
from ai_service_sdk._operations import Omit

Item = TypeVar("Item")
Page = TypeVar("Page", bound=Model)
Cursor = str | int | None | Omit
LINES_PER_PAGE = 1000
"""JSON Lines are asked for by this many, unless the caller says how many."""


class Lines(Model, Generic[Item]):
    """A page of JSON Lines."""

    data: list[Item]
    next_cursor: str | None


def lines_of(convert: Converter) -> Converter:
    """A converter of pages of lines, of which `convert` reads each."""
    read = each(convert)
    return lambda page: Lines({**page, "data": read(page["data"])})


class Pages(Generic[Item, Page]):
    """A list. A page is asked for when it is needed; each loop begins anew."""

    def __init__(self, fetch: Callable[[Cursor], Page], cursor: Cursor) -> None:
        self._fetch = fetch
        self._cursor = cursor

    def __iter__(self) -> Iterator[Item]:
        for page in self.pages():
            yield from page["data"]

    def pages(self) -> Iterator[Page]:
        """The pages as they are."""
        cursor = self._cursor
        while True:
            page = self._fetch(cursor)
            yield page
            cursor = page["next_cursor"]
            if not cursor:
                return


class AsyncPages(Generic[Item, Page]):
    """A list. A page is asked for when it is needed; each loop begins anew."""

    def __init__(self, fetch: Callable[[Cursor], Awaitable[Page]], cursor: Cursor) -> None:
        self._fetch = fetch
        self._cursor = cursor

    async def __aiter__(self) -> AsyncIterator[Item]:
        async for page in self.pages():
            for item in page["data"]:
                yield item

    async def pages(self) -> AsyncIterator[Page]:
        """The pages as they are."""
        cursor = self._cursor
        while True:
            page = await self._fetch(cursor)
            yield page
            cursor = page["next_cursor"]
            if not cursor:
                return
