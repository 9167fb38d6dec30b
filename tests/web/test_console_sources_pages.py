"""The console's pages of sources and verified queries over HTTP: who sees what, exports, and what is refused."""

from __future__ import annotations

import csv
import html
import io
import re
import shutil
import time

import httpx
import pytest

from app.ops.keys import KeyStore
from ingest.layout import Layout
from ingest.stores.locking import ingest_lock
from tests.ingest.ingesting import ingest, new_home, write_files

PLANTED = "<script>planted()</script>"
UNLIMITED = {"ANSWERABLE_RATE_PER_KEY": "off", "ANSWERABLE_RATE_PER_ADDRESS": "off"}
HOSTILE_CSV = "<img src=x onerror=planted()>.csv"
DESCRIBE = """\
tables:
  people:
    columns:
      mail: {pii: email}
      salary: {hidden: true}
"""


class Console:
    """A server and a session for each role."""

    def __init__(self, base, home, tokens):
        self.base, self.home = base, home
        self.sessions = {name: self._session(token) for name, token in tokens.items()}

    def _session(self, token):
        session = httpx.Client(base_url=self.base, headers={"Origin": self.base}, timeout=60)
        assert session.post("/console/login", data={"key": token}).status_code == 303
        return session

    def get(self, path, key="owner"):
        return self.sessions[key].get(f"/console{path}")

    def post(self, path, key="owner", headers=None, **data):
        return self.sessions[key].post(f"/console{path}", data=data, headers=headers)

    def edit(self, text, action="check", key="owner", base=None, source="shop"):
        base = self.base_of(source) if base is None else base
        return self.post(f"/sources/{source}/description", key, text=text, base=base, action=action)

    def base_of(self, source="shop"):
        return re.search(r'name="base" value="(\w+)"', self.get(f"/sources/{source}/description").text)[1]

    def text_of(self, source="shop"):
        found = re.search(r"<textarea[^>]*>\n(.*)</textarea>", self.get(f"/sources/{source}/description").text, re.S)
        return html.unescape(found[1])

    def settled(self, source="shop"):
        give_up = time.monotonic() + 60
        while time.monotonic() < give_up:
            page = self.get(f"/sources/{source}/progress").text
            if "hx-trigger" not in page:
                return page
            time.sleep(0.2)
        return pytest.fail("the ingest did not end")


@pytest.fixture(scope="module")
def console(tmp_path_factory, serve):
    folder = tmp_path_factory.mktemp("pages")
    home = new_home(folder)
    shop = write_files(
        folder / "shop",
        orders_csv=f"id,<b>col</b>,note\n1,=cmd(),{PLANTED}\n2,x,mail ada@example.org\n3,x,a\u202eb\n",
        people_csv="id,mail,salary\n1,ada@example.org,90001\n2,bob@example.org,90002\n",
    )
    (shop / HOSTILE_CSV).write_text("id\n1\n")
    (shop / "describe.yaml").write_text(DESCRIBE)
    words = "A document with enough words in it to be kept as one passage of text by the ingest of this test."
    write_files(folder / "pages", a_md=f"# {PLANTED}\n\n{words}\n", b_md=f"# Second\n\nAnother {words}\n")
    ingest(home, shop, name="shop")
    ingest(home, folder / "pages", name="pages")
    store = KeyStore(home / "state.db")
    tokens = {role: store.add(role)[1] for role in ("owner", "analyst")}
    tokens["limited"] = store.add("owner", sources=["pages"])[1]
    folders = {"ANSWERABLE_SOURCE_FOLDERS": str(folder / "allowed")}
    with serve(home, ready="/healthz", ANSWERABLE_REQUIRE_KEY="true", **UNLIMITED, **folders) as base:
        opened = Console(base, home, tokens)
        yield opened
        for session in opened.sessions.values():
            session.close()


def test_the_documents_of_the_list_can_be_read(console):
    links = re.findall(r'<th scope="row"><a href="([^"]+)"', console.get("/sources/pages/documents").text)
    assert len(links) == 2
    for link in links:
        assert console.sessions["owner"].get(html.unescape(link)).status_code == 200, link


PAGES = (
    *("/sources", "/sources/shop", "/sources/shop/documents", "/sources/shop/report", "/sources/shop/quality"),
    *("/sources/shop/tables/orders", "/sources/shop/description", "/verified", "/add-source", "/sources/shop/remove"),
)


@pytest.mark.parametrize("path", PAGES)
def test_a_page_is_whole_and_nothing_planted_is_markup(console, path):
    reply = console.get(path)
    assert reply.status_code == 200, reply.text
    assert "planted()</script>" not in reply.text and "<img" not in reply.text and "<b>col" not in reply.text
    assert "\u202e" not in reply.text
    assert "default-src 'none'" in reply.headers["content-security-policy"]


def test_names_and_values_are_shown_as_text(console):
    page = console.get("/sources/shop/tables/orders").text
    assert html.escape(PLANTED) in page and r"a\u202eb" in page and "&lt;b&gt;col&lt;/b&gt;" in page
    listed = console.get("/sources/shop").text
    (link,) = re.findall(r'href="(/console/sources/shop/tables/[^"]*img[^"]*)"', listed) or [None]
    assert link and console.get(link.removeprefix("/console")).status_code == 200


def test_personal_and_hidden_values_are_never_shown(console):
    for shape in ("html", "json", "csv"):
        orders = console.get(f"/sources/shop/tables/orders?format={shape}").text
        people = console.get(f"/sources/shop/tables/people?format={shape}").text
        assert "ada@example.org" not in orders + people and "90001" not in people
        assert "EMAIL_ADDRESS" in people
    assert "(personal data)" in console.get("/sources/shop/tables/orders").text
    assert "salary" in console.get("/sources/shop/tables/people").text
    assert "salary" not in console.get("/sources/shop/tables/people", "analyst").text


def test_lists_are_exported(console):
    assert {row["name"] for row in console.get("/sources?format=json").json()} == {"shop", "pages"}
    rows = list(csv.DictReader(io.StringIO(console.get("/sources/pages/documents?format=csv").text)))
    assert [row["path"] for row in rows] == ["a.md", "b.md"]
    columns = console.get("/sources/shop/tables/orders?format=json").json()
    assert [column["name"] for column in columns] == ["id", "<b>col</b>", "note"]
    values = list(csv.DictReader(io.StringIO(console.get("/sources/shop/tables/orders?format=csv").text)))
    assert not any(cell.startswith(("=", "@")) for row in values for cell in row.values())
    for path in ("/sources/shop", "/sources/shop/report", "/sources/pages/quality", "/sources/shop/jobs", "/verified"):
        assert isinstance(console.get(f"{path}?format=json").json(), list)


def test_documents_are_searched(console):
    assert "b.md" in console.get("/sources/pages/documents?q=second").text
    assert "a.md" not in console.get("/sources/pages/documents?q=second").text
    assert "0 documents" in console.get(f"/sources/pages/documents?q={PLANTED}x").text
    assert console.get("/sources/pages/documents?page=0").status_code == 400
    assert console.get("/sources/pages/documents?page=99").status_code == 200


def test_an_analyst_reads_and_changes_nothing(console):
    for path in ("/sources", "/sources/shop", "/sources/shop/documents", "/sources/shop/report"):
        page = console.get(path, "analyst")
        assert page.status_code == 200
        assert "Sync now" not in page.text and str(console.home.parent) not in page.text
    for path in ("/sources/shop/quality", "/sources/shop/description", "/sources/shop/jobs"):
        assert console.get(path, "analyst").status_code == 403
    assert console.post("/sources/shop/sync", "analyst").status_code == 403
    assert console.edit("description: x", "save", "analyst", base="x").status_code == 403


def test_an_owner_of_one_source_sees_that_one(console):
    assert [row["name"] for row in console.get("/sources?format=json", "limited").json()] == ["pages"]
    assert console.get("/sources/shop", "limited").status_code == 404
    assert console.get("/sources/pages/quality", "limited").status_code == 200
    assert console.get("/sources/pages/description", "limited").status_code == 403


@pytest.mark.parametrize(
    "path",
    [
        *("/sources/..%2f..%2fetc", "/sources/nope", "/sources/shop/tables/..%2f..%2f..%2fetc%2fpasswd"),
        *(
            "/sources/shop/tables/%3Cscript%3E",
            "/sources/nope/description",
            "/sources/shop%00",
            "/sources/shop/tables/",
        ),
    ],
)
def test_what_is_not_there_is_a_404(console, path):
    reply = console.get(path)
    assert reply.status_code == 404
    assert "<script>" not in reply.text and "root:" not in reply.text


@pytest.mark.parametrize(
    "version", ["../../state.db", "..%2f..%2fstate.db", "20260101T000000000000-abcdefabcdef.yaml", "x", "/etc/passwd"]
)
def test_a_version_is_no_path(console, version):
    assert console.get(f"/sources/shop/description?version={version}").status_code in (400, 404)


BOMB = "a: &a {x: 1}\n" + "\n".join(
    f"{chr(98 + i)}: &{chr(98 + i)} {{" + ", ".join(f"k{j}: *{chr(97 + i)}" for j in range(9)) + "}" for i in range(9)
)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("tables:\n  orders: {synonyms: [a", "line 3"),
        ("description: a\n  b: c: d", "line 2"),
        ("description: x\ntables:\n  ordrs: {}", "line 3: there is no table 'ordrs'"),
        ("tables:\n  orders:\n    columns:\n      totl: {}", "line 4: table 'orders' has no column 'totl'"),
        ("tables:\n  orders: {colour: red}", "unknown key 'colour'"),
        ("metrics:\n  m: {table: orders, expression: 'id'}", "does not aggregate"),
        ("metrics:\n  m: {table: orders, expression: 'sum(nope)'}", "no column 'nope'"),
        ("visibility: everyone", "Known are public, internal"),
        (BOMB, "expands to more"),
        ("a: &a {b: *a}", "expands to more"),
        ("[" * 3000, "nested more than"),
        ("x: !!python/object/apply:os.system ['id']", "is not used here"),
        ("description: a\x07b", "line 1"),
        (f"tables:\n  '{PLANTED}': {{}}", "line 2"),
    ],
)
def test_a_wrong_description_is_refused_with_its_line(console, text, told):
    for action in ("check", "save"):
        reply = console.edit(text, action)
        assert reply.status_code == 400
        assert told in html.unescape(reply.text) and 'role="alert"' in reply.text
        assert PLANTED not in reply.text
    assert console.text_of() == DESCRIBE


def test_a_huge_description_is_refused(console):
    assert console.edit("#" * 400_000).status_code in (400, 413)


def test_a_check_shows_the_difference_and_what_it_changes(console):
    text = DESCRIBE.replace("tables:\n", "visibility: public\ntables:\n").replace("pii: email", "pii: none")
    page = html.unescape(console.edit(text + "  orders: {synonyms: [purchases]}\n").text)
    assert "<ins>+visibility: public</ins>" in page and "<del>-      mail: {pii: email}</del>" in page
    assert re.search(r"table people</bdi></th><td>visibility .*shows more", page)
    assert re.search(r"column people\.mail</bdi></th><td>personal data .*shows more", page)
    assert "purchases" in page and "more will be seen than before" in page
    assert "Nothing: this is the description as it is." in console.edit(DESCRIBE).text
    assert console.text_of() == DESCRIBE


def test_saving_keeps_the_operators_file_and_both_versions(console):
    first, second = (DESCRIBE + f"  orders: {{synonyms: [{word}]}}\n" for word in ("purchases", "deals"))
    own = console.home.parent / "shop" / "describe.yaml"
    kept = console.home / "descriptions" / "shop"
    stale = console.base_of()
    for text in (first, second):
        assert console.edit(text.replace("\n", "\r\n"), "save").status_code == 303
        assert "Succeeded" in console.settled()
        assert console.text_of() == text
    assert own.read_text() == DESCRIBE
    assert sorted(path.read_text() for path in kept.iterdir()) == sorted([first, second])
    assert all(path.stat().st_mode & 0o077 == 0 for path in kept.iterdir())
    assert "deals" in console.get("/sources/shop/tables/orders").text
    refused = console.edit(first, "save", base=stale)
    assert refused.status_code == 409 and "Somebody saved another version" in refused.text
    assert "purchases" in refused.text and console.text_of() == second
    (older,) = [path.name for path in kept.iterdir() if path.read_text() == first]
    assert "purchases" in console.get(f"/sources/shop/description?version={older}").text
    shown = httpx.get(console.base + "/v1/sources", headers={"Authorization": "Bearer x"})
    assert shown.status_code == 401


def test_a_busy_store_takes_no_save(console):
    before = console.text_of()
    with ingest_lock(Layout(console.home).lock):
        reply = console.edit(before + "description: other\n", "save")
        assert reply.status_code == 409 and "ingest_busy" in reply.text
        assert console.post("/sources/shop/sync").status_code == 409
    assert console.text_of() == before


def test_a_save_that_the_source_no_longer_fits_leaves_what_was_in_force(console):
    """The table is there when the form checks the text, and gone when the sync reads the source."""
    before = console.text_of()
    file = console.home.parent / "shop" / HOSTILE_CSV
    file.unlink()
    name = next(row["name"] for row in console.get("/sources/shop?format=json").json() if "img" in row["name"])
    assert console.edit(before + f"  {name}: {{synonyms: [extra]}}\n", "save").status_code == 303
    assert "description_error" in console.settled()
    assert console.text_of() == before
    assert console.post("/sources/shop/sync").status_code == 303
    assert "OK" in console.settled()


@pytest.mark.parametrize("headers", [{"Origin": "https://evil.example"}, {"Origin": ""}])
def test_forged_requests_change_nothing(console, headers):
    for path in ("/sources/shop/sync", "/sources/shop/description", "/verified", "/verified/x/remove"):
        assert console.post(path, headers=headers, text="description: x", action="save").status_code == 403


def test_verified_queries_are_added_compared_replaced_checked_and_removed(console):
    pair = {"source": "shop", "question": "How many orders are there?", "sql": "SELECT count(*) AS n FROM orders"}
    prefilled = console.get("/verified?source=shop&question=%3Cb%3E&sql=SELECT+1").text
    assert 'value="&lt;b&gt;"' in prefilled and "SELECT 1" in prefilled
    assert console.post("/verified", **pair).status_code == 303
    other = pair | {"sql": "SELECT count(id) AS n\nFROM orders"}
    refused = console.post("/verified", **other)
    assert refused.status_code == 409 and "<ins>+SELECT count(id) AS n</ins>" in refused.text
    assert console.post("/verified", **other, force="true").status_code == 303
    (kept,) = console.get("/verified?format=json").json()
    assert kept["sql"].count("id") == 1 and kept["status"] == "active"
    page = console.get("/verified").text
    assert '<span class="k">SELECT</span>' in page and "Nothing may vary" in page
    assert console.post(f"/verified/{kept['id']}/check").status_code == 303
    wrong = console.post("/verified", **pair | {"sql": f"DROP TABLE orders -- {PLANTED}"})
    assert wrong.status_code == 400 and PLANTED not in wrong.text
    assert console.post(f"/verified/{kept['id']}/remove").status_code == 303
    assert console.get("/verified?format=json").json() == []
    assert console.post(f"/verified/{kept['id']}/check").status_code == 404


def test_a_home_that_moved_still_has_its_edited_description(console, tmp_path, serve):
    moved = tmp_path / "moved"
    moved.mkdir()
    for part in ("store", "descriptions"):
        shutil.copytree(console.home / part, moved / part)
    (moved / "cache").symlink_to((console.home / "cache").resolve())
    with serve(moved, ready="/healthz") as base:
        page = httpx.get(base + "/console/sources/shop/description", timeout=30).text
    assert "It was edited here." in page and "deals" in page


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ({"location": "/etc"}, "no path below a folder"),
        ({"location": "http://127.0.0.1:1/"}, "this machine itself"),
        ({"location": "https://docs.example.com/", "name": "No Name"}, "name is not one"),
        ({"location": "https://docs.example.com/", "options": "depth"}, "is no option"),
        ({"location": "https://docs.example.com/", "visibility": "all"}, "visibility is not known"),
        ({"location": ""}, "location is not one"),
    ],
)
def test_a_source_that_may_not_be_added_comes_back_with_what_was_typed(console, form, said):
    reply = console.post("/add-source", **form)
    assert reply.status_code == 400 and said in html.unescape(reply.text) and 'role="alert"' in reply.text
    assert html.escape(form["location"]) in reply.text


def test_a_source_is_added_and_removed_by_owners_of_all(console):
    allowed = write_files(console.home.parent / "allowed", page_md=f"# {PLANTED}\n\nKites are repaired in ten days.\n")
    form = {"location": str(allowed), "name": "kites", "visibility": "public"}
    for key in ("analyst", "limited"):
        assert console.get("/add-source", key).status_code == 403
        assert console.post("/add-source", key, **form).status_code == 403
        assert console.get("/sources/pages/remove", key).status_code == 403
        assert console.post("/sources/pages/remove", key).status_code == 403
    sent = console.post("/add-source", **form)
    assert sent.status_code == 303, sent.text
    job = sent.headers["location"].removeprefix("/console")
    assert console.get(job, "limited").status_code == 403
    give_up = time.monotonic() + 60
    while "hx-trigger" in console.get(f"{job}/progress").text and time.monotonic() < give_up:
        time.sleep(0.2)
    assert "1 documents" in console.get(job).text and "/console/sources/kites" in console.get(job).text
    assert "public" in console.get("/sources/kites").text
    with ingest_lock(Layout(console.home).lock):
        busy = console.post("/sources/kites/remove")
    assert busy.status_code == 409 and 'role="alert"' in busy.text
    assert "Remove the source kites?" in console.get("/sources/kites/remove").text
    assert console.post("/sources/kites/remove").headers["location"] == "/console/sources"
    assert console.get("/sources/kites").status_code == 404
    assert console.get("/sources/kites/remove").status_code == 404 and console.get("/jobs/none").status_code == 404
