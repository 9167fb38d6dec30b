"""Who may ask what, on an address that can be reached from elsewhere."""

import json

import httpx
import pytest


@pytest.fixture(scope="module")
def keyed(tmp_path_factory, sample_home, cli, serve):
    """A service that needs keys, over a copy of the sample's home: base URL and role -> headers."""
    import shutil

    home = tmp_path_factory.mktemp("keyed") / "home"
    shutil.copytree(sample_home, home, symlinks=True)
    headers, ids = {}, {}
    for name, arguments in {
        "owner": ("--role", "owner"),
        "analyst": ("--role", "analyst"),
        "limited": ("--role", "analyst", "--source", "shop"),
        "visitor": ("--role", "visitor"),
        "revoked": ("--role", "owner"),
    }.items():
        made = json.loads(cli(home, "keys", "add", *arguments, "--json").stdout)
        headers[name], ids[name] = {"Authorization": f"Bearer {made['token']}"}, made["id"]
    with serve(home, "--host", "0.0.0.0") as base:
        assert httpx.get(base + "/v1/sources", headers=headers["revoked"]).status_code == 200
        cli(home, "keys", "revoke", ids["revoked"])
        yield base, headers


@pytest.mark.parametrize("path", ["/v1/sources", "/v1/answers/x", "/metrics"])
def test_without_a_key_nothing_is_told(keyed, path):
    reply = httpx.get(keyed[0] + path)
    assert reply.status_code == 401
    assert reply.json()["error"]["code"] == "not_authenticated"


def test_health_needs_none(keyed):
    assert httpx.get(keyed[0] + "/healthz").status_code == 200
    assert httpx.get(keyed[0] + "/readyz").status_code == 200


def test_a_revoked_key_is_refused_by_the_running_service(keyed):
    base, headers = keyed
    assert httpx.get(base + "/v1/sources", headers=headers["revoked"]).status_code == 401


def test_a_visitor_sees_only_what_is_public(keyed):
    base, headers = keyed
    seen = httpx.get(base + "/v1/sources", headers=headers["visitor"]).json()["sources"]
    tables = {table["name"]: table for source in seen for table in source["tables"]}
    assert "employees" not in tables
    assert "orders" not in tables
    assert "unit_cost" not in [column["name"] for column in tables["products"]["columns"]]
    everything = httpx.get(base + "/v1/sources", headers=headers["owner"]).json()["sources"]
    assert {"orders", "employees"} <= {table["name"] for source in everything for table in source["tables"]}


def test_hidden_columns_are_listed_for_nobody(keyed):
    base, headers = keyed
    assert "salary" not in httpx.get(base + "/v1/sources", headers=headers["owner"]).text


def test_a_limited_key_neither_sees_nor_can_name_other_sources(keyed):
    base, headers = keyed
    seen = httpx.get(base + "/v1/sources", headers=headers["limited"]).json()["sources"]
    assert [source["name"] for source in seen] == ["shop"]
    reply = httpx.post(
        base + "/v1/search", json={"query": "returns", "sources": ["help-centre"]}, headers=headers["limited"]
    )
    assert reply.status_code == 404
    assert "help-centre" not in reply.json()["error"]["hint"]
    found = httpx.post(base + "/v1/search", json={"query": "returns"}, headers=headers["limited"]).json()["results"]
    assert {result["source"] for result in found} <= {"shop"}


def test_an_answer_is_read_again_by_its_own_key_and_the_owner_only(keyed):
    base, headers = keyed
    body = {"question": "How long do I have to return something?"}
    answer = httpx.post(base + "/v1/ask", json=body, headers=headers["visitor"], timeout=60).json()
    path = f"{base}/v1/answers/{answer['id']}"
    assert httpx.get(path, headers=headers["visitor"], timeout=30).json()["id"] == answer["id"]
    assert httpx.get(path, headers=headers["owner"], timeout=30).json()["id"] == answer["id"]
    assert httpx.get(path, headers=headers["analyst"], timeout=30).status_code == 404


def test_so_is_its_chart(keyed):
    base, headers = keyed
    body = {"question": "Orders per year", "sources": ["shop"]}
    answer = httpx.post(base + "/v1/ask", json=body, headers=headers["limited"], timeout=60).json()
    path = f"{base}/v1/answers/{answer['id']}/chart.svg"
    status = {role: httpx.get(path, headers=headers[role], timeout=60).status_code for role in headers}
    assert status == {"owner": 200, "limited": 200, "analyst": 404, "visitor": 404, "revoked": 401}
