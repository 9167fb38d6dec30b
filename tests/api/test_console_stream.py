"""An answer in the making for the page Ask, over HTTP: its events, whose it is, who may stop it, what is text."""

import json
import re
import time
from contextlib import closing

import httpx
import pytest
from markupsafe import escape

from app.llm.scripted import scripted_server
from tests.conftest import SAMPLE, new_key
from tests.ingest.ingesting import ingest, new_home

WASH = "How do I wash a down jacket?"
EVENTS = {"Accept": "text/event-stream"}


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    script = (SAMPLE / "llm-script.yaml").read_text(encoding="utf-8").replace("per_token_s: 0.01", "per_token_s: 0.05")
    path = tmp_path_factory.mktemp("console-script") / "script.yaml"
    path.write_text(script, encoding="utf-8")
    with scripted_server(path) as server:
        yield server


@pytest.fixture(scope="module")
def locked(model, serve, sample_home, tmp_path_factory):
    """A server that needs a key, with a slow model: its address, and keys by role."""
    home = tmp_path_factory.mktemp("console-streamed")
    keys = {"owner": new_key(home, "owner"), "analyst": new_key(home, "analyst")}
    for part in ("store", "cache"):
        (home / part).symlink_to(sample_home / part)
    config = {"providers": {"main": {"base_url": model.url}}, "model": "main/scripted", "cache": "off"}
    (home / "llm.json").write_text(json.dumps(config))
    env = {"ANSWERABLE_LLM_CONFIG": str(home / "llm.json"), "ANSWERABLE_REQUIRE_KEY": "true"}
    with serve(home, **env) as base:
        yield base, keys


@pytest.fixture
def logged_in(locked):
    base, keys = locked
    clients = []

    def opened(role):
        client = httpx.Client(base_url=base, headers={"Origin": base}, timeout=60)
        clients.append(client)
        assert client.post("/console/login", data={"key": keys[role]}).status_code == 303
        return client

    yield opened
    for client in clients:
        client.close()


class Coming:
    """The events of an answer, read one by one."""

    def __init__(self, client, question=WASH, last=None, **fields):
        headers = EVENTS | ({"Last-Event-ID": last} if last else {})
        request = client.build_request("POST", "/console", data={"question": question} | fields, headers=headers)
        self.reply = client.send(request, stream=True)
        self.ids = []
        self._events = self._read()

    def __iter__(self):
        return self._events

    def _read(self):
        seen = ""
        for piece in self.reply.iter_text():
            *blocks, seen = (seen + piece).split("\n\n")
            for block in blocks:
                if found := re.fullmatch(r"id: (\S+)\nevent: (\w+)\ndata: (.*)", block):
                    self.ids.append(found[1])
                    yield found[2], json.loads(found[3])

    def until(self, name):
        told = []
        for event in self:
            told.append(event)
            if event[0] == name:
                return told
        raise AssertionError(f"no {name} in {told}")

    @property
    def stream(self):
        return self.ids[-1].partition(".")[0]

    def close(self):
        self.reply.close()


def whole(client, question=WASH, last=None, **fields):
    with closing(Coming(client, question, last, **fields)) as coming:
        return list(coming)


def outcomes(model, before, within_s=10.0):
    """How the requests for words since then ended."""
    give_up = time.monotonic() + within_s
    while time.monotonic() < give_up and not (model.received[before:] and model.settled(0.1)):
        time.sleep(0.02)
    return [each.outcome for each in model.received[before:] if each.schema == "write"]


def test_text_comes_before_the_end_and_the_last_event_is_the_page_s_answer(logged_in):
    client = logged_in("owner")
    with closing(Coming(client)) as coming:
        first = coming.until("delta")
        assert coming.reply.headers["cache-control"] == "no-store"
        assert "script-src 'self'" in coming.reply.headers["content-security-policy"]
        rest = list(coming)
    stages = [content["label"] for name, content in first + rest if name == "status"]
    assert stages[0] == "Beginning" and stages[-1] == "Writing" and "Searching" in stages
    assert [name for name, _ in first if name != "status"] == ["plan", "citation", "delta"]
    assert first[-2][1]["link"].startswith("/console/source/help-centre/")
    name, view = rest[-1]
    assert name == "view" and view["said"] == "Answered"
    told = "".join(content["text"] for name, content in first + rest if name == "delta")
    marks = re.sub(r"<a class=\"mark\"[^>]*>(\d+)</a>", r"[\1]", view["html"])
    assert escape(told) in marks
    assert "<html" not in view["html"] and 'id="answer-heading"' in view["html"]
    page = client.get(view["url"])
    assert page.status_code == 200 and "Close every zip" in page.text


def test_the_query_and_its_rows_come_before_the_model_writes(logged_in):
    told = whole(logged_in("owner"), "How many orders were placed in 2025?")
    names = [name for name, _ in told]
    assert names[-4:] == ["plan", "sql", "rows", "view"], "the model has no words for it: the service's stand"
    plan, sql, rows, view = (content for _, content in told[-4:])
    assert plan["route"] == "Tables" and plan["plan"] and not plan["chart"]
    pieces = [f'<span class="{kind}">{escape(text)}</span>' if kind else escape(text) for kind, text in sql["tokens"]]
    assert f"<code>{''.join(pieces)}</code>" in view["html"]
    assert rows["rows"] == [["7946"]] and rows["columns"][0][1] == "integer"
    assert "7,946" in view["html"]


def test_the_same_answer_as_without_scripts(logged_in):
    client = logged_in("owner")
    (_, view), question = whole(client, "revenue by month in 2025")[-1], {"question": "revenue by month in 2025"}
    page = client.post("/console", data=question).text
    plain = page[page.index('<section class="answer"') : page.rindex("</div>\n</main>")]

    def settled(text):
        """Without what differs from time to time: times and their order, the id, the length of bars."""
        words = re.sub(r"[0-9a-f]{32}|[\d.,]+(?= m?s\b)| (x|width)=\"[^\"]*\"|console-[0-9a-f]{16}", "", text).split()
        return sorted(words)

    assert settled(view["html"]) == settled(plain)


def test_nobody_without_a_session_or_from_another_page_is_answered(locked, logged_in):
    base, _ = locked
    client = logged_in("owner")
    for method, path in (("POST", "/console"), ("DELETE", f"/console/ask/{'0' * 32}")):
        with httpx.Client(base_url=base, headers={"Origin": base} | EVENTS) as nobody:
            reply = nobody.request(method, path, data={"question": WASH} if method == "POST" else None)
            assert (reply.status_code, reply.json()["error"]["code"]) == (401, "not_authenticated")
        for origin in ({"Origin": "https://evil.example"}, {"Origin": base, "Sec-Fetch-Site": "cross-site"}):
            reply = client.request(method, path, headers=EVENTS | origin)
            assert (reply.status_code, reply.json()["error"]["code"]) == (403, "not_permitted")


def test_a_stop_cuts_the_model_short_and_belongs_to_who_asked(logged_in, model):
    owner, analyst = logged_in("owner"), logged_in("analyst")
    before = len(model.received)
    with closing(Coming(owner)) as coming:
        coming.until("delta")
        assert analyst.delete(f"/console/ask/{coming.stream}").status_code == 404
        assert owner.delete(f"/console/ask/{coming.stream}").status_code == 204
        ((name, content),) = list(coming)
    assert (name, content["error"]["code"]) == ("error", "answer_stopped")
    assert outcomes(model, before) == ["cut"]
    assert owner.delete(f"/console/ask/{'0' * 32}").status_code == 404


def test_a_stream_goes_on_after_a_cut_for_the_same_form_only(logged_in, model):
    client, before = logged_in("owner"), len(model.received)
    with closing(Coming(client)) as coming:
        first = coming.until("delta")
    with closing(Coming(client, last=coming.ids[-1])) as again:
        rest = list(again)
    assert again.stream == coming.stream and rest[-1][0] == "view"
    assert int(again.ids[0].partition(".")[2]) == len(first) + 1
    assert outcomes(model, before) == ["completed"]
    other = Coming(client, "How many orders were placed in 2025?", last=coming.ids[-1])
    with closing(other):
        assert next(iter(other))[1] == {"label": "Beginning"} and other.stream != coming.stream
    body = {"question": WASH, "stream": True}
    api = client.post("/v1/ask", json=body, headers={"Last-Event-ID": coming.ids[-1]})
    assert api.status_code == 401, "a session of the console opens nothing else"


def test_an_answer_that_is_not_kept_has_no_page(serve, sample_home, tmp_path):
    for part in ("store", "cache"):
        (tmp_path / part).symlink_to(sample_home / part)
    with (
        serve(tmp_path, ANSWERABLE_TRACE_RETENTION_DAYS="0") as base,
        httpx.Client(base_url=base, headers={"Origin": base}, timeout=60) as client,
    ):
        *stages, (name, view) = whole(client, "revenue by month in 2025")
        assert {name for name, _ in stages} == {"status"}, "without a model there is nothing to wait for"
        assert name == "view" and view["url"] is None and "chart.svg" not in view["html"]
        assert whole(client, "DROP TABLE orders;")[-1][1]["said"] == "Refused"


def test_whatever_data_holds_comes_as_text(serve, tmp_path):
    """Cells, names of columns and the question: no piece is markup, and the whole is escaped."""
    planted = "<img src=x onerror=alert(1)>"
    data = tmp_path / "planted"
    data.mkdir()
    (data / "parts.csv").write_text(f'label,amount\n"{planted}",3\n"</script><script>alert(2)</script>",4\nbolt,\n')
    home = new_home(tmp_path)
    ingest(home, data, name="planted")
    rule = {"match": {"schema": "write"}, "reply": {"json": {"sentences": [], "sufficient": False}}}
    with scripted_server([rule]) as model:
        env = {"ANSWERABLE_LLM_BASE_URL": model.url, "ANSWERABLE_LLM_MODEL": "scripted"}
        with serve(home, **env) as base, httpx.Client(base_url=base, headers={"Origin": base}, timeout=60) as client:
            told = whole(client, "What is the total amount by label?")
    rows = next(content["rows"] for name, content in told if name == "rows")
    assert [planted, "3"] in rows and all(cell is None or isinstance(cell, str) for row in rows for cell in row)
    view = told[-1][1]["html"]
    assert "<img src=x" not in view and "<script" not in view and "&lt;img src=x" in view
