"""Copies and versions of documents count for a caller only among what the caller may see."""

from __future__ import annotations

import json
import os

import httpx
import pytest

DESCRIBED = """
documents:
  "staff/*": {visibility: internal}
"""
TENTS = """# Drying tents

Hang the tent in a shady place with the doors open until the seams are dry. Pack it loosely, never in a plastic bag.
Mould shows as grey spots: brush them off outdoors and treat the cloth with vinegar diluted in cold water, then rinse
it and hang it again. Poles are wiped with a dry cloth and stored apart from the cloth in their own sleeve. Pegs that
are bent go back over the edge of a bench with a few strokes of a hammer, and cords with a frayed end are cut and
sealed over a flame. A zip that sticks runs again when candle wax is rubbed along both of its rows of teeth.
"""
CANOES = """# Canoe hire

Canoes are handed out at the upper bridge between nine and noon. A canoe costs {price} euros a day, with paddles, vests
and a dry barrel. Whoever brings it to the lower bridge takes the bus back with the ticket that comes with the canoe.
Children under six ride in the middle of the canoe and wear the small vests that hang behind the door of the shed.
At the weir everybody gets out on the left bank and carries the boats along the marked path to the pebble beach below.
When the red flag flies on the tower the river is closed, and bookings of that morning are moved to another morning.
"""
PAGES = {
    "tents.md": (TENTS, 2024),
    "staff/tents.md": (TENTS.replace("never in a plastic bag.", "never in a plastic bag, please."), 2026),
    "canoes.md": (CANOES.format(price=31), 2024),
    "staff/canoes.md": (CANOES.format(price=47), 2026),
}
YEAR_S = 31_557_600


@pytest.fixture(scope="module")
def told(tmp_path_factory, cli, serve):
    """Base URL and role -> headers of a service over public pages with newer internal counterparts."""
    folder = tmp_path_factory.mktemp("versions")
    home, pages = folder / "home", folder / "pages"
    (pages / "staff").mkdir(parents=True)
    (pages / "describe.yaml").write_text(DESCRIBED)
    for path, (text, year) in PAGES.items():
        (pages / path).write_text(text)
        os.utime(pages / path, ((year - 1970) * YEAR_S,) * 2)
    added = cli(home, "ingest", "add", str(pages), "--name", "pages", "--public")
    assert added.returncode == 0, added.stdout + added.stderr
    headers = {}
    for role in ("owner", "visitor"):
        made = json.loads(cli(home, "keys", "add", "--role", role, "--json").stdout)
        headers[role] = {"Authorization": f"Bearer {made['token']}"}
    with serve(home, "--host", "0.0.0.0") as base:
        yield base, headers


def post(told, role, path, **body):
    reply = httpx.post(told[0] + path, json=body, headers=told[1][role], timeout=60)
    assert reply.status_code == 200, reply.text
    return reply


def found(told, role, query, **filters):
    results = post(told, role, "/v1/search", query=query, filters=filters).json()["results"]
    return {result["document"] for result in results}


def test_a_visitor_finds_a_page_whose_newer_copy_is_internal(told):
    asked = "How do I get mould off a tent?"
    assert "tents.md" in found(told, "visitor", asked)
    answer = post(told, "visitor", "/v1/ask", question=asked)
    assert answer.json()["status"] == "answered"
    assert {citation["document"] for citation in answer.json()["citations"]} == {"tents.md"}
    assert "staff" not in answer.text


def test_an_owner_finds_one_of_the_two_copies(told):
    assert len(found(told, "owner", "How do I get mould off a tent?") & {"tents.md", "staff/tents.md"}) == 1


def test_a_version_that_is_replaced_only_for_staff_is_current_to_a_visitor(told):
    answer = post(told, "visitor", "/v1/ask", question="What does a canoe cost a day?")
    assert "31 euros" in answer.text
    assert "older version" not in answer.text
    assert "staff" not in answer.text
    staff = post(told, "owner", "/v1/ask", question="What does a canoe cost a day?").json()
    assert "47 euros" in staff["text"]
    assert staff["citations"][0]["document"] == "staff/canoes.md"


def test_no_filter_tells_a_visitor_what_replaces_a_page(told):
    named = {"metadata.newer_version": "staff/canoes.md"}
    assert found(told, "visitor", "canoe", **named) == set()
    assert found(told, "visitor", "canoe", **{"metadata.newer_version": ""}) >= {"canoes.md"}
    assert found(told, "owner", "canoe", **named) == {"canoes.md"}


@pytest.mark.parametrize("path", ["/v1/sources", "/v1/sources/pages/quality"])
def test_reports_name_nothing_internal_to_a_visitor(told, path):
    assert "staff" not in httpx.get(told[0] + path, headers=told[1]["visitor"], timeout=60).text
    quality = httpx.get(told[0] + "/v1/sources/pages/quality", headers=told[1]["owner"], timeout=60)
    assert "Is replaced by staff/canoes.md" in quality.text
