"""How charts look: colours, axes and number formats; every constant text of a specification is in `VOCABULARY`.

The palette is Okabe and Ito's (2008), which people with any colour vision tell apart, without its black and yellow: one
is lost on a dark page, the other on a light one. Text is a grey with a contrast above 4.4 on both.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from app.verbalising.outputs import Output

Spec = dict[str, Any]

SCHEMA = "https://vega.github.io/schema/vega-lite/v6.json"
PALETTE = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#999999")
INK = "#767676"
WIDTH = 460
HEIGHT = 240
ROW_HEIGHT = 24

CONFIG: Spec = {
    "aria": False,
    "background": "transparent",
    "font": "Helvetica Neue, Helvetica, Arial, sans-serif",
    "view": {"stroke": None},
    "title": {"color": INK, "fontSize": 13, "fontWeight": 600, "anchor": "start", "frame": "group", "offset": 14},
    "axis": {
        "labelColor": INK,
        "titleColor": INK,
        "labelFontSize": 11,
        "titleFontSize": 11,
        "titleFontWeight": "normal",
        "titlePadding": 8,
        "labelLimit": 190,
        "labelPadding": 6,
        "labelFlush": False,
        "ticks": False,
        "domain": False,
        "gridColor": INK,
        "gridOpacity": 0.22,
    },
    "header": {"labelColor": INK, "titleColor": INK},
    "legend": {
        "labelColor": INK,
        "titleColor": INK,
        "titleFontWeight": "normal",
        "labelFontSize": 11,
        "titleFontSize": 11,
        "labelLimit": 160,
        "symbolType": "square",
    },
    "range": {"category": list(PALETTE)},
}
"""Accessibility texts of single marks are off: Vega-Lite writes titles into expressions for them. The SVG has one."""


def number_format(output: Output, values: Sequence[float]) -> str:
    """The d3 format of an axis: short above ten thousand, never `G` for billions."""
    if output.ratio:
        return "~%"
    most = max(map(abs, values), default=0.0)
    return "~s" if 10_000 <= most < 1e9 else ",~f"


def label_format(output: Output, values: Sequence[float]) -> str:
    """The d3 format of a value written at its bar."""
    if output.ratio:
        return ".1%"
    if all(value.is_integer() for value in values):
        return ","
    return ",.0f" if max(map(abs, values), default=0.0) >= 1000 else ",.2~f"


def amount_axis(output: Output, values: Sequence[float], said: str) -> Spec:
    """The axis of a measure; whole numbers get no ticks between them."""
    axis: Spec = {"title": said, "format": number_format(output, values), "tickCount": 5}
    if not output.ratio and all(value.is_integer() for value in values):
        axis["tickMinStep"] = 1
    return axis


def _texts(value: Any) -> set[str]:
    if isinstance(value, str):
        return {value}
    if isinstance(value, dict):
        return set().union(*map(_texts, value.values())) if value else set()
    if isinstance(value, list | tuple):
        return set().union(*map(_texts, value)) if value else set()
    return set()


VOCABULARY = frozenset(
    _texts(CONFIG)
    | {SCHEMA, *PALETTE, INK}
    | {"~%", "~s", ",", ",~f", ".1%", ",.0f", ",.2~f", "d", "%b %Y", "%Y", "Q%q %Y", "%d %b %Y", "utc:'%Y-%m-%d'"}
    | {"bar", "line", "point", "text", "nominal", "ordinal", "quantitative", "temporal", "utc"}
    | {"c0", "c1", "c2", "c3", "left", "right", "count", "greedy", "position", "offset", "Rows"}
)
"""Every text of a specification that comes from this package; all others come from the answer, masked in traces."""
