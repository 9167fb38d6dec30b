"""`AsyncClient`: the same for asyncio."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, suppress
from types import TracebackType
from typing import Literal, TypeVar

import httpx2

from answerable import calls
from answerable.calls import Call
from answerable.connecting import Attempts, Connecting, connecting, failure, refusal
from answerable.errors import AnswerableError, ConnectionFailed
from answerable.events import Event
from answerable.streaming import Follower
from answerable.values import (
    Answer,
    Cost,
    Feedback,
    SearchResults,
    Sources,
    SqlCheck,
    VerifiedQuery,
)

Result = TypeVar("Result")


class AsyncAnswerStream:
    """The events of one answer as they come; after a cut it goes on by itself. Use it in an `async with` block."""

    def __init__(self, http: httpx2.AsyncClient, settings: Connecting, call: Call[Answer]) -> None:
        self._http = http
        self._settings = settings
        self._call = call
        self._follower = Follower(settings, repeatable=call.repeatable)
        self._events = self._followed()

    async def __aenter__(self) -> AsyncAnswerStream:
        return self

    async def __aexit__(self, *_raised: object) -> None:
        await self.close()

    def __aiter__(self) -> AsyncIterator[Event]:
        return self._events

    @property
    def id(self) -> str | None:
        """The stream's name; None before the first event."""
        return self._follower.stream

    @property
    def text(self) -> str:
        """The answer's text so far."""
        return self._follower.text

    @property
    def answer(self) -> Answer | None:
        """The whole answer; None until it is there."""
        return self._follower.answer

    async def result(self) -> Answer:
        """Read to the end and return the answer."""
        async for _ in self._events:
            pass
        if self.answer is None:
            raise ConnectionFailed("The stream was closed before the answer was there.", code="stream_closed")
        return self.answer

    async def cancel(self) -> None:
        """Stop the work on the answer at once, and reading it."""
        await self.close()
        if self.id is not None and self.answer is None:
            call = calls.stop(self.id)
            with suppress(httpx2.TransportError):  # then the service stops it by itself, a few seconds later
                await self._http.request(call.method, call.path)

    async def close(self) -> None:
        """Stop reading; the service stops the work a few seconds later."""
        await self._events.aclose()

    async def _followed(self) -> AsyncGenerator[Event, None]:
        follower = self._follower
        while not follower.over:
            refused: AnswerableError | None = None
            cause: httpx2.TransportError | None = None
            try:
                async with self._connection() as response:
                    follower.connected()
                    if response.is_success:
                        async for received in response.aiter_bytes():
                            for event in follower.receive(received):
                                yield event
                    else:
                        refused = refusal(response, await response.aread())
            except httpx2.TransportError as error:
                cause = error
            if not follower.over:
                await asyncio.sleep(follower.again(refused, cause))

    def _connection(self) -> AbstractAsyncContextManager[httpx2.Response]:
        headers = {**self._follower.headers, "Accept-Encoding": "identity"}
        return self._http.stream(
            self._call.method,
            self._call.path,
            json=self._call.body,
            headers=headers,
            timeout=self._settings.stream_timeout,
        )


class AsyncClient:
    """The service at `base_url` (else ANSWERABLE_URL, else loopback), asked with `key` (else ANSWERABLE_KEY).

    Close it, or use it in an `async with` block. What may be repeated is tried again up to `retries` times
    after a failed connection, and every call after a 429 that names a time of at most `longest_wait_s` seconds.
    """

    def __init__(
        self,
        base_url: str | None = None,
        *,
        key: str | None = None,
        timeout_s: float = 60.0,
        retries: int = 2,
        longest_wait_s: float = 30.0,
    ) -> None:
        self._settings = connecting(base_url, key, timeout_s, retries, longest_wait_s)
        self._http = httpx2.AsyncClient(
            base_url=self._settings.base_url, headers=self._settings.headers, timeout=self._settings.timeout
        )

    def __repr__(self) -> str:
        return f"AsyncClient({self._settings.base_url!r})"

    async def __aenter__(self) -> AsyncClient:
        return self

    async def __aexit__(
        self, _kind: type[BaseException] | None, _raised: BaseException | None, _traceback: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def ask(
        self,
        question: str,
        *,
        sources: Sequence[str] | None = None,
        session: str | None = None,
        max_rows: int = 100,
        threshold: float | None = None,
    ) -> Answer:
        """The answer to a question; a question under the name of a session may follow up on the ones before."""
        call = calls.ask(question, sources=sources, session=session, max_rows=max_rows, threshold=threshold)
        return await self._send(call)

    def stream(
        self,
        question: str,
        *,
        sources: Sequence[str] | None = None,
        session: str | None = None,
        max_rows: int = 100,
        threshold: float | None = None,
    ) -> AsyncAnswerStream:
        """The answer as it is made: an iterator of events, which asks when it is first read."""
        call = calls.ask(
            question, sources=sources, session=session, max_rows=max_rows, threshold=threshold, stream=True
        )
        return AsyncAnswerStream(self._http, self._settings, call)

    async def search(
        self,
        query: str,
        *,
        sources: Sequence[str] | None = None,
        limit: int = 10,
        filters: Mapping[str, str] | None = None,
    ) -> SearchResults:
        """Passages, best first; filters are `document`, `modified_after`, `modified_before` and `metadata.NAME`."""
        return await self._send(calls.search(query, sources=sources, limit=limit, filters=filters))

    async def sources(self) -> Sources:
        """What can be asked about."""
        return await self._send(calls.all_sources())

    async def check_sql(self, sql: str, *, source: str | None = None) -> SqlCheck:
        """Whether the service would run this SQL; it is not run."""
        return await self._send(calls.check_sql(sql, source=source))

    async def answer(self, answer_id: str) -> Answer:
        """An earlier answer as its trace keeps it, personal data masked."""
        return await self._send(calls.answer(answer_id))

    async def chart_svg(self, answer_id: str) -> bytes:
        """The chart of an earlier answer; raises `NotFound` for one without."""
        return await self._send(calls.chart_svg(answer_id))

    async def feedback(
        self, answer_id: str, thumb: Literal["up", "down"], *, reasons: Sequence[str] = (), comment: str | None = None
    ) -> Feedback:
        """Say whether an answer helped; again replaces it.

        Reasons are `wrong, incomplete, outdated, not_relevant, unclear, wrong_source, other`.
        """
        return await self._send(calls.feedback(answer_id, thumb, reasons=reasons, comment=comment))

    async def verified(self, source: str | None = None) -> tuple[VerifiedQuery, ...]:
        """The verified queries, oldest first."""
        found = await self._send(calls.verified(source))
        return found.verified

    async def verify(
        self, source: str, question: str, sql: str, *, note: str = "", exact: bool = False, force: bool = False
    ) -> VerifiedQuery:
        """Approve a question -> SQL pair; `exact`: for these very values only; `force`: replace the same question's."""
        return await self._send(calls.verify(source, question, sql, note=note, exact=exact, force=force))

    async def unverify(self, verified_id: str) -> None:
        """Forget a verified query."""
        await self._send(calls.unverify(verified_id))

    async def cost(self, *, since: str = "30d", by: Sequence[str] = ()) -> Cost:
        """What language models have cost, for owners."""
        return await self._send(calls.cost(since, by))

    async def _send(self, call: Call[Result]) -> Result:
        attempts = Attempts(self._settings, repeatable=call.repeatable)
        while True:
            cause: httpx2.TransportError | None = None
            refused: AnswerableError | None
            try:
                response = await self._http.request(call.method, call.path, json=call.body, params=call.params)
            except httpx2.TransportError as error:
                cause, refused = error, failure(error, self._settings.base_url)
            else:
                refused = refusal(response, response.content)
                if refused is None:
                    return call.read(response.status_code, response.content)
            pause_s = attempts.pause_s(refused, cause)
            if pause_s is None:
                raise refused from cause
            await asyncio.sleep(pause_s)
