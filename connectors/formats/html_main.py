"""Which part of an HTML page is its content: what the page marks as such, else what is left without boilerplate."""

from __future__ import annotations

import re
from typing import Any

from connectors.formats.html_blocks import text_of_element
from connectors.formats.html_furniture import is_furniture

_MARKED = ("//main", "//*[@role='main']", "//article")
_SHORTEST_MAIN = 20
"""Characters under which a marked main part is taken for an empty shell."""
_FURNITURE = ("nav", "footer", "aside", "form")
_FURNITURE_ROLES = frozenset(
    {"navigation", "banner", "contentinfo", "complementary", "search", "dialog", "alertdialog"}
)
_MOSTLY_LINKS = 0.3
_KEPT_LEAST = 0.8
"""Share of the words outside links that an extraction must keep to be trusted."""


def main_text(page: Any, source: str) -> str:
    """The page's content as Markdown-flavoured text; the tree is changed.

    A part marked as main content counts as such. Otherwise boilerplate is removed by element, role and class; where
    much of the rest is links and trafilatura finds a part with most of the other words, that part is taken.
    """
    for path in _MARKED:
        marked = [_only_article(element) for element in page.xpath(path) if not _within(element, page.xpath(path))]
        for element in marked:
            _remove(element, ("nav", "footer"), frozenset({"navigation"}), within_content=True)
        text = "\n".join(filter(None, (text_of_element(element) for element in marked)))
        if len(text.strip()) >= _SHORTEST_MAIN:
            return _with_page_heading(page, text)
    body = page.find("body")
    if body is None:
        body = page
    _remove(body, _FURNITURE, _FURNITURE_ROLES, within_content=False)
    for header in list(body.iter("header")):
        if header.find(".//h1") is None:
            _drop(header)
    text = text_of_element(body)
    links = _link_share(body)
    return (_extracted(source, text, 1 - links) or text) if links > _MOSTLY_LINKS else text


def _only_article(main: Any) -> Any:
    """The article in a main part, where there is one only and it has the headline; lists beside it are not content."""
    articles = [each for each in main.iter("article") if not any(a.tag == "article" for a in each.iterancestors())]
    return articles[0] if len(articles) == 1 and articles[0].find(".//h1") is not None else main


def _within(element: Any, others: list[Any]) -> bool:
    return any(ancestor in others for ancestor in element.iterancestors())


def _with_page_heading(page: Any, text: str) -> str:
    """The text under the page's only `<h1>` where that stands outside the marked part."""
    headings = list(page.iter("h1"))
    if len(headings) != 1 or re.search(r"^# ", text, re.M):
        return text
    heading = " ".join("".join(headings[0].itertext()).split())
    in_header = next(headings[0].iterancestors("header", "nav"), None)
    return text if in_header is not None or not heading else f"# {heading}\n\n{text}"


def _remove(root: Any, tags: tuple[str, ...], roles: frozenset[str], *, within_content: bool) -> None:
    """Remove boilerplate below `root`, unless it holds most of the text or any headline."""
    whole = max(1, _length(root))
    for element in list(root.iter()):
        if element is root or not isinstance(element.tag, str) or element.getparent() is None:
            continue
        words = f"{element.get('class') or ''} {element.get('id') or ''}".split()
        by_tag = (element.tag in tags and element.getparent().tag != "blockquote") or element.get("role") in roles
        named = is_furniture(words, within_content=within_content)
        by_name = named and element.tag not in ("body", "main", "article")
        if (by_tag or by_name) and not _holds_content(element, whole):
            _drop(element)


def _holds_content(element: Any, whole: int) -> bool:
    """Whether what is marked as boilerplate is the page's content: it has most of the text, or a headline."""
    return _length(element) > whole / 2 or (element.tag != "nav" and element.find(".//h1") is not None)


def _drop(element: Any) -> None:
    """Remove an element but keep the text after it."""
    if element.getparent() is not None:
        element.drop_tree()


def _length(element: Any) -> int:
    return sum(len(text.strip()) for text in element.itertext())


def _link_share(body: Any) -> float:
    """Share of the text that stands in links."""
    linked = sum(_length(link) for link in body.iter("a"))
    return linked / max(1, _length(body))


def _extracted(source: str, text: str, unlinked: float) -> str | None:
    """What trafilatura takes for the content, if it keeps most of the `unlinked` share of the words."""
    from trafilatura import extract

    found = extract(source, output_format="markdown", include_tables=True, include_comments=False, favor_recall=True)
    share = len((found or "").split()) / max(1, len(text.split()))
    return found + "\n" if found and share >= _KEPT_LEAST * unlinked else None
