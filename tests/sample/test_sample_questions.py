"""The sample's questions can be answered from the sample: gold SQL runs, documents hold what is expected of them."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import docx
import duckdb
import lxml.html
import pypdf
import pytest

from app.evals import Case, load
from app.evals.judging import plain_text
from app.evals.metrics import same_rows

SAMPLE = Path(__file__).resolve().parents[2] / "data" / "sample"
HELP_CENTRE = SAMPLE / "help-centre"
CASES = load(SAMPLE / "questions.jsonl")
MAX_ROWS = 100


def document_text(path: str) -> str:
    file = HELP_CENTRE / path
    if file.suffix == ".pdf":
        return "\n".join(page.extract_text() for page in pypdf.PdfReader(file).pages)
    if file.suffix == ".docx":
        read = docx.Document(str(file))
        cells = [cell.text for table in read.tables for row in table.rows for cell in row.cells]
        return "\n".join([paragraph.text for paragraph in read.paragraphs] + cells)
    text = file.read_text(encoding="utf-8")
    return str(lxml.html.fromstring(text.encode()).text_content()) if file.suffix == ".html" else text


@pytest.mark.parametrize("case", [case for case in CASES if case.expect.queries], ids=lambda case: case.id)
def test_gold_sql_gives_rows_that_fit_one_answer(case: Case, shop: duckdb.DuckDBPyConnection) -> None:
    for query in case.expect.queries:
        rows = shop.execute(query).fetchall()
        assert 0 < len(rows) <= MAX_ROWS
        assert any(cell is not None and cell != 0 for row in rows for cell in row), "an empty answer proves nothing"


@pytest.mark.parametrize("case", [case for case in CASES if case.expect.queries], ids=lambda case: case.id)
def test_gold_rows_do_not_hang_on_the_order_of_the_tables(
    case: Case, shop: duckdb.DuckDBPyConnection, shop_reversed: duckdb.DuckDBPyConnection
) -> None:
    """A tie at a limit or in the order would make a right answer look wrong."""
    for query in case.expect.queries:
        rows = shop.execute(query).fetchall()
        assert same_rows(shop_reversed.execute(query).fetchall(), rows, ordered=case.expect.ordered)


@pytest.mark.parametrize("case", [case for case in CASES if case.expect.documents], ids=lambda case: case.id)
def test_named_documents_hold_the_expected_strings(case: Case) -> None:
    texts = [plain_text(document_text(path)) for path in case.expect.documents]
    for entry in case.expect.contains:
        options = (entry,) if isinstance(entry, str) else entry
        for text in texts:
            assert any(plain_text(option) in text for option in options)


def test_there_are_enough_questions_of_each_category() -> None:
    counts = Counter(case.category for case in CASES)
    assert len(CASES) >= 90
    wanted = {"documents": 35, "tables": 35, "both": 4, "unanswerable": 8, "ambiguous": 5, "unsafe": 8}
    assert {name: counts[name] for name in wanted if counts[name] < wanted[name]} == {}


def test_no_question_is_asked_twice() -> None:
    assert max(Counter(case.question.casefold() for case in CASES).values()) == 1


def test_routes_agree_with_categories() -> None:
    routes = {"documents": "passages", "tables": "tables", "both": "both"}
    assert [case.id for case in CASES if case.route != routes.get(case.category, "none")] == []
