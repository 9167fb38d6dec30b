"""A web site as a source: a document for each page, read politely and within limits."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from connectors.base import Discovered, Document, Item, Problem
from connectors.errors import ConnectorError, RefusedUrl, SourceNotFound, SourceUnreadable
from connectors.http_client import FetchFailed, Response
from connectors.url_guard import guard_of, shown
from connectors.web.crawl import Crawl
from connectors.web.fetcher import Fetcher
from connectors.web.frontier import Task
from connectors.web.listing import SiteListing
from connectors.web.notes import Notes
from connectors.web.options import web_options
from connectors.web.robots import Robots
from connectors.web.sitemaps import is_sitemap
from connectors.web.urls import Scope, normalised, scope_of

_FIRST_PAGE_HINTS = {
    "timeout": "Try again later, or raise -o timeout=…",
    "too_large": "Raise -o max_bytes=… or begin at another page.",
    "redirect_loop": "Give the address of a page that does not redirect.",
    "redirect_outside": "Add the address that it leads to instead, if that is the site you mean.",
    "robots_unreadable": "Try again when the server answers.",
}


@dataclass(frozen=True, slots=True)
class _FirstPage:
    """The page at the site's address, as `check` read it."""

    response: Response
    content: bytes
    robots: Mapping[str, Robots]
    """What was read of robots.txt, by origin."""
    declared_sitemaps: tuple[str, ...]


class WebConnector:
    """Reads the pages of a site, found by its sitemap or by following links."""

    kind = "web"
    discovery_reads = True

    def __init__(self, location: str, options: Mapping[str, str]) -> None:
        self.location = location
        self._options = web_options(options)
        self._guard = guard_of(location, self._options.allow_private)
        self._guard.target(location)
        start = normalised(location)
        if start is None:
            raise RefusedUrl(f"{shown(location)} is not a web address.", hint="Only http and https are read.")
        self._start = start
        self._first: _FirstPage | None = None
        self._notes_before: Path | None = None
        self._notes_after: Path | None = None

    def check(self) -> None:
        """Raise a `ConnectorError` that says what to do unless the first page can be read."""
        with (
            tempfile.TemporaryDirectory(prefix="answerable-web-") as folder,
            closing(Fetcher(self._guard, self._options, Path(folder))) as fetcher,
        ):
            self._first = self._first_page(fetcher)

    def resume(self, before: Path | None, after: Path) -> None:
        """Take the notes that the last sync left and write this one's, see `connectors.base.Resumable`."""
        self._notes_before, self._notes_after = before, after

    def discover(self) -> Iterator[Discovered]:
        """Name the pages, which takes as long as reading them."""
        for item in self._items({}, None, None):
            if isinstance(item, Document):
                yield Discovered(item.path, "document")

    def read(self, known: Mapping[str, str]) -> Iterator[Item]:
        """Yield a document for each page, `Unchanged` for those that say what they said."""
        return self._items(known, self._notes_before, self._notes_after)

    def _items(self, known: Mapping[str, str], before: Path | None, after: Path | None) -> Iterator[Item]:
        with tempfile.TemporaryDirectory(prefix="answerable-web-") as name:
            folder = Path(name)
            robots = self._first.robots if self._first else None
            with (
                closing(Fetcher(self._guard, self._options, folder, robots=robots)) as fetcher,
                closing(Notes(before, after or folder / "notes")) as notes,
            ):
                first, self._first = self._first or self._first_page(fetcher), None
                yield from self._crawled(first, fetcher, notes, known, folder)

    def _crawled(
        self, first: _FirstPage, fetcher: Fetcher, notes: Notes, known: Mapping[str, str], folder: Path
    ) -> Iterator[Item]:
        body = folder / "first-page"
        body.write_bytes(first.content)
        start = Response(first.response.url, 200, first.response.headers, body)
        scope = self._scope(start.url)
        crawl = Crawl(start, scope, self._options, fetcher, notes, known)
        if self._options.discovery != "crawl":
            yield from self._seeded(crawl, start, first, fetcher, notes, scope)
        yield from crawl.run()

    def _seeded(
        self, crawl: Crawl, start: Response, first: _FirstPage, fetcher: Fetcher, notes: Notes, scope: Scope
    ) -> Iterator[Problem]:
        """Give the crawl the pages that the site lists; what was wrong with the lists."""
        options = self._options
        listing = SiteListing(fetcher, scope, options.timeout, 2 * options.max_pages + 1000)
        given = is_sitemap(first.content[:4096])
        listed = [
            crawl.seed(task)
            for task in listing.tasks(start if given else Response(start.url, 200, {}), first.declared_sitemaps)
        ]
        yield from listing.problems
        if listing.unavailable:
            for note in notes.all_known():
                crawl.seed(Task(note.url, listed=True))
        crawl.follows_links = options.discovery == "both" or (
            options.discovery == "auto" and not any(listed) and not given
        )
        if not any(listed) and options.discovery == "sitemap":
            said = "The site has no sitemap that lists pages of this source: only the first page was read."
            yield Problem(start.url, "no_sitemap", said, "noted", below=False)

    def _scope(self, first_url: str) -> Scope:
        """The scope counts from where the first page really is, on a host with or without `www`."""
        options = self._options
        here, asked = urlsplit(first_url), urlsplit(self._start)
        base = self._start if here.netloc == asked.netloc else asked._replace(netloc=here.netloc).geturl()
        return scope_of(base, options.prefix, options.include, options.exclude)

    def _first_page(self, fetcher: Fetcher) -> _FirstPage:
        """The page at the location, after redirects within its host. Raises a `ConnectorError`."""
        try:
            robots = fetcher.robots(self._start)
            if not robots.allows(self._start):
                raise SourceUnreadable(
                    f"The robots.txt of {shown(self.location)} forbids reading it.",
                    hint="If the site is yours, allow the user agent Answerable there.",
                )
            response = fetcher.fetch_following(self._start, self._is_same_site)
            robots = fetcher.robots(response.url)
        except FetchFailed as error:
            hint = _FIRST_PAGE_HINTS.get(error.code, "Check the address and that the server is up.")
            raise SourceUnreadable(f"{shown(self.location)} cannot be read: {error.message}", hint=hint) from error
        if response.body is None:
            raise _unanswered(self.location, response.status)
        content = response.body.read_bytes()
        response.body.unlink()
        return _FirstPage(response, content, fetcher.known_robots, robots.sitemaps)

    def _is_same_site(self, url: str) -> bool:
        """Whether a redirect of the first page stays on its host, with or without `www`, or within a given prefix."""
        host, asked = urlsplit(url).hostname or "", urlsplit(self._start).hostname or ""
        if host.removeprefix("www.") == asked.removeprefix("www."):
            return True
        return bool(self._options.prefix) and scope_of(self._start, self._options.prefix).holds(url)


def _unanswered(location: str, status: int) -> ConnectorError:
    said = f"{shown(location)} cannot be read: the server answers {status}."
    if status in (404, 410):
        return SourceNotFound(said, hint="Check the address in a browser.")
    return SourceUnreadable(
        said, hint="Pages behind a sign-in are not read; check that the address is open to everybody."
    )
