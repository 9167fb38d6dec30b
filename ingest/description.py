"""The description file: what people know of a source that its tables do not say.

    read_description(path)      YAML -> Description; unknown keys and wrong values are errors with line and remedy
    apply_description(c, d)     merged into a profiled catalog; unknown tables and columns are errors likewise

The format is documented in `docs/description-file.md`.
"""

from __future__ import annotations

import fnmatch
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import msgspec

from ingest.description_yaml import MISSING, Node, load, parse
from ingest.errors import DescriptionError
from ingest.pii.spans import KINDS, mask_kind
from ingest.stores.catalog import Catalog, Column, Join, Metric, Sending, Table, Visibility

KEYS: Mapping[str, tuple[str, ...]] = {
    "source": ("description", "visibility", "tables", "joins", "metrics", "documents", "planner_threshold", "models"),
    "table": ("description", "synonyms", "visibility", "key", "default_date", "columns"),
    "column": ("description", "synonyms", "unit", "pii", "visibility", "hidden", "labels"),
    "metric": ("table", "expression", "filter", "synonyms", "unit", "description"),
    "document": ("visibility",),
}
"""What may be said of each part; anything else is an error."""


class ColumnDescription(msgspec.Struct, frozen=True, kw_only=True):
    """What the file says of one column; None and empty where it says nothing. `line` is where it says it."""

    name: str
    line: int
    description: str | None = None
    synonyms: tuple[str, ...] = ()
    unit: str | None = None
    pii: str | None = None
    pii_said: bool = False
    visibility: Visibility | None = None
    hidden: bool = False
    labels: dict[str, str] = {}


class TableDescription(msgspec.Struct, frozen=True, kw_only=True):
    """What the file says of one table."""

    name: str
    line: int
    description: str | None = None
    synonyms: tuple[str, ...] = ()
    visibility: Visibility | None = None
    key: tuple[str, ...] = ()
    default_date: str | None = None
    columns: tuple[ColumnDescription, ...] = ()


class JoinDescription(msgspec.Struct, frozen=True, kw_only=True):
    """A join as written, `orders.customer_id -> customers.customer_id`."""

    line: int
    left_table: str
    left_columns: tuple[str, ...]
    right_table: str
    right_columns: tuple[str, ...]


class MetricDescription(msgspec.Struct, frozen=True, kw_only=True):
    """A metric with the line of its name."""

    line: int
    metric: Metric


class Description(msgspec.Struct, frozen=True, kw_only=True):
    """A description file that was read and whose shape is right; names are checked against a catalog later."""

    path: str
    description: str | None = None
    visibility: Visibility | None = None
    tables: tuple[TableDescription, ...] = ()
    joins: tuple[JoinDescription, ...] = ()
    metrics: tuple[MetricDescription, ...] = ()
    documents: tuple[tuple[str, Visibility], ...] = ()
    """Globs over document paths with their visibility, in file order."""
    planner_threshold: float | None = None
    models: Sending | None = None

    def document_visibility(self, path: str) -> Visibility | None:
        """The visibility of a document by the first glob that matches its path; `*` also matches `/`."""
        return next((seen for glob, seen in self.documents if fnmatch.fnmatchcase(path, glob)), None)


def read_description(path: Path) -> Description:
    """Read a description file. Raises `DescriptionError` naming file, line and remedy."""
    return _described(load(path), path)


def parse_description(text: str, name: str) -> Description:
    """Read the text of a description file that complaints call `name`. Raises `DescriptionError`."""
    return _described(parse(text, Path(name)), Path(name))


def _described(root: Node, path: Path) -> Description:
    root.only(*KEYS["source"])
    threshold = root.get("planner_threshold")
    return Description(
        path=str(path),
        description=root.text("description"),
        visibility=_visibility(root),
        tables=tuple(_table(name, node) for name, node in root.items("tables")),
        joins=tuple(_join(node) for node in root.list("joins")),
        metrics=tuple(_metric(name, node) for name, node in root.items("metrics")),
        documents=tuple(_document(glob, node) for glob, node in root.items("documents")),
        planner_threshold=None if threshold is MISSING else threshold.number(0.0, 1.0),
        models=_sending(root),
    )


def _sending(root: Node) -> Sending | None:
    found = root.choice("models", ("allowed", "never"))
    return None if found is None else ("never" if found == "never" else "allowed")


def _visibility(node: Node) -> Visibility | None:
    found = node.choice("visibility", ("public", "internal"))
    return None if found is None else ("public" if found == "public" else "internal")


def _document(glob: str, node: Node) -> tuple[str, Visibility]:
    node.only(*KEYS["document"])
    visibility = _visibility(node)
    if visibility is None:
        raise node.error(f"documents {glob!r} need a visibility", "Write {visibility: public}.")
    return glob, visibility


def _table(name: str, node: Node) -> TableDescription:
    node.only(*KEYS["table"])
    return TableDescription(
        name=name, line=node.line, description=node.text("description"), synonyms=node.texts("synonyms"),
        visibility=_visibility(node), key=node.texts("key"), default_date=node.text("default_date"),
        columns=tuple(_column(column, inner) for column, inner in node.items("columns")),
    )  # fmt: skip


def _column(name: str, node: Node) -> ColumnDescription:
    node.only(*KEYS["column"])
    pii = node.text("pii")
    kind = None
    if pii is not None and pii.lower() not in ("none", "no", "false"):
        kind = mask_kind(pii)
        if kind is None:
            known = "person, email, phone, address, card, iban, ssn, ip, none; or " + ", ".join(KINDS)
            raise node.child("pii").error(f"unknown kind of personal data {pii!r}", f"Known are {known}.")
    return ColumnDescription(
        name=name, line=node.line, description=node.text("description"), synonyms=node.texts("synonyms"),
        unit=node.text("unit"), pii=kind, pii_said="pii" in node.keys, visibility=_visibility(node),
        hidden=node.flag("hidden"), labels={key: inner.scalar() for key, inner in node.items("labels")},
    )  # fmt: skip


def _join(node: Node) -> JoinDescription:
    text = node.scalar()
    sides = [_side(side) for side in text.split("->")]
    if len(sides) != 2 or None in sides:
        raise node.error(f"cannot read the join {text!r}", 'Write "orders.customer_id -> customers.customer_id".')
    (left, left_columns), (right, right_columns) = (side for side in sides if side is not None)
    if len(left_columns) != len(right_columns):
        raise node.error(f"the join {text!r} has different numbers of columns", "Give as many on both sides.")
    return JoinDescription(
        line=node.line, left_table=left, left_columns=left_columns, right_table=right, right_columns=right_columns
    )


def _side(text: str) -> tuple[str, tuple[str, ...]] | None:
    """`orders.id` or `orders.id, orders.line` -> table and columns; names with dots go in double quotes."""
    import sqlglot
    from sqlglot import exp

    columns: list[str] = []
    tables: set[str] = set()
    for part in text.split(","):
        bare = part.strip()
        try:
            found = sqlglot.parse_one(bare, dialect="duckdb") if '"' in bare else None
        except sqlglot.errors.ParseError:
            return None
        if isinstance(found, exp.Column):
            table, column = found.table, found.name
        else:
            table, _, column = bare.rpartition(".")
        if not table or not column:
            return None
        tables.add(table.strip())
        columns.append(column.strip())
    return (tables.pop(), tuple(columns)) if len(tables) == 1 else None


def _metric(name: str, node: Node) -> MetricDescription:
    node.only(*KEYS["metric"])
    table, expression = node.text("table"), node.text("expression")
    if table is None or expression is None:
        raise node.error(f"the metric {name!r} needs a table and an expression", "Add both.")
    metric = Metric(
        name=name, table=table, expression=expression, filter=node.text("filter"), synonyms=node.texts("synonyms"),
        unit=node.text("unit"), description=node.text("description"),
    )  # fmt: skip
    return MetricDescription(line=node.line, metric=metric)


def apply_description(catalog: Catalog, description: Description) -> Catalog:
    """The catalog with everything the file says. Raises `DescriptionError` for names the catalog does not have."""
    from ingest.description_metrics import checked_metric

    names = Names(catalog, description.path)
    default = description.visibility
    described = {names.table(t.name, t.line).name: t for t in description.tables}
    tables = tuple(_apply_table(table, described.get(table.name), default, names) for table in catalog.tables)
    joins = tuple(_apply_join(join, names) for join in description.joins)
    said = {(join.left_table, column) for join in joins for column in join.left_columns}
    pairs = {_ends(join) for join in joins}
    kept = tuple(
        join
        for join in catalog.joins
        if _ends(join) not in pairs
        and not (join.evidence == "inferred" and any((join.left_table, c) in said for c in join.left_columns))
    )
    return msgspec.structs.replace(
        catalog,
        tables=tables,
        joins=(*joins, *kept),
        metrics=(*catalog.metrics, *(checked_metric(m, names) for m in description.metrics)),
        description=description.description or catalog.description,
        planner_threshold=description.planner_threshold or catalog.planner_threshold,
        models=description.models or catalog.models,
    )


def _ends(join: Join) -> frozenset[tuple[str, tuple[str, ...]]]:
    return frozenset(((join.left_table, join.left_columns), (join.right_table, join.right_columns)))


def _apply_table(table: Table, said: TableDescription | None, default: Visibility | None, names: Names) -> Table:
    visibility = (said.visibility if said else None) or default or table.visibility
    columns = {names.column(table, c.name, c.line).name: c for c in (said.columns if said else ())}
    changed = msgspec.structs.replace(
        table,
        visibility=visibility,
        columns=tuple(_apply_column(column, columns.get(column.name), visibility) for column in table.columns),
    )
    if said is None:
        return changed
    date = names.column(table, said.default_date, said.line) if said.default_date else None
    if date is not None and date.type not in ("date", "timestamp"):
        hint = f"{date.name!r} is {date.type}; choose a column with dates."
        raise names.error(said.line, f"default_date of {table.name!r} is no date", hint)
    return msgspec.structs.replace(
        changed,
        description=said.description or table.description,
        synonyms=said.synonyms or table.synonyms,
        primary_key=tuple(names.column(table, key, said.line).name for key in said.key) or table.primary_key,
        default_date=date.name if date is not None else table.default_date,
    )


def _apply_column(column: Column, said: ColumnDescription | None, visibility: Visibility) -> Column:
    if said is None:
        return msgspec.structs.replace(column, visibility=visibility)
    changed = msgspec.structs.replace(
        column,
        description=said.description or column.description,
        synonyms=said.synonyms or column.synonyms,
        unit=said.unit or column.unit,
        visibility=said.visibility or visibility,
        hidden=said.hidden,
        labels=said.labels or column.labels,
        pii=said.pii if said.pii_said else column.pii,
        pii_declared=said.pii_said,
    )
    if changed.pii is not None or changed.hidden:
        return msgspec.structs.replace(changed, minimum=None, maximum=None, frequent=())
    return changed


def _apply_join(said: JoinDescription, names: Names) -> Join:
    left, right = names.table(said.left_table, said.line), names.table(said.right_table, said.line)
    return Join(
        left_table=left.name,
        left_columns=tuple(names.column(left, name, said.line).name for name in said.left_columns),
        right_table=right.name,
        right_columns=tuple(names.column(right, name, said.line).name for name in said.right_columns),
        evidence="described",
    )


class Names:
    """Looks names of a description file up in a catalog; errors name the line and the nearest known name."""

    def __init__(self, catalog: Catalog, path: str) -> None:
        self._catalog = catalog
        self._path = path

    def table(self, name: str, line: int) -> Table:
        """The table of that name (or of that path within the source)."""
        found = self._catalog.table(name) or next((t for t in self._catalog.tables if t.path == name), None)
        if found is None:
            raise self.error(line, f"there is no table {name!r}", nearest(name, [t.name for t in self._catalog.tables]))
        return found

    def column(self, table: Table, name: str, line: int) -> Column:
        """The table's column of that name."""
        found = next((c for c in table.columns if c.name.casefold() == name.casefold()), None)
        if found is None:
            hint = nearest(name, [c.name for c in table.columns])
            raise self.error(line, f"table {table.name!r} has no column {name!r}", hint)
        return found

    def error(self, line: int, message: str, hint: str) -> DescriptionError:
        """An error at a line of the file."""
        return DescriptionError(f"{self._path}, line {line}: {message}.", hint=hint, line=line)


def nearest(name: str, known: Sequence[str] | Iterable[str]) -> str:
    """A remedy: the most similar known name, else the known ones."""
    from rapidfuzz import fuzz, process

    names = list(known)
    best = process.extractOne(name.casefold(), {n: n.casefold() for n in names}, scorer=fuzz.WRatio, score_cutoff=70)
    if best is not None:
        return f"Did you mean {best[2]!r}?"
    return f"Known are: {', '.join(names[:20])}." if names else "There are none."
