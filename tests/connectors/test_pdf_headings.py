"""Headings of PDFs are told from their letters."""

from __future__ import annotations

from pathlib import Path

from connector_samples import read_document
from reportlab.pdfgen.canvas import Canvas

Styled = tuple[str, str, float]
BODY = "Every employee has twenty-eight days of paid holiday a year, and may carry five of them over."


def write_styled_pdf(path: Path, lines: list[Styled]) -> Path:
    canvas = Canvas(str(path))
    for at, (text, font, size) in enumerate(lines):
        canvas.setFont(font, size)
        canvas.drawString(72, 780 - 30 * at, text)
    canvas.save()
    return path


def test_larger_and_bold_lines_become_headings_by_rank(tmp_path: Path) -> None:
    lines = [
        ("Handbook", "Helvetica-Bold", 20),
        ("Holiday", "Helvetica-Bold", 14),
        (BODY, "Helvetica", 10),
        ("Carrying over", "Helvetica-Bold", 10),
        (BODY, "Helvetica", 10),
        ("Is sick leave paid?", "Helvetica", 14),
        (BODY, "Helvetica", 10),
    ]
    text = read_document(write_styled_pdf(tmp_path / "a.pdf", lines)).text
    assert text == (
        f"# Handbook\n\n## Holiday\n\n{BODY}\n\n### Carrying over\n\n{BODY}\n\n## Is sick leave paid?\n\n{BODY}\n"
    )


def test_a_heading_of_two_lines_is_one(tmp_path: Path) -> None:
    lines = [
        ("What every new employee should know about", "Helvetica-Bold", 16),
        ("holiday and sick leave", "Helvetica-Bold", 16),
        *[(BODY, "Helvetica", 10)] * 4,
    ]
    text = read_document(write_styled_pdf(tmp_path / "a.pdf", lines)).text
    assert text.startswith("# What every new employee should know about holiday and sick leave\n\nEvery")


def test_numbers_sentences_and_posters_are_no_headings(tmp_path: Path) -> None:
    large = [("42", "Helvetica", 30), ("Sold out.", "Helvetica", 14), *[(BODY, "Helvetica", 10)] * 4]
    assert "#" not in read_document(write_styled_pdf(tmp_path / "a.pdf", large)).text
    poster = [("Summer sale", "Helvetica", 30), ("Everything must go", "Helvetica", 20), ("in June", "Helvetica", 10)]
    assert "#" not in read_document(write_styled_pdf(tmp_path / "b.pdf", poster)).text
