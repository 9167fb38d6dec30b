"""What a server says of its tables: columns, types, keys, comments; only what this user may read."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from connectors.base import ForeignKey
from connectors.databases.columns import ServerType
from connectors.databases.server import Session


@dataclass(frozen=True, slots=True)
class ReflectedColumn:
    """A column as the server has it."""

    name: str
    type: ServerType
    comment: str | None


@dataclass(frozen=True, slots=True)
class ReflectedTable:
    """A table or view as the server has it."""

    schema: str
    name: str
    is_view: bool
    comment: str | None
    estimated_rows: int
    columns: tuple[ReflectedColumn, ...]
    """Empty for a view of MariaDB that selects from what is gone."""
    primary_key: tuple[str, ...] = ()
    foreign_keys: tuple[ForeignKey, ...] = ()
    """Their `to_table` is `schema.table`."""
    unique: frozenset[str] = field(default_factory=frozenset)
    """Columns that are unique by themselves."""
    leading: frozenset[str] = field(default_factory=frozenset)
    """Columns that an index begins with: their least and greatest values cost nothing."""

    @property
    def path(self) -> str:
        """The table's identity within the source."""
        return f"{self.schema}.{self.name}"


def reflected(session: Session, schemas: Sequence[str]) -> list[ReflectedTable]:
    """The tables and views of those schemas, tables first, in a stable order."""
    tables = _postgres(session, schemas) if session.server.dialect == "postgres" else _mysql(session, schemas)
    order = {schema: number for number, schema in enumerate(schemas)}
    return sorted(tables, key=lambda table: (table.is_view, order[table.schema], table.name))


_PG_TABLES = """
SELECT c.oid::bigint, n.nspname, c.relname, c.relkind IN ('v', 'm'), obj_description(c.oid, 'pg_class'),
       greatest(c.reltuples, 0)::bigint
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = ANY(%s) AND c.relkind IN ('r', 'p', 'v', 'm', 'f') AND NOT c.relispartition
  AND has_schema_privilege(n.oid, 'USAGE')
"""
_PG_COLUMNS = """
WITH RECURSIVE based AS (
    SELECT a.attrelid, a.attnum, a.attname, a.attcollation, a.atttypid AS type, a.atttypmod AS modifier
    FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = ANY(%s) AND c.relkind IN ('r', 'p', 'v', 'm', 'f') AND a.attnum > 0 AND NOT a.attisdropped
      AND has_column_privilege(a.attrelid, a.attnum, 'SELECT')
    UNION ALL
    SELECT b.attrelid, b.attnum, b.attname, b.attcollation, t.typbasetype, t.typtypmod
    FROM based b JOIN pg_type t ON t.oid = b.type WHERE t.typtype = 'd'
)
SELECT b.attrelid::bigint, b.attname, t.typname, b.modifier,
       CASE WHEN co.collname = 'default' THEN d.datcollate ELSE co.collname END,
       coalesce(co.collisdeterministic, true), col_description(b.attrelid, b.attnum)
FROM based b JOIN pg_type t ON t.oid = b.type
LEFT JOIN pg_collation co ON co.oid = b.attcollation
CROSS JOIN (SELECT datcollate FROM pg_database WHERE datname = current_database()) d
WHERE t.typtype <> 'd' ORDER BY b.attrelid, b.attnum
"""
_PG_KEYS = """
SELECT k.conrelid::bigint, k.contype::text, k.own, fn.nspname || '.' || f.relname, k.other
FROM (
    SELECT con.conrelid, con.confrelid, con.contype, con.connamespace, con.conname,
           (SELECT array_agg(a.attname::text ORDER BY u.n) FROM unnest(con.conkey) WITH ORDINALITY u(attnum, n)
            JOIN pg_attribute a ON a.attrelid = con.conrelid AND a.attnum = u.attnum) AS own,
           (SELECT array_agg(a.attname::text ORDER BY u.n) FROM unnest(con.confkey) WITH ORDINALITY u(attnum, n)
            JOIN pg_attribute a ON a.attrelid = con.confrelid AND a.attnum = u.attnum) AS other
    FROM pg_constraint con WHERE con.contype IN ('p', 'f') AND con.conparentid = 0
) k JOIN pg_namespace n ON n.oid = k.connamespace
LEFT JOIN pg_class f ON f.oid = k.confrelid LEFT JOIN pg_namespace fn ON fn.oid = f.relnamespace
WHERE n.nspname = ANY(%s) ORDER BY k.conrelid, k.conname
"""
_PG_INDEXES = """
SELECT i.indrelid::bigint, a.attname, i.indisunique AND i.indnkeyatts = 1
FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0]
WHERE n.nspname = ANY(%s) AND i.indisvalid AND i.indpred IS NULL
"""


def _postgres(session: Session, schemas: Sequence[str]) -> list[ReflectedTable]:
    names = [list(schemas)]
    columns: dict[object, list[ReflectedColumn]] = defaultdict(list)
    for table, name, kind, modifier, collation, deterministic, comment in session.rows(_PG_COLUMNS, names):
        typed = ServerType(str(kind), *_numeric(str(kind), modifier), collation, bool(deterministic))
        columns[table].append(ReflectedColumn(str(name), typed, comment))
    keys: dict[object, list[tuple[str, tuple[str, ...], str, tuple[str, ...]]]] = defaultdict(list)
    for table, kind, own, target, other in session.rows(_PG_KEYS, names):
        keys[table].append((str(kind), tuple(own), str(target or ""), tuple(other or ())))
    unique: dict[object, set[str]] = defaultdict(set)
    leading: dict[object, set[str]] = defaultdict(set)
    for table, name, alone in session.rows(_PG_INDEXES, names):
        leading[table].add(str(name))
        if alone:
            unique[table].add(str(name))
    return [
        ReflectedTable(
            schema=str(schema), name=str(name), is_view=bool(is_view), comment=comment, estimated_rows=int(rows),
            columns=tuple(columns[table]), unique=frozenset(unique[table]), leading=frozenset(leading[table]),
            primary_key=next((own for kind, own, _, _ in keys[table] if kind == "p"), ()),
            foreign_keys=tuple(ForeignKey(own, to, other) for kind, own, to, other in keys[table] if kind == "f"),
        )
        for table, schema, name, is_view, comment, rows in session.rows(_PG_TABLES, names)
        if columns[table]
    ]  # fmt: skip


def _numeric(kind: str, modifier: int) -> tuple[int | None, int | None]:
    """Precision and scale of `numeric(p, s)`, as PostgreSQL packs them."""
    if kind != "numeric" or modifier < 0:
        return None, None
    scale = (modifier - 4) & 0x7FF
    return ((modifier - 4) >> 16) & 0xFFFF, scale - 2048 if scale >= 1024 else scale


_MY_TABLES = """
SELECT table_schema, table_name, table_type = 'VIEW', nullif(table_comment, ''), coalesce(table_rows, 0)
FROM information_schema.tables WHERE table_schema IN ({}) AND table_type IN ('BASE TABLE', 'VIEW', 'SYSTEM VERSIONED')
"""
_MY_COLUMNS = """
SELECT table_schema, table_name, column_name, column_type, numeric_precision, numeric_scale, collation_name, data_type,
       nullif(column_comment, '')
FROM information_schema.columns WHERE table_schema IN ({}) ORDER BY table_schema, table_name, ordinal_position
"""
_MY_KEYS = """
SELECT table_schema, table_name, constraint_name, column_name,
       concat(referenced_table_schema, '.', referenced_table_name), referenced_column_name
FROM information_schema.key_column_usage
WHERE table_schema IN ({}) AND (constraint_name = 'PRIMARY' OR referenced_table_name IS NOT NULL)
ORDER BY table_schema, table_name, constraint_name, ordinal_position
"""
_MY_INDEXES = """
SELECT table_schema, table_name, min(CASE WHEN seq_in_index = 1 THEN column_name END),
       max(seq_in_index) = 1 AND min(non_unique) = 0
FROM information_schema.statistics WHERE table_schema IN ({}) AND index_type = 'BTREE'
GROUP BY table_schema, table_name, index_name
"""


def _mysql(session: Session, schemas: Sequence[str]) -> list[ReflectedTable]:
    marks = ", ".join(["%s"] * len(schemas))
    columns: dict[tuple[str, str], list[ReflectedColumn]] = defaultdict(list)
    found = session.rows(_MY_COLUMNS.format(marks), schemas)
    for schema, table, name, kind, precision, scale, collation, bare, comment in found:
        binary = "binary" if bare in ("binary", "varbinary") else collation
        typed = ServerType(str(kind), precision, scale, binary)
        columns[(schema, table)].append(ReflectedColumn(str(name), typed, comment))
    keys: dict[tuple[str, str], dict[str, ForeignKey]] = defaultdict(dict)
    for schema, table, key, own, target, other in session.rows(_MY_KEYS.format(marks), schemas):
        earlier = keys[(schema, table)].get(key, ForeignKey((), str(target or ""), ()))
        others = (*earlier.to_columns, str(other)) if other else ()
        keys[(schema, table)][key] = ForeignKey((*earlier.columns, str(own)), earlier.to_table, others)
    unique: dict[tuple[str, str], set[str]] = defaultdict(set)
    leading: dict[tuple[str, str], set[str]] = defaultdict(set)
    for schema, table, name, alone in session.rows(_MY_INDEXES.format(marks), schemas):
        leading[(schema, table)].add(str(name))
        if alone:
            unique[(schema, table)].add(str(name))
    tables = []
    for schema, name, is_view, comment, rows in session.rows(_MY_TABLES.format(marks), schemas):
        own_keys = dict(keys[(schema, name)])
        primary = own_keys.pop("PRIMARY", None)
        tables.append(
            ReflectedTable(
                schema=str(schema), name=str(name), is_view=bool(is_view), comment=None if is_view else comment,
                estimated_rows=int(rows), columns=tuple(columns[(schema, name)]),
                primary_key=primary.columns if primary else (), foreign_keys=tuple(own_keys.values()),
                unique=frozenset(unique[(schema, name)]), leading=frozenset(leading[(schema, name)]),
            )
        )  # fmt: skip
    return tables
