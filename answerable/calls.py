"""Each request of the client as a value, the same for both clients; nothing here sends anything."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar
from urllib.parse import quote

import msgspec

from answerable.errors import UnexpectedResponse
from answerable.values import (
    Answer,
    Cost,
    Feedback,
    SearchResults,
    Sources,
    SqlCheck,
    VerifiedQueries,
    VerifiedQuery,
)

Result = TypeVar("Result")


@dataclass(frozen=True)
class Call(Generic[Result]):
    """A request and the type of its response; `repeatable` if sending it twice does no more than once."""

    method: str
    path: str
    result: type[Result]
    body: Mapping[str, Any] | None = None
    params: Mapping[str, str | Sequence[str]] = field(default_factory=dict)
    repeatable: bool = True

    def read(self, status: int, body: bytes) -> Result:
        """The response's value; raises `UnexpectedResponse`."""
        if self.result is bytes:
            return body  # type: ignore[return-value]
        try:
            return msgspec.json.decode(body or b"null", type=self.result)
        except msgspec.MsgspecError as error:
            message = f"The response to {self.method} {self.path} is not of this service: {error}"
            raise UnexpectedResponse(message, code="unexpected_response", status=status) from error


def ask(
    question: str,
    *,
    sources: Sequence[str] | None,
    session: str | None,
    max_rows: int,
    threshold: float | None,
    stream: bool = False,
) -> Call[Answer]:
    """A question. In a session it is sent once only: the session would remember it twice."""
    body: dict[str, Any] = {"question": question, "sources": _listed(sources), "session": session}
    body |= {"max_rows": max_rows, "threshold": threshold, "stream": stream}
    return Call("POST", "/v1/ask", Answer, body, repeatable=session is None)


def stop(stream: str) -> Call[None]:
    """End a stream."""
    return Call("DELETE", f"/v1/ask/{_segment(stream)}", type(None))


def search(
    query: str, *, sources: Sequence[str] | None, limit: int, filters: Mapping[str, str] | None
) -> Call[SearchResults]:
    """Passages."""
    body = {"query": query, "sources": _listed(sources), "limit": limit, "filters": filters}
    return Call("POST", "/v1/search", SearchResults, body)


def all_sources() -> Call[Sources]:
    """What can be asked about."""
    return Call("GET", "/v1/sources", Sources)


def check_sql(sql: str, *, source: str | None) -> Call[SqlCheck]:
    """SQL to validate."""
    return Call("POST", "/v1/sql/check", SqlCheck, {"sql": sql, "source": source})


def answer(answer_id: str) -> Call[Answer]:
    """An earlier answer."""
    return Call("GET", f"/v1/answers/{_segment(answer_id)}", Answer)


def chart_svg(answer_id: str) -> Call[bytes]:
    """The chart of an earlier answer."""
    return Call("GET", f"/v1/answers/{_segment(answer_id)}/chart.svg", bytes)


def feedback(answer_id: str, thumb: str, *, reasons: Sequence[str], comment: str | None) -> Call[Feedback]:
    """A thumb; a second one takes the first one's place."""
    body = {"answer": answer_id, "thumb": thumb, "reasons": _listed(reasons), "comment": comment}
    return Call("POST", "/v1/feedback", Feedback, body)


def verified(source: str | None) -> Call[VerifiedQueries]:
    """Verified queries."""
    return Call("GET", "/v1/verified", VerifiedQueries, params={} if source is None else {"source": source})


def verify(source: str, question: str, sql: str, *, note: str, exact: bool, force: bool) -> Call[VerifiedQuery]:
    """A pair to approve."""
    body = {"source": source, "question": question, "sql": sql, "note": note, "exact": exact, "force": force}
    return Call("POST", "/v1/verified", VerifiedQuery, body, repeatable=force)


def unverify(verified_id: str) -> Call[None]:
    """Forget a pair."""
    return Call("DELETE", f"/v1/verified/{_segment(verified_id)}", type(None))


def cost(since: str, by: Sequence[str]) -> Call[Cost]:
    """What models have cost."""
    params: dict[str, str | Sequence[str]] = {"since": since}
    return Call("GET", "/v1/admin/cost", Cost, params=params | ({"by": _listed(by) or ()} if by else {}))


def _listed(names: Sequence[str] | None) -> list[str] | None:
    """A list, which one text is not: `sources="shop"` would ask `s`, `h`, `o` and `p`."""
    if isinstance(names, str):
        raise TypeError(f"a list of names is needed, not one text: [{names!r}]")
    return None if names is None else list(names)


def _segment(identity: str) -> str:
    """An id as one segment of a path, whatever it holds."""
    if not identity.strip("."):
        raise ValueError(f"{identity!r} is no id")
    return quote(identity, safe="")
