"""One error shape for everything that can be wrong with a request, on a service that has nothing ingested."""

import httpx
import pytest


@pytest.fixture(scope="module")
def base(tmp_path_factory, serve):
    with serve(tmp_path_factory.mktemp("empty"), ready="/healthz", ANSWERABLE_BODY_MAX_BYTES="5000") as url:
        yield url


def error_of(reply: httpx.Response) -> dict:
    body = reply.json()
    assert set(body) == {"error"}
    assert set(body["error"]) == {"code", "message", "hint", "trace_id"}
    assert body["error"]["trace_id"] == reply.headers["x-trace-id"]
    return body["error"]


@pytest.mark.parametrize(
    ("body", "code", "names"),
    [
        (b"{", "invalid_request", "body"),
        (b"", "invalid_request", ""),
        (b"[]", "invalid_request", "object"),
        (b"{}", "invalid_request", "question"),
        (b'{"question": 5}', "invalid_request", "question"),
        (b'{"question": null}', "invalid_request", "question"),
        (b'{"question": "a", "max_rows": "ten"}', "invalid_request", "max_rows"),
        (b'{"question": "a", "max_rows": 0}', "invalid_request", "max_rows"),
        (b'{"question": "a", "max_rows": 1001}', "invalid_request", "1000"),
        (b'{"question": "a", "sources": "shop"}', "invalid_request", "sources"),
        (b'{"question": "a", "sources": []}', "invalid_request", "sources"),
        (b'{"question": "a", "session": "%s"}' % (b"x" * 201), "invalid_request", "session"),
        (b'{"question": ""}', "question_empty", "empty"),
        (b'{"question": " \\n\\t\\u00a0"}', "question_empty", "empty"),
        (b'{"question": "%s"}' % (b"x" * 4001), "question_too_long", "4000"),
        (b'{"question": "\\ud800"}', "invalid_request", "body"),
    ],
)
def test_a_wrong_question_is_a_400_that_names_what_is_wrong(base, body, code, names):
    reply = httpx.post(base + "/v1/ask", content=body)
    assert reply.status_code == 400
    error = error_of(reply)
    assert error["code"] == code
    assert names in error["message"]


def test_an_unknown_source_is_a_404(base):
    reply = httpx.post(base + "/v1/ask", json={"question": "a", "sources": ["shop"]})
    assert reply.status_code == 404
    assert error_of(reply)["code"] == "not_found"
    assert "Known sources: none yet" in error_of(reply)["hint"]


@pytest.mark.parametrize(
    "path", ["/nope", "/v1", "/v1/answers/none", "/v1/answers/none/chart.svg", "/v1/ask/x/y", "/v1/feedbacks"]
)
def test_what_is_not_there_is_a_404(base, path):
    reply = httpx.get(base + path)
    assert (reply.status_code, error_of(reply)["code"]) == (404, "not_found")


@pytest.mark.parametrize(("method", "path"), [("GET", "/v1/ask"), ("DELETE", "/v1/search"), ("PUT", "/healthz")])
def test_another_method_is_a_405(base, method, path):
    reply = httpx.request(method, base + path)
    assert (reply.status_code, error_of(reply)["code"]) == (405, "method_not_allowed")


def test_a_large_body_is_a_413(base):
    reply = httpx.post(base + "/v1/ask", content=b'{"question": "%s"}' % (b"x" * 6000))
    assert (reply.status_code, error_of(reply)["code"]) == (413, "too_large")


def test_a_large_body_without_a_length_is_a_413(base):
    reply = httpx.post(base + "/v1/ask", content=iter([b"x" * 1000] * 9))
    assert (reply.status_code, error_of(reply)["code"]) == (413, "too_large")


def test_search_bounds_are_checked(base):
    for body, names in (({"query": "a", "limit": 0}, "limit"), ({"query": "a", "filters": {"x": "y"}}, "filters"),
                        ({"query": "a", "filters": {"modified_after": "soon"}}, "modified_after")):  # fmt: skip
        reply = httpx.post(base + "/v1/search", json=body)
        assert reply.status_code == 400
        assert names in error_of(reply)["message"]


def test_sql_is_not_allowed_where_there_are_no_tables(base):
    reply = httpx.post(base + "/v1/sql/check", json={"sql": "SELECT 1"})
    assert reply.json()["allowed"] is False
    assert reply.json()["findings"][0]["rule"] == "no_tables"


def test_an_empty_service_is_alive_but_not_ready_and_says_why(base):
    assert httpx.get(base + "/healthz").status_code == 200
    reply = httpx.get(base + "/readyz")
    assert reply.status_code == 503
    manifest = next(check for check in reply.json()["checks"] if check["name"] == "manifest")
    assert manifest["ok"] is False
    assert "answerable ingest add" in manifest["message"]


@pytest.mark.parametrize("path", ["/", "/nope", "/v1/sources", "/schema/openapi.json"])
def test_every_reply_has_the_security_headers(base, path):
    headers = httpx.get(base + path).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"
    assert "default-src 'none'" in headers["content-security-policy"]
    assert "access-control-allow-origin" not in headers


def test_the_description_needs_nothing_from_elsewhere(base):
    schema = httpx.get(base + "/schema/openapi.json").json()
    assert "/v1/ask" in schema["paths"]
    assert "https://" not in httpx.get(base + "/").text
    assert httpx.get(base + "/schema/openapi.yaml").status_code == 200


def test_another_host_or_origin_is_refused(base):
    reply = httpx.get(base + "/healthz", headers={"Host": "attacker.example"})
    assert (reply.status_code, error_of(reply)["code"]) == (403, "host_not_allowed")
    reply = httpx.post(base + "/v1/ask", json={"question": "a"}, headers={"Origin": "https://attacker.example"})
    assert (reply.status_code, error_of(reply)["code"]) == (403, "origin_not_allowed")


def test_an_unknown_key_is_a_401_even_where_none_is_needed(base):
    reply = httpx.get(base + "/v1/sources", headers={"Authorization": "Bearer ak_x_y"})
    assert (reply.status_code, error_of(reply)["code"]) == (401, "not_authenticated")
    assert reply.headers["www-authenticate"] == "Bearer"


def test_metrics_count_requests_by_route(base):
    httpx.get(base + "/healthz")
    text = httpx.get(base + "/metrics").text
    assert 'answerable_http_requests_total{method="GET",path="/healthz",status="200"}' in text
    assert "attacker" not in text
