"""What a model is told of the dialect that it writes: DuckDB's, for live sources too: they get a translation."""

from __future__ import annotations

from ingest.stores.catalog import Dialect

_DUCKDB = """\
One SELECT (WITH is allowed, WITH RECURSIVE is not); no comments, no semicolon, no table functions, no SELECT INTO.
Only the tables and columns listed. Every output is read from a column or counts rows; no constants as outputs.
Text is compared with regard to case: use the stored spelling, or ILIKE.
a / b gives a fraction, a // b a whole number; guard divisors by NULLIF(b, 0).
Dates: DATE '2025-03-01', date_trunc('month', d), year(d), d + INTERVAL 1 MONTH,
  date_diff('day', a, b), strftime(d, '%Y-%m').
Aggregates may carry FILTER (WHERE ...); windows and QUALIFY are allowed; arg_max(x, y), string_agg(x, ', ') exist.
Names that are not plain identifiers stand in double quotes. Alias outputs with words of the question or the schema."""

_TRANSLATED = """
The tables lie on a {server} server: the statement is translated, so use plain SQL. No QUALIFY, no arg_max, no
regular expressions, no lists; date_trunc, year, month, dates with INTERVAL, CASE, FILTER and windows work."""
_SERVERS = {"postgres": "PostgreSQL", "mysql": "MySQL or MariaDB"}


def notes_on(dialect: Dialect) -> str:
    """Notes for the statements of one source, by the dialect of its tables."""
    server = _SERVERS.get(dialect)
    return _DUCKDB if server is None else _DUCKDB + _TRANSLATED.format(server=server)
