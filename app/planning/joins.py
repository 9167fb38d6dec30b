"""The join graph of a catalog: how tables reach each other, and in which direction rows multiply."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import pairwise

import msgspec

from ingest.stores.catalog import Catalog, Join

LONGEST_PATH = 5


class Step(msgspec.Struct, frozen=True):
    """One join along a path, seen from the table already joined. `multiplies`: one row there meets many here."""

    table: str
    """The table already joined."""
    columns: tuple[str, ...]
    to_table: str
    to_columns: tuple[str, ...]
    multiplies: bool
    score: float
    empty: float = 0.0
    """Share of rows that this join loses because they refer to nothing."""


class JoinGraph:
    """Shortest, most trusted paths between the tables of one catalog."""

    def __init__(self, catalog: Catalog) -> None:
        self._from: dict[str, list[Step]] = {}
        unique = {
            (table.name, (column.name,)) for table in catalog.tables for column in table.columns if column.unique
        } | {(table.name, table.primary_key) for table in catalog.tables if table.primary_key}
        nulls = {(t.name, c.name): c.nulls / t.rows for t in catalog.tables for c in t.columns if t.rows}
        for join in catalog.joins:
            empty = max((nulls.get((join.left_table, name), 0.0) for name in join.left_columns), default=0.0)
            self._add(join, (join.left_table, join.left_columns) in unique, round(empty, 3))

    def _add(self, join: Join, one_to_one: bool, empty: float) -> None:
        there = Step(join.left_table, join.left_columns, join.right_table, join.right_columns, False, join.score, empty)
        back = Step(
            join.right_table, join.right_columns, join.left_table, join.left_columns, not one_to_one, join.score
        )
        self._from.setdefault(join.left_table, []).append(there)
        self._from.setdefault(join.right_table, []).append(back)

    @lru_cache(maxsize=4096)  # noqa: B019 - a graph lives as long as its catalog's index
    def path(self, start: str, end: str) -> tuple[Step, ...] | None:
        """The best path between two tables; () for the same table, None if there is none.

        Paths that do not multiply rows are preferred, then shorter ones, then better-evidenced ones (Dijkstra).
        """
        import heapq

        queue: list[tuple[float, int, str, tuple[Step, ...]]] = [(0.0, 0, start, ())]
        done: set[str] = set()
        order = 0
        while queue:
            cost, _, table, steps = heapq.heappop(queue)
            if table == end:
                return steps
            if table in done or len(steps) >= LONGEST_PATH:
                continue
            done.add(table)
            for step in self._from.get(table, ()):
                if step.to_table not in done:
                    order += 1
                    weight = 1.0 + (0.15 if step.multiplies else 0.0) + (1.0 - step.score)
                    heapq.heappush(queue, (cost + weight, order, step.to_table, (*steps, step)))
        return None

    def alternatives(self, start: str, end: str) -> int:
        """How many different direct joins lead from one table to another: above 1 the join itself is ambiguous."""
        return sum(1 for step in self._from.get(start, ()) if step.to_table == end)

    def reaches_without_multiplying(self, start: str, end: str) -> bool:
        """Whether each row of `start` meets at most one row of `end`."""
        steps = self.path(start, end)
        return steps is not None and not any(step.multiplies for step in steps)

    def siblings(self, start: str, end: str) -> bool:
        """Whether rows of the two tables only share a parent on the best path: items of an order, and its returns."""
        return any(not up.multiplies and down.multiplies for up, down in pairwise(self.path(start, end) or ()))

    def spanning(self, base: str, tables: Iterable[str]) -> tuple[Step, ...] | None:
        """Joins that connect `base` with all `tables`, each table once; None if one cannot be reached."""
        joined, steps = {base}, []
        for table in sorted(set(tables) - {base}):
            best = self._nearest(joined, table)
            if best is None:
                return None
            for step in best:
                if step.to_table not in joined:
                    joined.add(step.to_table)
                    steps.append(step)
        return tuple(steps)

    def _nearest(self, joined: Sequence[str] | set[str], table: str) -> tuple[Step, ...] | None:
        paths = [path for start in sorted(joined) if (path := self.path(start, table)) is not None]
        return min(paths, key=lambda path: (len(path), sum(step.multiplies for step in path)), default=None)
