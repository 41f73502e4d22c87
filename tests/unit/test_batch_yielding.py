"""How batches hold themselves back: for live traffic, and for what passes with time."""

import asyncio

import pytest

from service.batches.durable.brake import Brake
from service.batches.durable.governor import Governor
from service.inference.traffic import Traffic
from tests.clock import ManualClock


class Batches:
    """Items that take places of a governor, and keep them."""

    def __init__(self, *, places: int) -> None:
        self.clock = ManualClock()
        self.traffic = Traffic(self.clock)
        self._governor = Governor(self.traffic, places=places, clock=self.clock)
        self.running = 0

    async def run(self) -> None:
        async with self._governor.place():
            self.running += 1
            await asyncio.Event().wait()


async def running(batches: Batches, items: int, *, turns: int = 20) -> int:
    """How many of so many items run after a while."""
    tasks = [asyncio.get_running_loop().create_task(batches.run()) for _ in range(items)]
    for _ in range(turns):
        await asyncio.sleep(0)
    count = batches.running
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)
    return count


async def test_while_nobody_else_asks_all_places_are_taken() -> None:
    assert await running(Batches(places=7), 10) == 7


async def test_beside_live_traffic_two_items_run() -> None:
    batches = Batches(places=7)
    batches.traffic.note()
    assert await running(batches, 10) == 2
    assert batches.clock.monotonic() < 1


async def test_a_second_after_the_last_question_all_run_again() -> None:
    batches = Batches(places=7)
    batches.traffic.note()
    assert await running(batches, 10, turns=200) == 7
    assert 1 <= batches.clock.monotonic() < 1.1


async def test_places_that_are_left_are_taken_again() -> None:
    clock = ManualClock()
    governor = Governor(Traffic(clock), places=2, clock=clock)
    for _ in range(5):
        async with governor.place(), governor.place():
            pass


async def held_seconds(brake: Brake, clock: ManualClock) -> float:
    began = clock.monotonic()
    await brake.wait()
    return clock.monotonic() - began


async def test_a_brake_holds_longer_and_longer_up_to_a_minute() -> None:
    clock = ManualClock()
    brake = Brake(clock)
    assert await held_seconds(brake, clock) == 0
    held = []
    for _ in range(8):
        brake.hold()
        held.append(await held_seconds(brake, clock))
    assert held == [1, 2, 4, 8, 16, 32, 60, 60]
    brake.release()
    brake.hold()
    assert await held_seconds(brake, clock) == 1


@pytest.mark.parametrize(("asked", "held"), [(5, 5), (0.5, 1), (600, 60)])
async def test_a_brake_holds_at_least_as_long_as_asked(asked: float, held: float) -> None:
    clock = ManualClock()
    brake = Brake(clock)
    brake.hold(asked)
    assert await held_seconds(brake, clock) == held


async def test_many_who_are_refused_at_once_hold_it_once() -> None:
    clock = ManualClock()
    brake = Brake(clock)
    for _ in range(10):
        brake.hold()
    assert await held_seconds(brake, clock) == 1
