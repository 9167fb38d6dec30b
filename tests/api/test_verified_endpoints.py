"""`/v1/verified` and `threshold` over HTTP: roles, odd bodies, one error shape."""

import shutil

import httpx
import pytest

from app.ops.keys import KeyStore

QUESTION = "How many orders were placed in March 2025?"
SQL = "SELECT count(*) AS orders FROM orders WHERE order_date >= DATE '2025-03-01' AND order_date < DATE '2025-04-01'"
PAIR = {"source": "shop", "question": QUESTION, "sql": SQL}


@pytest.fixture(scope="module")
def service(tmp_path_factory, sample_home, serve):
    """Base URL of a service that needs keys, and role -> headers."""
    home = tmp_path_factory.mktemp("verifying") / "home"
    shutil.copytree(sample_home, home, symlinks=True)
    keys = KeyStore(home / "state.db")
    limits = {"owner": None, "analyst": None, "visitor": None, "elsewhere": ["help-centre"]}
    roles = {"elsewhere": "analyst"}
    tokens = {name: keys.add(roles.get(name, name), sources=sources)[1] for name, sources in limits.items()}
    with serve(home, "--host", "0.0.0.0") as base:
        yield base, {name: {"Authorization": f"Bearer {token}"} for name, token in tokens.items()}


@pytest.fixture
def call(service):
    base, headers = service

    def call(method, path="", *, role="owner", **request):
        return httpx.request(method, f"{base}/v1/verified{path}", headers=headers[role], timeout=60, **request)

    yield call
    for query in call("GET").json()["verified"]:
        assert call("DELETE", f"/{query['id']}").status_code == 204


def ask(service, question, role="owner", **fields):
    body = {"question": question, **fields}
    return httpx.post(service[0] + "/v1/ask", json=body, headers=service[1][role], timeout=60)


@pytest.mark.parametrize("role", ["owner", "analyst"])
def test_a_pair_is_added_listed_used_and_removed(service, call, role):
    made = call("POST", role=role, json=PAIR | {"note": "by the data team"})
    assert made.status_code == 201, made.text
    query = made.json()
    assert (query["status"], query["reason"], query["note"]) == ("active", None, "by the data team")
    assert query["parameters"] == [{"kind": "period", "text": "in March 2025", "table": None, "column": None}]
    assert query["relies_on"] == {"orders": {"order_date": "DATE"}}
    assert call("GET", role=role, params={"source": "shop"}).json()["verified"] == [query]
    assert call("GET", role=role, params={"source": "help-centre"}).json()["verified"] == []
    answer = ask(service, "How many orders were placed in April 2025?", role).json()
    assert answer["verified"] == {"id": query["id"], "question": QUESTION}
    assert answer["table"]["columns"] == [{"name": "orders", "type": "integer"}]
    assert answer["text"] == f"There are {answer['table']['rows'][0][0]} orders."
    again = call("POST", role=role, json=PAIR)
    assert (again.status_code, again.json()["error"]["code"]) == (409, "already_exists")
    assert call("POST", role=role, json=PAIR | {"force": True}).json()["id"] == query["id"]
    assert call("DELETE", f"/{query['id']}", role=role).status_code == 204
    assert call("DELETE", f"/{query['id']}", role=role).status_code == 404


def test_a_visitor_may_neither_read_nor_change_them_nor_profit(service, call):
    made = call("POST", json=PAIR).json()
    for reply in (
        call("GET", role="visitor"),
        call("POST", role="visitor", json=PAIR),
        call("DELETE", f"/{made['id']}", role="visitor"),
    ):
        assert (reply.status_code, reply.json()["error"]["code"]) == (403, "not_permitted")
    answer = ask(service, QUESTION, "visitor").json()
    assert answer["verified"] is None
    assert answer["sql"] is None


def test_a_key_limited_to_other_sources_knows_of_none(call):
    made = call("POST", json=PAIR).json()
    assert call("GET", role="elsewhere").json()["verified"] == []
    for reply in (
        call("DELETE", f"/{made['id']}", role="elsewhere"),
        call("GET", role="elsewhere", params={"source": "shop"}),
        call("POST", role="elsewhere", json=PAIR),
    ):
        assert reply.status_code == 404
        assert "orders" not in reply.text
    assert call("GET").json()["verified"] == [made]


def test_without_a_key_nothing_is_told(service):
    assert httpx.get(service[0] + "/v1/verified").status_code == 401


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"sql": "DROP TABLE orders"}, 400, "sql_rejected"),
        ({"sql": "SELECT 1; SELECT 2"}, 400, "sql_rejected"),
        ({"sql": "SELECT salary FROM employees"}, 400, "sql_rejected"),
        ({"sql": ""}, 400, "sql_rejected"),
        ({"sql": "\u0000"}, 400, "sql_rejected"),
        ({"sql": "SELECT order_date::INTEGER FROM orders"}, 400, None),
        ({"sql": None}, 400, "invalid_request"),
        ({"question": " "}, 400, "question_empty"),
        ({"question": "x" * 10_000}, 400, "question_too_long"),
        ({"question": 7}, 400, "invalid_request"),
        ({"question": "\ud800"}, 400, "invalid_request"),
        ({"question": "DROP TABLE orders"}, 400, "invalid_request"),
        ({"note": "x" * 2001}, 400, "invalid_request"),
        ({"note": []}, 400, "invalid_request"),
        ({"exact": "yes"}, 400, "invalid_request"),
        ({"source": "nowhere"}, 404, "not_found"),
        ({"source": ""}, 404, "not_found"),
        ({"source": "help-centre"}, 400, "invalid_request"),
    ],
)
def test_an_odd_pair_is_refused_in_the_one_error_shape(call, change, status, code):
    import json

    content = json.dumps(PAIR | change)
    reply = call("POST", content=content)
    assert reply.status_code == status, reply.text
    error = reply.json()["error"]
    assert set(error) == {"code", "message", "hint", "trace_id"}
    assert code in (None, error["code"])
    assert call("GET").json()["verified"] == []


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"null", b'{"source": "shop"}', b"\xff"])
def test_an_odd_body_is_refused(call, content):
    reply = call("POST", content=content)
    assert reply.status_code == 400
    assert reply.json()["error"]["code"] == "invalid_request"


@pytest.mark.parametrize("identity", ["x", "%00", "..%2f", "é", "1' OR '1'='1"])
def test_an_unknown_id_is_not_found(call, identity):
    reply = call("DELETE", f"/{identity}")
    assert (reply.status_code, reply.json()["error"]["code"]) == (404, "not_found")


@pytest.mark.parametrize("threshold", [1.5, -0.1, "high", [], 1e400])
def test_a_threshold_out_of_range_is_refused(service, threshold):
    import json

    content = json.dumps({"question": QUESTION, "threshold": threshold})
    reply = httpx.post(service[0] + "/v1/ask", content=content, headers=service[1]["owner"], timeout=60)
    assert (reply.status_code, reply.json()["error"]["code"]) == (400, "invalid_request")


def test_a_threshold_of_one_asks_for_certainty(service):
    assert ask(service, "How many orders were placed in 2025?", threshold=None).json()["route"] == "tables"
    assert ask(service, "How many orders were placed in 2025?", threshold=1.0).json()["route"] != "tables"


def test_the_description_has_every_field(service):
    schema = httpx.get(service[0] + "/schema/openapi.json").json()
    assert {"get", "post"} <= set(schema["paths"]["/v1/verified"])
    assert "delete" in schema["paths"]["/v1/verified/{verified_id}"]
    parts = schema["components"]["schemas"]
    assert "threshold" in parts["AskRequest"]["properties"]
    assert "verified" in parts["Answer"]["properties"]
    assert set(schema["paths"]["/v1/verified"]["post"]["responses"]) >= {
        "201",
        "400",
        "401",
        "403",
        "404",
        "409",
        "504",
    }
