"""The console's pages about answers, over HTTP: who sees what, bad input, exports, without a browser."""

import csv
import io
import re

import httpx
import pytest

from tests.conftest import new_key

QUESTION = "How long do I have to send something back?"
HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(2)> \u202etxt.exe\u202c \x07 {{7*7}}?"


@pytest.fixture(scope="module")
def locked(serve, sample_home, tmp_path_factory):
    """A server that needs a key: its address and keys by role."""
    home = tmp_path_factory.mktemp("asking-home")
    keys = {
        "owner": new_key(home, "owner"),
        "analyst": new_key(home, "analyst"),
        "limited": new_key(home, "owner", "shop"),
    }
    (home / "store").symlink_to(sample_home / "store")
    (home / "cache").symlink_to(sample_home / "cache")
    with serve(home, ANSWERABLE_REQUIRE_KEY="true") as base:
        yield base, keys


@pytest.fixture
def logged_in(locked):
    """`logged_in(role)` is a client with that session's cookie, from the console's own origin."""
    base, keys = locked
    clients = []

    def opened(role):
        client = httpx.Client(base_url=base, headers={"Origin": base}, timeout=120)
        clients.append(client)
        assert client.post("/console/login", data={"key": keys[role]}).status_code == 303
        return client

    yield opened
    for client in clients:
        client.close()


def asked(client, question, **fields):
    reply = client.post("/console", data={"question": question, "max_rows": "100"} | fields)
    found = re.search(r"/console/answers/([0-9a-f]{32})", reply.text)
    return reply, found[1] if found else None


def test_an_answer_shows_everything(logged_in):
    reply, identity = asked(logged_in("owner"), "How many orders were placed in 2025?")
    assert reply.status_code == 200 and "<html" in reply.text
    for piece in ("7,946", "passes every rule", 'class="k"', "Planned by", "Figures", "execute", "No language model"):
        assert piece in reply.text, piece
    assert "style=" not in reply.text and "onclick" not in reply.text
    assert identity is not None


def test_a_citation_has_a_link_into_the_stored_text(logged_in):
    reply, _ = asked(logged_in("owner"), QUESTION)
    assert re.search(r'href="/console/source/help-centre/[\w./-]+\?start=\d+&amp;end=\d+#passage"', reply.text)


def test_a_citation_opens_the_stored_text(logged_in):
    client = logged_in("owner")
    reply, _ = asked(client, QUESTION)
    link = re.search(r'href="(/console/source/[^"#]+)', reply.text)[1].replace("&amp;", "&")
    assert "60 days" in client.get(link).text


def test_a_question_may_come_with_the_link_but_is_not_asked(logged_in):
    reply = logged_in("owner").get("/console", params={"question": "</textarea><script>alert(1)</script>"})
    assert reply.status_code == 200
    assert "&lt;/textarea&gt;&lt;script&gt;" in reply.text and "<script>alert" not in reply.text
    assert "answer-heading" not in reply.text


def test_an_analyst_sees_only_answers_of_the_same_key(logged_in):
    owner, analyst, limited = logged_in("owner"), logged_in("analyst"), logged_in("limited")
    _, of_owner = asked(owner, "How long is the warranty on your own-brand gear?")
    _, of_analyst = asked(analyst, "Can I pay in instalments?")
    for identity, client in ((of_owner, owner), (of_analyst, analyst)):
        assert client.get(f"/console/answers/{identity}").status_code == 200  # waits until it is written
    assert {of_owner, of_analyst} <= listed(owner)
    assert of_analyst in listed(analyst) and of_owner not in listed(analyst)
    assert not {of_owner, of_analyst} & listed(limited)
    assert of_owner not in listed(analyst, key=""), "nor by asking for another key"
    for client in (analyst, limited):
        for path in ("", "/chart.svg", "?format=json"):
            assert client.get(f"/console/answers/{of_owner}{path}").status_code == 404
        assert client.post(f"/console/answers/{of_owner}/feedback", data={"thumb": "down"}).status_code == 404
        assert client.post(f"/console/answers/{of_owner}/verify", data={"sql": "SELECT 1"}).status_code == 404
        assert client.get("/console/unanswered").status_code == 403
    assert owner.get(f"/console/answers/{of_analyst}").status_code == 200


def listed(client, **query):
    reply = client.get("/console/answers", params={"format": "json"} | query)
    assert reply.status_code == 200
    return {each["id"] for each in reply.json()}


def test_nobody_gets_in_without_a_session(locked):
    base, _ = locked
    with httpx.Client(base_url=base, headers={"Origin": base}) as client:
        for path in ("/console", "/console/answers", "/console/answers/x", "/console/unanswered"):
            reply = client.get(path)
            assert reply.status_code == 303 and reply.headers["location"].startswith("/console/login")
        assert client.post("/console", data={"question": QUESTION}).status_code == 303


def test_forms_of_other_origins_are_refused(logged_in, locked):
    client = logged_in("owner")
    for headers in ({"Origin": "https://evil.example"}, {"Origin": locked[0], "Sec-Fetch-Site": "cross-site"}):
        reply = client.post("/console", data={"question": QUESTION}, headers=headers)
        assert reply.status_code == 403


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"question": ""}, "empty"),
        ({"question": " \n\t"}, "empty"),
        ({"question": "a" * 4001}, "4001 characters"),
        ({"max_rows": "0"}, "max_rows is 0"),
        ({"max_rows": "9" * 5000}, "Rows at most"),
        ({"max_rows": "١٢"}, "Rows at most"),
        ({"max_rows": "-1"}, "Rows at most"),
        ({"max_rows": "<b>"}, "Rows at most"),
        ({"threshold": "nan"}, "Least confidence"),
        ({"threshold": "1e400"}, "Least confidence"),
        ({"threshold": "2"}, "Least confidence"),
        ({"session": "s" * 201}, "session has 201"),
        ({"sources": "<script>no</script>"}, "no source named"),
        ({"sources": ["shop", "no such"]}, "no source named"),
    ],
)
def test_bad_forms_say_what_is_wrong(logged_in, fields, said):
    client, data = logged_in("owner"), {"question": QUESTION, "max_rows": "100"} | fields
    page = client.post("/console", data=data)
    assert 400 <= page.status_code < 500
    assert said in page.text and "<script>no" not in page.text and 'role="alert"' in page.text
    told = client.post("/console", data=data, headers={"Accept": "text/event-stream"})
    assert told.status_code == page.status_code and said in told.json()["error"]["message"]


def test_a_form_may_be_a_file_or_broken(logged_in):
    client = logged_in("owner")
    assert client.post("/console", files={"question": ("q.txt", b"What?")}).status_code < 500
    assert client.post("/console", content=b"question=%ff%fe%00&max_rows=%zz").status_code < 500
    broken = {"Content-Type": "application/x-www-form-urlencoded"}
    assert client.post("/console", content=b"question=%ff%fe%00what&max_rows=%zz", headers=broken).status_code < 500


@pytest.mark.parametrize(
    "query",
    [
        {"status": "nonsense"},
        {"route": "<b>"},
        {"thumb": "sideways"},
        {"least": "x"},
        {"most": "inf"},
        {"since": "2026-13-01"},
        {"since": "9999-99-99"},
        {"until": "9999-12-31"},
        {"before": "'; DROP TABLE traces"},
        {"text": "x" * 201},
        {"source": "s" * 501},
    ],
)
def test_bad_filters_say_what_is_allowed(logged_in, query):
    reply = logged_in("owner").get("/console/answers", params=query)
    assert reply.status_code == 400 and 'role="alert"' in reply.text and "<b>" not in reply.text


def test_odd_filters_find_nothing(logged_in):
    client = logged_in("owner")
    for query in (
        {"text": "%\x00_\\'\""},
        {"key": "' OR 1=1"},
        {"source": HOSTILE},
        {"since": "0001-01-01", "text": "ö\u202e%"},
    ):
        reply = client.get("/console/answers", params=query)
        assert reply.status_code == 200 and "No answer fits" in reply.text and "<img" not in reply.text
    assert client.get("/console/answers", params={"format": "xml"}).status_code == 400
    for odd in ("x", "%00", "..%2f..", "a" * 3000, "'%20OR%201"):
        assert client.get(f"/console/answers/{odd}").status_code == 404


def test_markup_in_a_question_stays_text_everywhere(logged_in):
    client = logged_in("owner")
    reply, identity = asked(client, HOSTILE)
    pages = [reply.text, client.get(f"/console/answers/{identity}").text]  # the second waits for the trace
    pages += [client.get("/console/answers").text, client.get("/console/unanswered").text]
    for text in pages:
        assert "<script>alert" not in text and "<img src=x" not in text and "49?" not in text
        assert "&lt;script&gt;" in text


def test_exports(logged_in):
    client = logged_in("owner")
    _, identity = asked(client, '=1+2 "surfing"')
    client.get(f"/console/answers/{identity}").raise_for_status()
    reply = client.get("/console/answers", params={"format": "csv", "text": "=1+2"})
    assert reply.headers["content-disposition"] == 'attachment; filename="answers.csv"'
    rows = list(csv.DictReader(io.StringIO(reply.text)))
    assert rows and rows[0]["question"].startswith("'=") and rows[0]["status"] == "refused"
    groups = client.get("/console/unanswered", params={"format": "json"}).json()
    assert any("=1+2" in group["question"] for group in groups)
    assert client.get("/console/unanswered", params={"format": "csv"}).text.startswith("question,count,")
    whole = client.get(f"/console/answers/{rows[0]['id']}", params={"format": "json"}).json()
    assert whole[0]["trace"]["id"] == rows[0]["id"] and whole[0]["trace"]["spans"]


def test_a_trace_shows_when_each_stage_ran(logged_in):
    client = logged_in("owner")
    _, identity = asked(client, "top 5 products by revenue in 2025")
    reply = client.get(f"/console/answers/{identity}")
    bars = [float(x) for x in re.findall(r'class="span" x="([\d.]+)%"', reply.text)]
    assert len(bars) > 5 and bars == sorted(bars) and bars[-1] > bars[0]
    assert "masked" in reply.text
    chart = client.get(f"/console/answers/{identity}/chart.svg")
    assert chart.status_code in (200, 404)


def test_a_chart_is_drawn_for_the_session(logged_in):
    client = logged_in("owner")
    reply, identity = asked(client, "revenue by month in 2025")
    assert f"/console/answers/{identity}/chart.svg" in reply.text
    chart = client.get(f"/console/answers/{identity}/chart.svg")
    assert chart.status_code == 200 and chart.headers["content-type"].startswith("image/svg+xml")
    assert "sandbox" in chart.headers["content-security-policy"] and "<script" not in chart.text
    _, other = asked(client, QUESTION)
    assert client.get(f"/console/answers/{other}/chart.svg").status_code == 404


def test_follow_ups_lean_on_the_session(logged_in):
    client = logged_in("owner")
    asked(client, "How many orders were placed in 2025?", session="mine")
    reply, _ = asked(client, "and in 2024?", session="mine")
    assert "Understood as" in reply.text


def test_feedback_with_reasons_and_its_filter(logged_in):
    client = logged_in("owner")
    _, identity = asked(client, "Do my Ridge Club points expire?")
    said = {"thumb": "down", "reasons": ["wrong", "unclear"], "comment": "<b>Write to ada@example.org</b>"}
    reply = client.post(f"/console/answers/{identity}/feedback", data=said)
    assert reply.status_code == 200 and "Your thumb down is noted." in reply.text
    assert "wrong, unclear" in reply.text and "ada@example.org" not in reply.text and "<b>Write" not in reply.text
    assert identity in listed(client, thumb="down")
    groups = client.get("/console/unanswered", params={"format": "json"}).json()
    assert any(identity in group["answers"] and group["reasons"]["thumbs_down"] for group in groups)
    part = client.post(f"/console/answers/{identity}/feedback", data={"thumb": "up"}, headers={"HX-Request": "true"})
    assert "Your thumb up is noted." in part.text and "<html" not in part.text
    assert identity not in listed(client, thumb="down"), "the second takes the first one's place"
    for bad in (
        {},
        {"thumb": "sideways"},
        {"thumb": "up", "reasons": "none such"},
        {"thumb": "up", "comment": "x" * 2001},
    ):
        assert client.post(f"/console/answers/{identity}/feedback", data=bad).status_code == 400


def test_an_answer_becomes_a_verified_query(logged_in):
    client = logged_in("analyst")
    reply, identity = asked(client, "How many returns were there in 2025?")
    sql = re.search(r'<textarea id="verify-sql"[^>]*>\n?(.*?)</textarea>', reply.text, re.S)[1]
    sql = sql.replace("&#34;", '"').replace("&#39;", "'").replace("&lt;", "<").replace("&gt;", ">")
    url = f"/console/answers/{identity}/verify"
    question = "What is the grand total of parcels that came back in 2025?"
    assert "returns" in sql
    refused = client.post(url, data={"question": question, "sql": "DROP TABLE returns"})
    assert refused.status_code == 400 and "refuses" in refused.text
    approved = client.post(url, data={"question": question, "sql": sql, "note": "from the console"})
    assert approved.status_code == 200 and "Approved as" in approved.text
    again, _ = asked(client, question)
    assert "approved question" in again.text.lower()
    assert client.post(url, data={"question": question, "sql": sql}).status_code == 409
    client.post(url, data={"question": question, "sql": sql, "force": "yes"}).raise_for_status()


def test_nothing_asked_and_nothing_to_ask(serve, tmp_path):
    with serve(tmp_path, ready="/healthz") as base, httpx.Client(base_url=base, headers={"Origin": base}) as client:
        assert "nothing to ask yet" in client.get("/console").text
        assert "Nothing was asked yet" in client.get("/console/answers").text
        assert "Every question of this period" in client.get("/console/unanswered").text
        reply = client.post("/console", data={"question": "Anything?"})
        assert reply.status_code == 200 and "Refused" in reply.text


def test_pages_work_where_answers_are_not_kept(serve, sample_home, tmp_path):
    for folder in ("store", "cache"):
        (tmp_path / folder).symlink_to(sample_home / folder)
    settings = {"ANSWERABLE_TRACE_RETENTION_DAYS": "0"}
    with (
        serve(tmp_path, **settings) as base,
        httpx.Client(base_url=base, headers={"Origin": base}, timeout=120) as client,
    ):
        assert "60 days" in client.post("/console", data={"question": QUESTION}).text
        reply = client.post("/console", data={"question": "revenue by month in 2025"})
        assert "chart.svg" not in reply.text and "Thumb up" not in reply.text, "nothing that would need the trace"
        assert "not kept" in client.get("/console/answers").text
