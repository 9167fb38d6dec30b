"""The sandbox alone, without the rules: statements that would touch anything else fail in the engine itself."""

from __future__ import annotations

from types import SimpleNamespace

import duckdb
import pytest

from app.errors import DeadlineExceeded, ExecutionFailed
from app.execution.tables import TableExecutor, database_name
from app.values import Deadline, ValidatedQuery


@pytest.fixture(scope="module")
def snapshot(tmp_path_factory):
    folder = tmp_path_factory.mktemp("it's a folder")
    path = folder / "tables.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute(
            "CREATE TABLE numbers AS SELECT i, i * 1.5 AS x, DATE '2025-01-01' + CAST(i AS INTEGER) AS day FROM range(1000) AS t(i)"
        )
    (folder / "secret.csv").write_text("a\n1\n")
    return SimpleNamespace(id="m1", sources={"my data": SimpleNamespace(tables_path=path)}, folder=folder)


@pytest.fixture(scope="module")
def executor():
    return TableExecutor("128MB", 2, 5.0)


def query(sql, max_rows=10):
    return ValidatedQuery(source="my data", text=sql, executable=sql, max_rows=max_rows, tables=(), personal=())


def table():
    return f"{database_name('my data')}.main.numbers"


def test_rows_come_with_types_and_the_truncation_flag(snapshot, executor):
    rows = executor.run(query(f"SELECT i, x, day FROM {table()} ORDER BY i"), snapshot, Deadline.after(5))
    assert [c.type for c in rows.columns] == ["integer", "number", "date"]
    assert len(rows.rows) == 10 and rows.truncated
    assert not executor.run(query(f"SELECT max(i) FROM {table()}"), snapshot, Deadline.after(5)).truncated


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT * FROM read_csv('{folder}/secret.csv')",
        "SELECT * FROM '{folder}/secret.csv'",
        "COPY (SELECT 1) TO '{folder}/out.csv'",
        "ATTACH '{folder}/new.duckdb' AS n",
        "INSTALL httpfs",
        "LOAD httpfs",
        "SET enable_external_access = true",
        "RESET lock_configuration",
        "SET memory_limit = '10GB'",
        "INSERT INTO {table} VALUES (1, 2, DATE '2025-01-01')",
        "DROP TABLE {table}",
        "UPDATE {table} SET x = 0",
        "SELECT * FROM read_text('/etc/hostname')",
        "EXPORT DATABASE '{folder}/dump'",
        "CREATE TABLE {table}_2 AS SELECT 1",
    ],
)
def test_the_engine_refuses_by_itself(snapshot, executor, statement):
    sql = statement.format(folder=str(snapshot.folder).replace("'", "''"), table=table())
    with pytest.raises(ExecutionFailed):
        executor.run(query(sql), snapshot, Deadline.after(5))
    assert sorted(p.name for p in snapshot.folder.iterdir()) == ["secret.csv", "tables.duckdb"]


def test_a_long_query_is_stopped_at_the_deadline(snapshot, executor):
    with pytest.raises(DeadlineExceeded):
        executor.run(
            query("SELECT count(*) FROM range(100000000) a, range(100000) b WHERE hash(a.range) = b.range"),
            snapshot,
            Deadline.after(0.3),
        )


def test_no_time_left_is_an_error_and_not_a_query(snapshot, executor):
    with pytest.raises(DeadlineExceeded):
        executor.run(query("SELECT 1"), snapshot, Deadline.after(0))


def test_the_engine_s_message_with_its_cells_is_not_shown(snapshot, executor):
    with pytest.raises(ExecutionFailed) as caught:
        executor.run(query("SELECT CAST('secret cell' AS INTEGER)"), snapshot, Deadline.after(5))
    assert "secret" not in caught.value.message
