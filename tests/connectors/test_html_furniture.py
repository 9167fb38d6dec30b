"""What widespread systems put around the content of a page is left out, and the content is kept."""

from __future__ import annotations

from pathlib import Path

import pytest
from connector_samples import read_document, write_text

CONTENT = (
    "<p>Send goods back within 30 days of delivery. Keep the receipt until the refund has arrived.</p>"
    "<h2>How to return</h2><ol><li>Sign in and open My orders.</li><li>Choose Return items.</li></ol>"
)
TEXT = (
    "# Returns\n\nSend goods back within 30 days of delivery. Keep the receipt until the refund has arrived.\n\n"
    "## How to return\n\n1. Sign in and open My orders.\n2. Choose Return items.\n"
)
PAGES = {
    "zendesk": (
        '<a class="skip-navigation" href="#m">Skip to main content</a><header class="header"><a href="/">Shop</a>'
        '<nav class="user-nav"><a>Submit a request</a></nav></header><main role="main"><div class="container">'
        '<div class="sub-nav"><ol class="breadcrumbs"><li><a>Help</a></li></ol><form role="search"><input></form></div>'
        '<aside class="article-sidebar"><div class="sidenav-title">Articles in this section</div><ul><li>Exchanges</ul>'
        '</aside><article><header><h1>Returns</h1><div class="article-meta">Ann Agent <time>2 months ago</time></div>'
        f'</header><section><div class="article-body">{CONTENT}</div></section><footer><ul class="share"><li>Facebook</ul>'
        '<div class="article-votes">Was this article helpful? <small>3 out of 5</small></div></footer><section '
        'class="related-articles"><h2>Related articles</h2><ul><li>Fees</ul></section></article></div></main>'
        "<footer>Help Center</footer>"
    ),
    "wordpress": (
        '<header id="masthead" class="site-header"><p class="site-title">Shop blog</p></header><div id="content"><div '
        'id="main" class="site-main"><article class="post"><header class="entry-header"><h1>Returns</h1><div '
        f'class="entry-meta">Posted by admin</div></header><div class="entry-content">{CONTENT}</div><footer '
        'class="entry-footer">Posted in Orders</footer></article><div id="comments" class="comments-area"><h2>One '
        'thought</h2><p>Great post!</p></div></div><div id="secondary" class="widget-area"><h2>Recent Posts</h2></div>'
        '</div><div id="colophon" class="site-footer">Proudly powered</div>'
    ),
    "docusaurus": (
        '<nav class="navbar">Docs</nav><div class="main-wrapper"><aside class="theme-doc-sidebar-container">Side</aside>'
        '<main class="docMainContainer"><div class="row"><article><nav class="theme-doc-breadcrumbs">x</nav><div '
        f'class="markdown"><header><h1>Returns</h1></header>{CONTENT}</div><footer class="theme-doc-footer">Edit this page'
        '</footer></article><div class="col"><div class="tableOfContents_x1"><ul><li>How to return</ul></div></div></div>'
        "</main></div>"
    ),
    "mkdocs": (
        '<main class="md-main"><div class="md-sidebar md-sidebar--primary"><nav>Home</nav></div><article '
        f'class="md-content__inner"><h1 id="r">Returns<a class="headerlink" href="#r">¶</a></h1>{CONTENT}<aside '
        'class="md-source-file">May 1, 2024</aside></article></main>'
    ),
    "bootstrap, with consent kits": (
        '<div class="navbar navbar-default"><a>Shop</a></div><div class="container"><ol class="breadcrumb"><li>Home</ol>'
        '<div class="col-md-3 sidebar-nav"><ul><li>Orders<li>Payment</ul></div><div class="col-md-9"><h1>Returns</h1>'
        f'{CONTENT}</div></div><div id="onetrust-consent-sdk">By clicking you agree.</div><div class="cc-window '
        'cc-banner">This website uses cookies.</div><div class="js-cookie-consent cookie-consent-modal">We value your '
        'privacy.</div><section class="newsletter-signup">Subscribe</section><div id="footer-wrapper">© Shop</div>'
    ),
}


@pytest.mark.parametrize("system", list(PAGES))
def test_only_the_content_is_left(tmp_path: Path, system: str) -> None:
    path = write_text(tmp_path / "a.html", f"<html><head><title>x</title></head><body>{PAGES[system]}</body></html>")
    assert read_document(path).text == TEXT


@pytest.mark.parametrize(
    "kept",
    [
        '<main><h1>Shop</h1><div class="cookie">Oat biscuit</div><p>And more of the same.</p></main>',
        '<body class="has-sidebar"><div class="content-with-sidebar"><p>Oat biscuit and tea.</p></div></body>',
        '<main><blockquote><p>Well said.</p><footer>Oat biscuit</footer></blockquote><p>Words of others.</p></main>',
        '<main><article><p>First.</p></article><article><p>Oat biscuit</p></article></main>',
        '<main><p>Before the article.</p><p>Oat biscuit</p><article><h2>Part</h2><p>It is short.</p></article></main>',
        '<div class="comments-area"><h1>Comments</h1><p>Oat biscuit, and how we handle comments.</p></div>',
        '<main><aside class="note"><p>Oat biscuit</p></aside><p>An aside may be a note that matters.</p></main>',
    ],
)  # fmt: skip
def test_what_only_looks_like_furniture_is_kept(tmp_path: Path, kept: str) -> None:
    assert "Oat biscuit" in read_document(write_text(tmp_path / "a.html", f"<title>x</title>{kept}")).text


def test_a_table_that_lays_out_a_page_is_no_table(tmp_path: Path) -> None:
    page = f"<table><tr><td>Logo<td>Shop</tr><tr><td>Home<td><h1>Returns</h1>{CONTENT}</tr></table>"
    text = read_document(write_text(tmp_path / "a.html", f"<title>x</title><body>{page}")).text
    assert TEXT in text and "|" not in text
