"""Inferred joins: names and values must agree."""

import pytest

from ingest.names import singular, words
from tests.ingest.test_profiler import catalog

_TEAM = "CREATE TABLE {table} AS SELECT i AS {key}, 'n' || i AS name FROM range(12) r(i)"
_GAME = "CREATE TABLE game AS SELECT i AS id, {value} AS {column} FROM range(40) r(i)"


@pytest.mark.parametrize(
    ("table", "key", "column"),
    [
        ("team", "id", "team_id"),
        ("teams", "id", "team_id"),
        ("teams", "team_id", "home_team_id"),
        ("Team", "TeamID", "TeamID"),
        ("team", "id", "fk_team_id"),
        ("Teams", "Id", "TeamId"),
        ("team", "team_code", "team_code"),
        ("team", "id", "team"),
        ("team", "team_id", "team_id_2"),
        ("department", "id", "dept_id"),
        ("employees", "employee_id", "support_rep_id"),
    ],
)
def test_names_that_refer(table: str, key: str, column: str) -> None:
    joins = catalog(_TEAM.format(table=table, key=key), _GAME.format(value="i % 12", column=column)).joins
    assert [(j.left_table, j.left_columns, j.right_table, j.right_columns) for j in joins] == [
        ("game", (column,), table, (key,))
    ]
    assert 0.5 < joins[0].score <= 1.0


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("score", "i % 12"),  # the values fit, the name does not
        ("team_count", "i % 12"),
        ("team_id", "i + 1000"),  # the name fits, no value does
    ],
)
def test_what_does_not_refer(column: str, value: str) -> None:
    assert catalog(_TEAM.format(table="team", key="id"), _GAME.format(value=value, column=column)).joins == ()


def test_the_table_that_a_key_is_named_after_is_the_parent() -> None:
    joins = catalog(
        "CREATE TABLE orders AS SELECT i AS order_id FROM range(30) r(i)",
        "CREATE TABLE invoices AS SELECT i AS invoice_id, i AS order_id FROM range(30) r(i)",
        "CREATE TABLE shipments AS SELECT i AS shipment_id, i AS order_id FROM range(30) r(i)",
    ).joins
    assert {(j.left_table, j.right_table) for j in joins} == {("invoices", "orders"), ("shipments", "orders")}


def test_empty_tables_join_by_strong_names() -> None:
    joins = catalog(
        "CREATE TABLE team(id INTEGER, name VARCHAR)", "CREATE TABLE game(id INTEGER, team_id INTEGER)"
    ).joins
    assert [(j.left_table, j.right_table) for j in joins] == [("game", "team")]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("CustomerIDs", ("customer", "id")),
        ("home_team_id", ("home", "team", "id")),
        ("HTTPServer2", ("http", "server", "2")),
    ],
)
def test_names_become_words(name: str, expected: tuple[str, ...]) -> None:
    assert words(name) == expected


@pytest.mark.parametrize(
    ("plural", "one"),
    [("cities", "city"), ("boxes", "box"), ("addresses", "address"), ("campuses", "campus"), ("houses", "house"),
     ("people", "person"), ("status", "status"), ("teams", "team"), ("gas", "gas")],
)  # fmt: skip
def test_singulars(plural: str, one: str) -> None:
    assert singular(plural) == one
