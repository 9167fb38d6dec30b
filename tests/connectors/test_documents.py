"""Markdown, HTML, text, PDF and DOCX as Markdown-flavoured text."""

from __future__ import annotations

import datetime as dt
import time
import zipfile
from pathlib import Path

import pytest
from connector_samples import problems, read, read_document, truncated, write_pdf, write_text
from reportlab.lib.pdfencrypt import StandardEncryption

from connectors.base import Document


def markdown(tmp_path: Path, content: str) -> str:
    return read_document(write_text(tmp_path / "a.md", content)).text


def html(tmp_path: Path, content: str) -> str:
    return read_document(write_text(tmp_path / "a.html", content)).text


def test_front_matter(tmp_path: Path) -> None:
    document = read_document(
        write_text(
            tmp_path / "a.md",
            "---\ntitle: Returns\nupdated: 2024-05-06\ntags: [a, b]\ndraft: true\n---\n# Other\n\nText.\n",
        )
    )
    assert (document.title, document.text) == ("Returns", "# Other\n\nText.\n")
    assert document.modified == dt.datetime(2024, 5, 6, tzinfo=dt.UTC)
    assert document.metadata == {"title": "Returns", "updated": "2024-05-06", "tags": "a, b", "draft": "true"}


def test_damaged_front_matter_is_reported_and_the_text_kept(tmp_path: Path) -> None:
    path = write_text(
        tmp_path / "a.md", "---\ntitle: Ratings: what they mean\ntags: [\nupdated: 2024-05-06\n---\n# Head\n"
    )
    document = read_document(path)
    assert (document.title, document.text) == ("Ratings: what they mean", "# Head\n")
    assert document.modified == dt.datetime(2024, 5, 6, tzinfo=dt.UTC)
    assert problems(path)["bad_front_matter"].severity == "repaired"


def test_rule_at_the_top_is_no_front_matter(tmp_path: Path) -> None:
    assert "Some words" in markdown(tmp_path, "---\nSome words\n---\nMore\n")


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("Head\n====\n\nSub\n---\n", "# Head\n\n## Sub\n"),
        ("* one\n+ two\n  * three", "- one\n- two\n  - three\n"),
        ("See [the page](http://x.org/a_(b) 'T') and ![a map](m.png).", "See the page and a map.\n"),
        ("`[code](x)` stays, <https://x.org> too", "`[code](x)` stays, https://x.org too\n"),
        ("```\n* [code](x)\n# no heading\n```", "```\n* [code](x)\n# no heading\n```\n"),
        ("a <!-- hidden\nnote --> b", "a  b\n"),
        ("| a | b |\n|---|---|\n| 1 | 2 |", "| a | b |\n|---|---|\n| 1 | 2 |\n"),
        ("# Closed #\nText", "# Closed\nText\n"),
        ("[1]: http://x.org\nText [here][1].", "Text here.\n"),
        ("5 < 6 and **bold**", "5 < 6 and **bold**\n"),
    ],
)
def test_markdown_is_brought_to_one_dialect(tmp_path: Path, source: str, text: str) -> None:
    assert markdown(tmp_path, source) == text


def test_title_is_the_first_heading_outside_code(tmp_path: Path) -> None:
    assert read_document(write_text(tmp_path / "a.md", "```\n# not\n```\n\n# The *real* one\n")).title == "The real one"


def test_html_blocks(tmp_path: Path) -> None:
    body = (
        '<main><h1>Returns <a class="headerlink" href="#r">¶</a></h1><p>You have\n<b>30</b> days.</p>'
        '<p hidden>secret</p><p style="display:none">secret</p><div aria-hidden="true">secret</div>'
        "<ul><li>One <a href=x>link</a><ul><li>Inner</li></ul></li><li><p>Two</p></li></ul><ol start=3><li>c</ol>"
        "<table><tr><th>Country<th>Fee<tr><td rowspan=2>DE<td>5 | x<tr><td>6</table><pre>a\n  b</pre>"
        "<details><summary>How?</summary><p>So.</p></details><script>x</script></main>"
    )
    assert html(tmp_path, body) == (
        "# Returns\n\nYou have 30 days.\n\n- One link\n   - Inner\n- Two\n\n3. c\n\n"
        "| Country | Fee |\n| --- | --- |\n| DE | 5 \\| x |\n| DE | 6 |\n\n```\na\n  b\n```\n\n## How?\n\nSo.\n"
    )


@pytest.mark.parametrize(
    "marked", ["<main>{}</main>", '<div role="main">{}</div>', "<article>{}</article>", "<div>{}</div>"]
)
def test_html_boilerplate_is_left_out(tmp_path: Path, marked: str) -> None:
    content = marked.format("<h2>Fees</h2><p>Sending a parcel abroad costs five euros.</p>")
    page = (
        f"<html><body><header><a href=/>Shop</a></header><nav>Home</nav><div class='sidebar'>Side</div>{content}"
        "<aside>Ad</aside><div id='cookie-banner'>Cookies</div><footer>© Shop</footer></body></html>"
    )
    assert html(tmp_path, page) == "## Fees\n\nSending a parcel abroad costs five euros.\n"


def test_html_content_in_a_box_called_menu_is_kept(tmp_path: Path) -> None:
    page = "<body><nav>Home</nav><div class='menu'><h2>Lunch</h2><p>Soup of the day, bread and butter.</p></div></body>"
    assert "Soup of the day" in html(tmp_path, page)


def test_html_page_that_is_mostly_links_goes_through_extraction(tmp_path: Path) -> None:
    links = "".join(f"<a href=/{number}>link number {number} here</a> " for number in range(30))
    words = "<p>Parcels are sent on every working day, and a message with the number is sent to the buyer.</p>" * 4
    text = html(tmp_path, f"<html><body><div>{links}</div><div><h1>Sending</h1>{words}</div></body></html>")
    assert "working day" in text
    assert "link number" not in text


def test_html_metadata(tmp_path: Path) -> None:
    head = (
        '<html lang="en"><head><title> Returns\n| Shop </title><link rel="canonical" href="https://x.org/returns">'
        '<meta property="article:modified_time" content="2024-03-04T05:06:07+02:00"><meta name="author" content="Ann">'
    )
    document = read_document(
        write_text(tmp_path / "a.html", head + "</head><body><main>All about returns here.</main></body>")
    )
    assert (document.title, document.url) == ("Returns | Shop", "https://x.org/returns")
    assert document.modified == dt.datetime(2024, 3, 4, 3, 6, 7, tzinfo=dt.UTC)
    assert document.metadata == {"author": "Ann", "language": "en"}


@pytest.mark.parametrize(
    ("declared", "encoding"),
    [("iso-8859-1", "cp1252"), ("utf-8", "utf-8"), ("shift_jis", "shift_jis"), (None, "utf-16")],
)
def test_html_encodings(tmp_path: Path, declared: str | None, encoding: str) -> None:
    words = "日本語の文章です" if encoding == "shift_jis" else "Größe “quoted” — été"
    meta = f'<meta charset="{declared}">' if declared else ""
    page = f"<html><head>{meta}</head><body><main><p>{words} and more words.</p></main></body></html>"
    assert words in read_document(write_text(tmp_path / "a.html", page.encode(encoding))).text


@pytest.mark.parametrize("content", ["<html><body><div id=app></div><script>x()</script></body></html>", "<!-- x -->"])
def test_html_without_text(tmp_path: Path, content: str) -> None:
    assert list(problems(write_text(tmp_path / "a.html", content))) == ["no_text"]


def pdf_pages(pages: list[list[str]]) -> list[list[str]]:
    return [["ACME Handbook", *lines, f"Page {number} of {len(pages)}"] for number, lines in enumerate(pages, 1)]


def test_pdf_headers_page_numbers_and_hyphens(tmp_path: Path) -> None:
    lines = ["This line of the text goes on over the edge with a hyphen-", "ated word and then it ends."]
    document = read_document(write_pdf(tmp_path / "a.pdf", pdf_pages([["First", *lines], ["Second"], ["Third"]])))
    assert document.text == (
        "First\nThis line of the text goes on over the edge with a hyphenated word and then it ends."
        "\n\nSecond\n\nThird\n"
    )
    assert document.title == "Sample"


def test_pdf_lines_repeated_on_two_pages_only_are_content(tmp_path: Path) -> None:
    text = read_document(write_pdf(tmp_path / "a.pdf", [["Step one", "Press."], ["Step one", "Wait."]])).text
    assert text.count("Step one") == 2


def test_pdf_numbers_inside_the_text_are_kept(tmp_path: Path) -> None:
    text = read_document(write_pdf(tmp_path / "a.pdf", [["Fee", "42", "euros for each parcel"]])).text
    assert "42" in text


@pytest.mark.parametrize(
    ("make", "code"),
    [
        (lambda path: write_pdf(path, [["x"]], encrypt=StandardEncryption("secret")), "encrypted_pdf"),
        (lambda path: truncated(write_pdf(path, [["x"]])), "corrupt_file"),
        (lambda path: write_text(path, b"%PDF-1.7\nnonsense"), "corrupt_file"),
        (lambda path: write_pdf(path, [[]]), "no_text"),
        (lambda path: write_text(path, ""), "empty_file"),
    ],
)
def test_bad_pdfs(tmp_path: Path, make: object, code: str) -> None:
    path = make(tmp_path / "a.pdf")  # type: ignore[operator]
    assert list(problems(path)) == [code]


def test_pdf_with_an_empty_password_is_read(tmp_path: Path) -> None:
    path = write_pdf(tmp_path / "a.pdf", [["Open words"]], encrypt=StandardEncryption("", ownerPassword="o"))
    assert "Open words" in read_document(path).text


def test_docx_blocks_in_order(tmp_path: Path) -> None:
    import docx

    source = docx.Document()
    source.core_properties.title, source.core_properties.author = "Guide", "Ann"
    source.core_properties.modified = dt.datetime(2024, 5, 6)
    source.add_heading("Guide", 0)
    source.add_heading("Fees", 1)
    for text, style in (
        ("one", "List Bullet"),
        ("inner", "List Bullet 2"),
        ("first", "List Number"),
        ("second", "List Number"),
    ):
        source.add_paragraph(text, style=style)
    source.add_paragraph("Between.")
    table = source.add_table(2, 2)
    for cell, text in zip(table._cells, ("Country", "Fee", "DE", "5 | x"), strict=True):
        cell.text = text
    source.add_paragraph("After.")
    source.save(str(tmp_path / "a.docx"))
    document = read_document(tmp_path / "a.docx")
    assert document.text == (
        "# Guide\n\n# Fees\n\n- one\n   - inner\n1. first\n2. second\n\nBetween.\n\n"
        "| Country | Fee |\n| --- | --- |\n| DE | 5 \\| x |\n\nAfter.\n"
    )
    assert (document.title, document.metadata) == ("Guide", {"author": "Ann"})
    assert document.modified == dt.datetime(2024, 5, 6, tzinfo=dt.UTC)


def test_docx_shows_insertions_and_hides_deletions(tmp_path: Path) -> None:
    import docx

    source = docx.Document()
    source.add_paragraph("MARK")
    source.save(str(tmp_path / "old.docx"))
    word = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
    tracked = (
        "<w:r><w:t>kept </w:t></w:r><w:ins w:id='1' w:author='a'><w:r><w:t>added</w:t></w:r></w:ins>"
        "<w:del w:id='2' w:author='a'><w:r><w:delText>gone</w:delText></w:r></w:del>"
        "<w:r><w:rPr><w:vanish/></w:rPr><w:t>hidden</w:t></w:r>"
    )
    with zipfile.ZipFile(tmp_path / "old.docx") as old, zipfile.ZipFile(tmp_path / "a.docx", "w") as new:
        for name in old.namelist():
            content = old.read(name)
            if name == "word/document.xml":
                assert word.encode() in content
                content = content.replace(b"<w:r><w:t>MARK</w:t></w:r>", tracked.encode())
            new.writestr(name, content)
    assert read_document(tmp_path / "a.docx").text == "kept added\n"


def test_text_document(tmp_path: Path) -> None:
    document = read_document(
        write_text(tmp_path / "a.txt", "Opening hours\n\nWe open at nine — daily.\n".encode("cp1252"))
    )
    assert document.title == "Opening hours"
    assert document.text == "Opening hours\n\nWe open at nine — daily.\n"
    assert [type(item) for item in read(tmp_path)] == [Document]


@pytest.mark.parametrize("unit", ["`", "<!-- ", "![", "[", "<a ", "# ", "*", "_", ".", " ", "x", "a@", "[a]("])
def test_a_line_of_any_length_is_read_in_time(tmp_path: Path, unit: str) -> None:
    path = write_text(tmp_path / "a.md", f"# T\n\na {unit * 60_000} b\n\n# c{unit * 60_000}d\n")
    start = time.process_time()
    assert read_document(path).title
    assert time.process_time() - start < 2, "the time grows with the square of the length"


def test_comments_of_markdown_are_left_out(tmp_path: Path) -> None:
    path = write_text(tmp_path / "a.md", "# T\n\na <!-- b\n\nc --> d <!----> e <!-- open\n")
    assert read_document(path).text.split("\n\n", 1)[1] == "a  d  e <!-- open\n"
