"""One line a request."""

import asyncio
import contextvars

from service.observability.logs import note, request_line


def test_fields_are_collected_on_the_line_under_way() -> None:
    with request_line() as line:
        note(id="req_1", tenant="acme")
        note(id="req_2")
    assert line == {"id": "req_2", "tenant": "acme"}


def test_lines_nest_and_the_outer_one_goes_on_after_the_inner() -> None:
    with request_line() as outer:
        note(before=1)
        with request_line() as inner:
            note(inside=2)
        note(after=3)
    assert (outer, inner) == ({"before": 1, "after": 3}, {"inside": 2})


def test_line_ends_with_its_request_however_that_ends() -> None:
    with request_line() as outer:
        try:
            with request_line() as inner:
                raise KeyError
        except KeyError:
            note(after=1)
    assert (outer, inner) == ({"after": 1}, {})


def test_without_a_line_nothing_is_noted_and_nothing_fails() -> None:
    contextvars.Context().run(note, id="req_1")


async def test_requests_at_the_same_time_keep_their_own_lines() -> None:
    async def serve(number: int) -> dict[str, object]:
        with request_line() as line:
            await asyncio.sleep(0)
            note(number=number)
            await asyncio.sleep(0)
        return line

    lines = await asyncio.gather(*(serve(number) for number in range(3)))
    assert lines == [{"number": 0}, {"number": 1}, {"number": 2}]


async def test_task_of_a_request_writes_on_its_line() -> None:
    async def part() -> None:
        note(part=1)

    with request_line() as line:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(part())
    assert line == {"part": 1}
