"""What "the most popular product" counts: not products, each of which there is one of, but what points at them."""

from __future__ import annotations

from dataclasses import replace

from app.planning.draft import Draft, Measure
from app.planning.identifiers import identifier_stems
from app.planning.joins import JoinGraph
from app.planning.schema_index import SchemaIndex
from app.planning.stems import stemmed

_SAID = (
    "order sale sold purchase booking line item transaction rental hire visit loan checkout enrollment trip ride play"
)
_USES = frozenset(stemmed(word) for word in _SAID.split())
"""In the names of tables that say how often something was wanted; returns and complaints do not."""
_TRUST = 0.9


def with_what_is_counted(draft: Draft, index: SchemaIndex, graph: JoinGraph) -> Draft | None:
    """The draft, a popularity of a table's rows measured by the rows that refer to them.

    None where nothing refers to them, or several tables do and none of them tells use.
    """
    ranked = _ranked(draft, index)
    bare = [key for key in draft.orders if not key.explicit and key.measure == Measure("count", "count")]
    if ranked is None or not bare:
        return draft
    named = [name for name, _, _ in draft.tables if name != ranked]
    counted = next((name for name in named if _multiplies(graph, ranked, name)), None)
    if counted is None:
        counted = _what_tells_use(ranked, index, graph)
        if counted is None:
            return None
        draft = replace(draft, tables=[*draft.tables, (counted, len(draft.tables), _TRUST)])
    orders = [replace(k, measure=Measure("count", "count", table=counted)) if k in bare else k for k in draft.orders]
    return replace(draft, orders=orders)


def _ranked(draft: Draft, index: SchemaIndex) -> str | None:
    """The table whose rows are ranked: named as such, or by a column that no two rows share a value of."""
    for key in draft.groups:
        if key.table is not None:
            return key.table
    slots = [key.slot for key in draft.groups] or [m.slot for m in draft.items if m.kind == "column"]
    for slot in slots:
        if slot is not None and slot.options and index.column(slot.options[0].ref).unique:
            return slot.options[0].ref.table
    return None


def _what_tells_use(ranked: str, index: SchemaIndex, graph: JoinGraph) -> str | None:
    """The only table whose rows refer to those of `ranked`, or the largest of those that tell of its use."""
    tables = [t for t in index.catalog.tables if len(graph.path(ranked, t.name) or ()) == 1]
    referring = [t for t in tables if _multiplies(graph, ranked, t.name)]
    telling = [t for t in referring if _USES & set(identifier_stems(t.name))]
    if telling:
        return max(telling, key=lambda table: (table.rows, table.name)).name
    return referring[0].name if len(referring) == 1 else None


def _multiplies(graph: JoinGraph, ranked: str, name: str) -> bool:
    path = graph.path(ranked, name) or ()
    return any(step.multiplies for step in path)
