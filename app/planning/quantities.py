"""Units said with a number ("3 kg", "50 euros"), brought to the unit that a column's numbers are in."""

from __future__ import annotations

from app.planning.plan import Literal_

_MASS = {"mg": 0.001, "g gram grams gramme grammes": 1, "kg kgs kilo kilos kilogram kilograms": 1000}
_MASS |= {"t tonne tonnes": 1e6, "oz ounce ounces": 28.349523125, "lb lbs pound pounds": 453.59237}
_LENGTH = {
    "mm": 0.001,
    "cm": 0.01,
    "m meter meters metre metres": 1,
    "km kilometer kilometers kilometre kilometres": 1000,
}
_LENGTH |= {"inch inches": 0.0254, "ft foot feet": 0.3048, "mi mile miles": 1609.344}
_VOLUME = {"ml": 0.001, "cl": 0.01, "l liter liters litre litres": 1}
_TIME = {"ms millisecond milliseconds": 0.001, "s sec secs second seconds": 1, "min mins minute minutes": 60}
_TIME |= {"h hr hrs hour hours": 3600, "day days": 86_400, "week weeks": 604_800}
_EURO = {"eur euro euros €": 1}
_DOLLAR = {"usd dollar dollars bucks $": 1}
_POUND = {"gbp pound pounds £": 1}
_FRANC = {"chf franc francs": 1}
_SHARE = {"% percent percentage": 0.01, "ratio fraction share rate": 1}
_YEARS = {"year years": 1}
_DIMENSIONS = (_MASS, _LENGTH, _VOLUME, _TIME, _EURO, _DOLLAR, _POUND, _FRANC, _SHARE, _YEARS)

FACTORS: tuple[dict[str, float], ...] = tuple(
    {name: float(factor) for names, factor in dimension.items() for name in names.split()} for dimension in _DIMENSIONS
)
"""For each dimension: the names of its units, and how much of the dimension's first unit one of each is."""
UNITS = frozenset(name for dimension in FACTORS for name in dimension)
_UNSURE = frozenset({"m", "%", "percent", "percentage"})
"""Units that are not taken for a column's own where it has none: millions or metres, hundredths or the share itself."""
_NO_UNITS = "h s week weeks hr hrs t l m min mins mi foot day year years ratio fraction share rate percent percentage"
_IN_NAMES = UNITS.difference(_NO_UNITS.split(), ("%",))
"""Units that names of columns end in and that mean nothing else there."""


def converted(values: tuple[Literal_, ...], said: str, unit: str | None) -> tuple[Literal_, ...] | None:
    """The values in the column's unit; None if they are of another kind (kilograms of a price).

    Values whose column has no unit stay as they are, but for units that may mean something else ("5 m").
    """
    known = (unit or "").casefold()
    if known not in UNITS:
        return None if said in _UNSURE or (known and known != said) else values
    for dimension in FACTORS:
        if said in dimension and known in dimension:
            factor = dimension[said] / dimension[known]
            return values if factor == 1 else tuple(_scaled(value, factor) for value in values)
    return None


def unit_in_name(words: tuple[str, ...]) -> str | None:
    """The unit that a column's name ends in (`weight_g`, `price_eur`), if it does."""
    return words[-1] if len(words) > 1 and words[-1] in _IN_NAMES else None


def _scaled(value: Literal_, factor: float) -> Literal_:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return value
    scaled = round(value * factor, 9)
    return int(scaled) if scaled == int(scaled) else scaled
