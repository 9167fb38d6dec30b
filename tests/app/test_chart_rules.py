"""Which chart a result gets, and that nothing of a cell or a name becomes more than text in it."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.verbalising.charts import VOCABULARY, chart_of
from app.verbalising.charts.rules import MOST_BARS, MOST_POINTS
from app.verbalising.outputs import Output

MONTHS = [f"{2022 + m // 12}-{m % 12 + 1:02d}-01" for m in range(24)]
PLACES = ["Germany", "France", "Ireland", "Austria"]


def output(name, role, **more):
    return Output(name=name, title=name, role=role, **more)


MONTH, PLACE = output("month", "time", grain="month"), output("country", "category")
CHANNEL, ORDERS = output("channel", "category"), output("number of orders", "measure", additive=True, computed=True)
REVENUE = output("net revenue", "measure", unit="EUR", computed=True)
PRICE, WEIGHT = output("list price", "measure", unit="EUR"), output("weight", "measure", unit="g")
RATE = output("return rate", "measure", unit="ratio", computed=True)
RATING, YEAR = output("satisfaction", "ordinal"), output("model year", "year")

CHARTED = {
    "a line over time": ([MONTH, REVENUE], [(m, 100.5 + i) for i, m in enumerate(MONTHS)], ("line",)),
    "bars for a few moments": ([MONTH, REVENUE], [(m, 1.5) for m in MONTHS[:4]], ("bar",)),
    "years as numbers": ([YEAR, REVENUE], [(1970 + i, i * 2.5) for i in range(10)], ("line",)),
    "bars by category": ([PLACE, REVENUE], [(p, 3.5 * i) for i, p in enumerate(PLACES)], ("bar", "text")),
    "ratios": ([PLACE, RATE], [(p, 0.1 * i) for i, p in enumerate(PLACES)], ("bar", "text")),
    "ratings in their order": ([RATING, ORDERS], [(r, r * 7) for r in (3, 1, 5, 2, 4)], ("bar",)),
    "a line each": ([MONTH, PLACE, REVENUE], [(m, p, 1.5) for m in MONTHS for p in PLACES], ("line",)),
    "bars for few moments": ([MONTH, PLACE, REVENUE], [(m, p, 1.5) for m in MONTHS[:3] for p in PLACES], ("bar",)),
    "stacked": ([PLACE, CHANNEL, ORDERS], [(p, c, 4) for p in PLACES for c in "ab"], ("bar",)),
    "side by side": ([PLACE, CHANNEL, REVENUE], [(p, c, 4.5) for p in PLACES for c in "ab"], ("bar",)),
    "panels": (
        [PLACE, ORDERS, REVENUE],
        [(p, i, i * 1.5) for i, p in enumerate(PLACES)],
        ("bar", "text", "bar", "text"),
    ),
    "panels over time": ([MONTH, ORDERS, REVENUE], [(m, 2, 1.5) for m in MONTHS], ("line", "line")),
    "scatter": ([PLACE, WEIGHT, PRICE], [(f"p{i}", i, i * i) for i in range(40)], ("point",)),
    "named points": ([PLACE, WEIGHT, PRICE], [(f"p{i}", i, i * i) for i in range(8)], ("point", "text")),
    "histogram": ([PRICE], [(i * 1.5,) for i in range(60)], ("bar",)),
}


def marks(spec):
    if isinstance(spec, dict):
        found = [spec["mark"]["type"]] if isinstance(spec.get("mark"), dict) else []
        return found + [m for key, item in spec.items() if key not in ("data", "config") for m in marks(item)]
    return [m for item in spec for m in marks(item)] if isinstance(spec, list) else []


@pytest.mark.parametrize("name", CHARTED)
def test_the_form_follows_the_shape(name):
    outputs, rows, expected = CHARTED[name]
    spec = chart_of(outputs, rows, truncated=False, ordered=False)
    assert tuple(marks(spec)) == expected
    assert spec["$schema"].endswith("/vega-lite/v6.json")
    assert len(spec["data"]["values"]) <= len(rows)
    assert spec["description"] and spec["title"]
    said = json.dumps(spec)
    assert all(f"({o.unit})" in said for o in outputs if o.unit and not o.ratio)


NO_CHART = {
    "one row": ([PLACE, ORDERS], [("Germany", 3)]),
    "two rows": ([PLACE, ORDERS], [("Germany", 3), ("France", 4)]),
    "a list of names": ([PLACE], [(p,) for p in PLACES]),
    "a list of a few numbers": ([PRICE], [(1.5,), (2.5,), (3.5,)]),
    "too many categories": ([PLACE, ORDERS], [(f"p{i}", i) for i in range(MOST_BARS + 1)]),
    "too many points": ([WEIGHT, PRICE], [(i, i) for i in range(MOST_POINTS + 1)]),
    "too many series": ([MONTH, PLACE, ORDERS], [(m, f"p{i}", 1) for m in MONTHS for i in range(9)]),
    "equal names": ([PLACE, ORDERS], [("Bergen", 1), ("Bergen", 2), ("Oslo", 3)]),
    "a moment twice": ([MONTH, ORDERS], [(MONTHS[0], 1), (MONTHS[0], 2), (MONTHS[1], 3)]),
    "masked amounts": ([PLACE, PRICE], [(p, "<WITHHELD>") for p in PLACES]),
    "no amounts": ([PLACE, PRICE], [(p, None) for p in PLACES]),
    "dates that are none": ([MONTH, ORDERS], [("soon", 1), ("later", 2), ("never", 3)]),
}


@pytest.mark.parametrize("name", NO_CHART)
def test_no_chart_where_the_answer_says_it_better(name):
    outputs, rows = NO_CHART[name]
    assert chart_of(outputs, rows, truncated=False, ordered=False) is None


def test_rows_that_were_cut_off_are_not_drawn():
    outputs, rows, _ = CHARTED["bars by category"]
    assert chart_of(outputs, rows, truncated=True, ordered=False) is None


def test_bars_are_sorted_unless_the_query_sorts():
    rows = [("a", 1), ("b", 3), ("c", None), ("d", 2)]

    def order(ordered):
        spec = chart_of([PLACE, ORDERS], rows, truncated=False, ordered=ordered)
        return [point["c0"] for point in spec["data"]["values"]]

    assert order(False) == ["b", "d", "a"]
    assert order(True) == ["a", "b", "d"]


def texts(value):
    if isinstance(value, dict):
        return [t for item in value.values() for t in texts(item)]
    return [t for item in value for t in texts(item)] if isinstance(value, list) else [value] * isinstance(value, str)


@pytest.mark.parametrize("name", CHARTED)
def test_every_text_is_of_the_vocabulary_or_of_the_answer(name):
    outputs, rows, _ = CHARTED[name]
    spec = chart_of(outputs, rows, truncated=False, ordered=False)
    of_the_answer = {spec.pop("title"), spec.pop("description"), *texts(spec["data"].pop("values"))}
    titles = {f"{o.title[:1].upper()}{o.title[1:]}{unit}" for o in outputs for unit in ("", f" ({o.unit})", " (%)")}
    assert set(texts(spec)) <= VOCABULARY | titles
    assert of_the_answer


EVIL = ['a"]+alert(1)//', "{'signal': 'x'}", "datum['x'].y", "\\", "x\u202ey\x00z", "🙂" * 300, "<script>x</script>"]


@pytest.mark.parametrize("name", EVIL)
def test_names_of_columns_are_titles_without_quotes_and_never_fields(name):
    outputs = [output(name, "category"), Output(name=name, title=name, role="measure", unit=name)]
    spec = chart_of(outputs, [(f"{i}{name}", i) for i in range(5)], truncated=False, ordered=False)
    assert all(point.keys() == {"c0", "c1"} for point in spec["data"]["values"])
    said = json.dumps({key: item for key, item in spec.items() if key != "data"}, ensure_ascii=False)
    assert not any(c in "".join(texts(json.loads(said))) for c in ('"', "\\", "\u202e", "\x00"))
    assert "'signal'" not in said
    assert max(map(len, texts(spec))) < 700


CELLS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**25), 10**25),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=8),
    st.dates().map(lambda day: day.isoformat()),
    st.sampled_from(["2025-13-01", "<PERSON_1>", "1.5", "9" * 39]),
)
OUTPUTS = st.builds(
    Output,
    name=st.text(max_size=5),
    title=st.text(max_size=5),
    role=st.sampled_from(["time", "year", "category", "ordinal", "measure"]),
    unit=st.sampled_from([None, "EUR", "%", "ratio"]),
    grain=st.sampled_from([None, "day", "week", "month", "quarter", "year"]),
    additive=st.booleans(),
    computed=st.booleans(),
)


@settings(max_examples=200, deadline=None)
@given(data=st.data(), outputs=st.lists(OUTPUTS, min_size=1, max_size=4))
def test_any_result_has_a_chart_or_none(data, outputs):
    rows = data.draw(st.lists(st.tuples(*[CELLS for _ in outputs]), max_size=25))
    spec = chart_of(outputs, rows, truncated=False, ordered=data.draw(st.booleans()))
    if spec is not None:
        json.dumps(spec, allow_nan=False)
        assert len(spec["data"]["values"]) <= MOST_POINTS
        assert marks(spec)
