"""Question files: one JSON object a line, each a question with what a right answer holds."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path
from typing import Literal, TypeAlias

import msgspec

from app.errors import AppError
from app.values import Cell, Role, RouteName, Status

Category: TypeAlias = Literal["documents", "tables", "both", "unanswerable", "ambiguous", "unsafe"]
CATEGORIES: tuple[Category, ...] = ("documents", "tables", "both", "unanswerable", "ambiguous", "unsafe")


class DatasetError(AppError):
    """A question file that cannot be used; the message names file and line."""

    code = "invalid_dataset"
    status = 400


class Expect(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a right answer holds. Everything given must hold; an empty one asks for the status only."""

    document: str | tuple[str, ...] | None = None
    """Path of the document that must be cited, or acceptable ones of which one must be."""
    contains: tuple[str | tuple[str, ...], ...] = ()
    """Strings that the text or a quote must hold; a list among them means any one of its strings."""
    sql: str | tuple[str, ...] | None = None
    """Gold SQL, or acceptable ones (a question may fairly be read to ask for one column or two)."""
    rows: tuple[tuple[Cell, ...], ...] | None = None
    """Gold rows, in place of SQL."""
    ordered: bool = False
    """Whether the order of the rows counts."""
    never: tuple[str, ...] = ()
    """Regular expressions that may match nowhere in text, quotes, cells or SQL."""
    statuses: tuple[Status, ...] = ()
    """Statuses that are right besides the case's own."""

    @property
    def documents(self) -> tuple[str, ...]:
        """The acceptable documents; empty if none is asked for."""
        return _as_tuple(self.document)

    @property
    def queries(self) -> tuple[str, ...]:
        """The acceptable gold queries; empty if there is none."""
        return _as_tuple(self.sql)


class Case(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One question with what is expected of its answer."""

    id: str
    question: str
    category: Category
    route: RouteName
    status: Literal["answered", "clarify", "refused"]
    sources: tuple[str, ...] | None = None
    today: date | None = None
    """What relative dates count from; None: the day of the run."""
    expect: Expect = Expect()
    session: str | None = None
    """Cases with the same one are turns of a conversation, asked in their order."""
    role: Role = "owner"
    """Who asks."""


def _as_tuple(value: str | tuple[str, ...] | None) -> tuple[str, ...]:
    if value is None:
        return ()
    return (value,) if isinstance(value, str) else value


def load(path: Path) -> tuple[Case, ...]:
    """The cases of a question file in its order; a line with `turns` is a conversation, each turn a case.

    Raises `DatasetError`, with file and line, for unreadable files, broken JSON, unknown fields, repeated ids and
    expectations that cannot be checked.
    """
    cases: dict[str, Case] = {}
    for number, line in enumerate(_read_lines(path), start=1):
        if not line.strip():
            continue
        try:
            found = _cases(line)
        except msgspec.MsgspecError as error:
            raise _wrong(path, number, str(error)) from error
        for case in found:
            problem = _problem(case, cases)
            if problem:
                raise _wrong(path, number, problem)
            cases[case.id] = case
    if not cases:
        raise DatasetError(f"{path} holds no questions", hint="Write one JSON object a line.")
    return tuple(cases.values())


def _cases(line: str) -> tuple[Case, ...]:
    from app.evals.conversations import Talk

    if "turns" in msgspec.json.decode(line, type=dict[str, msgspec.Raw]):
        return tuple(msgspec.json.decode(line, type=Talk).cases())
    return (msgspec.json.decode(line, type=Case),)


def _read_lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8").split("\n")
    except FileNotFoundError as error:
        raise DatasetError(f"there is no file {path}", hint="Try data/sample/questions.jsonl.") from error
    except (OSError, UnicodeDecodeError) as error:
        raise DatasetError(f"{path} cannot be read: {error}", hint="It must be a UTF-8 text file.") from error


def _wrong(path: Path, line: int, what: str) -> DatasetError:
    return DatasetError(f"{path}, line {line}: {what}", hint="The fields are described in data/sample/README.md.")


def _problem(case: Case, earlier: dict[str, Case]) -> str | None:
    """What is wrong with a case that has the right shape, or None."""
    expect = case.expect
    if case.id in earlier:
        return f"the id {case.id!r} is taken by an earlier line"
    if not case.question.strip():
        return "the question is empty"
    if expect.sql is not None and expect.rows is not None:
        return "give gold `sql` or gold `rows`, not both"
    checked = expect.documents or expect.contains or expect.queries or expect.rows is not None or expect.never
    if case.status == "answered" and not checked:
        return "an answered case must expect a document, strings, SQL or rows"
    for pattern in expect.never:
        try:
            re.compile(pattern)
        except re.error as error:
            return f"`never` holds a wrong regular expression {pattern!r}: {error}"
    return None
