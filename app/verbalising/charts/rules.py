"""Which chart a result gets, by its shape: the first rule that fits decides, and most answers need none."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TypeAlias

from app.values import Cell
from app.verbalising.charts import forms
from app.verbalising.charts.shape import Shape, heading
from app.verbalising.charts.style import PALETTE, Spec
from app.verbalising.numbers import percent, spoken
from app.verbalising.outputs import Output

LEAST_ROWS = 3
"""Two numbers are read faster than a picture of them."""
LEAST_POINTS = 5
"""Of a scatter plot."""
LEAST_LINE = 7
"""Moments from which a line says more than bars."""
LEAST_HISTOGRAM = 20
MOST_BARS = 30
MOST_GROUPS = 15
MOST_SERIES = len(PALETTE)
MOST_POINTS = 400
"""Rows of inline data, at most."""
NAMED_POINTS = 15
MOST_PANELS = 3

Rule: TypeAlias = Callable[[Shape], Spec | None]


def chart_of(
    outputs: Sequence[Output], rows: Sequence[Sequence[Cell]], *, truncated: bool, ordered: bool
) -> Spec | None:
    """The Vega-Lite specification of a complete result, or None where a chart would say less than the answer.

    `ordered`: the query sorts its rows, so the chart keeps their order. Rows cut off would draw a false picture.
    """
    if truncated or len(rows) < LEAST_ROWS or len(rows) > MOST_POINTS:
        return None
    shape = Shape(outputs, rows if ordered else _by_size(outputs, rows))
    return next((chart for rule in RULES if (chart := rule(shape)) is not None), None)


def _by_size(outputs: Sequence[Output], rows: Sequence[Sequence[Cell]]) -> Sequence[Sequence[Cell]]:
    """The largest first where one category is measured; any other result in its own order."""
    shape = Shape(outputs, rows)
    if len(shape.dimensions) != 1 or outputs[shape.dimensions[0]].role != "category" or not shape.measures:
        return rows
    sizes = shape.amounts(shape.measures[0])
    order = sorted(range(len(rows)), key=lambda at: -(sizes[at] if sizes[at] is not None else float("-inf")))  # type: ignore[operator]
    return [rows[at] for at in order]


def series(shape: Shape) -> Spec | None:
    """One measure over time: a line, or bars where the moments are few."""
    if (len(shape.dimensions), len(shape.moments), len(shape.measures)) != (1, 1, 1):
        return None
    moment, measure = shape.outputs[shape.moments[0]], shape.outputs[shape.measures[0]]
    found = _moments(shape, shape.moments[0])
    if found is None or len(set(found)) != len(found):
        return None
    pairs = _known(sorted(zip(found, shape.labels(shape.moments[0]), shape.amounts(shape.measures[0]), strict=True)))
    if len(pairs) < LEAST_ROWS:
        return None
    amounts = [value for *_, value in pairs]
    said = _heading([measure], [moment])
    about = _described(
        "Line chart" if len(pairs) >= LEAST_LINE else "Bar chart", said, measure, [p[1] for p in pairs], amounts
    )
    if len(pairs) < LEAST_LINE:
        data: list[Spec] = [{"c0": label, "c1": value} for _, label, value in pairs]
        return forms.complete(forms.columns(moment, measure, amounts), said, about, data)
    data = [{"c0": at, "c1": value} for at, _, value in pairs]
    view = forms.line(moment, measure, amounts, len(pairs))
    return forms.complete(view, said, about, data, times=moment.role == "time")


def several_series(shape: Shape) -> Spec | None:
    """One measure over time for each of a few groups: a line each, or bars side by side where the moments are few."""
    if (len(shape.dimensions), len(shape.moments), len(shape.measures)) != (2, 1, 1):
        return None
    at = shape.moments[0]
    group = next(d for d in shape.dimensions if d != at)
    found, names, amounts = _moments(shape, at), shape.labels(group), shape.amounts(shape.measures[0])
    if found is None or not _is_cross(found, names):
        return None
    rows = _known(list(zip(found, shape.labels(at), names, amounts, strict=True)))
    totals = _totals((row[2], row[-1]) for row in rows)
    rows.sort(key=lambda row: (row[0], -totals[row[2]]))  # the legend has the largest first
    moments = list(dict.fromkeys(row[0] for row in rows))
    if not 2 <= len(set(names)) <= MOST_SERIES or len(moments) < LEAST_ROWS:
        return None
    moment, series_, measure = shape.outputs[at], shape.outputs[group], shape.outputs[shape.measures[0]]
    values = [row[-1] for row in rows]
    said = _heading([measure], [moment, series_])
    if len(moments) < LEAST_LINE:
        data = [{"c0": label, "c1": name, "c2": value} for _, label, name, value in rows]
        view = forms.grouped_bars(series_, measure, values, stacked=False, upright=True)
        return forms.complete(
            view, said, _described("Bar chart", said, measure, [f"{r[1]}, {r[2]}" for r in rows], values), data
        )
    data = [{"c0": when, "c1": name, "c2": value} for when, _, name, value in rows]
    view = forms.lines(moment, series_, measure, values, len(moments))
    about = _described("Line chart", said, measure, [f"{r[1]}, {r[2]}" for r in rows], values)
    return forms.complete(view, said, about, data, times=moment.role == "time")


def bars(shape: Shape) -> Spec | None:
    """One measure of each category: bars, the largest first unless the query sorts; numbers in their own order."""
    if (len(shape.dimensions), len(shape.moments), len(shape.measures)) != (1, 0, 1):
        return None
    group, measure = shape.outputs[shape.dimensions[0]], shape.outputs[shape.measures[0]]
    names = shape.labels(shape.dimensions[0])
    if len(names) > MOST_BARS or len(set(names)) != len(names):
        return None
    pairs = _known(list(zip(names, shape.amounts(shape.measures[0]), strict=True)))
    if len(pairs) < LEAST_ROWS:
        return None
    if group.role == "ordinal":
        pairs.sort(key=lambda pair: (_number(pair[0]) is None, _number(pair[0]) or 0.0))
    amounts = [value for _, value in pairs]
    said = _heading([measure], [group])
    upright = group.role == "ordinal"
    view = forms.columns(group, measure, amounts) if upright else forms.horizontal_bars(measure, amounts)
    data: list[Spec] = [{"c0": name, "c1": value} for name, value in pairs]
    return forms.complete(view, said, _described("Bar chart", said, measure, [p[0] for p in pairs], amounts), data)


def groups_in_groups(shape: Shape) -> Spec | None:
    """One measure of two categories crossed: stacked bars where the parts add up, else bars side by side."""
    if (len(shape.dimensions), len(shape.moments), len(shape.measures)) != (2, 0, 1):
        return None
    first, second = shape.dimensions
    names, others = shape.labels(first), shape.labels(second)
    if not _is_cross(names, others):
        return None
    if len(set(others)) > len(set(names)):
        first, second, names, others = second, first, others, names
    rows = _known(list(zip(names, others, shape.amounts(shape.measures[0]), strict=True)))
    if not (len(set(names)) <= MOST_GROUPS and 2 <= len(set(others)) <= MOST_SERIES and len(rows) >= LEAST_ROWS):
        return None
    outer, inner, measure = shape.outputs[first], shape.outputs[second], shape.outputs[shape.measures[0]]
    amounts = [row[-1] for row in rows]
    stacked = measure.additive and min(amounts) >= 0
    totals = _totals((row[0], row[-1]) for row in rows)
    rows.sort(key=lambda row: -totals[row[0]])
    view = forms.grouped_bars(inner, measure, amounts, stacked=stacked, upright=False)
    said = _heading([measure], [outer, inner])
    rank = {other: at for at, other in enumerate(dict.fromkeys(others))}
    data: list[Spec] = [{"c0": name, "c1": other, "c2": value, "c3": rank[other]} for name, other, value in rows]
    about = _described(
        "Stacked bar chart" if stacked else "Bar chart", said, measure, [f"{r[0]}, {r[1]}" for r in rows], amounts
    )
    return forms.complete(view, said, about, data)


def panels(shape: Shape) -> Spec | None:
    """Several measures over the same moments or of the same few categories: one panel each, each with its own scale."""
    few = 2 <= len(shape.measures) <= MOST_PANELS
    if len(shape.dimensions) != 1 or not few or not any(shape.outputs[m].computed for m in shape.measures):
        return None
    at = shape.dimensions[0]
    group = shape.outputs[at]
    named: Sequence[object] | None = _moments(shape, at) if shape.moments else shape.labels(at)
    if named is None or len(set(named)) != len(named):
        return None
    columns = [shape.amounts(m) for m in shape.measures]
    if any(value is None for column in columns for value in column):
        return None
    line = bool(shape.moments)
    if (line and len(named) < LEAST_LINE) or (not line and len(named) > NAMED_POINTS):
        return None
    views: list[Spec] = []
    measures = [shape.outputs[m] for m in shape.measures]
    for number, (measure, amounts) in enumerate(zip(measures, columns, strict=True), start=1):
        values = [value for value in amounts if value is not None]
        if line:
            view = forms.line(group, measure, values, len(named), field=f"c{number}") | {"height": 150}
        else:
            view = forms.horizontal_bars(measure, values, field=f"c{number}", named=number == 1) | {"width": 240}
        views.append(view)
    data = [
        {"c0": name, **{f"c{number}": column[row] for number, column in enumerate(columns, start=1)}}
        for row, name in enumerate(named)
    ]
    said = _heading(measures, [group])
    shown = {"vconcat" if line else "hconcat": views}
    about = f"{'Line' if line else 'Bar'} charts, one each of {said}; {len(named)} values each."
    return forms.complete(shown, said, about, data, times=group.role == "time")


def scattered(shape: Shape) -> Spec | None:
    """Two measures of many things: a point each."""
    if len(shape.measures) != 2 or len(shape.moments) or len(shape.dimensions) > 2:
        return None
    names = shape.labels(shape.dimensions[0]) if shape.dimensions else [""] * len(shape.rows)
    rows = _known(
        [
            (name, x, y)
            for name, x, y in zip(names, *(shape.amounts(m) for m in shape.measures), strict=True)
            if x is not None
        ]
    )
    if len(rows) < LEAST_POINTS:
        return None
    x, y = (shape.outputs[m] for m in shape.measures)
    labelled = bool(shape.dimensions) and len(rows) <= NAMED_POINTS
    data: list[Spec] = [{"c0": a, "c1": b, **({"c2": name} if labelled else {})} for name, a, b in rows]
    amounts = [[float(row[1]) for row in rows], [float(row[2]) for row in rows]]
    said = f"{heading(y.title)} against {heading(x.title, capital=False)}"
    about = f"Scatter plot of {said}; {len(rows)} points."
    return forms.complete(forms.scatter(x, y, amounts, labelled=labelled), said, about, data)


def distribution(shape: Shape) -> Spec | None:
    """Many amounts and nothing else: a histogram."""
    if shape.dimensions or len(shape.measures) != 1 or len(shape.rows) < LEAST_HISTOGRAM:
        return None
    amounts = [value for value in shape.amounts(shape.measures[0]) if value is not None]
    output = shape.outputs[shape.measures[0]]
    if len(amounts) < LEAST_HISTOGRAM or len(set(amounts)) < LEAST_POINTS:
        return None
    said = f"Distribution of {heading(output.title, capital=False)}"
    about = (
        f"Histogram: {said}; {len(amounts)} values from {_said(min(amounts), output)} to {_said(max(amounts), output)}."
    )
    return forms.complete(forms.histogram(output, amounts), said, about, [{"c0": value} for value in amounts])


RULES: tuple[Rule, ...] = (series, several_series, bars, groups_in_groups, panels, scattered, distribution)


def _moments(shape: Shape, column: int) -> list[str] | list[int] | None:
    """The column as ISO days or whole years; None if a cell is neither."""
    if shape.outputs[column].role == "time":
        return shape.days(column)
    years = [value for value in shape.amounts(column) if value is not None and value.is_integer()]
    return [int(year) for year in years] if len(years) == len(shape.rows) else None


def _known(rows: list) -> list:  # type: ignore[type-arg]
    """The rows whose last item is an amount."""
    return [row for row in rows if row[-1] is not None]


def _totals(pairs: Iterable[tuple[str, float]]) -> dict[str, float]:
    found: dict[str, float] = {}
    for name, value in pairs:
        found[name] = found.get(name, 0.0) + value
    return found


def _is_cross(first: Sequence[object], second: Sequence[object]) -> bool:
    """Whether two columns cross each other: each pair once, and values of both more than once."""
    pairs = set(zip(first, second, strict=True))
    return len(pairs) == len(first) and len(set(first)) < len(first) and len(set(second)) < len(second)


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _heading(measures: Sequence[Output], groups: Sequence[Output]) -> str:
    first = " and ".join(heading(m.title, capital=at == 0) for at, m in enumerate(measures))
    return f"{first} by {' and '.join(heading(g.title, capital=False) for g in groups)}"


def _described(kind: str, said: str, measure: Output, names: Sequence[str], amounts: Sequence[float]) -> str:
    """What a screen reader says of the chart: its kind, its subject, its extremes."""
    low, high = min(range(len(amounts)), key=amounts.__getitem__), max(range(len(amounts)), key=amounts.__getitem__)
    most, least = f"{_said(amounts[high], measure)} ({names[high]})", f"{_said(amounts[low], measure)} ({names[low]})"
    return f"{kind}: {said}; {len(amounts)} values. Highest {most}, lowest {least}."


def _said(value: float, output: Output) -> str:
    exact = int(value) if value.is_integer() else value
    return percent(value) if output.ratio else heading(spoken(exact, output.unit), capital=False)
