"""Pages and their cursors."""

import base64

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.core.errors import InvalidRequest
from service.web.paging import Page, read_page


async def test_last_page_has_no_cursor() -> None:
    page = await read_page(limit=3)
    assert page.cut(["a", "b", "c"], str) == (["a", "b", "c"], None)
    assert page.cut([], str) == ([], None)


async def test_cursor_leads_behind_the_last_row_that_was_shown() -> None:
    page = await read_page(limit=2)
    rows = ["a", "b", "c"]
    assert page.rows == len(rows)
    shown, cursor = page.cut(rows, str)
    assert shown == ["a", "b"]
    assert await read_page(limit=2, cursor=cursor) == Page(limit=2, after="b")


@settings(deadline=None)
@given(st.text(st.characters(categories=("L", "N", "P", "S")), min_size=1, max_size=50))
async def test_every_position_comes_back(position: str) -> None:
    _, cursor = (await read_page(limit=1)).cut([position, ""], str)
    assert cursor is not None
    assert (await read_page(limit=1, cursor=cursor)).after == position


@pytest.mark.parametrize(
    "cursor",
    ["!", "a", "é", "_w", "a b", base64.urlsafe_b64encode(b"a\x00b").decode(), "YQ==="],
)
async def test_what_is_no_cursor_is_refused(cursor: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        await read_page(limit=1, cursor=cursor)
    assert caught.value.field == "cursor"
