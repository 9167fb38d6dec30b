"""The value index: what is in it, what is not, and how it is found."""

import sqlite3
import threading
from pathlib import Path

import duckdb
import pytest

from ingest.stores.catalog import Catalog, Column, Table
from ingest.stores.values import ValueIndex, normalise, write_value_index


@pytest.fixture
def index(tmp_path: Path) -> ValueIndex:
    with duckdb.connect() as connection:
        connection.execute(
            "CREATE TABLE t AS SELECT * FROM (VALUES ('São Paulo', 'a@x.org', 'P', 'secret', 'Anna Smith', repeat('long ', 40)), "
            "('Berlin', 'b@x.org', 'S', 'hush', 'Bo Li', repeat('text ', 40)), ('Berlin', NULL, 'S', 'hush', 'Bo Li', NULL)) "
            "v(city, mail, status, note, person, body)"
        )
        columns = (
            Column(name="city", type="text", sql_type="VARCHAR"),
            Column(name="mail", type="text", sql_type="VARCHAR", pii="EMAIL_ADDRESS"),
            Column(name="status", type="text", sql_type="VARCHAR", labels={"P": "paid", "S": "Shipped out"}),
            Column(name="note", type="text", sql_type="VARCHAR", hidden=True),
            Column(name="person", type="text", sql_type="VARCHAR", pii="PERSON", pii_declared=True),
            Column(name="body", type="text", sql_type="VARCHAR"),
        )
        catalog = Catalog(source="s", tables=(Table(name="t", path="t", rows=3, columns=columns),))
        assert write_value_index(connection, catalog, tmp_path / "values.sqlite") == ()
    return ValueIndex(tmp_path / "values.sqlite")


def test_lookup_finds_normalised_values_and_labels(index: ValueIndex) -> None:
    hits = index.lookup(["sao paulo", "berlin", "shipped out", "s", "nowhere"])
    assert {(hit.column, hit.value, hit.norm) for hit in hits} == {
        ("city", "São Paulo", "sao paulo"),
        ("city", "Berlin", "berlin"),
        ("status", "S", "shipped out"),
        ("status", "S", "s"),
    }
    assert next(hit.rows for hit in hits if hit.value == "Berlin") == 2


def test_personal_hidden_and_long_texts_are_not_in_the_index(index: ValueIndex) -> None:
    assert index.lookup([normalise(text) for text in ("a@x.org", "secret", "hush", "Anna Smith", "long " * 40)]) == []


def test_the_most_frequent_values_of_a_column(index: ValueIndex) -> None:
    assert index.frequent("t", "city", 9) == ["Berlin", "São Paulo"]
    assert index.frequent("t", "city", 1) == ["Berlin"]
    assert sorted(index.frequent("t", "status", 9)) == ["P", "S"], "a value with a label once"
    assert index.frequent("t", "person", 9) == index.frequent("u", "city", 9) == []


def test_prefix_and_nearest(index: ValueIndex) -> None:
    assert [hit.value for hit in index.prefix("ber")] == ["Berlin"]
    assert [hit.value for hit in index.nearest("berlln", column="CITY")] == ["Berlin"]
    assert index.nearest("zzzzqqq") == []


def test_lookups_from_many_threads(index: ValueIndex) -> None:
    found: list[int] = []
    threads = [threading.Thread(target=lambda: found.append(len(index.lookup(["berlin"])))) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [1] * 16


@pytest.mark.parametrize(
    ("text", "norm"),
    [("  Crème-Brûlée!  ", "creme brulee"), ("STRASSE", "strasse"), ("Straße", "strasse"), ("a_b", "a b"), ("东京", "东京"), ("!!", "")],
)  # fmt: skip
def test_normalise(text: str, norm: str) -> None:
    assert normalise(text) == norm
    assert normalise(norm) == norm


def words_index(folder: Path, words: list[str]) -> ValueIndex:
    with duckdb.connect() as connection:
        connection.execute("CREATE TABLE t(name VARCHAR, secret VARCHAR)")
        connection.executemany("INSERT INTO t VALUES (?, ?)", [(word, "hidden") for word in words])
        columns = (
            Column(name="name", type="text", sql_type="VARCHAR", distinct=len(words)),
            Column(name="secret", type="text", sql_type="VARCHAR", hidden=True),
        )
        catalog = Catalog(source="s", tables=(Table(name="t", path="t", rows=len(words), columns=columns),))
        write_value_index(connection, catalog, folder / "values.sqlite")
    return ValueIndex(folder / "values.sqlite")


@pytest.mark.parametrize(
    ("typed", "mistakes", "meant"),
    [
        ("germny", 1, "germany"),
        ("gremany", 1, "germany"),
        ("germanyy", 1, "germany"),
        ("hermany", 1, "germany"),
        ("tnet", 1, "tent"),
        ("kingdim", 1, "kingdom"),
        ("accessoreis", 2, "accessories"),
        ("acessories", 2, "accessories"),
        ("hiden", 1, None),
        ("xqzzyt", 2, None),
        ("ab12x", 1, None),
    ],
)
def test_misspelt_words_of_values(tmp_path: Path, typed: str, mistakes: int, meant: str | None) -> None:
    index = words_index(tmp_path, ["Germany", "United Kingdom", "tent", "Accessories", "AB12Y-77", "Ger", "many"])
    assert [hit.norm for hit in index.alike(typed, mistakes)][:1] == ([meant] if meant else [])


def test_an_index_without_words_suggests_none(tmp_path: Path) -> None:
    words_index(tmp_path, ["Germany"]).close()
    with sqlite3.connect(tmp_path / "values.sqlite") as connection:
        connection.executescript("DROP TABLE words; DROP TABLE endings")
    connection.close()
    assert ValueIndex(tmp_path / "values.sqlite").alike("germny", 1) == []
