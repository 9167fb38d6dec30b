"""Reading a web site on loopback: how its pages are found, what becomes of them, and what a second sync asks for."""

from __future__ import annotations

import gzip
import re
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from connector_samples import fingerprints, path_of, unchanged, write_pdf
from web_site import QUICK, Answer, Site, served

from connectors.base import Connector, Document, Item, Problem, Resumable
from connectors.errors import ConnectorError, RefusedUrl, SourceNotFound, SourceUnreadable
from connectors.registry import open_connector
from connectors.web import WebConnector
from connectors.web.options import OPTIONS

ANIMALS = {"/": "front", "/ants": "ants", "/bees/": "bees", "/cats.html": "cats"}


@pytest.fixture
def site() -> Iterator[Site]:
    """Four pages, each linked from the one before."""
    with served() as site:
        order = list(ANIMALS)
        for place, (path, word) in enumerate(ANIMALS.items()):
            site.page(path, f"<p>All about {word}.</p>", *order[place + 1 : place + 2], title=word.title())
        yield site


def documents(items: list[Item]) -> dict[str, Document]:
    return {item.path: item for item in items if isinstance(item, Document)}


def problems(items: list[Item]) -> dict[str, Problem]:
    return {item.code: item for item in items if isinstance(item, Problem)}


def resumed(site: Site, notes: Path, known: dict[str, str], **options: str) -> list[Item]:
    """A sync that takes the notes of the one before and leaves its own in their place."""
    connector = site.connector(**options)
    connector.check()
    after = notes.with_name("after")
    connector.resume(notes if notes.exists() else None, after)
    items = list(connector.read(known))
    after.replace(notes)
    return items


# The contract of connectors


def test_is_a_connector_that_keeps_notes(site: Site) -> None:
    connector = open_connector(site.url, options={"allow_private": "127.0.0.1", **QUICK})
    assert isinstance(connector, Connector) and isinstance(connector, Resumable)
    assert (connector.kind, connector.location) == ("web", site.url)
    connector.check()


def test_discover_names_what_read_yields_in_a_stable_order(site: Site) -> None:
    paths = [found.path for found in site.connector().discover()]
    assert paths == [path_of(item) for item in site.read()] == ["/", "ants", "bees", "cats.html"]


def test_known_fingerprints_yield_only_unchanged_and_changes_only_themselves(site: Site) -> None:
    known = fingerprints(site.read())
    assert len(set(known.values())) == 4
    assert unchanged(site.read(known=known)) == list(known)
    site.page("/ants", "<p>All about aphids.</p>", "/bees/")
    items = site.read(known=known)
    assert list(documents(items)) == ["ants"] and unchanged(items) == ["/", "bees", "cats.html"]


def test_a_page_is_a_document_with_its_address_title_and_date(site: Site) -> None:
    site.pages["/ants"].headers = {"Last-Modified": "Wed, 01 May 2024 10:00:00 GMT"}
    site.page("/bees/", "<p>Bees</p>", head='<meta property="article:modified_time" content="2024-06-01T00:00:00Z">')
    found = documents(site.read())
    ants = found["ants"]
    assert (ants.title, ants.url, ants.media_type) == ("Ants", f"{site.url}/ants", "text/html")
    assert ants.text == "# Ants\n\nAll about ants.\n"
    assert ants.modified == datetime(2024, 5, 1, 10, tzinfo=UTC)
    assert found["bees"].modified == datetime(2024, 6, 1, tzinfo=UTC)


# Addresses


def test_spellings_of_a_page_are_one_document(site: Site) -> None:
    site.page(
        "/", "<p>Front</p>", "/ants?utm_source=mail#top", "./ants", "/x/../ants", "/bees", "/bees/", "/index.html"
    )
    site.redirect("/bees", "/bees/")
    site.pages["/index.html"] = site.pages["/"]
    found = documents(site.read())
    assert list(found) == ["/", "ants", "bees", "cats.html"]
    assert found["bees"].url == f"{site.url}/bees/"
    assert [path for path, _ in site.requests if "?" in path or "#" in path] == []


def test_a_canonical_address_stands_for_its_variants(site: Site) -> None:
    for variant in ("/ants?sort=up", "/ants?sort=down"):
        site.page(variant, "<p>All about ants.</p>", head='<link rel="canonical" href="/ants">')
    site.page("/", "<p>Front</p>", "/ants?sort=up", "/ants?sort=down")
    items = site.read()
    assert list(documents(items)) == ["/", "ants", "bees", "cats.html"]
    assert problems(items)["canonical_elsewhere"].severity == "noted"


@pytest.mark.parametrize("canonical", ["/nowhere", "https://elsewhere.example/ants", "/ants/print"])
def test_a_canonical_address_that_gives_nothing_loses_no_page(site: Site, canonical: str) -> None:
    head = f'<link rel="canonical" href="{canonical}">'
    site.page("/ants", "<p>All about ants.</p>", "/bees/", head=head)
    site.page("/ants/print", "<p>For printers.</p>", head='<meta name="robots" content="noindex">')
    found = documents(site.read())
    assert set(found) == {"/", "ants", "bees", "cats.html"}
    assert found["ants"].url == f"{site.url}/ants"


def test_only_what_is_below_the_given_address_is_read(site: Site) -> None:
    site.page("/help/", "<p>Help</p>", "/help/a", "/helpless", "/ants", "/help/../bees/", "//127.0.0.2/help/x")
    site.page("/help/a", "<p>About a.</p>")
    site.page("/helpless", "<p>No</p>")
    assert list(documents(site.read("/help/"))) == ["help", "help/a"]
    wider = documents(site.read("/help/", prefix="/help/,/ants"))
    assert list(wider) == ["help", "help/a", "ants"]


@pytest.mark.parametrize(
    ("options", "found"),
    [
        ({"exclude": "bees*"}, ["/", "ants"]),
        ({"include": "ants,bees"}, ["/", "ants", "bees"]),
        ({"max_pages": "2"}, ["/", "ants"]),
        ({"max_depth": "1"}, ["/", "ants"]),
    ],
)
def test_limits_and_patterns(site: Site, options: dict[str, str], found: list[str]) -> None:
    items = site.read(**options)
    assert list(documents(items)) == found
    said = problems(items)
    assert ("page_limit" in said, "depth_limit" in said) == ("max_pages" in options, "max_depth" in options)


def test_linked_files_are_documents_where_they_are_wanted(site: Site, tmp_path: Path) -> None:
    pdf = write_pdf(tmp_path / "manual.pdf", [["Manual", "All about dogs."]], invariant=1)
    site.page("/", "<p>Front</p>", "/manual.pdf", "/notes.md", "/photo.png", "/data.csv")
    site.pages["/manual.pdf"] = Answer(pdf.read_bytes(), headers={"Content-Type": "application/pdf"})
    site.pages["/notes.md"] = Answer("# Notes\n\nAll about eels.\n", headers={"Content-Type": "text/plain"})
    found = documents(site.read())
    assert list(found) == ["/", "manual.pdf", "notes.md"]
    assert found["notes.md"].title == "Notes" and found["notes.md"].url == f"{site.url}/notes.md"
    assert "dogs" in found["manual.pdf"].text and found["manual.pdf"].url == f"{site.url}/manual.pdf"
    assert list(documents(site.read(files="none"))) == ["/"]
    assert site.asked("/photo.png") == site.asked("/data.csv") == 0


# robots.txt, sitemaps


def test_robots_txt_is_kept(site: Site) -> None:
    site.pages["/robots.txt"] = Answer("User-agent: *\nDisallow: /bees\nUser-agent: answerable\nDisallow: /*.html$\n")
    items = site.read()
    assert list(documents(items)) == ["/", "ants", "bees"]
    assert site.asked("/cats.html") == 0 and site.asked("/robots.txt") == 1
    assert problems(items)["robots_forbidden"].message.startswith("1 addresses")


@pytest.mark.parametrize(
    ("answer", "allowed"),
    [(Answer(status=404), True), (Answer(status=403), False), (Answer(status=503), False),
     (Answer("User-agent: *\nDisallow: /"), False)],
)  # fmt: skip
def test_a_site_that_forbids_reading_is_an_error_with_a_remedy(site: Site, answer: Answer, allowed: bool) -> None:
    site.pages["/robots.txt"] = answer
    if allowed:
        return site.connector().check()
    with pytest.raises(SourceUnreadable, match=r"robots\.txt") as caught:
        site.connector().check()
    assert caught.value.hint
    assert site.asked("/") == 0
    return None


def test_the_crawl_delay_is_kept(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []
    monkeypatch.setattr("connectors.web.fetcher._Pace.rest", lambda _, seconds: slept.append(seconds))
    site.pages["/robots.txt"] = Answer("User-agent: *\nCrawl-delay: 7\n")
    site.read()
    assert max(slept) > 6 * 3, "each request waits for its turn, seven seconds after the one before"


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("declared", [False, True])
def test_a_sitemap_names_the_pages(site: Site, packed: bool, declared: bool) -> None:
    listed = "".join(
        f"<url><loc>{site.url}{path}</loc><lastmod>2024-02-03</lastmod></url>" for path in ("/cats.html", "/unlinked")
    )
    xml = f'<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">{listed}<url><loc>http://other.example/x</loc></url></urlset>'
    index = f"<sitemapindex><sitemap><loc>{site.url}/pages.xml.gz</loc></sitemap></sitemapindex>"
    site.page("/unlinked", "<p>All about unicorns.</p>", "/manual.txt", "/ants")
    site.pages["/manual.txt"] = Answer("All about manuals.")
    place = "/maps.xml" if declared else "/sitemap.xml"
    site.pages[place] = Answer(index)
    site.pages["/pages.xml.gz"] = Answer(gzip.compress(xml.encode()) if packed else xml)
    if declared:
        site.pages["/robots.txt"] = Answer(f"Sitemap: {site.url}/maps.xml\nUser-agent: *\nDisallow:\n")
    found = documents(site.read())
    assert list(found) == ["/", "cats.html", "unlinked", "manual.txt"]
    assert found["unlinked"].modified == datetime(2024, 2, 3, tzinfo=UTC)
    assert set(documents(site.read(discovery="both"))) == {*found, "ants", "bees"}
    assert list(documents(site.read(discovery="crawl"))) == ["/", "ants", "bees", "cats.html"]


@pytest.mark.parametrize(
    "sitemap",
    [
        "<html><body>Not found</body></html>",
        "<urlset><url><loc>",
        '<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]><urlset><url><loc>&b;</loc></url></urlset>',
        "",
    ],
)
def test_a_bad_sitemap_leaves_the_links(site: Site, sitemap: str) -> None:
    site.pages["/sitemap.xml"] = Answer(sitemap)
    assert list(documents(site.read())) == ["/", "ants", "bees", "cats.html"]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"<urlset>" + (b"<url>" + b" " * 4000 + b"</url>") * 14_000, "larger than 50 MB"),
        (b"<urlset><url>" + b"<x/>" * 20_000, "too many parts"),
        (b"<urlset>" + b" " * (20 << 20), "cannot be read"),
    ],
)
def test_a_sitemap_bomb_is_cut_off(site: Site, content: bytes, said: str) -> None:
    site.pages["/sitemap.xml"] = Answer(gzip.compress(content, 1))
    site.pages["/robots.txt"] = Answer(f"Sitemap: {site.url}/sitemap.xml")
    items = site.read()
    assert said in problems(items)["bad_sitemap"].message
    assert list(documents(items)) == ["/", "ants", "bees", "cats.html"]


# noindex, nofollow


@pytest.mark.parametrize("how", ["meta", "header", "own meta"])
def test_noindex_pages_are_followed_and_not_kept(site: Site, how: str) -> None:
    name = "answerable" if how == "own meta" else "robots"
    site.page(
        "/ants", "<p>Ants</p>", "/bees/", head="" if how == "header" else f'<meta name="{name}" content="noindex">'
    )
    site.pages["/ants"].headers = {"X-Robots-Tag": "otherbot: nofollow, answerable: noindex"} if how == "header" else {}
    assert list(documents(site.read())) == ["/", "bees", "cats.html"]


@pytest.mark.parametrize("how", ["meta", "rel"])
def test_nofollow_links_are_not_followed(site: Site, how: str) -> None:
    rel = 'rel="noopener nofollow"' if how == "rel" else ""
    head = '<meta name="ROBOTS" content="index, NOFOLLOW">' if how == "meta" else ""
    site.page("/ants", f'<p>All about ants, not <a {rel} href="/bees/">bees</a>.</p>', head=head)
    assert list(documents(site.read())) == ["/", "ants"]


# A second sync


def test_unchanged_pages_are_not_sent_again_and_their_links_still_count(site: Site, tmp_path: Path) -> None:
    notes = tmp_path / "notes"
    known = fingerprints(resumed(site, notes, {}))
    for _ in range(2):
        site.forget()
        items = resumed(site, notes, known)
        assert unchanged(items) == list(known) and len(items) == 4
        assert [status for path, status in site.requests if path not in ("/", "/robots.txt", "/sitemap.xml")] == [
            304
        ] * 3


def test_pages_whose_bytes_change_without_what_they_say_are_unchanged(site: Site, tmp_path: Path) -> None:
    notes = tmp_path / "notes"
    known = fingerprints(resumed(site, notes, {}))
    site.page("/ants", "<p>All about ants.</p><script>token=7</script>", "/bees/", title="Ants")
    assert unchanged(resumed(site, notes, known)) == list(known)


def test_nothing_known_asks_for_everything_again(site: Site, tmp_path: Path) -> None:
    notes = tmp_path / "notes"
    resumed(site, notes, {})
    site.forget()
    assert len(documents(resumed(site, notes, {}))) == 4
    assert 304 not in {status for _, status in site.requests}


@pytest.mark.parametrize("status", [404, 410, 401, 403])
def test_a_page_that_is_gone_or_closed_is_no_longer_named(site: Site, tmp_path: Path, status: int) -> None:
    notes = tmp_path / "notes"
    known = fingerprints(resumed(site, notes, {}))
    site.pages["/cats.html"] = Answer(status=status)
    items = resumed(site, notes, known)
    assert unchanged(items) == ["/", "ants", "bees"]
    (problem,) = problems(items).values()
    assert not problem.leaves_unread and "linked from bees" in problem.message


def test_a_page_that_fails_for_now_stays_and_leads_on(site: Site, tmp_path: Path) -> None:
    notes = tmp_path / "notes"
    known = fingerprints(resumed(site, notes, {}))
    site.pages["/ants"] = Answer(status=500)
    site.forget()
    items = resumed(site, notes, known, retries="2")
    problem = problems(items)["server_error"]
    assert problem.path == "ants" and problem.leaves_unread and problem.concerns("ants")
    assert not problem.concerns("ants/more"), "pages below it are pages of their own"
    assert unchanged(items) == ["/", "bees", "cats.html"]
    assert site.asked("/ants") == 3
    site.page("/ants", "<p>Back.</p>", "/bees/")
    assert list(documents(resumed(site, notes, known))) == ["ants"]


def test_a_moved_page_is_known_by_its_new_address(site: Site, tmp_path: Path) -> None:
    notes = tmp_path / "notes"
    known = fingerprints(resumed(site, notes, {}))
    site.pages["/emmets"] = site.pages["/ants"]
    site.redirect("/ants", "/emmets", 308)
    items = resumed(site, notes, known)
    assert list(documents(items)) == ["emmets"] and unchanged(items) == ["/", "bees", "cats.html"]


def test_a_sitemap_that_fails_for_now_loses_no_page(site: Site, tmp_path: Path) -> None:
    notes = tmp_path / "notes"
    site.page("/unlinked", "<p>All about unicorns.</p>")
    site.pages["/sitemap.xml"] = Answer(f"<urlset><url><loc>{site.url}/unlinked</loc></url></urlset>")
    known = fingerprints(resumed(site, notes, {}))
    assert list(known) == ["/", "unlinked"]
    site.pages["/sitemap.xml"] = Answer(status=503)
    items = resumed(site, notes, known)
    assert "unlinked" in unchanged(items) and "bad_sitemap" in problems(items)


# Errors of the source as a whole


@pytest.mark.parametrize(
    ("status", "error"),
    [(404, SourceNotFound), (410, SourceNotFound), (403, SourceUnreadable), (500, SourceUnreadable)],
)
def test_a_first_page_that_cannot_be_read_is_an_error(site: Site, status: int, error: type[ConnectorError]) -> None:
    site.pages["/"] = Answer(status=status)
    with pytest.raises(error, match=str(status)) as caught:
        site.connector(retries="0").check()
    assert caught.value.hint


def test_a_server_that_is_not_there_is_an_error() -> None:
    with served() as site:
        port = site.port
    connector = WebConnector(f"http://127.0.0.1:{port}/", {"allow_private": f"127.0.0.1:{port}", **QUICK})
    with pytest.raises(SourceUnreadable, match="cannot be reached") as caught:
        connector.check()
    assert caught.value.hint


def test_a_first_page_may_move_within_its_host_only(site: Site) -> None:
    site.redirect("/", "/en/")
    site.page("/en/", "<p>English.</p>", "/ants")
    assert list(documents(site.read())) == ["en", "ants", "bees", "cats.html"]
    site.redirect("/", "http://elsewhere.example/")
    with pytest.raises(SourceUnreadable, match=r"redirects to http://elsewhere\.example/") as caught:
        site.connector().check()
    assert "Add the address" in caught.value.hint


@pytest.mark.parametrize(
    ("location", "options", "said"),
    [
        ("http://user:secret@site.example/", {}, "user name or password"),
        ("https://site.example/", {"max_pages": "many"}, "max_pages"),
        ("https://site.example/", {"max_pages": "-1"}, "max_pages"),
        ("https://site.example/", {"discovery": "guess"}, "discovery"),
        ("https://site.example/", {"files": "exe"}, "exe"),
        ("https://site.example/", {"allow_private": "10.0.0.0/8"}, "allow_private"),
        ("https://site.example/", {"colour": "red"}, "colour"),
        ("https:///path", {}, "no valid host"),
    ],
)
def test_wrong_locations_and_options_are_named(location: str, options: dict[str, str], said: str) -> None:
    with pytest.raises(ConnectorError, match=said) as caught:
        open_connector(location, options=options)
    assert caught.value.hint and "secret" not in str(caught.value)


def test_private_addresses_are_read_only_when_allowed_by_name(site: Site) -> None:
    with pytest.raises(RefusedUrl, match=r"127\.0\.0\.1, which is this machine") as caught:
        WebConnector(site.url, QUICK).check()
    assert f"allow_private=127.0.0.1:{site.port}" in caught.value.hint
    assert site.requests == []


def test_noindex_beside_not_modified_is_heard(site: Site, tmp_path: Path) -> None:
    notes = tmp_path / "notes"
    known = fingerprints(resumed(site, notes, {}))
    site.pages["/cats.html"].headers = {"X-Robots-Tag": "noindex"}
    assert unchanged(resumed(site, notes, known)) == ["/", "ants", "bees"]


def test_what_was_not_wanted_before_is_asked_for_when_it_is(site: Site, tmp_path: Path) -> None:
    notes = tmp_path / "notes"
    pdf = write_pdf(tmp_path / "manual.pdf", [["Manual", "All about dogs."]], invariant=1)
    site.page("/ants", "<p>All about ants.</p>", "/download", "/bees/")
    site.pages["/download"] = Answer(pdf.read_bytes(), headers={"Content-Type": "application/pdf"})
    items = resumed(site, notes, {}, files="none")
    assert "download" not in documents(items) and problems(items)["unsupported_type"].path == "download"
    assert list(documents(resumed(site, notes, fingerprints(items)))) == ["download"]


def test_a_crawl_that_is_broken_off_ends_at_once(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    site.page("/", "<p>Front</p>", "/ants", "/bees/")
    connector = site.connector(delay="60", discovery="crawl")
    with monkeypatch.context() as patch:
        patch.setattr("connectors.web.fetcher._Pace.wait", lambda *_: None)
        connector.check()
    items = connector.read({})
    assert [path_of(next(items)), path_of(next(items))] == ["/", "ants"]
    began = time.monotonic()
    items.close()  # type: ignore[attr-defined]  # while the next request waits for its turn
    assert time.monotonic() - began < 10
    assert site.asked("/bees/") == 0


def test_every_option_is_documented_with_its_default() -> None:
    pages = "".join(page.read_text() for page in (Path(__file__).parents[2] / "docs").glob("*.md"))
    for name, meaning in OPTIONS.items():
        row = re.search(rf"^\| `{name}` \| ([^|]+) \|", pages, re.MULTILINE)
        assert row, name
        default = re.search(r"\(default:? ([\d.]+)\)", meaning)
        assert default is None or row.group(1).replace(",", "").strip() == default.group(1), name
