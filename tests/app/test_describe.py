"""`answerable describe` writes what `ingest add --describe` takes."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from ingest.describing import draft_description
from ingest.description import apply_description, read_description
from ingest.stores.catalog import Catalog, Column, Join, Table
from ingest.stores.snapshot import Store

Cli = Callable[..., subprocess.CompletedProcess[str]]

ODD = Catalog(
    source="odd",
    tables=(
        Table(
            name='order "lines": all',
            path="x",
            rows=3,
            primary_key=("no",),
            columns=(
                Column(name="no", type="integer", sql_type="INTEGER", unique=True, minimum=1, maximum=3),
                Column(name="größe {cm}", type="number", sql_type="DOUBLE", unit="%", nulls=2),
                Column(name="on", type="date", sql_type="DATE", minimum="2024-01-01", maximum="2024-12-31"),
                Column(name="# state", type="text", sql_type="VARCHAR", labels={"P": "paid: yes"}, pii="EMAIL_ADDRESS"),
            ),
        ),
        Table(name="t2", path="y", rows=1, columns=(Column(name="null", type="text", sql_type="VARCHAR"),)),
    ),
    joins=(
        Join(
            left_table="t2",
            left_columns=("null",),
            right_table='order "lines": all',
            right_columns=("no",),
            evidence="inferred",
            score=0.9,
        ),
    ),
)


def undeclared(catalog: Catalog) -> Catalog:
    """The catalog without the marks of who said something, and without what personal data hides."""
    tables = tuple(
        msgspec.structs.replace(
            table,
            default_date=None,
            columns=tuple(
                msgspec.structs.replace(c, pii_declared=False, minimum=None, maximum=None, frequent=())
                for c in table.columns
            ),
        )
        for table in catalog.tables
    )
    joins = tuple(msgspec.structs.replace(join, evidence="inferred", score=1.0) for join in catalog.joins)
    return msgspec.structs.replace(catalog, tables=tables, joins=joins)


def test_a_draft_of_odd_names_is_read_back_unchanged(tmp_path: Path) -> None:
    path = tmp_path / "describe.yaml"
    path.write_text(draft_description(ODD), encoding="utf-8")
    assert undeclared(apply_description(ODD, read_description(path))) == undeclared(ODD)


@pytest.mark.parametrize("source", ["shop"])
def test_the_draft_of_a_described_source_keeps_what_was_said(
    sample_home: Path, cli: Cli, tmp_path: Path, source: str
) -> None:
    out = tmp_path / "describe.yaml"
    done = cli(sample_home, "describe", source, "--out", str(out))
    assert done.returncode == 0, done.stderr
    reader = Store(sample_home).snapshot().sources[source]
    bare = msgspec.structs.replace(reader.catalog, metrics=())
    assert undeclared(apply_description(bare, read_description(out))) == undeclared(bare)


def test_what_is_there_is_not_replaced_unasked(sample_home: Path, cli: Cli, tmp_path: Path) -> None:
    out = tmp_path / "describe.yaml"
    out.write_text("mine")
    refused = cli(sample_home, "describe", "shop", "--out", str(out))
    assert refused.returncode == 1 and "--force" in refused.stderr
    assert out.read_text() == "mine"
    assert cli(sample_home, "describe", "shop", "--out", str(out), "--force").returncode == 0


def test_an_unknown_source_is_named(sample_home: Path, cli: Cli) -> None:
    refused = cli(sample_home, "describe", "nope")
    assert refused.returncode == 1 and "nope" in refused.stderr and "shop" in refused.stderr
