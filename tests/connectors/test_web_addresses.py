"""One spelling for each address, the rules of robots.txt, and what looks like a trap."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.web.robots import Robots, robots_of
from connectors.web.urls import TrapWatch, normalised, page_key, scope_of


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("HTTP://Site.Example:80", "http://site.example/"),
        ("https://site.example:443/a/./b/../c", "https://site.example/a/c"),
        ("https://site.example/../../a", "https://site.example/a"),
        ("https://site.example/a/..", "https://site.example/"),
        ("https://site.example/%7euser/%c3%bc#part", "https://site.example/~user/%C3%BC"),
        ("https://site.example/\u00fc b", "https://site.example/%C3%BC%20b"),
        ("https://site.example/100%", "https://site.example/100%25"),
        ("https://site.example/a;jsessionid=1F?x=1", "https://site.example/a?x=1"),
        ("https://site.example/?utm_source=a&q=1&fbclid=2", "https://site.example/?q=1"),
        ("https://site.example/?b=2&a=1&&", "https://site.example/?b=2&a=1"),
        ("https://m\u00fcnchen.example/", "https://xn--mnchen-3ya.example/"),
        ("https://site.example./x", "https://site.example/x"),
        ("mailto:a@b.example", None),
        ("https://user:pass@site.example/", None),
        ("https://[broken/", None),
        ("https://site.example:port/", None),
        ("https:///x", None),
        ("https://site.example/" + "x" * 2000, None),
    ],
)
def test_addresses_have_one_spelling(url: str, expected: str | None) -> None:
    assert normalised(url) == expected


@given(st.text(alphabet="abAB%2fFcü/.?&=#;:@ +~'\"<>\\", max_size=40))
def test_normalising_again_changes_nothing(tail: str) -> None:
    once = normalised("https://site.example/" + tail)
    if once is not None:
        assert normalised(once) == once
        assert once.isascii() and " " not in once and "#" not in once


@pytest.mark.parametrize("same", ["http://s.example/a/", "https://s.example/a", "https://s.example/a/index.html"])
def test_spellings_of_a_page_share_a_key(same: str) -> None:
    assert page_key(same) == "s.example/a"


def test_paths_of_documents_are_readable() -> None:
    scope = scope_of("https://s.example/hilfe/start.html", "")
    assert scope.path_of("https://s.example/hilfe/r%C3%BCckgabe/") == "hilfe/r\u00fcckgabe"
    assert scope.path_of("https://s.example/a%20b%0A%FF?q=1") == "a%20b%0A%FF?q=1"
    assert scope.holds("https://s.example/hilfe/x") and not scope.holds("https://s.example/hilfestellung")


ROBOTS = """
# comment
User-agent: googlebot
User-agent: Answerable   # two agents, one group
Disallow: /private
Allow: /private/open
Disallow: /*.pdf$
Disallow: /a*b*c
Allow:
Crawl-delay: 2.5
Sitemap: https://s.example/map.xml

User-agent: *
Disallow: /
"""


@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        ("/", True), ("/private", False), ("/privately", False), ("/private/open/x", True), ("/x.pdf", False),
        ("/x.pdf?y", True), ("/a1b2c3", False), ("/a1c2b", True), ("/%70rivate", False), ("/x?private", True),
    ],
)  # fmt: skip
def test_the_longest_rule_of_the_own_group_decides(path: str, allowed: bool) -> None:
    robots = robots_of(ROBOTS)
    assert robots.allows("https://s.example" + path) is allowed
    assert (robots.crawl_delay, robots.sitemaps) == (2.5, ("https://s.example/map.xml",))


@pytest.mark.parametrize(
    ("text", "allowed"),
    [
        ("", True), ("User-agent: *\nDisallow: /", False), ("User-agent: other\nDisallow: /", True),
        ("User-agent: *\nDisallow: /\nUser-agent: answerable\nAllow: /", True), ("Disallow: /", True),
        ("User-agent: *\nDisallow: /\nAllow: /", True), ("\ufeffUser-agent: *\r\nDisallow: /\r\n", False),
        ("<html>not robots</html>", True), ("User-agent: answerable/2.0\nDisallow: /", False),
        ("User-agent: *\nDisallow: /\nUser-agent: answerable\nDisallow:", True),
        ("User-agent: *\nCrawl-delay: nan\nDisallow: /", False), ("User-agent: *\nDisallow: *", False),
    ],
)  # fmt: skip
def test_groups_and_oddities_of_robots(text: str, allowed: bool) -> None:
    robots = robots_of(text)
    assert robots.allows("https://s.example/page") is allowed
    assert 0 <= robots.crawl_delay < 1e9


def test_patterns_with_many_stars_are_matched_quickly() -> None:
    robots = Robots(tuple(("/" + "*a" * 200 + "$", False) for _ in range(50)))
    began = time.monotonic()
    assert robots.allows("https://s.example/" + "a" * 1500 + "b")
    assert time.monotonic() - began < 5


def test_traps_are_told_from_pages() -> None:
    watch = TrapWatch(most_similar=3)
    assert not any(watch.is_trap(f"https://s.example/articles/{n}-title-{chr(97 + n)}") for n in range(20))
    assert [watch.is_trap(f"https://s.example/calendar/2026/{n}") for n in range(5)] == [False] * 3 + [True] * 2
    assert [watch.is_trap(f"https://s.example/list?color={n}&size=m") for n in "abcde"] == [False] * 3 + [True] * 2
    assert watch.is_trap("https://s.example/a/b/a/b/a/b") and watch.is_trap("https://s.example" + "/x1" * 30)
    assert watch.is_trap("https://s.example/?" + "&".join(f"p{n}=1" for n in range(9)))
    assert not watch.is_trap("https://s.example/a/b/a/b")
