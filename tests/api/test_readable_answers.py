"""Answers as Markdown: what documents and cells say stays text, in one piece or in several."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from app.api.readable import Plain, body, fenced, footer, literal, plain, table
from app.values import Answer, Citation, Clarify, ColumnInfo, SqlView, TableView, Versions

RENDERED = MarkdownIt("commonmark", {"html": True}).enable("table")
HOSTILE = [
    "![x](https://evil.example/p.png)", "\\![x](https://evil.example/p.png)", "!\\[x](y) ![", "<img src=x onerror=alert(1)>",
    "\\<script>alert(1)</script>", "![a][b]\n\n[b]: https://evil.example", "<!-- x --> <?php ?> </p>", "<https://evil.example>",
]  # fmt: skip


def answer(text="t", **more):
    return Answer(id="a", status="answered", route="tables", text=text, versions=Versions(manifest=None), **more)


def shown(markdown):
    return RENDERED.render(markdown)


@pytest.mark.parametrize("text", HOSTILE)
def test_no_image_and_no_html_comes_of_a_text(text):
    kinds = {token.type for block in RENDERED.parse(plain(text)) for token in [block, *(block.children or [])]}
    assert not kinds & {"image", "html_inline", "html_block"}


@settings(deadline=None)
@given(st.lists(st.sampled_from([*HOSTILE, "!", "[", "<", "a", "\\", "/", " ", "1 < 2! "]), max_size=8), st.data())
def test_pieces_give_what_the_whole_gives(parts, data):
    text = "".join(parts)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=5)))
    pieces, shown_so_far = Plain(), ""
    for start, end in zip([0, *cuts], [*cuts, len(text)], strict=True):
        shown_so_far += pieces.feed(text[start:end])
    assert shown_so_far + pieces.rest() == plain(text)
    kinds = {token.type for block in RENDERED.parse(plain(text)) for token in [block, *(block.children or [])]}
    assert not kinds & {"image", "html_inline", "html_block"}


def test_ordinary_text_stays():
    text = "1. 60 days! [1] If a < 5, see [the page](https://help.example/returns)."
    assert plain(text) == text


def test_cells_cannot_leave_their_column():
    cells = (("a|b", "[x](javascript:alert(1))"), ("\\|`c`", "<b>line\nbreak</b>"), (None, True))
    view = TableView(columns=(ColumnInfo("n|m", "text"), ColumnInfo("o", "text")), rows=cells, truncated=False)
    html = shown(table(view))
    assert html.count("<td>") == 6 and "<a " not in html and "<b>" not in html and "<code>" not in html
    assert "a|b" in html and "true" in html


def test_a_long_table_says_that_there_is_more():
    view = TableView(columns=(ColumnInfo("n", "integer"),), rows=tuple((n,) for n in range(50)), truncated=True)
    assert table(view).endswith("(the first 20 of more than 50 rows)")
    assert table(view).count("\n| ") == 21


def test_the_footer_links_to_the_document_or_to_the_passage():
    own = Citation(
        n=1, source="s", document="d.md", title="A [b]", url="https://h.example/a b)", start=0, end=4, quote="q"
    )
    stored = Citation(
        n=2, source="a b", document="x/y?z#.md", title=None, url="javascript:x", start=3, end=9, quote="q"
    )
    html = shown(footer(answer(citations=(own, stored)), "http://127.0.0.1:8000"))
    assert 'href="https://h.example/a%20b%29"' in html and "A [b]" in html
    assert 'href="http://127.0.0.1:8000/source/a%20b/x/y%3Fz%23.md?start=3&amp;end=9#passage"' in html
    assert "javascript" not in html


def test_sql_stays_in_its_block():
    text = "SELECT '```' AS a\n# not a heading"
    html = shown(footer(answer(sql=SqlView(text=text, dialect="duckdb", source="shop")), ""))
    assert html.count("<pre>") == 1 and "<h1>" not in html
    assert fenced("a", "sql") == "```sql\na\n```"


def test_a_question_back_has_its_options_as_a_list():
    asked = answer("Which? For example: a; b", clarify=Clarify(question="Which?", options=("a", "b <i>")))
    assert body(asked) == "Which?\n\n- a\n- b &#60;i&#62;"


def test_a_title_is_one_line():
    assert literal(" a\n# b ") == "a # b"
