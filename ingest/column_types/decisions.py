"""Choosing one form per column from the probes, with the table's other columns as evidence where a column has none."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from connectors.base import Severity
from ingest.column_types.forms import Form
from ingest.column_types.numbers import NumberStats
from ingest.column_types.probing import FORMS, Probe

_BY_NAME = {form.name: form for form in FORMS}
_LEAST_MIXED = 0.6
_LEAST_UNIT_SHARE = 0.9
_TWINS = {"d/m/Y": "m/d/Y", "d-m-Y": "m-d-Y", "d/m/y": "m/d/y"}
_TWINS |= {f"{day} time": f"{month} time" for day, month in _TWINS.items()}
_TWINS |= {month: day for day, month in _TWINS.items()}


@dataclass(frozen=True, slots=True)
class Note:
    """Something to report of a column."""

    code: str
    message: str
    severity: Severity = "noted"


@dataclass(frozen=True, slots=True)
class Decision:
    """A column's form, or None with the form that most values have (`mixed`)."""

    form: Form | None
    stats: NumberStats | None = None
    unit: str | None = None
    mixed: Form | None = None
    notes: tuple[Note, ...] = ()


@dataclass(frozen=True, slots=True)
class _Habits:
    """What the table's unambiguous columns show."""

    day_first: bool
    month_first: bool
    american: bool
    decimal_comma: bool


def decide(probes: Mapping[str, Probe]) -> dict[str, Decision]:
    """A decision for every probed column."""
    habits = _habits(probes)
    return {name: _decide(found, habits) for name, found in probes.items() if found.values}


def _fitting(found: Probe) -> list[Form]:
    """The forms that every value fits, in order of preference."""
    return [
        _BY_NAME[name]
        for name, fits in found.fits.items()
        if fits == found.values and found.distinct >= _BY_NAME[name].least_distinct
    ]


def _habits(probes: Mapping[str, Probe]) -> _Habits:
    orders: set[str] = set()
    dollars = comma = point = False
    for found in probes.values():
        names = [form.name for form in _fitting(found)]
        for name in names[:1]:
            if _TWINS.get(name) not in names:
                orders.add(_BY_NAME[name].order)
        styles = [name for name in names if name in found.numbers]
        comma |= bool(styles) and styles[0] in ("comma", "space_comma") and found.numbers[styles[0]].scale > 0
        point |= bool(styles) and styles[0] == "point" and "comma" not in styles and found.numbers["point"].grouped > 0
        dollars |= any("USD" in found.numbers[name].units for name in styles)
    return _Habits("day_first" in orders, "month_first" in orders, dollars, comma and not point)


def _decide(found: Probe, habits: _Habits) -> Decision:
    fitting = _fitting(found)
    if not fitting:
        return _undecided(found)
    form = fitting[0]
    if form.family == "number":
        return _decide_number(found, [f for f in fitting if f.family == "number"], habits)
    twin = _TWINS.get(form.name)
    if twin is not None and any(f.name == twin for f in fitting):
        return _decide_order(form, _BY_NAME[twin], habits)
    return Decision(form)


def _undecided(found: Probe) -> Decision:
    possible = [name for name in found.fits if found.distinct >= _BY_NAME[name].least_distinct]
    if not possible:
        return Decision(None)
    best = max(possible, key=lambda name: found.fits[name])
    fits = found.fits[best]
    if found.codes and _BY_NAME[best].family == "number" and fits + found.codes == found.values:
        count = f"{found.codes} of {found.values} values"
        text = f"kept as text: {count} begin with 0 or are longer than 18 digits, so they are codes."
        return Decision(None, notes=(Note("codes_kept_as_text", text),))
    return Decision(None, mixed=_BY_NAME[best] if fits >= _LEAST_MIXED * found.values else None)


def _decide_number(found: Probe, fitting: list[Form], habits: _Habits) -> Decision:
    form = fitting[0]
    styles = {f.name: f for f in fitting}
    notes: tuple[Note, ...] = ()
    grouped = max(found.numbers[name].grouped for name in styles)
    if "comma" in styles and {"plain", "point"} & set(styles) and grouped:
        if habits.decimal_comma:
            form = styles["comma"]
        if found.numbers["comma"].scale == 3 or form.name != "plain":
            reading = "groups of three digits" if found.numbers[form.name].scale == 0 else "decimals"
            text = f"{grouped} values such as 1,234 or 1.234 can be read in two ways; they were read as {reading}."
            notes = (Note("ambiguous_numbers", text),)
    stats = found.numbers[form.name]
    if len(stats.units) > 1 or (stats.units and stats.with_unit < _LEAST_UNIT_SHARE * found.values):
        units = ", ".join((*stats.units, "no sign") if stats.with_unit < found.values else stats.units)
        text = f"kept as text: its numbers have different units ({units})."
        return Decision(None, notes=(Note("mixed_units", text),))
    return Decision(form, stats, stats.units[0] if stats.units else None, notes=notes)


def _decide_order(form: Form, twin: Form, habits: _Habits) -> Decision:
    """Day and month could be either way round in every row."""
    day, month = (form, twin) if form.order == "day_first" else (twin, form)
    if habits.day_first != habits.month_first:
        chosen, reason = day if habits.day_first else month, "as in the table's other dates"
    elif habits.american:
        chosen, reason = month, "month first because the table's amounts are in dollars"
    else:
        chosen, reason = day, "day first by default"
    text = f"no date settles which of day and month comes first; read {reason} ({chosen.name})."
    return Decision(chosen, notes=(Note("ambiguous_dates", text),))
