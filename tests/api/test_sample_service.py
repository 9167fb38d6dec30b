"""The sample data over HTTP, in the shape of the contract."""

import xml.etree.ElementTree as ET

import httpx
import pytest

ANSWER = {
    "id",
    "status",
    "route",
    "text",
    "citations",
    "table",
    "sql",
    "figures",
    "chart",
    "computed",
    "verified",
    "planner",
    "confidence",
    "as_of",
} | {
    "clarify",
    "refusal",
    "understood_as",
    "timing_ms",
    "usage",
    "versions",
}


def ask(base, question, **fields):
    reply = httpx.post(base + "/v1/ask", json={"question": question, **fields}, timeout=60)
    assert reply.status_code == 200, reply.text
    return reply.json()


def test_a_document_question_is_answered_with_quotes_that_are_in_the_document(service, sample_home):
    from ingest.stores.snapshot import Store

    answer = ask(service, "How long do I have to return something?", sources=["help-centre"])
    assert set(answer) == ANSWER
    assert (answer["status"], answer["route"]) == ("answered", "passages")
    assert answer["citations"]
    passages = Store(sample_home).snapshot().sources["help-centre"].passages
    for citation in answer["citations"]:
        text = passages.document_text(citation["document"])
        assert text[citation["start"] : citation["end"]] == citation["quote"]


def test_a_table_question_is_answered_with_rows_and_sql(service):
    answer = ask(service, "How many orders were placed in 2025?", sources=["shop"])
    assert (answer["status"], answer["route"]) == ("answered", "tables")
    assert all(len(row) == len(answer["table"]["columns"]) for row in answer["table"]["rows"])
    assert answer["sql"]["text"]
    assert answer["figures"]


@pytest.mark.parametrize(
    "question", ["🙂🙂", "'; DROP TABLE orders; --", "{{7*7}}", "a\u0000b", "%s%n", "\u202e olleh", "?"]
)
def test_odd_questions_get_an_answer_and_no_error(service, question):
    assert ask(service, question)["status"] in {"answered", "clarify", "refused"}


def test_an_answer_can_be_read_again(service):
    answer = ask(service, "How do I wash a down jacket?")
    reply = httpx.get(f"{service}/v1/answers/{answer['id']}", timeout=30)
    assert reply.status_code == 200
    assert set(reply.json()) == ANSWER
    assert reply.json()["status"] == answer["status"]


def test_the_chart_of_an_answer_is_a_picture_without_scripts(service):
    answer = ask(service, "Net revenue per month in 2024", sources=["shop"])
    assert answer["chart"]["$schema"].endswith("/vega-lite/v6.json")
    assert len(answer["chart"]["data"]["values"]) == len(answer["table"]["rows"]) == 12
    path = f"{service}/v1/answers/{answer['id']}/chart.svg"
    reply = httpx.get(path, timeout=60)
    assert reply.status_code == 200, reply.text
    assert reply.headers["content-type"].partition(";")[0] == "image/svg+xml"
    assert "default-src 'none'" in reply.headers["content-security-policy"]
    assert reply.headers.get_list("content-security-policy") == [reply.headers["content-security-policy"]]
    assert reply.headers["cache-control"] == "private, no-cache"
    assert reply.headers["x-content-type-options"] == "nosniff"
    root = ET.fromstring(reply.text)
    names = {str(element.tag).rpartition("}")[2] for element in root.iter()}
    assert not names & {"script", "foreignObject", "image", "a", "style"}
    assert "Net revenue by month" in root.get("aria-label")
    assert "Jan 2024" in reply.text
    again = httpx.get(path, headers={"If-None-Match": f'"x", {reply.headers["etag"]}'}, timeout=60)
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", reply.headers["etag"])
    kept = httpx.get(f"{service}/v1/answers/{answer['id']}", timeout=30).json()["chart"]
    assert kept["data"] == answer["chart"]["data"]


def test_an_answer_without_a_chart_has_no_picture(service):
    answer = ask(service, "How many orders were placed in 2025?", sources=["shop"])
    assert answer["chart"] is None
    for identity in (answer["id"], "unknown"):
        reply = httpx.get(f"{service}/v1/answers/{identity}/chart.svg", timeout=30)
        assert (reply.status_code, reply.json()["error"]["code"]) == (404, "not_found")


def test_an_answer_says_what_was_computed(service):
    computed = ask(service, "how many orders were cancelled in march 2025", sources=["shop"])["computed"]
    assert computed["text"] == "Number of orders with status “cancelled” in March 2025 (order date)"
    assert (computed["source"], computed["tables"]) == ("shop", ["orders"])
    assert computed["conditions"] == ["with status “cancelled”"]
    assert computed["period"] == {"text": "in March 2025 (order date)", "first": "2025-03-01", "last": "2025-03-31"}


def test_the_stream_ends_with_the_whole_answer(service):
    body = {"question": "How many orders were placed in 2025?", "stream": True}
    with httpx.stream("POST", service + "/v1/ask", json=body, timeout=60) as reply:
        assert reply.headers["content-type"].startswith("text/event-stream")
        names = [line.removeprefix("event: ") for line in reply.iter_lines() if line.startswith("event: ")]
    assert names[0] == "status"
    assert names[-1] == "done"


def test_search_finds_and_ranks(service):
    body = {"query": "returns policy", "limit": 5, "filters": {"document": "policies/*"}}
    found = httpx.post(service + "/v1/search", json=body, timeout=60).json()["results"]
    assert [result["rank"] for result in found] == list(range(1, len(found) + 1))
    assert 1 <= len(found) <= 5
    assert all(result["document"].startswith("policies/") for result in found)


def test_a_drop_is_not_allowed_and_a_select_is(service):
    def check(sql):
        return httpx.post(service + "/v1/sql/check", json={"sql": sql, "source": "shop"}, timeout=60).json()

    refused = check("DROP TABLE orders; SELECT 1")
    assert refused["allowed"] is False
    assert refused["findings"]
    assert check("SELECT count(*) FROM orders")["allowed"] is True


def test_sources_name_their_tables_and_columns(service):
    reply = httpx.get(service + "/v1/sources").json()
    by_name = {source["name"]: source for source in reply["sources"]}
    assert by_name["help-centre"]["visibility"] == "public"
    assert by_name["help-centre"]["documents"] >= 60
    assert {"orders", "products", "customers"} <= {table["name"] for table in by_name["shop"]["tables"]}
    assert reply["manifest"]


def test_an_unknown_source_names_the_known_ones(service):
    reply = httpx.post(service + "/v1/ask", json={"question": "a", "sources": ["shopp"]})
    assert reply.status_code == 404
    assert "help-centre, shop" in reply.json()["error"]["hint"]
