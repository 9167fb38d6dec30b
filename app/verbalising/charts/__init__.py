"""Charts: a Vega-Lite specification for results that a picture tells better than a sentence."""

from app.verbalising.charts.rules import chart_of
from app.verbalising.charts.style import VOCABULARY

__all__ = ["VOCABULARY", "chart_of"]
