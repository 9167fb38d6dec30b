"""MAIN PATH of a site's sync: from addresses to documents.

    address -> robots, scope -> request (conditional) -> page -> document | unchanged | problem, and its links

Requests are under way in a few threads; what they bring is taken in the order of the addresses, so that two syncs of
the same site yield the same in the same order.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace

from connectors.base import Document, Item, Problem, Unchanged
from connectors.errors import RefusedUrl
from connectors.http_client import FetchFailed, Response
from connectors.url_guard import shown
from connectors.web.fetcher import MOST_REDIRECTS, REDIRECTS, Fetcher, redirect_target
from connectors.web.frontier import Frontier, Task
from connectors.web.notes import Notes, PageNote
from connectors.web.options import WebOptions
from connectors.web.pages import Page, read_page
from connectors.web.urls import DOCUMENT_SUFFIXES, Scope, suffix_of

_FAILURES_IN_A_ROW = 5
"""After so many the first page is asked for, to tell a broken part of a site from a site that is down."""
_GONE = "dead_link"
_DENIED = frozenset({401, 402, 403, 407, 451})


@dataclass(frozen=True, slots=True)
class Visit:
    """What came of asking for one address."""

    task: Task
    note: PageNote | None
    response: Response | None = None
    page: Page | None = None
    failure: FetchFailed | None = None


@dataclass(slots=True)
class _Tally:
    """What was met, for the summary at the end."""

    pages: int = 0
    forbidden: int = 0
    stopped: Problem | None = None
    row: list[Problem] = field(default_factory=list)
    """Problems of addresses that failed one after another, held back until it is known whether the site is down."""
    aliases: list[tuple[Task, str]] = field(default_factory=list)
    """Addresses that name another as canonical, and that one."""


class Crawl:
    """One pass over a site."""

    def __init__(
        self,
        start: Response,
        scope: Scope,
        options: WebOptions,
        fetcher: Fetcher,
        notes: Notes,
        known: Mapping[str, str],
    ) -> None:
        self._start = start
        self._scope = scope
        self._options = options
        self._fetcher = fetcher
        self._notes = notes
        self._known = known
        self._frontier = Frontier(scope, options.formats, options.max_depth, options.max_similar)
        self._tally = _Tally()
        self._there: set[str] = set()
        """Paths of what was yielded, or is there and could not be read."""
        self._gone: set[str] = set()
        self._asked: set[str] = set()
        self.follows_links = True

    def seed(self, task: Task) -> bool:
        """Add an address to begin with."""
        return self._frontier.add(task)

    def run(self) -> Iterator[Item]:
        """Yield every item of the site."""
        self._frontier.start(Task(self._start.url))
        waiting: deque[Future[Visit]] = deque()
        pool = ThreadPoolExecutor(self._options.concurrency, thread_name_prefix="web")
        try:
            while self._more(waiting):
                while len(waiting) < self._options.concurrency and self._may_ask(len(waiting)):
                    if (future := self._asking(pool, self._frontier.pop())) is not None:
                        waiting.append(future)
                if waiting:
                    yield from self._taken(waiting.popleft().result())
            yield from self._ended()
        finally:
            self._fetcher.halt()
            pool.shutdown(wait=True, cancel_futures=True)

    # Asking

    def _more(self, waiting: deque[Future[Visit]]) -> bool:
        """Whether there is anything left; canonical addresses that gave nothing bring back those that named them."""
        if not waiting and not len(self._frontier) and not self._tally.stopped:
            aliases, self._tally.aliases = self._tally.aliases, []
            for task, canonical in aliases:
                if self._scope.path_of(canonical) not in self._there:
                    self._frontier.again(replace(task, own=True))
        return bool(waiting) or self._may_ask(0)

    def _may_ask(self, under_way: int) -> bool:
        tally = self._tally
        if not len(self._frontier) or tally.stopped:
            return False
        if time.monotonic() > self._fetcher.ends_at:
            said = f"The time of one sync ({self._options.max_seconds:g} seconds) is over: raise -o max_seconds=…"
            tally.stopped = self._site_problem("time_limit", said)
        elif self._fetcher.received > self._options.max_total_bytes:
            said = f"{self._fetcher.received:,} bytes were read, the limit of one sync: raise -o max_total_bytes=…"
            tally.stopped = self._site_problem("byte_limit", said)
        # Redirects and pages without content are no documents, yet a site of nothing else must end as well.
        return not tally.stopped and not self._is_full(under_way)

    def _is_full(self, under_way: int) -> bool:
        most = self._options.max_pages
        return self._tally.pages + under_way >= most or len(self._asked) >= 4 * most + 100

    def _asking(self, pool: ThreadPoolExecutor, task: Task) -> Future[Visit] | None:
        """The visit of an address under way; None if it may not be asked for."""
        if self._scope.path_of(task.url) in self._there and not task.own:
            return None
        note = self._notes.known(task.url)
        try:
            if not self._fetcher.robots(task.url).allows(task.url):
                self._tally.forbidden += 1
                return None
        except (FetchFailed, RefusedUrl) as error:
            done: Future[Visit] = Future()
            done.set_result(Visit(task, note, failure=_failure_of(error)))
            return done
        self._asked.add(task.url)
        return pool.submit(self._visit, task, note)

    def _visit(self, task: Task, note: PageNote | None) -> Visit:
        """Ask for an address and read what comes; runs in a thread, touches no state."""
        try:
            response = self._answer(task, note)
        except (FetchFailed, RefusedUrl) as error:
            return Visit(task, note, failure=_failure_of(error))
        if response.body is None:
            return Visit(task, note, response)
        try:
            path = self._scope.path_of(task.url)
            page = read_page(
                response, path, self._options.formats, task.modified, lambda url: not task.own and self._counts(url)
            )
        finally:
            response.body.unlink(missing_ok=True)
        return Visit(task, note, response, page)

    def _answer(self, task: Task, note: PageNote | None) -> Response:
        if task.url == self._start.url and self._start.body is not None and self._start.body.exists():
            return self._start
        response = self._fetcher.fetch(task.url, note.validators if note and self._may_reuse(task, note) else {})
        # Servers may say `noindex` beside "not modified": then the page is read again to see what it asks for.
        asks_anew = response.status == 304 and "x-robots-tag" in response.headers
        return self._fetcher.fetch(task.url) if asks_anew else response

    def _counts(self, canonical: str) -> bool:
        """Whether a canonical address is one that can be read in place of the page that names it."""
        return self._frontier.belongs(canonical)

    def _may_reuse(self, task: Task, note: PageNote) -> bool:
        """Whether "not modified" would tell all that is needed."""
        if note.outcome == "document":
            return self._known.get(note.path) == note.fingerprint
        return note.outcome == "alias" and bool(self._known) and not task.own

    # Taking

    def _taken(self, visit: Visit) -> Iterator[Item]:
        """The items of a visit."""
        response = visit.response
        if visit.failure is not None:
            yield from self._failed(visit, visit.failure)
        elif response is None:
            raise ValueError("a visit has a response or a failure")
        elif response.status in _DENIED:
            said = f"The server does not give the address to everybody ({response.status})."
            yield from self._failed(visit, FetchFailed("access_denied", said, transient=False))
        else:
            yield from self._tally.row
            self._tally.row = []
            if visit.page is not None:
                yield from self._read(visit, visit.page)
            elif response.status == 304 and visit.note is not None:
                yield from self._not_modified(visit, visit.note)
            elif response.status in REDIRECTS:
                yield from self._moved(visit, response)
            else:
                yield from self._not_there(visit, response.status)

    def _read(self, visit: Visit, page: Page) -> Iterator[Item]:
        task, path = visit.task, self._scope.path_of(visit.task.url)
        self._follow(task, page.links)
        yield from page.problems
        if page.document is not None:
            yield from self._document(visit, page.document, page.links)
        elif page.canonical is not None:
            self._note(visit, PageNote(task.url, "alias", target=page.canonical, links=page.links))
            self._follow_canonical(task, page.canonical)
            said = (
                f"The page names {shown(page.canonical)} as its address; that one is read in its stead, if it is there."
            )
            yield Problem(path, "canonical_elsewhere", said, "noted", below=False)
        else:
            if not any(problem.leaves_unread for problem in page.problems):
                self._gone.add(path)
                self._note(visit, PageNote(task.url, "silent", links=page.links))
            else:
                self._there.add(path)
            if page.noindex:
                yield Problem(path, "noindex", "The page asks not to be indexed (noindex).", "noted", below=False)

    def _document(self, visit: Visit, document: Document, links: tuple[str, ...]) -> Iterator[Item]:
        path = document.path
        if path in self._there:
            return
        self._there.add(path)
        self._tally.pages += 1
        note = PageNote(visit.task.url, "document", path, document.fingerprint, links=links)
        self._note(visit, note)
        yield Unchanged(path) if self._known.get(path) == document.fingerprint else document

    def _not_modified(self, visit: Visit, note: PageNote) -> Iterator[Item]:
        self._follow(visit.task, note.links)
        self._notes.write(note)
        if note.outcome == "alias":
            self._follow_canonical(visit.task, note.target)
        elif note.outcome == "document" and note.path not in self._there:
            self._there.add(note.path)
            self._tally.pages += 1
            yield Unchanged(note.path)

    def _moved(self, visit: Visit, response: Response) -> Iterator[Item]:
        task, path = visit.task, self._scope.path_of(visit.task.url)
        target = redirect_target(response) or ""
        if task.hops >= MOST_REDIRECTS:
            yield Problem(path, "redirect_loop", "The address redirects in a circle or too often.", below=False)
        elif not self._frontier.belongs(target):
            leads = shown(target or response.headers.get("location", "")) or "nowhere"
            said = f"The address redirects to {leads}, which is not part of the source; it was not followed."
            yield Problem(path, _GONE, said + _linked_from(task), below=False)
        else:
            self._notes.write(PageNote(task.url, "moved", target=target))
            next_task = replace(task, url=target, hops=task.hops + 1)
            if not self._frontier.add(next_task, first=True) and self._scope.path_of(target) == path:
                self._frontier.again(next_task)

    def _not_there(self, visit: Visit, status: int) -> Iterator[Item]:
        if self._frontier.try_other_spelling(visit.task.url):
            return
        path = self._scope.path_of(visit.task.url)
        self._gone.add(path)
        yield Problem(path, _GONE, f"The server answers {status}.{_linked_from(visit.task)}", below=False)

    def _failed(self, visit: Visit, failure: FetchFailed) -> Iterator[Item]:
        """Hold the problem back while addresses fail in a row; go on from what is remembered of the page."""
        task, note = visit.task, visit.note
        path = self._scope.path_of(task.url)
        if note is not None:
            self._notes.write(note)
            self._follow(task, note.links)
            if note.outcome == "alias":
                self._follow_canonical(task, note.target)
            elif note.outcome == "moved":
                self._frontier.add(replace(task, url=note.target), first=True)
        if failure.code != "access_denied":
            self._there.add(path)
        problem = Problem(path, failure.code, failure.message + _linked_from(task), below=False)
        if failure.code != "access_denied" and not failure.transient:
            yield problem
            return
        row, stopped = self._tally.row, self._tally.stopped
        if stopped is not None:
            yield replace(problem, code=stopped.code)
            return
        row.append(problem)
        if len(row) >= _FAILURES_IN_A_ROW or failure.code == "asked_to_wait":
            if failure.code == "asked_to_wait" or not self._is_up():
                said = f"{len(row)} addresses in a row failed, the last one: {failure.message} The rest was not read."
                self._tally.stopped = self._site_problem("site_unavailable", said)
                row[:] = [replace(each, code="site_unavailable") for each in row]
            yield from row
            row.clear()

    def _is_up(self) -> bool:
        try:
            response = self._fetcher.fetch(self._start.url)
        except (FetchFailed, RefusedUrl):
            return False
        if response.body is not None:
            response.body.unlink(missing_ok=True)
        return response.status not in _DENIED

    # Links

    def _follow(self, task: Task, links: tuple[str, ...]) -> None:
        path = self._scope.path_of(task.url)
        for url in links:
            if self.follows_links or suffix_of(url) in DOCUMENT_SUFFIXES:
                self._frontier.add(Task(url, task.depth + 1, path))

    def _follow_canonical(self, task: Task, canonical: str) -> None:
        self._frontier.add(replace(task, url=canonical, own=False), first=True)
        self._tally.aliases.append((task, canonical))

    def _note(self, visit: Visit, note: PageNote) -> None:
        headers = visit.response.headers if visit.response else {}
        self._notes.write(replace(note, etag=headers.get("etag", ""), modified=headers.get("last-modified", "")))

    # The end

    def _ended(self) -> Iterator[Item]:
        """What is left to say when there is nothing more to ask for."""
        yield from self._tally.row
        if self._tally.stopped:
            yield self._tally.stopped
            yield from self._not_reached()
        elif self._is_full(0) and self._anything_left():
            said = f"The limit of {self._options.max_pages} pages was reached; more are there. Raise -o max_pages=…"
            yield self._site_problem("page_limit", said)
        reasons = {
            "depth": ("depth_limit", f"over {self._options.max_depth} links from the first page", "max_depth"),
            "trap": (
                "endless_links",
                "differ from many others only in numbers or parameters, or repeat",
                "max_similar",
            ),
            "addresses": ("address_limit", "are more than are remembered in one sync", "prefix"),
        }
        for reason, (code, what, option) in reasons.items():
            if count := self._frontier.left_out[reason]:
                said = (
                    f"{count} links were not followed: they are {what}."
                    if reason == "depth"
                    else (f"{count} links were not followed: they {what}.")
                )
                yield replace(self._site_problem(code, f"{said} See -o {option}=…"), severity="noted")
        if self._tally.forbidden:
            said = f"{self._tally.forbidden} addresses were not asked for: robots.txt forbids them."
            yield replace(self._site_problem("robots_forbidden", said), severity="noted")

    def _anything_left(self) -> bool:
        """Whether an address waits that would give another page."""
        while len(self._frontier):
            if self._scope.path_of(self._frontier.pop().url) not in self._there:
                return True
        return False

    def _not_reached(self) -> Iterator[Problem]:
        """What an earlier sync read and this one did not come to, which stays."""
        for note in self._notes.all_known():
            if note.path in self._there | self._gone or note.url in self._asked:
                continue
            self._notes.write(note)
            if note.outcome == "document":
                yield Problem(note.path, "not_reached", "The sync ended before this page was asked for.", below=False)

    def _site_problem(self, code: str, message: str) -> Problem:
        return Problem(self._start.url, code, message, below=False)


def _failure_of(error: FetchFailed | RefusedUrl) -> FetchFailed:
    if isinstance(error, FetchFailed):
        return error
    return FetchFailed(error.code, f"{error.message} {error.hint}", transient=False)


def _linked_from(task: Task) -> str:
    return f" It is linked from {task.referrer}." if task.referrer else ""
