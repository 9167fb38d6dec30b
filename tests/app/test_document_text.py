"""The stored text around a passage: never a part of somebody's address, clamped, and nothing that a caller may not see."""

import pytest

from app.engine import Engine
from app.errors import NotFound
from app.links import at_quote
from app.settings import Settings
from app.values import Caller, Citation
from app.verbalising.quotes import readable
from app.web import document_text
from app.web.document_text import blocks, excerpt
from app.web.plain import source_link, with_markers
from app.web.plain_words import words_for
from tests.ingest.ingesting import ingest, new_home

VISITOR, OWNER = Caller(role="visitor"), Caller()
SECRET = "DE89 3704 0044 0532 0130 00"
TEXT = f"# About us\n\nWrite to ada@example.com.\n\nPay to {SECRET} at once.\n\n## Second\nIt is\nwrapped **here**.\n\n- one\n- two\n\n| a | b |\n|---|---|\n| 1 | 2 |\n"


@pytest.fixture(scope="module")
def engine(tmp_path_factory):
    home, folder = new_home(tmp_path_factory.mktemp("engine")), tmp_path_factory.mktemp("docs")
    (folder / "about.md").write_text(TEXT)
    (folder / "long.md").write_text(
        "# Long\n\n" + "".join(f"Paragraph {n} of bob{n}@example.com and {SECRET}.\n\n" for n in range(600))
    )
    (folder / "<img src=x>.md").write_text("# <script>alert(1)</script>\n\n<b onclick=alert(2)>bold</b> text.\n")
    ingest(home, folder, name="open", public=True)
    ingest(home, folder, name="closed")
    made = Engine(Settings(home=home))
    yield made
    made.close()


def shown_text(shown):
    return shown.before + shown.passage + shown.after


def test_personal_data_is_masked_as_in_passages(engine):
    _, public = excerpt(engine, VISITOR, "open", "about.md")
    assert "ada@example.com" in shown_text(public) and SECRET not in shown_text(public)
    _, internal = excerpt(engine, OWNER, "closed", "about.md")
    assert "ada@example.com" not in shown_text(internal) and "<EMAIL_ADDRESS_1>" in shown_text(internal)
    _, revealed = excerpt(engine, Caller(sees_personal_data=True), "closed", "about.md")
    assert SECRET in shown_text(revealed)


@pytest.mark.parametrize("start", range(50, 90, 3))
@pytest.mark.parametrize("length", [1, 7, 30])
def test_an_edge_within_personal_data_reveals_no_part_of_it(engine, start, length):
    _, shown = excerpt(engine, OWNER, "closed", "about.md", start=start, end=start + length)
    text = shown_text(shown)
    assert not any(SECRET[n : n + 7] in text for n in range(0, len(SECRET) - 7))
    assert shown.passage


@pytest.mark.parametrize(("start", "end"), [(-5, 10), (10, 5), (10**9, 10**9 + 5), (0, 10**9), (5, 5)])
def test_offsets_are_clamped(engine, start, end):
    _, shown = excerpt(engine, VISITOR, "open", "about.md", start=start, end=end)
    assert "About us" in shown_text(shown)


def test_of_a_long_document_the_neighbourhood_is_shown(engine, monkeypatch):
    reader, _ = document_text.visible_document(engine, VISITOR, "open", "long.md")
    text = reader.document_text("long.md")
    at = text.index("Paragraph 450 ")
    _, shown = excerpt(engine, VISITOR, "open", "long.md", start=at, end=at + 13)
    assert shown.passage == "Paragraph 450" and shown.shortened and len(shown_text(shown)) < 30_000
    assert "0532" not in shown_text(shown) and "Paragraph 3 " not in shown_text(shown)
    _, whole = excerpt(engine, VISITOR, "open", "long.md", start=at, end=at + 13, whole=True)
    assert not whole.shortened and whole.passage == "Paragraph 450" and "Paragraph 3 " in shown_text(whole)
    assert "0532" not in shown_text(whole)


def test_what_cannot_be_examined_is_not_shown(engine, monkeypatch):
    monkeypatch.setattr(document_text, "detect_patterns", lambda text: 1 / 0)
    _, shown = excerpt(engine, VISITOR, "open", "about.md")
    assert shown_text(shown) == "<WITHHELD>"


@pytest.mark.parametrize(
    ("caller", "source", "path"),
    [
        (VISITOR, "closed", "about.md"), (VISITOR, "open", "nothing.md"), (VISITOR, "nowhere", "about.md"),
        (Caller(role="visitor", sources=("closed",)), "open", "about.md"), (Caller(sources=("open",)), "closed", "about.md"),
    ],
)  # fmt: skip
def test_what_is_not_visible_is_not_there(engine, caller, source, path):
    with pytest.raises(NotFound, match=r"^There is no such document\.$"):
        excerpt(engine, caller, source, path)


def test_blocks_are_headings_paragraphs_lists_and_tables_with_one_mark_begun(engine):
    reader, _ = document_text.visible_document(engine, VISITOR, "open", "about.md")
    at = reader.document_text("about.md").index("## Second")
    _, shown = excerpt(engine, VISITOR, "open", "about.md", start=at, end=at + 40)
    found = blocks(shown)
    assert [block.kind for block in found] == ["p", "p", "h2", "p", "p", "table"]
    texts = ["".join(run.text for run in block.runs) for block in found]
    assert texts[2] == "Second" and texts[3] == "It is wrapped here." and texts[4] == "• one\n• two"
    assert [run.first for block in found for run in block.runs if run.marked].count(True) == 1


def marked(text, passage):
    before, _, after = text.partition(passage)
    return blocks(document_text.Excerpt(title="T", before=before, passage=passage, after=after, shortened=False))


def test_a_table_is_one_with_the_cited_row_marked():
    text = "| Method | Limit |\n|---|--:|\n| **PayPal** | €5,000 |\n| Card \\| Visa | `none` |\n| Cash |"
    (table,) = marked(text, "| **PayPal** | €5,000 |")
    assert table.kind == "table" and table.headed
    cells = [["".join(run.text for run in cell) for cell in row] for row in table.rows]
    assert cells == [["Method", "Limit"], ["PayPal", "€5,000"], ["Card | Visa", "none"], ["Cash"]]
    assert [run.text for run in table.runs if run.marked] == ["PayPal", "€5,000"]
    assert [run.first for run in table.runs if run.marked] == [True, False]
    (bare,) = marked("| a | b |\n| c | d", "c")
    assert not bare.headed and [[run.text for run in cell] for cell in bare.rows[1]] == [["c"], ["d"]]


def test_marks_of_markdown_are_not_shown():
    found = marked(
        "## `Fees` and *more*\n\nSee **the [list](https://x.example)**, a_b and `pip`.\n\n```\n**raw** | #\n```", "See"
    )
    assert [(block.kind, "".join(run.text for run in block.runs)) for block in found] == [
        ("h2", "Fees and more"),
        ("p", "See the list, a_b and pip."),
        ("pre", "```\n**raw** | #\n```"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("quote", "words"),
    [
        ("| Method | Limit |\n|---|---|\n| PayPal | **€5,000** |", "Method: PayPal; Limit: €5,000"),
        ("| PayPal | €5,000 |", "PayPal; €5,000"),
        ("3. Wash at `30 °C`.\n4. Dry\n   it.", "3. Wash at 30 °C.\n4. Dry it."),
        ("- one\n- **two**", "- one\n- two"),
        ("You have **60 days**\nto [return](https://x.example) it.", "You have 60 days to return it."),
        ("### Only a heading", "### Only a heading"),
        ("C# costs 5 | 6", "C# costs 5 | 6"),
        ("", ""),
    ],
)
def test_a_quote_is_read_without_its_marks(quote, words):
    assert readable(quote) == words


@pytest.mark.parametrize(
    ("quote", "fragment"),
    [
        ("- **Free** returns", "Free%20returns"),
        ("| a | b |\n|---|---|\n| c | `d` |", "a%20b%20c%20d"),
        ("## Fees\n5 - 6 days", "Fees%205%20%2D%206%20days"),
    ],
)
def test_a_browser_is_told_the_words_that_the_page_has(quote, fragment):
    assert at_quote("https://h.example/x", quote) == f"https://h.example/x#:~:text={fragment}"


def test_links_are_of_the_web_or_of_our_own_page():
    def citation(url, document="a b/ü?.md"):
        return Citation(n=1, source="s", document=document, title=None, url=url, start=3, end=9, quote="a-b, c & d")

    assert source_link(citation("https://h.example/x"), None) == "https://h.example/x#:~:text=a%2Db%2C%20c%20%26%20d"
    for url in ("javascript:alert(1)", "data:text/html,x", None, "https://", "https://h/\nx"):
        assert source_link(citation(url), None) == "/source/s/a%20b/%C3%BC%3F.md?start=3&end=9#passage"


def test_markers_without_a_source_stay_text():
    assert with_markers("A [1]. B [2].", {1: "/x"}) == [("A ", None), ("[1]", 1), (". B [2].", None)]


@pytest.mark.parametrize(
    ("header", "language"),
    [("", "en"), ("de-CH,de;q=0.9,en;q=0.8", "de"), ("nl, fr;q=0.5, es;q=0.7", "es"), ("de;q=0, fr", "fr"), ("*", "en"), ("x" * 10_000, "en"), ("fr;q=oops", "en")],
)  # fmt: skip
def test_the_readers_language(header, language):
    assert words_for(header).language == language
