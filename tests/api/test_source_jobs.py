"""Adding, synchronising and removing sources over HTTP: a real server, a real ingest process."""

from __future__ import annotations

import json
import time

import httpx
import pytest

from app.ops.keys import KeyStore
from ingest.layout import Layout
from ingest.stores.locking import ingest_lock
from tests.connectors.web_site import served
from tests.ingest.ingesting import ingest, new_home, write_files

MOST_S = 90.0


class Service:
    """A server with keys, and its home."""

    def __init__(self, base, home, folder, port, keys):
        self.base, self.home, self.folder, self.port = base, home, folder, port
        self.headers = {name: {"Authorization": f"Bearer {token}"} for name, token in keys.items()}

    def ask(self, method, path, *, key="owner", **more):
        return httpx.request(method, self.base + path, headers=self.headers[key], timeout=60, **more)

    def add(self, key="owner", **body):
        return self.ask("POST", "/v1/sources", key=key, json=body)

    def ended(self, reply):
        """The job of a 202, when it has ended."""
        assert reply.status_code == 202, reply.text
        give_up = time.monotonic() + MOST_S
        while time.monotonic() < give_up:
            job = self.ask("GET", reply.headers["location"]).json()
            if job["state"] != "running":
                return job
            time.sleep(0.2)
        return pytest.fail("the job did not end")


@pytest.fixture(scope="module")
def told(tmp_path_factory, serve):
    folder = tmp_path_factory.mktemp("jobs")
    home = new_home(folder)
    allowed = folder / "allowed"
    write_files(allowed / "shop", orders_csv="id,total\n1,2\n")
    write_files(folder / "secret", people_csv="id,name\n1,Ada\n")
    (allowed / "way-out").symlink_to(folder / "secret")
    store = KeyStore(home / "state.db")
    keys = {role: store.add(role)[1] for role in ("owner", "analyst", "visitor")}
    keys["limited"] = store.add("owner", sources=["shop"])[1]
    with served() as pages:
        pages.page(
            "/", "<p>Parcels are handed to the carrier within two working days of the order.</p>", title="Delivery"
        )
        settings = {
            "ANSWERABLE_SOURCE_FOLDERS": str(allowed),
            "ANSWERABLE_SOURCE_HOSTS": f"127.0.0.1:{pages.port}",
            "ANSWERABLE_REQUIRE_KEY": "true",
            "ANSWERABLE_RATE_PER_KEY": "off",
        }
        with serve(home, ready="/healthz", **settings) as base:
            yield Service(base, home, allowed, pages.port, keys)


@pytest.fixture(scope="module")
def shop(told):
    job = told.ended(told.add(location=str(told.folder / "shop"), public=True))
    assert job["state"] == "succeeded", job
    return told


def code_of(reply):
    return reply.json()["error"]["code"]


def test_an_added_folder_is_served_and_its_job_told(shop):
    detail = shop.ask("GET", "/v1/sources/shop").json()
    assert [table["name"] for table in detail["tables"]] == ["orders"]
    assert detail["visibility"] == "public" and detail["location"] == str(shop.folder / "shop")
    assert detail["health"]["state"] == "ok" and detail["health"]["size_bytes"] > 0
    (job,) = [job for job in detail["jobs"] if job["kind"] == "add"]
    assert job["tables"]["new"] == 1 and job["changed"] is True and job["by"]


def test_an_added_site_is_served(shop):
    where = f"http://127.0.0.1:{shop.port}/"
    reply = shop.add(location=where, name="delivery", options={"delay": "0", "max_pages": "3"}, every="1h")
    job = shop.ended(reply)
    assert job["state"] == "succeeded" and job["documents"]["new"] == 1
    detail = shop.ask("GET", "/v1/sources/delivery").json()
    assert (detail["kind"], detail["health"]["every"]) == ("web", "1h")
    found = shop.ask("POST", "/v1/search", json={"query": "carrier"}).json()["results"]
    assert found[0]["source"] == "delivery"


def test_a_sync_reads_what_changed(shop):
    write_files(shop.folder / "shop", orders_csv="id,total\n1,2\n2,3\n")
    assert shop.ended(shop.ask("POST", "/v1/sources/shop/sync"))["tables"]["changed"] == 1
    assert shop.ask("GET", "/v1/sources/shop").json()["tables"][0]["rows"] == 2


def test_one_ingest_at_a_time(shop):
    with ingest_lock(Layout(shop.home).lock):
        for reply in (
            shop.ask("POST", "/v1/sources/shop/sync"),
            shop.add(location=str(shop.folder / "shop")),
            shop.ask("DELETE", "/v1/sources/shop"),
        ):
            assert (reply.status_code, code_of(reply)) == (409, "ingest_busy")
    first, second = (shop.ask("POST", "/v1/sources/shop/sync") for _ in range(2))
    assert (second.status_code, code_of(second)) == (409, "ingest_busy")
    assert shop.ended(first)["state"] == "succeeded"


def test_what_fails_is_told_with_code_and_message(shop):
    job = shop.ended(shop.add(location=str(shop.folder / "nothing-here"), name="gone"))
    assert job["state"] == "failed" and job["code"] == "source_not_found" and "does not exist" in job["message"]
    assert shop.ask("GET", "/v1/sources/gone").status_code == 404
    assert shop.ask("GET", "/v1/jobs?source=gone").json()["jobs"] == [job]


def test_a_removed_source_leaves_nothing(shop):
    write_files(shop.folder / "brief", brief_csv="id,word\n1,zanzibar\n")
    assert shop.ended(shop.add(location=str(shop.folder / "brief")))["state"] == "succeeded"
    kept = shop.home / "descriptions" / "brief"
    kept.mkdir(parents=True)
    assert shop.ask("DELETE", "/v1/sources/brief").status_code == 204
    assert shop.ask("GET", "/v1/sources/brief").status_code == 404
    segments = [json.loads(path.read_text()) for path in (shop.home / "store" / "segments").glob("*/segment.json")]
    assert "brief" not in {segment["source"] for segment in segments}
    assert not kept.exists()
    assert shop.ask("DELETE", "/v1/sources/brief").status_code == 404


@pytest.mark.parametrize(
    "body",
    [
        {"location": "/etc"},
        {"location": "/etc/passwd", "kind": "files"},
        {"location": "{folder}/../secret"},
        {"location": "{folder}/way-out"},
        {"location": "~/.ssh"},
        {"location": "shop"},
        {"location": "file:///etc"},
        {"location": "git+file:///etc"},
        {"location": "http://127.0.0.1:1/"},
        {"location": "http://localhost/"},
        {"location": "http://169.254.169.254/latest/meta-data/"},
        {"location": "http://[::ffff:10.0.0.1]/"},
        {"location": "https://2130706433/x.git"},
        {"location": "https://user:word@127.0.0.1/x.git"},
        {"location": "postgresql://a:b@127.0.0.1:5432/x"},
        {"location": "postgresql://a:${ANSWERABLE_HOME}@127.0.0.1/x"},
        {"location": "postgresql://a:b@192.0.2.1/x?sslkey=/etc/shadow"},
        {"location": "postgresql://a:b@192.0.2.1/x?ssl%6Bey=/etc/shadow"},
        {"location": "s3://bucket/x", "options": {"endpoint_url": "http://10.0.0.1:9000"}},
        {"location": "s3://bucket/x", "options": {"profile": "admin"}},
        {"location": "http://127.0.0.1:{port}/", "options": {"allow_private": "10.0.0.1"}},
        {"location": "http://127.0.0.1:{port}/", "options": {"nothing": "1"}},
        {"location": "http://127.0.0.1:{port}/", "options": {"--home": "/tmp"}},
        {"location": "http://127.0.0.1:{port}/", "kind": "files"},
        {"location": "{folder}/shop", "kind": "web"},
        {"location": "{folder}/shop", "kind": "nothing"},
        {"location": "--home=/tmp/x"},
        {"location": "{folder}/shop\nx"},
        {"location": "{folder}/shop\u202e"},
        {"location": " "},
        {"location": "imaps://127.0.0.1/"},
        {"location": "gopher://127.0.0.1/"},
    ],
)
def test_a_source_that_may_not_be_added_from_elsewhere_is_refused(shop, body):
    where = body["location"].replace("{folder}", str(shop.folder)).replace("{port}", str(shop.port))
    reply = shop.add(**body | {"location": where})
    assert (reply.status_code, code_of(reply)) == (400, "source_refused"), reply.text
    assert "Ada" not in reply.text


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({}, "invalid_request"),
        ({"location": "x" * 3000}, "invalid_request"),
        ({"location": "/x", "name": "../x"}, "invalid_request"),
        ({"location": "/x", "name": "--help"}, "invalid_request"),
        ({"location": "/x", "models": "yes"}, "invalid_request"),
        ({"location": "/x", "describe": "/etc/passwd"}, "invalid_request"),
        ({"location": "/x", "options": {"a": 1}}, "invalid_request"),
        ({"location": "/x", "every": "soon"}, "wrong_interval"),
    ],
)
def test_a_wrong_request_is_a_400(shop, body, code):
    reply = shop.add(**body)
    assert (reply.status_code, code_of(reply)) == (400, code)


def test_a_name_that_is_taken_is_a_409(shop):
    reply = shop.add(location=str(shop.folder / "elsewhere"), name="shop")
    assert (reply.status_code, code_of(reply)) == (409, "already_exists")


@pytest.mark.parametrize("key", ["analyst", "visitor", "limited"])
def test_only_owners_of_everything_add_and_remove(shop, key):
    assert shop.add(key, location=str(shop.folder / "shop")).status_code == 403
    assert shop.ask("DELETE", "/v1/sources/shop", key=key).status_code == 403


@pytest.mark.parametrize("key", ["analyst", "visitor"])
def test_health_and_jobs_are_for_owners(shop, key):
    detail = shop.ask("GET", "/v1/sources/shop", key=key).json()
    assert detail["tables"] and (detail["location"], detail["health"], detail["jobs"]) == (None, None, None)
    assert shop.ask("POST", "/v1/sources/shop/sync", key=key).status_code == 403
    assert shop.ask("GET", "/v1/jobs", key=key).status_code == 403


def test_an_owner_of_one_source_sees_and_syncs_that_one(shop):
    assert {job["source"] for job in shop.ask("GET", "/v1/jobs", key="limited").json()["jobs"]} == {"shop"}
    assert shop.ask("POST", "/v1/sources/delivery/sync", key="limited").status_code == 404
    assert shop.ended(shop.ask("POST", "/v1/sources/shop/sync", key="limited"))["changed"] is False


@pytest.mark.parametrize("name", ["nothing", "..%2f..%2fetc", "%00", "shop%0a"])
def test_an_unknown_source_or_job_is_a_404(shop, name):
    for method, path in (("GET", ""), ("POST", "/sync"), ("DELETE", "")):
        assert shop.ask(method, f"/v1/sources/{name}{path}").status_code == 404
    assert shop.ask("GET", f"/v1/jobs/{name}").status_code == 404


def test_a_password_reaches_no_reply_and_no_argument(shop):
    """The location goes to the command by its standard input; what is shown has the password left out."""
    reply = shop.add(location=f"postgresql://reader:planted-word@127.0.0.1:{shop.port}/x", name="database")
    job = shop.ended(reply)
    assert job["state"] == "failed" and job["code"].startswith("source_")
    assert "planted-word" not in shop.ask("GET", "/v1/jobs").text + reply.text


def test_a_job_whose_server_died_is_interrupted(tmp_path, serve):
    home, source = new_home(tmp_path), write_files(tmp_path / "shop", orders_csv="id,total\n1,2\n")
    ingest(home, source, name="shop")
    note = {"id": "20260101T000000000000-abcd", "kind": "sync", "source": "shop", "state": "running"}
    jobs = Layout(home).jobs
    jobs.mkdir()
    (jobs / f"{note['id']}.json").write_text(json.dumps(note | {"started_at": "2026-01-01T00:00:00.000+00:00"}))
    with serve(home, ready="/healthz") as base:
        (job,) = httpx.get(base + "/v1/jobs", timeout=30).json()["jobs"]
    assert (job["state"], job["code"]) == ("failed", "interrupted") and job["hint"]
