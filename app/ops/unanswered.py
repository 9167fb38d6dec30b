"""Questions that got no good answer, grouped by what they mean: what to add or to say better next.

    traces -> newest `MOST` -> one vector for each masked wording -> groups by cosine -> largest first

Grouping is deterministic: wordings are taken from the most asked to the least, and each joins the group whose first
wording is nearest, if their cosine reaches `ALIKE`; otherwise it begins a group.
"""

from __future__ import annotations

import logging
import re
import threading
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, TypeAlias
from weakref import WeakKeyDictionary

import msgspec

from app.errors import AppError
from app.ops.trace_search import FoundTrace, TraceSearch

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from app.engine import Engine

    Vectors: TypeAlias = NDArray[np.float32]

_log = logging.getLogger("answerable.unanswered")

Reason: TypeAlias = Literal["refused", "clarify", "failed", "unsure", "thumbs_down"]

MOST = 500
"""Questions that one view groups, the newest ones."""
KEPT_VECTORS = 5_000
"""Vectors that a process keeps (7.5 MiB at 384 numbers each)."""
ALIKE = 0.72
"""Cosine from which two questions count as the same one. MiniLM, measured: wordings of one question have 0.77 to 0.97;
of the 7,626 pairs of the sample's 124 questions six reach it, which are wordings of each other.
"""
MOST_SHOWN = 5
"""Other wordings and answers that a group lists."""
NEAREST_SHOWN = 3


class NearPlace(msgspec.Struct, frozen=True):
    """A document that refusals pointed at."""

    source: str
    document: str | None
    title: str


class UnansweredGroup(msgspec.Struct, frozen=True, kw_only=True):
    """Questions that mean about the same."""

    question: str
    """The wording nearest to all others, masked."""
    count: int
    last_seen: float
    """Seconds since the epoch."""
    reasons: dict[str, int]
    """Why they are here: refused, clarify, failed, unsure, thumbs_down -> how many."""
    codes: dict[str, int]
    """Codes of the refusals -> how many."""
    nearest: tuple[NearPlace, ...]
    sources: tuple[str, ...]
    """Names of the sources that were looked at or pointed at."""
    wordings: tuple[str, ...]
    """Other wordings, the most asked first."""
    answers: tuple[str, ...]
    """Ids of the newest answers."""


class Unanswered(msgspec.Struct, frozen=True, kw_only=True):
    """The groups, largest first."""

    groups: tuple[UnansweredGroup, ...]
    questions: int
    """How many questions were grouped."""
    capped: bool
    """There are more, older ones."""
    by_meaning: bool
    """False: the embedding model could not be used, so that only equal wordings were put together."""


class _Asked(msgspec.Struct, frozen=True):
    trace: FoundTrace
    refusal: dict[str, Any]


def unanswered(
    engine: Engine, search: TraceSearch, *, since: float | None, until: float | None, unsure_below: float
) -> Unanswered:
    """The questions of a period that were refused, asked back, unsure or called bad, in groups."""
    rows = search.without_answer(since=since, until=until, unsure_below=unsure_below, limit=MOST + 1)
    asked = [_Asked(trace, refusal) for trace, refusal in rows[:MOST]]
    same: dict[str, list[_Asked]] = {}
    for each in asked:
        same.setdefault(_plain(each.trace.question), []).append(each)
    wordings = sorted(same, key=lambda wording: (-len(same[wording]), wording))
    vectors = _vectors([same[wording][0].trace for wording in wordings], engine)
    grouped = [[index] for index in range(len(wordings))] if vectors is None else alike(vectors)
    groups = [
        _group(
            [same[wordings[index]] for index in members], None if vectors is None else vectors[members], unsure_below
        )
        for members in grouped
    ]
    groups.sort(key=lambda group: (-group.count, -group.last_seen, group.question))
    return Unanswered(
        groups=tuple(groups), questions=len(asked), capped=len(rows) > MOST, by_meaning=vectors is not None
    )


def alike(vectors: Vectors, least: float = ALIKE) -> list[list[int]]:
    """Groups of the rows of `vectors` (float32[n, d], each of length 1), in the order of their first members."""
    groups: list[list[int]] = []
    leaders = vectors.copy()
    for index in range(len(vectors)):
        near = leaders[: len(groups)] @ vectors[index]
        best = int(near.argmax()) if groups else 0
        if groups and near[best] >= least:
            groups[best].append(index)
        else:
            leaders[len(groups)] = vectors[index]
            groups.append([index])
    return groups


def reason_of(trace: FoundTrace, unsure_below: float) -> list[Reason]:
    """Why a question counts as unanswered."""
    found: list[Reason] = []
    if trace.status == "refused":
        found.append("refused")
    elif trace.status == "clarify":
        found.append("clarify")
    elif trace.status != "answered":
        found.append("failed")
    elif trace.confidence < unsure_below:
        found.append("unsure")
    return [*found, "thumbs_down"] if trace.thumbs_down else found


def _group(wordings: Sequence[Sequence[_Asked]], vectors: Vectors | None, unsure_below: float) -> UnansweredGroup:
    first = 0 if vectors is None else int((vectors @ vectors.sum(axis=0)).argmax())
    asked = [each for wording in wordings for each in wording]
    newest = sorted(asked, key=lambda each: -each.trace.created_at)
    places = Counter(place for each in asked for place in _places(each.refusal))
    named = Counter(name for each in asked for name in each.trace.sources)
    return UnansweredGroup(
        question=wordings[first][0].trace.question,
        count=len(asked),
        last_seen=newest[0].trace.created_at,
        reasons=_counted(reason for each in asked for reason in reason_of(each.trace, unsure_below)),
        codes=_counted(str(each.refusal["code"]) for each in asked if each.refusal.get("code")),
        nearest=tuple(place for place, _ in places.most_common(NEAREST_SHOWN)),
        sources=tuple(name for name, _ in named.most_common(MOST_SHOWN)),
        wordings=tuple(w[0].trace.question for i, w in enumerate(wordings) if i != first)[:MOST_SHOWN],
        answers=tuple(each.trace.id for each in newest[:MOST_SHOWN]),
    )


def _counted(names: Iterable[str]) -> dict[str, int]:
    return dict(Counter(names).most_common())


def _places(refusal: Mapping[str, Any]) -> list[NearPlace]:
    found = []
    for near in refusal.get("nearest") or ():
        title = near.get("title") or near.get("document") or near.get("source") or ""
        found.append(NearPlace(str(near.get("source", "")), near.get("document"), str(title)))
    return found


def _plain(question: str) -> str:
    """The wording without case, space and end marks, by which equal questions are one."""
    return re.sub(r"\s+", " ", question).strip(" ?!.").casefold()


class _Kept:
    """The vectors of one process, by trace and model."""

    def __init__(self) -> None:
        from cachetools import LRUCache

        self.vectors: LRUCache[tuple[str, str], Vectors] = LRUCache(KEPT_VECTORS)
        self.lock = threading.Lock()


_kept: WeakKeyDictionary[Engine, _Kept] = WeakKeyDictionary()


def _vectors(traces: Sequence[FoundTrace], engine: Engine) -> Vectors | None:
    """A vector for each trace's question, embedded once in this process; None if the model cannot be used."""
    import numpy as np

    from ingest.embedder import EmbeddingError

    kept = _kept.setdefault(engine, _Kept())
    with kept.lock:
        try:
            embedder = engine.embedder
            model = embedder.fingerprint
            missing = [trace for trace in traces if (trace.id, model) not in kept.vectors]
            if missing:
                new = embedder.embed([trace.question for trace in missing])
                kept.vectors.update(((trace.id, model), vector) for trace, vector in zip(missing, new, strict=True))
            known = [kept.vectors[trace.id, model] for trace in traces]
        except (EmbeddingError, AppError) as error:
            _log.warning("unanswered questions are not grouped by meaning: %s", type(error).__name__)
            return None
        return np.stack(known) if known else np.empty((0, embedder.dimension), dtype=np.float32)
