"""Money: US dollars as `Decimal`, rounded once, to the nano-dollar.

A nano-dollar (1e-9 USD) is fine enough for any token price in use (the cheapest is some 5e-9 USD a
token), and 2**63 of them are nine billion dollars, so a ledger may keep them as integers.
"""

from decimal import ROUND_CEILING, ROUND_HALF_EVEN, Decimal

NANO_USD = Decimal("1e-9")
_NANOS_PER_USD = 1_000_000_000
_TOKENS_PER_PRICE = Decimal(1_000_000)


def cost_of_tokens(tokens: int, usd_per_million: Decimal) -> Decimal:
    """The unrounded price in USD of `tokens` at `usd_per_million`."""
    return tokens * usd_per_million / _TOKENS_PER_PRICE


def round_usd(amount: Decimal) -> Decimal:
    """`amount` to the nano-dollar, half to even. Sums of rounded amounts are exact."""
    return amount.quantize(NANO_USD, rounding=ROUND_HALF_EVEN)


def round_up_usd(amount: Decimal) -> Decimal:
    """`amount` to the nano-dollar, never less: for what has to be enough."""
    return amount.quantize(NANO_USD, rounding=ROUND_CEILING)


def usd_to_nanos(amount: Decimal) -> int:
    """A rounded amount as a whole number of nano-dollars."""
    return int(amount.scaleb(9).to_integral_value(rounding=ROUND_HALF_EVEN))


def nanos_to_usd(nanos: int) -> Decimal:
    """The inverse of `usd_to_nanos`."""
    return (Decimal(nanos) / _NANOS_PER_USD).quantize(NANO_USD)
