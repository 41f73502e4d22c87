"""US dollars, to the nano-dollar."""

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.core.money import cost_of_tokens, nanos_to_usd, round_usd, usd_to_nanos

MOST_NANOS = 2**63 - 1
nanos = st.integers(-MOST_NANOS, MOST_NANOS)


@settings(deadline=None)
@given(nanos)
def test_nanos_survive_the_way_to_dollars_and_back(amount: int) -> None:
    assert usd_to_nanos(nanos_to_usd(amount)) == amount


@settings(deadline=None)
@given(st.decimals(min_value=0, max_value=10**6, places=12))
def test_rounding_is_done_once_and_is_off_by_half_a_nano_at_most(amount: Decimal) -> None:
    rounded = round_usd(amount)
    assert abs(rounded - amount) <= Decimal("0.5e-9")
    assert round_usd(rounded) == rounded
    assert nanos_to_usd(usd_to_nanos(rounded)) == rounded


@settings(deadline=None)
@given(st.lists(st.integers(0, 10**15), max_size=50))
def test_sums_of_rounded_amounts_are_exact(amounts: list[int]) -> None:
    total = sum((nanos_to_usd(amount) for amount in amounts), Decimal(0))
    assert usd_to_nanos(total) == sum(amounts)


@pytest.mark.parametrize(
    ("amount", "rounded"),
    [("0.0000000005", "0E-9"), ("0.0000000015", "2E-9"), ("0.00000000051", "1E-9")],
)
def test_halves_go_to_the_even_neighbour(amount: str, rounded: str) -> None:
    assert round_usd(Decimal(amount)) == Decimal(rounded)


def test_tokens_are_priced_by_the_million() -> None:
    assert cost_of_tokens(1_500_000, Decimal("0.10")) == Decimal("0.15")
    assert cost_of_tokens(1, Decimal("0.1")) == Decimal("1e-7")
    assert cost_of_tokens(0, Decimal(3)) == 0


@settings(deadline=None)
@given(
    tokens=st.integers(0, 10**9),
    price=st.decimals(min_value=0, max_value=1_000, places=6),
)
def test_cost_of_tokens_is_exact(tokens: int, price: Decimal) -> None:
    assert cost_of_tokens(tokens, price) * 1_000_000 == tokens * price
