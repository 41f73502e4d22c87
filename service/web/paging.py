"""Lists in pages: how many, and an opaque cursor that says where the next one begins."""

import base64
import binascii
from collections.abc import Callable, Sequence
from typing import Annotated, TypeVar

from fastapi import Depends, Query
from msgspec import Struct

from service.core.errors import InvalidRequest

T = TypeVar("T")

MAX_PAGE = 100
_DEFAULT_PAGE = 20
_MAX_CURSOR_CHARACTERS = 400


class Page(Struct, frozen=True):
    """Which page is asked for: up to `limit` rows, from behind the row that `after` names."""

    limit: int
    after: str | None

    @property
    def rows(self) -> int:
        """How many rows to look for: one more than are shown tells whether there is a next page."""
        return self.limit + 1

    def cut(
        self, found: Sequence[T], position: Callable[[T], str]
    ) -> tuple[Sequence[T], str | None]:
        """The rows of this page, and the cursor of the next one, if there is one.

        `found` are up to `rows` of them; `position` names a row in such a way that those behind it can
        be found.
        """
        if len(found) <= self.limit:
            return found, None
        shown = found[: self.limit]
        return shown, _encode(position(shown[-1]))


async def read_page(
    limit: Annotated[
        int, Query(ge=1, le=MAX_PAGE, description="How many to list.", examples=[50])
    ] = _DEFAULT_PAGE,
    cursor: Annotated[
        str | None,
        Query(
            max_length=_MAX_CURSOR_CHARACTERS,
            description="The `next_cursor` of the page before; absent: the first page.",
        ),
    ] = None,
) -> Page:
    """The page that is asked for. Raises `InvalidRequest` for a cursor that was not made here."""
    return Page(limit=limit, after=None if cursor is None else _decode(cursor))


PageDependency = Annotated[Page, Depends(read_page)]
"""The query parameters `limit` (1 to 100) and `cursor`, read; a cursor that was not ours is a 400."""


def _encode(position: str) -> str:
    return base64.urlsafe_b64encode(position.encode()).decode().rstrip("=")


def _decode(cursor: str) -> str:
    try:
        padded = cursor.encode("ascii") + b"=" * (-len(cursor) % 4)
        position = base64.b64decode(padded, altchars=b"-_", validate=True).decode()
    except (UnicodeError, binascii.Error) as broken:
        raise InvalidRequest("This is no cursor of a page", field="cursor") from broken
    if not position.isprintable():  # NUL, above all: PostgreSQL has no such text
        raise InvalidRequest("This is no cursor of a page", field="cursor")
    return position
