"""How numbers are written in answers."""

from __future__ import annotations

CURRENCY = {"EUR": "€", "USD": "$", "GBP": "£", "JPY": "¥", "CHF": "CHF "}


def spoken(value: float, unit: str | None, *, grouped: bool = True) -> str:
    """A number with thousands separators and unit: `€1,204.50`, `3.2 kg`, `12.5%`."""
    text = f"{value:.1f}".removesuffix(".0") if unit == "%" else _plain(value, money=unit in CURRENCY, grouped=grouped)
    if unit in CURRENCY:
        sign = "-" if text.startswith("-") else ""
        return f"{sign}{CURRENCY[unit]}{text.removeprefix('-')}"
    if unit == "%":
        return f"{text}%"
    return f"{text} {unit}" if unit else text


def percent(ratio: float) -> str:
    """A share in 0..1 as percent, with two digits that count: `14.0%`, `0.42%`."""
    value = 100 * ratio
    return f"{value:,.1f}%" if abs(value) >= 1 or value == 0 else f"{value:.2g}%"


def _plain(value: float, *, money: bool, grouped: bool) -> str:
    separator = "," if grouped else ""
    if isinstance(value, int):
        return f"{value:{separator}}"
    if money:
        return f"{value:{separator}.2f}"
    if abs(value) >= 100 or value == int(value):
        text = f"{value:{separator}.2f}"
    else:
        text = f"{value:{separator}.4f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
