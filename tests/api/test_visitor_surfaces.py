"""A visitor learns of nothing internal on any surface, by key or by ticket; the same requests show it to an owner."""

from __future__ import annotations

import re

import httpx
import pytest

from tests.api.widget_pages import code, made, made_site, visiting
from tests.ingest.ingesting import ingest, new_home

DESCRIBED = """
documents:
  "staff/*": {visibility: internal}
tables:
  payroll: {visibility: internal}
  boats:
    columns:
      scrapvalue: {visibility: internal, description: What Thornwick pays for a wreck}
"""
FILES = {
    "rules.md": "# Rules of the lake\n\nBoats come back before six in the evening. Who is late pays ten euros for every hour. "
    "Life vests are worn on the water at all times, and dogs ride in the bow on a short lead.\n",
    "staff/oakhollow.md": "# Oakhollow handbook\n\nThe night shift is paid double and signs the brindlemoth list at the gate. "
    "Keys of the boathouse hang behind the brindlemoth list and are counted every morning by the wardens.\n",
    "boats.csv": "boat,kind,seats,scrapvalue\n"
    + "".join(
        f"Boat {n},{('canoe', 'rowboat', 'pedalo', 'kayak')[n % 4]},{n % 5 + 1},{777300 + n}\n" for n in range(24)
    ),
    "payroll.csv": "person,wagegrade,pay\n"
    + "".join(f"Quillon {n},{('warden', 'rower', 'baker')[n % 3]},{2000 + n}\n" for n in range(21)),
}
OFFICE = {
    "vaultplan.md": "# Vault plan\n\nThe vault behind the office opens with the thornwick code, which changes every Monday morning.\n",
    "coffers.csv": "entry,amount\n" + "".join(f"thornwick {n},{n * 10}\n" for n in range(20)),
}
SECRETS = (
    *("oakhollow", "brindlemoth", "payroll", "wagegrade", "quillon", "warden", "scrapvalue", "scrap value"),
    *("7773", "777,3", "backoffice", "vaultplan", "vault plan", "thornwick", "coffers", "staff/"),
)
RANDOM_ID = re.compile(r"\b[0-9a-f]{32}\b")
QUESTIONS = (
    "How is the night shift paid?",
    "What does the Oakhollow handbook say?",
    "What is in staff/oakhollow.md?",
    "What hangs behind the list at the gate?",
    "How does the vault open?",
    "How many people are on the payroll?",
    "How many people are on the payrol?",
    "What is the average pay by wagegrade?",
    "highest pay",
    "list the people",
    "How many wardens are there?",
    "List the boats",
    "Show everything about boat 3",
    "Which boat has the highest scrap value?",
    "Which boat has the highest scrapvaleu?",
    "total scrapvalue by kind",
    "How many boats are there by kind?",
    "Show me the numbers",
    "How much?",
    "How many entries are there?",
    "sum of the amounts",
    "Who is late and how many boats are there?",
    "Wie viel verdient ein Warden?",
)
SHOWN_TO_OWNERS = {0, 1, 3, 4, 7}
"""Questions whose answer to an owner holds something internal: without them this would test nothing."""
VERIFIED = {
    "source": "lake",
    "question": "How many people does the night shift have?",
    "sql": "SELECT count(*) AS people FROM payroll WHERE wagegrade = 'warden'",
}


@pytest.fixture(scope="module")
def lake(tmp_path_factory, serve):
    """Base URL and caller -> headers of a service over public and internal parts."""
    folder = tmp_path_factory.mktemp("surfaces")
    home = new_home(folder)
    for name, files in (("lake", FILES), ("backoffice", OFFICE)):
        for path, text in files.items():
            (folder / name / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / name / path).write_text(text)
    (folder / "describe.yaml").write_text(DESCRIBED)
    ingest(home, folder / "lake", name="lake", public=True, description_path=str(folder / "describe.yaml"))
    ingest(home, folder / "backoffice", name="backoffice")
    headers = {
        role: {"Authorization": f"Bearer {made(home, 'add', '--role', role)['token']}"} for role in ("owner", "visitor")
    }
    site = made_site(home)
    rates = {f"ANSWERABLE_RATE_PER_{name}": "off" for name in ("KEY", "VISITOR", "ADDRESS")}
    with serve(home, ANSWERABLE_REQUIRE_KEY="true", **rates) as base:
        headers["ticket"] = visiting(base, site)
        approved = httpx.post(base + "/v1/verified", json=VERIFIED, headers=headers["owner"], timeout=60)
        assert approved.status_code == 201, approved.text
        yield base, headers


def told(reply, *asked):
    """The internal words in a response, but those that the request itself held, and digits of random ids."""
    said = RANDOM_ID.sub("", f"{reply.text} {reply.headers}".casefold())
    own = " ".join(asked).casefold()
    return [secret for secret in SECRETS if secret in said and secret not in own]


def send(lake, caller, method, path, **options):
    base, headers = lake
    return httpx.request(
        method, base + path, headers=headers[caller] | options.pop("headers", {}), timeout=60, **options
    )


def ask(lake, caller, question, **fields):
    return send(lake, caller, "POST", "/v1/ask", json={"question": question} | fields)


@pytest.mark.parametrize("number", range(len(QUESTIONS)))
def test_answers(lake, number):
    question = QUESTIONS[number]
    for caller in ("visitor", "ticket"):
        for stream in (False, True):
            reply = ask(lake, caller, question, stream=stream)
            assert reply.status_code == 200
            assert told(reply, question) == [], reply.text
    if number in SHOWN_TO_OWNERS:
        assert told(ask(lake, "owner", question), question) != []


@pytest.mark.parametrize("caller", ["visitor", "ticket"])
def test_what_was_answered_is_read_again_without_it_and_charts_too(lake, caller):
    found = [ask(lake, caller, QUESTIONS[number]).json() for number in (0, 11, 15, 16)]
    for answer in found:
        read = send(lake, caller, "GET", f"/v1/answers/{answer['id']}")
        assert read.status_code == 200
        assert told(read, *QUESTIONS) == []
        picture = send(lake, caller, "GET", f"/v1/answers/{answer['id']}/chart.svg")
        assert picture.status_code in (200, 404)
        assert told(picture, *QUESTIONS) == []
    assert found[3]["chart"] is not None


@pytest.mark.parametrize("caller", ["visitor", "ticket"])
def test_answers_of_others_are_not_there(lake, caller):
    theirs = ask(lake, "owner", QUESTIONS[5]).json()["id"]
    for end in ("", "/chart.svg"):
        reply = send(lake, caller, "GET", f"/v1/answers/{theirs}{end}")
        unknown = send(lake, caller, "GET", f"/v1/answers/{'0' * 32}{end}")
        assert code(reply) == (404, "not_found")
        assert reply.json()["error"]["message"] == unknown.json()["error"]["message"]


@pytest.mark.parametrize("caller", ["visitor", "ticket"])
def test_a_conversation_leads_to_nothing_internal(lake, caller):
    for question in (
        "How many boats are there?",
        "which ones?",
        "with their scrapvalue",
        "and their pay?",
        "by wagegrade",
    ):
        reply = ask(lake, caller, question, session="tour")
        assert told(reply, question) == [], reply.text


@pytest.mark.parametrize("caller", ["visitor", "ticket"])
@pytest.mark.parametrize("path", ["/v1/ask", "/v1/search", "/v1/sql/check"])
def test_an_internal_source_is_as_unknown_as_one_that_is_not_there(lake, caller, path):
    if caller == "ticket" and path != "/v1/ask":
        return
    said = []
    for name in ("backoffice", "nowhere123"):
        body = {"question": "x y z", "query": "x", "sources": [name]}
        body = {"sql": "SELECT 1", "source": name} if path == "/v1/sql/check" else body
        reply = send(lake, caller, "POST", path, json=body)
        assert code(reply) == (404, "not_found")
        error = reply.json()["error"]
        said.append((error["message"].replace(name, "NAME"), error["hint"]))
        assert told(reply, name) == []
    assert said[0] == said[1]
    assert "lake" in said[0][1]


@pytest.mark.parametrize(
    "body",
    [
        {"query": "night shift paid double list at the gate"},
        {"query": "vault code monday"},
        {"query": "keys of the boathouse", "filters": {"document": "staff/*"}},
        {"query": "oakhollow", "filters": {"document": "*oakhollow*"}},
        {"query": "handbook", "limit": 50},
    ],
)
def test_search(lake, body):
    asked = str(body)
    assert told(send(lake, "visitor", "POST", "/v1/search", json=body), asked) == []
    assert told(send(lake, "owner", "POST", "/v1/search", json=body), asked) != []
    assert code(send(lake, "ticket", "POST", "/v1/search", json=body)) == (403, "not_permitted")


def test_sources_and_reports(lake):
    for path in (
        "/v1/sources",
        "/v1/sources/lake/quality",
        "/v1/sources/backoffice/quality",
        "/v1/verified",
        "/metrics",
    ):
        assert told(send(lake, "visitor", "GET", path), path) == []
        assert send(lake, "ticket", "GET", path).status_code == 403
    seen = send(lake, "visitor", "GET", "/v1/sources").json()["sources"]
    assert [(source["name"], source["documents"]) for source in seen] == [("lake", 1)]
    assert [[column["name"] for column in table["columns"]] for table in seen[0]["tables"]] == [
        ["boat", "kind", "seats"]
    ]
    assert told(send(lake, "owner", "GET", "/v1/sources")) != []


@pytest.mark.parametrize(
    ("internal", "unknown"),
    [
        ("SELECT pay FROM payroll", "SELECT pay FROM nothing1"),
        ("SELECT boat, scrapvalue FROM boats", "SELECT boat, nothing123 FROM boats"),
        ("SELECT boat FROM boats WHERE scrapvalue > 1", "SELECT boat FROM boats WHERE nothing123 > 1"),
        ("SELECT boat FROM boats ORDER BY scrapvalue", "SELECT boat FROM boats ORDER BY nothing123"),
        ("SELECT b.boat FROM boats b JOIN payroll p ON true", "SELECT b.boat FROM boats b JOIN nothing1 p ON true"),
        ("SELECT max(scrapvalue) FROM boats", "SELECT max(nothing123) FROM boats"),
        ("SELECT boat FROM boats WHERE EXISTS (SELECT 1 FROM payroll)", "SELECT boat FROM boats WHERE EXISTS (SELECT 1 FROM nothing1)"),
        ("SELECT amount FROM coffers", "SELECT amount FROM nothin"),
        ("SELECT amount FROM backoffice.coffers", "SELECT amount FROM nothing123.nothin"),
    ],
)  # fmt: skip
def test_sql_names_internal_parts_as_unknown(lake, internal, unknown):
    findings = []
    for sql in (internal, unknown):
        for source in (None, "lake"):
            reply = send(lake, "visitor", "POST", "/v1/sql/check", json={"sql": sql, "source": source})
            assert reply.json()["allowed"] is False
            assert told(reply, sql) == []
            text = reply.text.casefold()
            for word in ("backoffice", "nothing123", "scrapvalue", "payroll", "nothing1", "coffers", "nothin"):
                text = text.replace(word, "NAME")
            findings.append(text)
    assert findings[:2] == findings[2:]
    with_all = send(lake, "owner", "POST", "/v1/sql/check", json={"sql": internal}).json()
    assert with_all["allowed"] is True or "backoffice." in internal or "ON true" in internal


@pytest.mark.parametrize(
    "sql", ["SELECT * FROM boats", "SELECT boats FROM boats", "SELECT count(*) FROM boats", "SELECT paid FROM boats"]
)
def test_sql_that_is_written_out_holds_what_a_visitor_sees(lake, sql):
    assert told(send(lake, "visitor", "POST", "/v1/sql/check", json={"sql": sql})) == []


def test_verified_queries_are_not_for_visitors(lake):
    identity = send(lake, "owner", "GET", "/v1/verified").json()["verified"][0]["id"]
    for caller in ("visitor", "ticket"):
        for method, path in (("GET", "/v1/verified"), ("POST", "/v1/verified"), ("DELETE", f"/v1/verified/{identity}")):
            body = {"json": VERIFIED | {"force": True}} if method == "POST" else {}
            reply = send(lake, caller, method, path, **body)
            assert code(reply) == (403, "not_permitted")
            assert told(reply, identity) == []
        answer = ask(lake, caller, VERIFIED["question"])
        assert answer.json()["verified"] is None
        assert told(answer, VERIFIED["question"]) == []
    assert ask(lake, "owner", VERIFIED["question"]).json()["verified"]["id"] == identity
