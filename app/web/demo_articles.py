"""The public documents as a help centre's articles, in categories by folder, rendered without any HTML of their own."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote, urlsplit
from weakref import WeakKeyDictionary

import msgspec

from app.asking import visible_sources
from app.engine import Engine
from app.values import Caller
from app.web.document_text import excerpt, visible_document
from ingest.stores.passages import PassageReader

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.token import Token

    from ingest.stores.snapshot import SourceReader

PUBLIC = Caller(role="visitor")
MOST_ARTICLES = 2000
"""Articles of a source that the demo lists."""
_SITE_NAME = re.compile(r"\s+[|·–—]\s+[^|·–—]+$")
_WORDS = re.compile(r"[-_\s]+")


class Article(msgspec.Struct, frozen=True, kw_only=True):
    """A document in the lists."""

    source: str
    path: str
    title: str
    category: str
    summary: str

    @property
    def link(self) -> str:
        """Its page."""
        return article_link(self.source, self.path)


class Category(msgspec.Struct, frozen=True, kw_only=True):
    """The articles of one folder."""

    name: str
    slug: str
    articles: tuple[Article, ...]


def article_link(source: str, path: str) -> str:
    """The demo's page of a document."""
    return f"/demo/{quote(source, safe='')}/{quote(path, safe='/')}"


def articles(engine: Engine) -> list[Article]:
    """Every public article, by source and path; duplicates show once, replaced versions not at all."""
    found: list[Article] = []
    for reader in visible_sources(engine.store.snapshot(), PUBLIC):
        if reader not in _articles:
            _articles[reader] = tuple(_of(reader))
        found += _articles[reader]
    return found


def categories(engine: Engine) -> list[Category]:
    """The articles in categories, the largest first."""
    grouped: dict[str, list[Article]] = {}
    for article in articles(engine):
        grouped.setdefault(article.category, []).append(article)
    ordered = sorted(grouped.items(), key=lambda each: (-len(each[1]), each[0]))
    return [Category(name=name, slug=slug_of(name), articles=tuple(found)) for name, found in ordered]


def slug_of(name: str) -> str:
    """A name as a fragment of an address."""
    return re.sub(r"[^a-z0-9]+", "-", name.casefold()).strip("-") or "more"


def questions(engine: Engine, limit: int = 3) -> tuple[str, ...]:
    """Questions that headings of the documents ask: what a reader may try. One of each document, at most `limit`."""
    asked: list[str] = []
    for article in articles(engine):
        if len(asked) == limit or len(article.path) > 500:
            break
        if "faq" in article.path.casefold() or article.title.endswith("?"):
            _, shown = excerpt(engine, PUBLIC, article.source, article.path)
            lines = (line.lstrip("# ").strip() for line in shown.text.splitlines() if line.startswith("#"))
            asked += [line for line in lines if line.endswith("?") and 12 <= len(line) <= 90][:1]
    return tuple(dict.fromkeys(asked))


def rendered(engine: Engine, source: str, path: str) -> tuple[str, str, bool]:
    """Title and HTML of an article, and whether it is cut off; raises `NotFound`."""
    reader, document = visible_document(engine, PUBLIC, source, path)
    if (path not in _rendered.setdefault(reader, {})) and len(_rendered[reader]) < MOST_ARTICLES:
        _rendered[reader][path] = _as_html(engine, source, document.path)
    return _rendered[reader].get(path) or _as_html(engine, source, document.path)


def _as_html(engine: Engine, source: str, path: str) -> tuple[str, str, bool]:
    _, shown = excerpt(engine, PUBLIC, source, path, whole=True)
    known = {article.path for article in articles(engine) if article.source == source}
    tokens = _markdown().parse(shown.text)
    if len(tokens) > 2 and tokens[0].type == "heading_open" and tokens[0].tag == "h1":
        tokens = tokens[3:]  # the page has the title already
    _level(tokens)
    _link(tokens, source, path, known)
    title = _SITE_NAME.sub("", shown.title)
    return title, str(_markdown().renderer.render(tokens, _markdown().options, {})), shown.shortened


def _of(reader: SourceReader) -> Iterator[Article]:
    count = 0
    for document in reader.passages.documents() if reader.passages is not None else ():
        replaced = document.metadata.get("newer_version") or document.metadata.get("superseded_by")
        if document.visibility != "public" or document.collapsed_into or not document.passages or replaced:
            continue
        count += 1
        if count > MOST_ARTICLES:
            return
        folder = document.path.partition("/")[0] if "/" in document.path else ""
        yield Article(
            source=reader.name,
            path=document.path,
            title=_SITE_NAME.sub("", document.title or posixpath.basename(document.path)),
            category=_WORDS.sub(" ", folder or reader.name).strip().capitalize() or reader.name,
            summary=str(document.metadata.get("description", ""))[:200],
        )


_articles: WeakKeyDictionary[SourceReader, tuple[Article, ...]] = WeakKeyDictionary()
"""Listed once for each reader; a reader lives as long as its segment is published."""
_rendered: WeakKeyDictionary[PassageReader, dict[str, tuple[str, str, bool]]] = WeakKeyDictionary()
"""By path: a text can be written so that rendering it takes seconds, and nobody shall repeat that at will."""


@cache
def _markdown() -> MarkdownIt:
    from markdown_it import MarkdownIt

    made = MarkdownIt("commonmark", {"html": False, "linkify": False, "typographer": False})
    made.enable(["table", "strikethrough"]).disable(["image", "html_block", "html_inline"])
    made.add_render_rule("table_open", _table_open)
    made.add_render_rule("table_close", lambda *_: "</table></div>\n")
    return made


def _table_open(*_: Any) -> str:
    return '<div class="scroll" tabindex="0" role="group" aria-label="Table"><table>\n'


def _level(tokens: Sequence[Token]) -> None:
    """Headings begin with h2 and skip no level."""
    before = 1
    for token in tokens:
        if token.type == "heading_open":
            before = min(max(int(token.tag[1]), 2), before + 1)
        if token.type in ("heading_open", "heading_close"):
            token.tag = f"h{before}"


def _link(tokens: Sequence[Token], source: str, path: str, known: set[str]) -> None:
    """Links to articles lead to their pages, links to the web say what they are, others lead nowhere."""
    for token in tokens:
        _link(token.children or (), source, path, known)
        if token.type != "link_open":
            continue
        target = str(token.attrGet("href") or "")
        parts = urlsplit(target)
        if parts.scheme in ("http", "https", "mailto"):
            token.attrSet("rel", "noopener noreferrer nofollow")
            continue
        joined = posixpath.normpath(posixpath.join(posixpath.dirname(path), unquote(parts.path)))
        token.attrSet("href", article_link(source, joined) if not parts.scheme and joined in known else "#top")
