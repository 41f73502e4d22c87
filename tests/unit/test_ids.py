"""Ids that say what they name."""

import re
import time

from service.core.ids import new_id


def test_id_has_its_prefix_and_128_bits_in_hex() -> None:
    assert re.fullmatch(r"req_[0-9a-f]{32}", new_id("req_"))


def test_ids_are_all_different() -> None:
    assert len({new_id("") for _ in range(10_000)}) == 10_000


def test_ids_sort_in_the_order_in_which_they_were_made() -> None:
    ids = [new_id("") for _ in range(10_000)]
    assert ids == sorted(ids)


def test_an_id_begins_with_the_millisecond_it_was_made_in() -> None:
    before = time.time_ns() // 1_000_000
    made = int(new_id("")[:12], 16)
    assert before <= made <= time.time_ns() // 1_000_000
