"""Names of classes and ids by which pages mark what is not their content: navigation, consent, votes, shares, comments.

The names are those of widespread systems (Zendesk, WordPress, Docusaurus, MkDocs, Sphinx, Bootstrap, consent kits). A
name alone removes nothing that holds a headline or most of a page's text, see `html_main`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

_CONSENT = (
    r"(?:[a-z]+[-_]+)*(?:cookies?|gdpr|consent)(?:[-_]*(?:consent|banner|notice|bar|popup|message|law|modal|dialog|"
    r"overlay|sdk|wrapper|container|window|box|info|text))+",
    r"(?:onetrust|cky|osano|usercentrics|didomi|cmplz|qc-cmp2)[-_][\w-]*", r"cybotcookiebot\w*",
    r"cc[-_](?:window|banner|message|compliance)",
)  # fmt: skip
_WITHIN = (
    r"breadcrumbs?", r"[\w-]*[-_]breadcrumbs?", r"pagination(?:[-_]\w+)?", r"pager", r"(?:post|page)[-_]navigation",
    r"toc(?:[-_]\w+)?", r"table-?of-?contents(?:[-_]\w+)?", r"on-this-page", r"skip-?(?:link|nav(?:igation)?)",
    r"(?:article|post|entry|page)?[-_]?(?:share|sharing)(?:[-_](?:buttons|links|bar))?",
    r"social[-_]?(?:links|share|media|icons)?", r"related(?:[-_](?:posts|articles|links|topics|pages|content))?",
    r"(?:recent|popular|recommended|recently-viewed)[-_](?:posts|articles|links|topics|pages|content)",
    r"(?:article|page|content)[-_](?:votes?|feedback|rating|helpful\w*|meta|subscribe|more-questions|comment-count)",
    r"(?:was-this-)?helpful(?:ness)?(?:[-_]\w+)?", r"(?:entry|post)[-_](?:meta|footer)",
    r"edit[-_](?:this[-_])?page(?:[-_]link)?", r"theme-doc-(?:footer|toc\w*|breadcrumbs|sidebar)[\w-]*",
    r"md-source-file", r"article-?comments", r"comments(?:[-_](?:area|list|section))?",
    r"comment-(?:respond|list)", r"disqus_thread",
    r"(?!has|with|without|no|is|layout|content)(?:[a-z0-9]+[-_]+)*sidebar(?:[-_]+(?:nav|navigation|menu|wrapper|inner|left|"
    r"right|container|primary|secondary|widgets?|title|section|list))*",
    *_CONSENT,
)  # fmt: skip
_AROUND = (
    r"(?:(?:site|page|main|top|global|c|l|o|app|js)[-_]*)?(?:nav(?:bar|igation)?|menu|footer|header)"
    r"(?:[-_]+(?:default|wrapper|container|inner|links|nav|menu|top|bottom|area|widgets?))*",
    r"newsletter(?:[-_]\w+)*", r"advert(?:isement)?s?", r"ads", r"widget-area", r"user-nav", r"sign-?in", r"cookies?",
)  # fmt: skip


_LONGEST_NAME = 100  # characters; a longer one is no name that people chose


def is_furniture(names: Iterable[str], *, within_content: bool) -> bool:
    """Whether one of an element's classes and id marks it as furniture.

    `within_content`: it stands inside a part that is marked as main content, where a box called `menu` or `header` may
    be content too.
    """
    pattern = _WITHIN_CONTENT if within_content else _AROUND_CONTENT
    return any(len(name) <= _LONGEST_NAME and pattern.match(name) for name in names)


def _any_of(*names: str) -> re.Pattern[str]:
    return re.compile(rf"^(?:{'|'.join(names)})$", re.I)


_WITHIN_CONTENT = _any_of(*_WITHIN)
_AROUND_CONTENT = _any_of(*_WITHIN, *_AROUND)
