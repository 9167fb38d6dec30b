"""The addresses of a site that are still to be asked for, each once, within bounds."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from datetime import datetime

from connectors.web.urls import Scope, TrapWatch, is_page_or_document, page_key

_MOST_ADDRESSES = 200_000
"""Addresses remembered in one sync, some 200 bytes each."""


@dataclass(frozen=True, slots=True)
class Task:
    """An address to be asked for."""

    url: str
    depth: int = 0
    """Links from the first page."""
    referrer: str = ""
    """Path of the page that links to it."""
    listed: bool = False
    """Whether the sitemap names it."""
    modified: datetime | None = None
    """When it was changed last, as the sitemap says."""
    hops: int = 0
    """Redirects that led here."""
    own: bool = False
    """Whether it is taken for itself, whatever canonical address it names."""


class Frontier:
    """First in, first out; spellings of one page count as one. One thread."""

    def __init__(self, scope: Scope, formats: frozenset[str], max_depth: int, max_similar: int) -> None:
        self._scope = scope
        self._formats = formats
        self._max_depth = max_depth
        self._traps = TrapWatch(max_similar)
        self._waiting: deque[Task] = deque()
        self._seen: dict[str, str] = {}
        self._other_spellings: dict[str, Task] = {}
        self.left_out = {"depth": 0, "trap": 0, "addresses": 0}
        """How many links were not followed, by reason."""

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, task: Task, *, first: bool = False) -> bool:
        """Take an address if it belongs to the source and is new; whether it was taken."""
        key = page_key(task.url)
        if key in self._seen:
            if self._seen[key] != task.url:
                self._other_spellings.setdefault(key, task)
            return False
        if not self.belongs(task.url):
            return False
        if len(self._seen) >= _MOST_ADDRESSES:
            self.left_out["addresses"] += 1
            return False
        if task.depth > self._max_depth:
            self.left_out["depth"] += 1
            return False
        self._seen[key] = task.url
        if not task.listed and task.depth > 0 and self._traps.is_trap(task.url):
            self.left_out["trap"] += 1
            return False
        self._push(task, first)
        return True

    def start(self, task: Task) -> None:
        """Take the first page, whatever the patterns of paths say."""
        self._seen[page_key(task.url)] = task.url
        self._push(task, first=True)

    def again(self, task: Task) -> None:
        """Take an address once more."""
        self._push(task, first=True)

    def belongs(self, url: str) -> bool:
        """Whether an address is one of the source's, for all that its spelling tells."""
        return self._scope.holds(url) and is_page_or_document(url, self._formats) and self._scope.wants(url)

    def try_other_spelling(self, url: str) -> bool:
        """Take another spelling of a page that was not there under this one (`/help/` for `/help`), if one was met."""
        task = self._other_spellings.pop(page_key(url), None)
        if task is None or not self.belongs(task.url):
            return False
        self._push(task, first=True)
        return True

    def pop(self) -> Task:
        """The next address."""
        return self._waiting.popleft()

    def _push(self, task: Task, first: bool) -> None:
        (self._waiting.appendleft if first else self._waiting.append)(task)
