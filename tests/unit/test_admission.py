"""Places and the queue for them."""

import asyncio

from service.web.admission import Gate

LONG = 60.0
"""Longer than any of this takes."""


async def turns() -> None:
    """Let everything go on until it waits."""
    for _ in range(5):
        await asyncio.sleep(0)


async def enter(gate: Gate, count: int) -> list[asyncio.Task[bool]]:
    """So many who come one after another, and have come as far as they can."""
    loop = asyncio.get_running_loop()
    tasks = [loop.create_task(gate.enter()) for _ in range(count)]
    await turns()
    return tasks


def outcomes(tasks: list[asyncio.Task[bool]]) -> list[bool | None]:
    """Whether each got in; None: it still waits."""
    return [task.result() if task.done() else None for task in tasks]


async def test_as_many_as_there_are_places_enter_at_once_and_the_queue_is_bounded() -> None:
    gate = Gate(places=2, queue_size=2, queue_seconds=LONG)
    tasks = await enter(gate, 6)
    assert outcomes(tasks) == [True, True, None, None, False, False]
    gate.leave()
    await turns()
    assert outcomes(tasks) == [True, True, True, None, False, False]
    gate.leave()
    await turns()
    assert outcomes(tasks)[3] is True


async def test_places_that_are_left_are_free_again() -> None:
    gate = Gate(places=2, queue_size=0, queue_seconds=LONG)
    for _ in range(10):
        assert outcomes(await enter(gate, 3)) == [True, True, False]
        gate.leave()
        gate.leave()


async def test_who_has_waited_too_long_is_refused_and_makes_room_in_the_queue() -> None:
    gate = Gate(places=1, queue_size=1, queue_seconds=0.01)
    await gate.enter()
    for _ in range(3):
        assert not await gate.enter()
    gate.leave()
    assert await gate.enter()


async def test_who_goes_while_waiting_takes_no_place_and_makes_room_in_the_queue() -> None:
    gate = Gate(places=1, queue_size=1, queue_seconds=LONG)
    await gate.enter()
    [waiting] = await enter(gate, 1)
    waiting.cancel()
    [other] = await enter(gate, 1)
    gate.leave()
    await turns()
    assert outcomes([other]) == [True]


async def test_place_given_to_one_who_goes_at_that_moment_is_not_lost() -> None:
    gate = Gate(places=1, queue_size=2, queue_seconds=LONG)
    await gate.enter()
    first, second = await enter(gate, 2)
    gate.leave()
    first.cancel()
    await turns()
    assert first.cancelled()
    assert outcomes([second]) == [True]


async def test_newcomer_does_not_pass_those_who_wait() -> None:
    gate = Gate(places=1, queue_size=5, queue_seconds=LONG)
    await gate.enter()
    waiting = await enter(gate, 1)
    gate.leave()
    newcomer = asyncio.get_running_loop().create_task(gate.enter())
    await turns()
    assert outcomes([*waiting, newcomer]) == [True, None]
    gate.leave()
    assert await newcomer
