"""Amounts of money: US dollars as `Decimal` between stages, whole nano-dollars (10**-9) where they are added up.

A token of the cheapest models costs 10 to 50 nano-dollars, and 64 bits of them hold nine billion dollars.
"""

from __future__ import annotations

from decimal import ROUND_CEILING, Decimal

NANO = Decimal("1e-9")
MOST_NANO = 10**16
"""An amount beyond it (10 million dollars) is a mistake and counted as this: sums stay within 64 bits."""


def nano(usd: Decimal) -> int:
    """Whole nano-dollars of an amount, part of one counted as a whole; from 0 to `MOST_NANO`."""
    if not usd.is_finite():
        return MOST_NANO
    return max(0, min(MOST_NANO, int((usd / NANO).to_integral_value(rounding=ROUND_CEILING))))


def usd(nano_dollars: int) -> Decimal:
    """The dollars of an amount in nano-dollars, exact."""
    return Decimal(nano_dollars) * NANO


def shown(nano_dollars: int) -> str:
    """The amount as digits without an exponent and without zeros at the end: `0.00125`."""
    text = f"{usd(nano_dollars):.9f}".rstrip("0")
    return text.rstrip(".") or "0"
