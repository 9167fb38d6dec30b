"""Counting, over all rows, how many values of each column fit each form."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import duckdb

from ingest.column_types.dates import COMPACT_DATE, DATES, TIMES, TIMESTAMPS
from ingest.column_types.forms import BOOLEANS, NULL_WORDS, Form, looks_like, trimmed, without_null_words
from ingest.column_types.numbers import BY_NAME, CODE_PATTERN, NUMBERS, STATS_WIDTH, NumberStats, read_stats, stats_sql
from ingest.stores.identifiers import literal, quoted

FORMS: tuple[Form, ...] = (*BOOLEANS, COMPACT_DATE, *NUMBERS, *DATES, *TIMESTAMPS, *TIMES)
"""All forms, in order of preference where several fit every value."""

_CODE_NAME = re.compile(
    r"(^|_|\b)(phone|telephone|tel|fax|mobile|cell(phone)?|ssn|iban|isbn|card_?(no|num|number)|credit_?card)(_|\b|$|no$|num)",
    re.IGNORECASE,
)
_SAMPLE_CELLS = 100_000
_COLUMNS_PER_SAMPLE = 100
_FORMS_PER_QUERY = 12
_LEAST_SHARE = 0.6
"""A form that fits a smaller share of a column's values is not worth reporting as a mixed column."""


@dataclass(frozen=True, slots=True)
class Probe:
    """What all rows of a column said. `fits` is by form name; `numbers` holds the number styles among them."""

    values: int
    """Rows that are neither blank nor a null word."""
    null_words: int
    codes: int
    distinct: int
    """Distinct values, counted up to 2."""
    fits: Mapping[str, int]
    numbers: Mapping[str, NumberStats]


def _cheap(forms: Sequence[Form]) -> Sequence[Form]:
    """Without the costlier number styles where plain numbers are possible: those nearly always are all plain."""
    if not any(form.name == "plain" for form in forms):
        return forms
    return tuple(form for form in forms if form.family != "number" or form.name == "plain")


def _open(found: Probe, forms: Sequence[Form]) -> bool:
    """Whether the cheap forms left the question open: not all values fit, or all have three decimals (1.234)."""
    if len(found.fits) == len(forms):
        return False
    plain = found.numbers.get("plain")
    three = plain is not None and plain.scale == 3 and plain.whole_digits <= 3
    return three or max(found.fits.values(), default=0) < found.values


def _probe_each(
    connection: duckdb.DuckDBPyConnection, staging: str, candidates: Mapping[str, Sequence[Form]]
) -> dict[str, Probe]:
    found: dict[str, Probe] = {}
    for group in _chunks(candidates):
        found.update(_probe_some(connection, staging, group))
    return found


def forms_for(name: str) -> tuple[Form, ...]:
    """The forms that a column of this name may have: phone numbers and the like are codes, never numbers."""
    code = _CODE_NAME.search(name) is not None
    return tuple(
        form
        for form in FORMS
        if not (code and form.family == "number") and (not form.needs_name or re.search(form.needs_name, name))
    )


def probe(
    connection: duckdb.DuckDBPyConnection, staging: str, candidates: Mapping[str, Sequence[Form]]
) -> dict[str, Probe]:
    """Probe the named columns of `staging` (a relation's SQL) for their candidate forms over all its rows."""
    cheap = {name: _cheap(forms) for name, forms in candidates.items()}
    found = _probe_each(connection, staging, cheap)
    rest = {name: forms for name, forms in candidates.items() if _open(found[name], forms)}
    return found | _probe_each(connection, staging, rest)


def sample_candidates(
    connection: duckdb.DuckDBPyConnection, staging: str, columns: Sequence[str]
) -> dict[str, tuple[Form, ...]]:
    """The forms worth probing for each column that has any, from a sample of rows.

    A form that fits all rows fits all of the sample, so nothing is lost; where no form does, the one that most values
    fit is kept for the report. A column without a value in the sample keeps all its forms.
    """
    rows = max(40, min(2000, _SAMPLE_CELLS // max(1, len(columns))))
    candidates: dict[str, tuple[Form, ...]] = {}
    for start in range(0, len(columns), _COLUMNS_PER_SAMPLE):
        names = columns[start : start + _COLUMNS_PER_SAMPLE]
        sample = _sample(connection, staging, names, rows)
        for name, cells in zip(names, zip(*sample, strict=True), strict=False):
            values = {str(cell) for cell in cells if cell is not None and str(cell).lower() not in NULL_WORDS}
            forms = _possible(forms_for(name), values)
            if forms:
                candidates[name] = forms
    return candidates


def _sample(
    connection: duckdb.DuckDBPyConnection, staging: str, names: Sequence[str], rows: int
) -> list[tuple[object, ...]]:
    texts = ", ".join(trimmed(quoted(name)) for name in names)
    listed = ", ".join(quoted(name) for name in names)
    return connection.execute(
        f"SELECT {texts} FROM (SELECT {listed} FROM {staging} USING SAMPLE reservoir({rows} ROWS) REPEATABLE (1))"  # noqa: S608
    ).fetchall()


def _possible(forms: tuple[Form, ...], values: set[str]) -> tuple[Form, ...]:
    whole, share, best = [], _LEAST_SHARE * len(values), None
    for form in forms:
        fits = sum(looks_like(form, value) for value in values)
        if fits == len(values):
            whole.append(form)
        elif fits >= share:
            share, best = fits + 1, form
    return tuple(whole) or ((best,) if best is not None else ())


def _chunks(candidates: Mapping[str, Sequence[Form]]) -> Iterator[dict[str, Sequence[Form]]]:
    """Columns in groups of a bounded number of forms: each expression of a query takes memory for its vectors."""
    group: dict[str, Sequence[Form]] = {}
    for name, forms in candidates.items():
        if group and sum(map(len, group.values())) + len(forms) > _FORMS_PER_QUERY:
            yield group
            group = {}
        group[name] = forms
    if group:
        yield group


def _probe_some(
    connection: duckdb.DuckDBPyConnection, staging: str, candidates: Mapping[str, Sequence[Form]]
) -> dict[str, Probe]:
    """One query: three nested levels so that trimming and each conversion are computed once per value."""
    texts, values, aggregates = [], [], []
    for i, (name, forms) in enumerate(candidates.items()):
        texts.append(f"{trimmed(quoted(name))} AS t{i}")
        values.append(f"t{i}, {without_null_words(f't{i}')} AS x{i}")
        aggregates += [f"count(x{i})", f"count(t{i}) - count(x{i})"]
        families = {form.family for form in forms}
        codes = f"count(*) FILTER (WHERE regexp_full_match(x{i}, {literal(CODE_PATTERN)}))"
        aggregates.append(codes if "number" in families else "0")
        two = f"CASE WHEN min(lower(x{i})) = max(lower(x{i})) THEN 1 ELSE 2 END"
        aggregates.append(two if "boolean" in families else "2")
        for j, form in enumerate(forms):
            if form.family == "number":
                aggregates += stats_sql(BY_NAME[form.name], f"x{i}", f"v{i}_{j}")
            else:
                aggregates.append(f"count({form.convert(f'x{i}')})")
    converted = [
        f"{form.convert(f'x{i}')} AS v{i}_{j}"
        for i, forms in enumerate(candidates.values())
        for j, form in enumerate(forms)
        if form.family == "number"
    ]
    inner = f"SELECT {', '.join(values)} FROM (SELECT {', '.join(texts)} FROM {staging})"  # noqa: S608
    middle = f"SELECT *{''.join(', ' + c for c in converted)} FROM ({inner})"  # noqa: S608
    row = connection.execute(f"SELECT {', '.join(aggregates)} FROM ({middle})").fetchone()  # noqa: S608
    cells = iter(row or ())
    return {name: _read_probe(cells, forms) for name, forms in candidates.items()}


def _read_probe(cells: Iterator[object], forms: Sequence[Form]) -> Probe:
    values, words, codes, distinct = (int(str(next(cells) or 0)) for _ in range(4))
    fits: dict[str, int] = {}
    numbers: dict[str, NumberStats] = {}
    for form in forms:
        if form.family == "number":
            stats = read_stats(tuple(next(cells) for _ in range(STATS_WIDTH)))
            numbers[form.name] = stats
            fits[form.name] = stats.fits
        else:
            fits[form.name] = int(str(next(cells)))
    return Probe(values, words, codes, distinct, fits, numbers)


def examples(
    connection: duckdb.DuckDBPyConnection, staging: str, name: str, form: Form, *, fitting: bool = False
) -> list[str]:
    """Up to three different values of the column that do not fit the form (or that do)."""
    x = without_null_words("t")
    rows = connection.execute(
        f"SELECT DISTINCT x FROM (SELECT {x} AS x FROM (SELECT {trimmed(quoted(name))} AS t FROM {staging})) "  # noqa: S608
        f"WHERE x IS NOT NULL AND ({form.convert('x')}) IS {'NOT ' if fitting else ''}NULL ORDER BY x LIMIT 3"
    ).fetchall()
    return [str(row[0])[:60] for row in rows]
