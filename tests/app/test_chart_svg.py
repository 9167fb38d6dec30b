"""The picture: real Vega in its process, hostile labels, hanging and dying processes."""

from __future__ import annotations

import sys
import threading
import time
import xml.etree.ElementTree as ET

import pytest

from app.errors import ChartUnavailable
from app.verbalising.charts import chart_of
from app.verbalising.charts.rendering import KEPT, ChartRenderer
from app.verbalising.charts.svg import UnsafeSvg, served
from app.verbalising.outputs import Output

HOSTILE = [
    "<script>alert(1)</script>",
    "</text><foreignObject/>",
    "javascript:alert(1)",
    "datum['c1'].x",
    "مرحبا \u202e abc",
    "family 👩‍👩‍👧",
    "x" * 500,
    "quote \" and ' and \\",
    "&amp; <b>",
]


@pytest.fixture(scope="module")
def renderer():
    found = ChartRenderer()
    yield found
    found.close()


def bars(names, title="orders", unit=None):
    outputs = [Output(name="n", title=title, role="category"), Output(name="m", title=title, role="measure", unit=unit)]
    return chart_of(outputs, [(name, at + 1) for at, name in enumerate(names)], truncated=False, ordered=True)


@pytest.mark.parametrize("title", ["orders", "a\"b'c\\", "<script>", "a.b[0]['c']", "\\", "'+alert(1)+'"])
def test_hostile_texts_stay_texts(renderer, title):
    svg = renderer.svg(bars(HOSTILE, title, unit=title))
    root = ET.fromstring(svg)
    names = {str(element.tag).rpartition("}")[2] for element in root.iter()}
    assert names <= {"svg", "g", "path", "rect", "line", "text", "title", "defs", "clipPath"}
    keys = {key.rpartition("}")[2] for element in root.iter() for key in element.attrib}
    assert not {key for key in keys if key.startswith("on") or key in ("href", "src", "style")}
    shown = {element.text for element in root.iter() if str(element.tag).endswith("}text")}
    assert {"<script>alert(1)</script>", "datum['c1'].x", "family 👩‍👩‍👧"} <= shown
    assert root.get("role") == "img"
    assert "9 values" in root.get("aria-label")


def test_months_stand_at_their_month_whatever_the_time_zone(renderer, monkeypatch):
    monkeypatch.setenv("TZ", "America/Los_Angeles")
    outputs = [
        Output(name="m", title="month", role="time", grain="month"),
        Output(name="n", title="n", role="measure"),
    ]
    rows = [(f"2025-{m:02d}-01T00:00:00", m) for m in range(1, 10)]
    svg = renderer.svg(chart_of(outputs, rows, truncated=False, ordered=True))
    assert "Jan 2025" in svg
    assert "Dec 2024" not in svg


@pytest.mark.parametrize(
    "part",
    [
        {"data": {"url": "http://127.0.0.1:9/x.json"}},
        {"data": {"url": "file:///etc/hostname"}},
        {"params": [{"name": "a", "expr": "1+1"}]},
        {"transform": [{"calculate": "1+1", "as": "b"}]},
        {"encoding": {"x": {"field": "c0", "axis": {"labelExpr": "datum.label"}}}},
        {"layer": [{"encoding": {"href": {"field": "c0"}}}]},
    ],
)
def test_addresses_and_expressions_are_refused(renderer, part):
    with pytest.raises(ChartUnavailable):
        renderer.svg(bars(["a", "b", "c"]) | part)


def test_a_broken_specification_spoils_nothing(renderer):
    with pytest.raises(ChartUnavailable):
        renderer.svg({"mark": "no such mark"})
    assert "<svg" in renderer.svg(bars(["a", "b", "c"]))


def test_the_last_pictures_are_kept():
    replies = "import sys\nfor line in sys.stdin: print('{\"svg\": \"<svg xmlns=\\'http://www.w3.org/2000/svg\\'/>\"}', flush=True)"
    one = ChartRenderer(command=[sys.executable, "-c", replies])
    for number in range(KEPT + 10):
        one.svg({"title": str(number)})
    assert len(one._kept) == KEPT
    one._end()
    one._command = ["/nonexistent"]
    assert one.svg({"title": str(KEPT + 9)})
    with pytest.raises(ChartUnavailable):
        one.svg({"title": "0"})
    one.close()


@pytest.mark.parametrize("script", ["import time; time.sleep(60)", "print('no json', flush=True)", "raise SystemExit"])
def test_a_process_that_hangs_or_dies_is_an_error_in_time(script):
    broken = ChartRenderer(command=[sys.executable, "-c", script], render_s=0.5)
    started = time.monotonic()
    with pytest.raises(ChartUnavailable):
        broken.svg({"title": "x" * 1_000_000})
    assert time.monotonic() - started < 5
    assert broken._process is None
    broken.close()


def test_a_process_that_left_is_started_again(renderer):
    renderer.svg(bars(["a", "b", "d"]))
    renderer._process.kill()
    renderer._process.wait()
    assert "<svg" in renderer.svg(bars(["a", "b", "e"]))


def started_ahead(one):
    one.prepare()
    give_up = time.monotonic() + 20
    while one._process is None and time.monotonic() < give_up:
        time.sleep(0.01)
    return one._process


def test_a_process_that_was_started_ahead_draws_what_is_asked_for():
    one = ChartRenderer()
    process = started_ahead(one)
    one.prepare()
    assert one._process is process
    # whether it is asked at once or has drawn its small chart for nobody
    for names in (["x", "y", "z"], ["p", "q", "r"]):
        shown = {element.text for element in ET.fromstring(one.svg(bars(names))).iter()}
        assert set(names) <= shown
    assert one._process is process
    one.close()


def test_a_process_that_left_is_started_ahead_again():
    one = ChartRenderer(command=[sys.executable, "-c", ""])
    first = started_ahead(one)
    first.wait(20)
    one._command = [sys.executable, "-c", "import time; time.sleep(60)"]
    one.prepare()
    give_up = time.monotonic() + 20
    while one._process in (None, first) and time.monotonic() < give_up:
        time.sleep(0.01)
    assert one._process not in (None, first)
    one.close()
    assert one._process is None


def test_preparing_what_cannot_be_started_or_is_closed_harms_nothing(caplog):
    one = ChartRenderer(command=["/nonexistent"])
    one.prepare()
    give_up = time.monotonic() + 20
    while "could not be prepared" not in caplog.text and time.monotonic() < give_up:
        time.sleep(0.01)
    assert "could not be prepared" in caplog.text
    one.close()
    one._command = [sys.executable, "-c", "import time; time.sleep(60)"]
    one.prepare()
    with pytest.raises(ChartUnavailable):
        one.svg({"title": "a"})
    assert one._process is None


def test_closing_waits_for_no_chart_that_is_being_drawn():
    slow = ChartRenderer(command=[sys.executable, "-c", "import time; time.sleep(600)"], render_s=300)
    failed = []

    def ask():
        try:
            slow.svg({"title": "a"})
        except ChartUnavailable as error:
            failed.append(error)

    asking = threading.Thread(target=ask)
    asking.start()
    give_up = time.monotonic() + 20
    while slow._process is None and time.monotonic() < give_up:
        time.sleep(0.01)
    process = slow._process
    slow.close()
    asking.join(20)
    assert failed and process.returncode is not None and slow._process is None


def test_one_at_a_time_and_nobody_waits_for_ever():
    busy = ChartRenderer(command=[sys.executable, "-c", "import time; time.sleep(60)"], render_s=1.0, wait_s=0.1)
    failed = []

    def ask():
        try:
            busy.svg({"title": "a"})
        except ChartUnavailable as error:
            failed.append(error)

    first = threading.Thread(target=ask)
    first.start()
    time.sleep(0.2)
    with pytest.raises(ChartUnavailable, match="Other charts"):
        busy.svg({"title": "b"})
    first.join()
    assert failed
    busy.close()


@pytest.mark.parametrize(
    "inner",
    [
        "<script/>",
        "<foreignObject/>",
        "<image href='http://x/'/>",
        "<a href='x'/>",
        "<g onload='x'/>",
        "<rect fill='url(http://x/)'/>",
        "<g style='background:url(x)'/>",
        "<x xmlns='http://www.w3.org/1999/xhtml'/>",
        "<",
    ],
)
def test_what_no_chart_of_ours_holds_is_not_served(inner):
    with pytest.raises(UnsafeSvg):
        served(f"<svg xmlns='http://www.w3.org/2000/svg'>{inner}</svg>", "t", "d")
    with pytest.raises(UnsafeSvg):
        served("<!DOCTYPE svg><svg xmlns='http://www.w3.org/2000/svg'/>", "t", "d")
