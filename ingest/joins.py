"""Joins between tables: as declared, else inferred from names, uniqueness and the values themselves.

    for each column that could refer to another table:
        candidates by name (same name, <table>_id -> <table>.id, home_team_id -> team.team_id …)
        -> share of its distinct values that the other side has
        -> the best candidate whose name and values together are good enough

The thresholds were set on the schemas that `bench/joins.py` scores.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import TypeAlias

import duckdb

from connectors.base import ForeignKey
from ingest.names import words
from ingest.stores.catalog import Column, Join, Table
from ingest.stores.identifiers import quoted

Share: TypeAlias = Callable[[str, str, str, str], float]
"""Of (left table, column, right table, column): the share of the left column's values that the right one has."""
_KEY_WORDS = frozenset({
    "id", "code", "key", "no", "number", "nr", "num", "abbr", "abbreviation", "uuid", "guid", "pk", "fk",
})  # fmt: skip
_PREFIXES = frozenset({"fk", "ref", "src", "the"})
_VALUES_COMPARED = 50_000
_CANDIDATES_PER_COLUMN = 12
_SELF_WORDS = frozenset({
    "manager", "supervisor", "parent", "boss", "superior", "mentor", "reply", "predecessor", "report",
})  # fmt: skip
_PERSONS = frozenset({
    "person", "employee", "staff", "member", "user", "faculty", "student", "instructor", "worker", "contact",
})  # fmt: skip
_PERSON_ROLES = _SELF_WORDS | frozenset({
    "instructor", "professor", "prof", "teacher", "rep", "representative", "head", "chief", "director", "leader",
    "coach", "agent", "owner", "author", "assignee", "creator", "approver", "reviewer", "assistant", "nurse",
    "advisor", "adviser", "friend", "male", "female", "husband", "wife", "sender", "receiver", "recipient",
    "president", "secretary", "treasurer", "chair", "captain", "lecturer", "seller", "buyer", "salesperson", "driver",
    "follower",
})  # fmt: skip
"""Roles that people of a table named in `_PERSONS` have: `support_rep_id` refers to `employee`."""


@dataclass(frozen=True, slots=True)
class _Candidate:
    left: Table
    column: Column
    right: Table
    target: Column
    name_score: float


@dataclass(frozen=True, slots=True)
class _Scored:
    candidate: _Candidate
    score: float


def declared_joins(tables: Sequence[Table], keys: Mapping[str, Sequence[ForeignKey]]) -> list[Join]:
    """Joins from declared foreign keys (by table name), where both sides are among the tables."""
    by_name = {table.name.casefold(): table for table in tables}
    joins = []
    for name, declared in keys.items():
        left = by_name[name.casefold()]
        for key in declared:
            right = by_name.get(key.to_table.casefold())
            if right is None:
                continue
            columns = _spelled(left, key.columns)
            target = _spelled(right, key.to_columns or right.primary_key)
            if columns and len(columns) == len(target):
                joins.append(_join(left.name, columns, right.name, target, "declared", 1.0))
    return joins


def _join(left: str, columns: tuple[str, ...], right: str, target: tuple[str, ...], how: str, score: float) -> Join:
    return Join(
        left_table=left, left_columns=columns, right_table=right, right_columns=target,
        evidence="declared" if how == "declared" else "inferred", score=score,
    )  # fmt: skip


def _spelled(table: Table, names: Sequence[str]) -> tuple[str, ...]:
    """The names as the table spells them; empty if one is not there."""
    by_name = {column.name.casefold(): column.name for column in table.columns}
    found = tuple(by_name[name.casefold()] for name in names if name.casefold() in by_name)
    return found if len(found) == len(names) else ()


def infer_joins(
    connection: duckdb.DuckDBPyConnection,
    tables: Sequence[Table],
    known: Sequence[Join] = (),
    share: Share | None = None,
) -> list[Join]:
    """Inferred joins of columns that take part in no known join, one per left column, best first.

    `share` tells how many of one column's values another has, for tables that are not in the database: see `inclusion`.
    """
    share = share or partial(inclusion, connection)
    taken = {(join.left_table, column) for join in known for column in join.left_columns}
    linked = {frozenset((join.left_table, join.right_table)) for join in known}
    index = _Targets(tables)
    best: list[_Scored] = []
    for table in tables:
        for column in table.columns:
            if (table.name, column.name) in taken or not _may_refer(column):
                continue
            candidates = sorted(index.candidates(table, column), key=lambda c: -c.name_score)
            likely = (c for c in candidates[:_CANDIDATES_PER_COLUMN] if _may_reach(c))
            scored = [_scored(share, candidate) for candidate in likely]
            found = max(scored, key=lambda s: s.score, default=None)
            if found is not None and found.score >= _LEAST_SCORE:
                best.append(found)
    kept = [s for s in best if not (known and frozenset((s.candidate.left.name, s.candidate.right.name)) in linked)]
    return sorted((_as_join(s) for s in _one_way(kept)), key=lambda join: -join.score)


_LEAST_SCORE = 0.6
_WEAK = 0.6
"""Name scores up to which every value must be found on the other side."""


def _as_join(scored: _Scored) -> Join:
    c = scored.candidate
    return _join(c.left.name, (c.column.name,), c.right.name, (c.target.name,), "inferred", round(scored.score, 3))


def _may_refer(column: Column) -> bool:
    return column.type in ("integer", "text", "number") and not column.hidden


def _one_way(found: Sequence[_Scored]) -> Iterator[_Scored]:
    """Of two keys that refer to each other, the better direction; the first table's key is the parent in a tie."""
    by_pair = {_pair(s): s for s in found}
    for s in found:
        c = s.candidate
        back = by_pair.get((c.right.name, c.target.name, c.left.name, c.column.name))
        if back is None or (s.score, c.left.name) > (back.score, back.candidate.left.name):
            yield s


def _pair(scored: _Scored) -> tuple[str, str, str, str]:
    c = scored.candidate
    return c.left.name, c.column.name, c.right.name, c.target.name


class _Targets:
    """The columns that others may refer to, with how well a name fits each."""

    def __init__(self, tables: Sequence[Table]) -> None:
        self._targets = [(table, column) for table in tables for column in table.columns if _is_target(table, column)]
        self._fitting: dict[tuple[str, ...], list[tuple[Table, Column, float]]] = {}

    def candidates(self, left: Table, column: Column) -> Iterator[_Candidate]:
        """Every target whose name fits the column's well enough, with a score in (0, 1]."""
        own_key = left.primary_key == (column.name,)
        for right, target, score in self._named_like(_bare(column.name)):
            if right is not left and _compatible(column, target):
                yield _Candidate(left, column, right, target, score - 0.1 if own_key else score)
        for target in left.columns if not own_key else ():
            if left.primary_key == (target.name,) and _is_target(left, target) and _compatible(column, target):
                score = name_score(left, column, left, target)
                if score > 0:
                    yield _Candidate(left, column, left, target, score)

    def _named_like(self, name: tuple[str, ...]) -> list[tuple[Table, Column, float]]:
        """Targets that a column of that name may refer to from another table, worked out once for each name."""
        if name not in self._fitting:
            scored = ((table, column, _score_from_elsewhere(name, table, column)) for table, column in self._targets)
            self._fitting[name] = [found for found in scored if found[2] * _confidence(1.0) >= _LEAST_SCORE]
        return self._fitting[name]


def _is_target(table: Table, column: Column) -> bool:
    if not _may_refer(column) or column.type == "number":
        return False
    return table.primary_key == (column.name,) or (column.unique and column.nulls == 0) or table.rows == 0


def _compatible(left: Column, right: Column) -> bool:
    kinds = {left.type, right.type}
    return len(kinds) == 1 or kinds == {"integer", "number"} or kinds == {"integer", "text"}


def name_score(left: Table, column: Column, right: Table, target: Column) -> float:
    """How well the names say that `left.column` refers to `right.target`; 0 if they do not."""
    if right is left:
        return _score_within(_bare(column.name), right, target)
    return _score_from_elsewhere(_bare(column.name), right, target)


def _score_within(a: tuple[str, ...], table: Table, key: Column) -> float:
    """How well a name says that a column refers to the key of its own table."""
    b = words(key.name)
    ends = len(a) > len(b) and a[-len(b) :] == b
    return (0.6 if _SELF_WORDS & set(a) else 0.5 if ends else 0.0) if table.primary_key == (key.name,) else 0.0


def _score_from_elsewhere(a: tuple[str, ...], right: Table, target: Column) -> float:
    """How well a column's name says that it refers to a column of another table."""
    b, entity = words(target.name), words(right.name)
    is_key = right.primary_key == (target.name,)
    key_bonus = 0.0 if is_key else -0.15
    role = 0.6 if is_key and _PERSON_ROLES & set(a) and _PERSONS.intersection(entity[-1:]) else 0.0
    stem, target_stem = _stem(a), _stem(b)
    named_after = _ends(target_stem or entity, entity) or _ends(entity, target_stem)
    if a == b:
        if not target_stem:  # plain `id` on both sides
            return 0.0
        keyed = stem != a or (len(a) == 1 and len(a[0]) <= 4)
        return (0.95 if named_after else 0.75 if keyed else 0.5) + key_bonus
    if stem and stem != a:
        return max(_stem_score(a, b, stem, target_stem, entity) + key_bonus, role)
    if a == entity:
        return 0.85 + key_bonus
    if _ends(a, entity) or (len(a) == 1 and _ends(entity, a)):
        return max(0.65 + key_bonus, role)
    return role


def _stem_score(
    a: tuple[str, ...], b: tuple[str, ...], stem: tuple[str, ...], target_stem: tuple[str, ...], entity: tuple[str, ...]
) -> float:
    """`customer_id` -> `customer.id`, `home_team_id` -> `team.team_id`, `cust_id` -> `customer.id`."""
    own = not target_stem or _ends(entity, target_stem) or _ends(target_stem, entity)
    if own and stem == entity:
        return 0.9
    if target_stem and len(a) > len(b) and a[-len(b) :] == b:
        return 0.85 if own else 0.7
    if own and (_ends(stem, entity) or (len(stem[-1]) > 3 and _ends(entity, stem))):
        return 0.8
    if target_stem and stem == target_stem:
        return 0.75
    if own and _abbreviates(stem, entity):
        return 0.6
    return 0.0


@lru_cache(maxsize=65_536)
def _bare(name: str) -> tuple[str, ...]:
    found = words(name)
    while len(found) > 1 and found[-1].isdigit():
        found = found[:-1]
    return found[1:] if len(found) > 1 and found[0] in _PREFIXES else found


@lru_cache(maxsize=65_536)
def _stem(name: tuple[str, ...]) -> tuple[str, ...]:
    """Without the words that only say "key"; `stuid` written together loses its `id` too."""
    kept = list(name)
    while kept and kept[-1] in _KEY_WORDS:
        kept.pop()
    if kept and len(kept) == len(name) and len(kept[-1]) > 4 and kept[-1].endswith("id"):
        kept[-1] = kept[-1][:-2]
    return tuple(kept)


def _ends(long: tuple[str, ...], short: tuple[str, ...]) -> bool:
    return bool(short) and long[-len(short) :] == short


def _abbreviates(short: tuple[str, ...], long: tuple[str, ...]) -> bool:
    """`cust` for `customer`, `dept` for `department`: the last word begins like the entity's."""
    a, b = "".join(short), "".join(long)
    return 3 <= len(a) < len(b) and a[0] == b[0] and _subsequence(a, b)


def _subsequence(short: str, long: str) -> bool:
    rest = iter(long)
    return all(character in rest for character in short)


def _may_reach(candidate: _Candidate) -> bool:
    """Whether the values could make the candidate a join: a look at the profile spares a query for each that cannot."""
    if candidate.name_score * _confidence(1.0) < _LEAST_SCORE:
        return False
    left, right = candidate.column, candidate.target
    if candidate.name_score > _WEAK or left.type != right.type or candidate.left.rows == 0 or candidate.right.rows == 0:
        return True
    return left.distinct <= right.distinct and _within(left, right)


def _within(left: Column, right: Column) -> bool:
    """Whether the range of one column is inside the other's, as it is where every value is found there."""
    bounds = (left.minimum, left.maximum, right.minimum, right.maximum)
    if all(isinstance(b, str) for b in bounds) or all(isinstance(b, int | float) for b in bounds):
        return right.minimum <= left.minimum and left.maximum <= right.maximum  # type: ignore[operator]
    return True


def _scored(share_of: Share, candidate: _Candidate) -> _Scored:
    c = candidate
    if c.left.rows == 0 or c.right.rows == 0 or c.column.distinct == 0:
        return _Scored(c, c.name_score - 0.15)
    share = share_of(c.left.name, c.column.name, c.right.name, c.target.name)
    if c.name_score <= _WEAK and share < 0.999:
        return _Scored(c, 0.0)
    return _Scored(c, c.name_score * _confidence(share))


def _confidence(share: float) -> float:
    """What the values leave of the name's score: a little more than all if every one is found, little if few are."""
    if share >= 0.999:
        return 1.05
    return 1.0 if share >= 0.9 else 0.9 if share >= 0.5 else 0.7 if share > 0.2 else 0.3


def inclusion(connection: duckdb.DuckDBPyConnection, left: str, column: str, right: str, target: str) -> float:
    """Share of the distinct non-null values of `left.column` (up to 50,000 of them) that `right.target` has."""
    a, b = f"CAST({quoted(column)} AS VARCHAR)", f"CAST({quoted(target)} AS VARCHAR)"
    row = connection.execute(
        f"SELECT count(*), count(*) FILTER (WHERE v IN (SELECT {b} FROM {quoted(right)})) FROM "  # noqa: S608
        f"(SELECT DISTINCT {a} AS v FROM {quoted(left)} WHERE {quoted(column)} IS NOT NULL LIMIT {_VALUES_COMPARED})"
    ).fetchone()
    total, found = row or (0, 0)
    return found / total if total else 0.0
