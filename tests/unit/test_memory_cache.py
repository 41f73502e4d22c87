"""What the memory cache keeps, what it lets go, and how much room it takes."""

import sqlite3
import tracemalloc

from service.adapters.cache.memory import ENTRY_OVERHEAD_BYTES, LARGEST_SHARE, MemoryCache
from tests.clock import ManualClock

TTL_SECONDS = 300
EMPTY_STRING_BYTES, EMPTY_BYTES_BYTES = 49, 33
"""What CPython adds to the characters of an ASCII string, and to bytes."""
KEY = "k" * 15
VALUE = b"v" * 1000
SIZE = 15 + EMPTY_STRING_BYTES + 1000 + EMPTY_BYTES_BYTES + ENTRY_OVERHEAD_BYTES


def make_cache(*, max_bytes: int) -> tuple[MemoryCache, ManualClock]:
    clock = ManualClock()
    return MemoryCache(ttl_seconds=TTL_SECONDS, clock=clock, max_bytes=max_bytes), clock


def key(number: int) -> str:
    """As long as KEY."""
    return f"{number:015}"


async def fill(cache: MemoryCache, entries: int) -> None:
    for number in range(entries):
        await cache.put(key(number), VALUE)


async def kept(cache: MemoryCache, entries: int) -> list[int]:
    return [number for number in range(entries) if await cache.get(key(number)) is not None]


async def test_keeps_as_many_entries_as_fit() -> None:
    cache, _ = make_cache(max_bytes=20 * SIZE)
    await fill(cache, 20)
    assert await kept(cache, 20) == list(range(20))


async def test_oldest_entry_makes_room_for_one_too_many() -> None:
    cache, _ = make_cache(max_bytes=20 * SIZE)
    await fill(cache, 22)
    assert await kept(cache, 22) == list(range(2, 22))


async def test_entry_that_is_asked_for_outlives_older_and_newer_ones() -> None:
    cache, _ = make_cache(max_bytes=20 * SIZE)
    await fill(cache, 20)
    await cache.get(key(0))
    await cache.put(KEY, VALUE)
    assert await kept(cache, 20) == [0, *range(2, 20)]


async def test_large_entry_makes_room_by_several_small_ones() -> None:
    cache, _ = make_cache(max_bytes=100 * SIZE)
    await fill(cache, 100)
    await cache.put(KEY, b"v" * (1000 + 4 * SIZE))
    assert await kept(cache, 100) == list(range(5, 100))
    assert await cache.get(KEY) is not None


async def test_entry_that_would_push_out_too_many_is_not_kept() -> None:
    cache, _ = make_cache(max_bytes=LARGEST_SHARE * SIZE)
    await fill(cache, LARGEST_SHARE - 1)
    await cache.put(KEY, VALUE)
    assert await cache.get(KEY) == VALUE
    await cache.put("k" * 16, VALUE)
    assert await cache.get("k" * 16) is None
    assert await kept(cache, LARGEST_SHARE) == list(range(LARGEST_SHARE - 1))


async def test_value_that_is_not_kept_does_not_leave_the_earlier_one() -> None:
    cache, _ = make_cache(max_bytes=LARGEST_SHARE * SIZE)
    await cache.put(KEY, VALUE)
    await cache.put(KEY, VALUE * 2)
    assert await cache.get(KEY) is None


async def test_replaced_and_expired_entries_give_their_bytes_back() -> None:
    cache, clock = make_cache(max_bytes=20 * SIZE)
    for _ in range(100):
        await fill(cache, 19)
        clock.advance(TTL_SECONDS)
        assert await kept(cache, 10) == []
        await fill(cache, 20)
        assert await kept(cache, 20) == list(range(20))


async def test_key_whose_size_grows_later_gives_back_what_it_was_counted_as() -> None:
    """CPython keeps a string's UTF-8 form with it, once a C function such as SQLite's has asked for it."""
    cache, _ = make_cache(max_bytes=20 * SIZE)
    for number in range(1000):
        long_key = f"{number}{'é' * 100}"
        await cache.put(long_key, b"")
        sqlite3.complete_statement(long_key)
    await fill(cache, 40)
    assert await kept(cache, 40) == list(range(20, 40))


async def test_entry_lives_until_its_time_is_over_and_is_not_renewed_by_a_hit() -> None:
    cache, clock = make_cache(max_bytes=20 * SIZE)
    await cache.put(KEY, VALUE)
    clock.advance(TTL_SECONDS - 1)
    assert await cache.get(KEY) == VALUE
    clock.advance(1)
    assert await cache.get(KEY) is None


async def test_real_memory_stays_within_the_bound() -> None:
    """With entries so small that what is beside the key and the value is most of it."""
    max_bytes = 4 * 1024 * 1024
    cache, _ = make_cache(max_bytes=max_bytes)
    tracemalloc.start()
    try:
        for number in range(30_000):
            await cache.put(f"tenant-1:{number:064}", number.to_bytes(8, "big"))
        used_bytes, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert max_bytes / 2 < used_bytes <= max_bytes
