"""The pages that a site lists in its sitemaps."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from connectors.base import Problem
from connectors.errors import RefusedUrl
from connectors.http_client import FetchFailed, Limits, Response
from connectors.url_guard import shown
from connectors.web.fetcher import Fetcher
from connectors.web.frontier import Task
from connectors.web.sitemaps import LARGEST_SITEMAP_BYTES, BadSitemap, entries
from connectors.web.urls import Scope, normalised

_MOST_SITEMAPS = 200
_DEEPEST_INDEX = 3


@dataclass(slots=True)
class SiteListing:
    """Reads sitemaps, one after another, until there are enough pages."""

    fetcher: Fetcher
    scope: Scope
    timeout: float
    most: int
    """Pages to take at most."""
    problems: list[Problem] = field(default_factory=list)
    unavailable: bool = False
    """Whether a sitemap may be there that could not be read this time: what it lists is not known to be gone."""
    _seen: set[str] = field(default_factory=set)
    _taken: int = 0

    def tasks(self, start: Response, declared: tuple[str, ...]) -> Iterator[Task]:
        """The listed pages of the source, from the start if that is a sitemap, else from those that are declared."""
        if start.body is not None:
            yield from self._of_file(start, 0)
            return
        origin = "/".join(start.url.split("/", 3)[:3])
        named = [url for each in declared if (url := normalised(each, start.url))]
        for url in named or [f"{origin}/sitemap.xml"]:
            yield from self._of(url, 0, is_guess=not named)

    def _of(self, url: str, depth: int, *, is_guess: bool = False) -> Iterator[Task]:
        host = url.split("/", 3)[2]
        if url in self._seen or len(self._seen) >= _MOST_SITEMAPS or depth > _DEEPEST_INDEX or self._taken >= self.most:
            return
        self._seen.add(url)
        if not any(prefix.split("/", 1)[0] == host for prefix in self.scope.prefixes):
            self._say(url, "bad_sitemap", "it is on another host")
            return
        try:
            response = self.fetcher.fetch_following(
                url,
                lambda target: target.split("/", 3)[2] == host,
                Limits(LARGEST_SITEMAP_BYTES, max(self.timeout, 60)),
            )
        except (FetchFailed, RefusedUrl) as error:
            self.unavailable |= isinstance(error, FetchFailed) and error.transient
            self._say(url, "bad_sitemap", error.message)
            return
        if response.body is None:
            if not is_guess:
                self._say(url, "bad_sitemap", f"the server answers {response.status}")
            return
        try:
            yield from self._of_file(response, depth, is_guess=is_guess)
        finally:
            response.body.unlink(missing_ok=True)

    def _of_file(self, response: Response, depth: int, *, is_guess: bool = False) -> Iterator[Task]:
        if response.body is None:
            raise ValueError("the sitemap has no body")
        further: list[str] = []
        try:
            for entry in entries(response.body):
                url = normalised(entry.url, response.url)
                if url is None:
                    continue
                if entry.kind == "sitemap":
                    further.append(url)
                elif self.scope.holds(url):
                    yield Task(url, listed=True, modified=entry.modified)
                    self._taken += 1
                    if self._taken >= self.most:
                        return
        except BadSitemap as error:
            if not is_guess:  # many sites answer any address with some page
                self._say(response.url, "bad_sitemap", str(error))
        for url in further:
            yield from self._of(url, depth + 1)

    def _say(self, url: str, code: str, what: str) -> None:
        message = f"The sitemap was left out: {what.rstrip('.')}."
        self.problems.append(Problem(shown(url), code, message, "noted", below=False))
