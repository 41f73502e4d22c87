"""Ids that say what they name."""

import re

from service.core.ids import new_id


def test_id_has_its_prefix_and_128_bits_in_hex() -> None:
    assert re.fullmatch(r"req_[0-9a-f]{32}", new_id("req_"))


def test_ids_are_all_different() -> None:
    assert len({new_id("") for _ in range(10_000)}) == 10_000


def test_ids_sort_by_the_millisecond_they_were_made_in() -> None:
    moments = [new_id("")[:12] for _ in range(1_000)]
    assert moments == sorted(moments)
