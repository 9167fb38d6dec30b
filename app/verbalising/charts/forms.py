"""The forms of chart, each a complete Vega-Lite specification with its data inline.

Nothing here writes a Vega expression: fields are always called c0, c1, …, whatever the columns are called, and cells
are data. Titles are the only texts of the answer outside the data, and `shape.heading` disarms them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from app.verbalising.charts.shape import disarmed, title
from app.verbalising.charts.style import (
    CONFIG,
    HEIGHT,
    PALETTE,
    ROW_HEIGHT,
    SCHEMA,
    WIDTH,
    Spec,
    amount_axis,
    label_format,
)
from app.verbalising.outputs import Output

VALUE_LABELS = 16
"""Bars up to which each carries its value."""
DOTS = 40
"""Points of a line up to which each is marked."""
_TIME_FORMATS = {"year": "%Y", "quarter": "Q%q %Y", "month": "%b %Y"}


def complete(view: Spec, heading: str, description: str, values: list[Spec], *, times: bool = False) -> Spec:
    """A view as a specification of its own. `times`: c0 holds ISO days."""
    data: Spec = {"values": values}
    if times:
        data["format"] = {"parse": {"c0": "utc:'%Y-%m-%d'"}}
    return {
        "$schema": SCHEMA,
        "title": heading,
        "description": disarmed(description),
        "data": data,
        **view,
        "config": CONFIG,
    }


def horizontal_bars(measure: Output, amounts: Sequence[float], *, field: str = "c1", named: bool = True) -> Spec:
    """One bar a row, in the order of the rows: c0 names it, `field` is its length."""
    y = {"field": "c0", "type": "nominal", "sort": None, "title": None}
    x = {"field": field, "type": "quantitative", "axis": amount_axis(measure, amounts, title(measure))}
    bar: Spec = {
        "mark": {"type": "bar", "color": PALETTE[0], "cornerRadiusEnd": 2, "height": {"band": 0.72}},
        "encoding": {"y": {**y, "axis": {"grid": False, "title": None, "labels": named}}, "x": x},
    }
    view: Spec = {"width": WIDTH, "height": {"step": ROW_HEIGHT}}
    if len(amounts) > VALUE_LABELS or min(amounts) < 0:
        return {**view, **bar}
    text = {
        "mark": {"type": "text", "align": "left", "dx": 5, "fontSize": 11, "color": CONFIG["axis"]["labelColor"]},
        "encoding": {
            "y": y,
            "x": {"field": field, "type": "quantitative"},
            "text": {"field": field, "type": "quantitative", "format": label_format(measure, amounts)},
        },
    }
    return {**view, "layer": [bar, text]}


def columns(group: Output, measure: Output, amounts: Sequence[float]) -> Spec:
    """One upright bar a row, in the order of the rows: a short series or a distribution."""
    return {
        "width": {"step": max(18, min(64, WIDTH // len(amounts)))},
        "height": HEIGHT,
        "mark": {"type": "bar", "color": PALETTE[0], "cornerRadiusEnd": 2, "width": {"band": 0.72}},
        "encoding": {
            "x": {
                "field": "c0",
                "type": "ordinal",
                "sort": None,
                "title": title(group),
                "axis": {"grid": False, "labelAngle": 0 if len(amounts) <= 8 else -45, "labelOverlap": "greedy"},
            },
            "y": {"field": "c1", "type": "quantitative", "axis": amount_axis(measure, amounts, title(measure))},
        },
    }


def line(moment: Output, measure: Output, amounts: Sequence[float], points: int, *, field: str = "c1") -> Spec:
    """A line through `points` moments."""
    y = {
        "field": field,
        "type": "quantitative",
        "axis": amount_axis(measure, amounts, title(measure)),
        "scale": {"zero": starts_at_zero(measure, amounts)},
    }
    mark = {"type": "line", "color": PALETTE[0], "strokeWidth": 2.5, "point": _dots(points, PALETTE[0])}
    return {"width": WIDTH, "height": HEIGHT, "mark": mark, "encoding": {"x": _time_axis(moment), "y": y}}


def lines(moment: Output, series: Output, measure: Output, amounts: Sequence[float], points: int) -> Spec:
    """One line a series (c1)."""
    view = line(moment, measure, amounts, points, field="c2")
    del view["mark"]["color"]
    view["mark"] |= {"strokeWidth": 2, "point": _dots(points)}
    view["encoding"]["color"] = _colour("c1", series)
    return view


def grouped_bars(inner: Output, measure: Output, amounts: Sequence[float], *, stacked: bool, upright: bool) -> Spec:
    """Bars of c0 in the colours of c1: parts of one bar, in the order of c3, where they add up, else side by side."""
    group: Spec = {"field": "c0", "type": "nominal", "sort": None, "axis": {"grid": False, "title": None}}
    length: Spec = {"field": "c2", "type": "quantitative", "axis": amount_axis(measure, amounts, title(measure))}
    if stacked:
        order: Spec = {"order": {"field": "c3", "type": "quantitative"}}
    else:
        length["stack"] = None
        order = {}
    offset = {} if stacked else {"field": "c1", "type": "nominal", "sort": None}
    encoding: Spec = {"color": _colour("c1", inner), **order}
    if upright:
        group["axis"] |= {"labelAngle": 0}
        encoding |= {"x": group, "y": length} | ({"xOffset": offset} if offset else {})
        size: Spec = {"width": WIDTH, "height": HEIGHT}
    else:
        encoding |= {"y": group, "x": length} | ({"yOffset": offset} if offset else {})
        size = {
            "width": WIDTH,
            "height": {"step": ROW_HEIGHT if stacked else 12, "for": "position" if stacked else "offset"},
        }
    return {**size, "mark": {"type": "bar"}, "encoding": encoding}


def scatter(x: Output, y: Output, amounts: Sequence[Sequence[float]], *, labelled: bool) -> Spec:
    """One point a row: c0 against c1, named by c2 where few."""
    encoding = {
        channel: {
            "field": field,
            "type": "quantitative",
            "axis": amount_axis(output, values, title(output)),
            "scale": {"zero": starts_at_zero(output, values)},
        }
        for channel, field, output, values in (("x", "c0", x, amounts[0]), ("y", "c1", y, amounts[1]))
    }
    point: Spec = {"type": "point", "filled": True, "color": PALETTE[0], "opacity": 0.75, "size": 55}
    view: Spec = {"width": WIDTH, "height": 300}
    if not labelled:
        return {**view, "mark": point, "encoding": encoding}
    text = {
        "mark": {"type": "text", "align": "left", "dx": 7, "fontSize": 10, "color": CONFIG["axis"]["labelColor"]},
        "encoding": {"text": {"field": "c2", "type": "nominal"}},
    }
    return {**view, "encoding": encoding, "layer": [{"mark": point}, text]}


def histogram(output: Output, amounts: Sequence[float]) -> Spec:
    """How often amounts of each size occur."""
    return {
        "width": WIDTH,
        "height": HEIGHT,
        "mark": {"type": "bar", "color": PALETTE[0]},
        "encoding": {
            "x": {
                "field": "c0",
                "type": "quantitative",
                "bin": {"maxbins": 20},
                "axis": amount_axis(output, amounts, title(output)) | {"grid": False},
            },
            "y": {"aggregate": "count", "type": "quantitative", "axis": {"title": "Rows", "tickMinStep": 1}},
        },
    }


def starts_at_zero(output: Output, amounts: Sequence[float]) -> bool:
    """Whether an axis without bars shows zero: where the data comes near it, or the parts add up."""
    low, high = min(amounts), max(amounts)
    return output.additive or low <= 0.6 * high


def _time_axis(moment: Output) -> Spec:
    if moment.role == "year":
        axis: Spec = {"format": "d", "tickMinStep": 1, "tickCount": 6, "grid": False, "title": None}
        return {"field": "c0", "type": "quantitative", "axis": axis, "scale": {"zero": False, "nice": False}}
    axis = {
        "format": _TIME_FORMATS.get(moment.grain or "day", "%d %b %Y"),
        "grid": False,
        "labelOverlap": "greedy",
        "tickCount": 6,
        "title": None,
    }
    return {"field": "c0", "type": "temporal", "scale": {"type": "utc"}, "axis": axis}


def _dots(points: int, colour: str | None = None) -> bool | dict[str, Any]:
    if points > DOTS:
        return False
    return {"filled": True, "size": 36} | ({"color": colour} if colour else {})


def _colour(field: str, output: Output) -> Spec:
    return {"field": field, "type": "nominal", "sort": None, "title": title(output), "legend": {"orient": "right"}}
