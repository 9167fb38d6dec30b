"""Where proposed pairs come from at the command line: arguments, an earlier answer, or a file of JSON lines."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from app.errors import InvalidRequest, NotFound
from app.scrubbing import WITHHELD
from app.verified.checking import Proposal

if TYPE_CHECKING:
    from app.engine import Engine

_MASKED = re.compile(r"<[A-Z][A-Z_]*_\d+>")


class _Line(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    question: str
    sql: str
    source: str | None = None
    note: str = ""


def given(
    engine: Engine,
    source: str | None,
    question: str | None,
    sql: str | None,
    answer: str | None,
    *,
    note: str,
    exact: bool,
    force: bool,
) -> Proposal:
    """The pair of the arguments, or of an earlier answer; raises `InvalidRequest` that says what is missing."""
    if answer is not None:
        if question is not None or sql is not None:
            raise InvalidRequest("--from-answer takes question and SQL from the answer; leave them out.")
        question, sql, found = of_answer(engine, answer)
        if source not in (None, found):
            raise InvalidRequest(f"Answer {answer} is of source {found!r}, not {source!r}.", hint="Leave SOURCE out.")
        source = found
    if source is None or question is None or sql is None:
        raise InvalidRequest(
            "SOURCE, QUESTION and SQL are needed.",
            hint='answerable verify add SOURCE "question" "SELECT …", or --from-answer ID, or --file pairs.jsonl.',
        )
    return Proposal(source=source, question=question, sql=sql, note=note, exact=exact, force=force)


def of_answer(engine: Engine, identity: str) -> tuple[str, str, str]:
    """Question, SQL and source of an earlier answer; raises if its trace does not hold them unmasked."""
    trace = engine.traces.find(identity)
    if trace is None:
        raise NotFound(f"There is no trace {identity!r}.", hint="`answerable trace list` shows the newest.")
    sql = trace.answer.get("sql")
    if not isinstance(sql, dict):
        raise InvalidRequest(f"Answer {identity} was not answered from tables: it has no SQL.")
    for name, text in (("question", trace.question), ("SQL", str(sql["text"]))):
        if WITHHELD in text or _MASKED.search(text):
            raise InvalidRequest(
                f"The {name} of answer {identity} was masked when its trace was written, so it cannot be repeated.",
                hint="Give question and SQL yourself: answerable verify add SOURCE QUESTION SQL.",
            )
    return trace.question, str(sql["text"]), str(sql["source"])


def from_lines(
    path: Path, *, source: str | None, note: str, exact: bool, force: bool
) -> Iterator[tuple[int, Proposal]]:
    """The pairs of a file with their line numbers; raises `InvalidRequest` for the first line that is none.

    All lines are read before the first is yielded: a malformed file adds nothing.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidRequest(f"{path} cannot be read: {error}.") from error
    found: list[tuple[int, Proposal]] = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            pair = msgspec.json.decode(line, type=_Line)
        except msgspec.DecodeError as error:
            raise InvalidRequest(
                f"Line {number} of {path} cannot be used: {error}.",
                hint='Each line is {"question": "…", "sql": "…", "source": "…", "note": "…"}.',
            ) from error
        of = pair.source or source
        if of is None:
            raise InvalidRequest(f"Line {number} of {path} names no source.", hint="Give SOURCE as the argument.")
        proposal = Proposal(
            source=of, question=pair.question, sql=pair.sql, note=pair.note or note, exact=exact, force=force
        )
        found.append((number, proposal))
    return iter(found)
