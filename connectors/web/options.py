"""What can be set of a web site, `-o name=value`, each with its default and bounds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias, cast

from connectors.errors import ConnectorError
from connectors.files import require_known_options
from connectors.web.urls import DOCUMENT_SUFFIXES

Discovery: TypeAlias = Literal["auto", "sitemap", "crawl", "both"]
_DISCOVERIES = ("auto", "sitemap", "crawl", "both")
_FORMATS = frozenset(DOCUMENT_SUFFIXES.values())
_DEFAULT_FORMATS = "pdf,markdown,text"

OPTIONS: dict[str, str] = {
    "discovery": "`sitemap`: the pages that the site lists; `crawl`: those that links lead to; `both`; or `auto` "
    "(default): the sitemap where there is one, else links",
    "prefix": "comma-separated URLs or paths; pages at or below them are read (default: the given address's folder)",
    "include": "comma-separated patterns of paths to read, e.g. `hc/en-us/*`; the first page is read anyway",
    "exclude": "comma-separated patterns of paths not to read, e.g. `*/print/*,*?sort=*`",
    "files": f"linked files to read: comma-separated of {', '.join(sorted(_FORMATS))}, or `none` (default: "
    f"{_DEFAULT_FORMATS})",
    "max_pages": "pages to read at most (default 1000)",
    "max_depth": "links from the first page to follow at most (default 10)",
    "max_similar": "linked addresses to follow that differ only in numbers or parameters, so that calendars and "
    "filters end (default 300)",
    "max_bytes": "bytes of one page or file at most (default 10000000)",
    "max_total_bytes": "bytes of one sync at most (default 2000000000)",
    "max_seconds": "seconds of one sync at most (default 3600)",
    "timeout": "seconds until a page must have come in full (default 60)",
    "delay": "seconds between two requests (default 0.5); a longer `Crawl-delay` of the site counts",
    "concurrency": "requests under way at the same time, 1 to 4 (default 2)",
    "retries": "times that a page is asked for again after a fault of the server (default 2)",
    "retry_wait": "seconds before the first of them, then twice as long each (default 2)",
    "allow_private": "comma-separated `host` or `host:port` that may have a private address (default: none)",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class WebOptions:
    """The options of one site, checked."""

    discovery: Discovery
    prefix: str
    include: str
    exclude: str
    formats: frozenset[str]
    max_pages: int
    max_depth: int
    max_similar: int
    max_bytes: int
    max_total_bytes: int
    max_seconds: float
    timeout: float
    delay: float
    concurrency: int
    retries: int
    retry_wait: float
    allow_private: str


def web_options(given: Mapping[str, str]) -> WebOptions:
    """The options as given, else their defaults. Raises a `ConnectorError` that names a wrong one."""
    require_known_options("web", given, OPTIONS)
    discovery = given.get("discovery", "auto").strip().lower()
    if discovery not in _DISCOVERIES:
        raise ConnectorError(f"The option discovery is {discovery!r}.", hint=f"Known: {', '.join(_DISCOVERIES)}.")
    return WebOptions(
        discovery=cast(Discovery, discovery),
        prefix=given.get("prefix", ""),
        include=given.get("include", ""),
        exclude=given.get("exclude", ""),
        formats=_formats(given.get("files", _DEFAULT_FORMATS)),
        max_pages=int(_number(given, "max_pages", 1000, 1, 1_000_000)),
        max_depth=int(_number(given, "max_depth", 10, 0, 1000)),
        max_similar=int(_number(given, "max_similar", 300, 1, 1_000_000)),
        max_bytes=int(_number(given, "max_bytes", 10_000_000, 1000, 1 << 30)),
        max_total_bytes=int(_number(given, "max_total_bytes", 2_000_000_000, 1000, 1 << 40)),
        max_seconds=_number(given, "max_seconds", 3600, 1, 7 * 86_400),
        timeout=_number(given, "timeout", 60, 0.1, 3600),
        delay=_number(given, "delay", 0.5, 0, 600),
        concurrency=int(_number(given, "concurrency", 2, 1, 4)),
        retries=int(_number(given, "retries", 2, 0, 10)),
        retry_wait=_number(given, "retry_wait", 2, 0, 600),
        allow_private=given.get("allow_private", ""),
    )


def _formats(listed: str) -> frozenset[str]:
    found = frozenset(each.strip().lower() for each in listed.split(",") if each.strip()) - {"none"}
    if unknown := sorted(found - _FORMATS):
        known = ", ".join(sorted(_FORMATS))
        raise ConnectorError(f"The option files names {unknown[0]!r}.", hint=f"Known: {known}, none.")
    return found


def _number(given: Mapping[str, str], name: str, default: float, least: float, most: float) -> float:
    text = given.get(name)
    if text is None:
        return default
    try:
        number = float(text)
    except ValueError:
        number = float("nan")
    if not least <= number <= most:
        raise ConnectorError(f"The option {name} is {text!r}.", hint=f"Give a number from {least:g} to {most:g}.")
    return number
