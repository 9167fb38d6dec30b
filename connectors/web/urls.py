"""The addresses of a site: one spelling for each page, what belongs to the source, and what looks like a trap."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from posixpath import splitext
from urllib.parse import quote, urljoin, urlsplit, urlunsplit

from connectors.url_guard import DEFAULT_PORTS, LONGEST_URL

_TRACKING = re.compile(
    r"^(?:utm_\w+|gclid|gclsrc|dclid|fbclid|msclkid|yclid|twclid|igshid|mc_[ce]id|_ga|_gl|_hs(?:enc|mi)|hsctatracking|"
    r"mkt_tok|vero_(?:id|conv)|oly_(?:anon|enc)_id|phpsessid|jsessionid|aspsessionid\w*|replytocom)$",
    re.I,
)
_SESSION_IN_PATH = re.compile(r";(?:jsessionid|phpsessid|sid)=[^/?]*", re.I)
_DEFAULT_PAGE = re.compile(r"/(?:index|default)\.(?:html?|php|aspx?)$", re.I)
_ESCAPE = re.compile(r"%([0-9A-Fa-f]{2})")
_UNRESERVED = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
_HIGH_ESCAPES = re.compile(r"(?:%[89A-Fa-f][0-9A-Fa-f])+")
_NUMBER = re.compile(r"\d+")
_MOST_SEGMENTS = 20
_MOST_PARAMETERS = 8
_MOST_REPEATS = 3

DOCUMENT_SUFFIXES = {
    **dict.fromkeys((".md", ".markdown"), "markdown"), **dict.fromkeys((".txt", ".rst"), "text"), ".pdf": "pdf",
    ".docx": "docx",
}  # fmt: skip
"""Suffixes of linked files that are documents, and the name of their format."""
_NO_PAGES = frozenset((
    ".7z", ".apk", ".atom", ".avi", ".avif", ".bin", ".bmp", ".bz2", ".css", ".csv", ".deb", ".dmg", ".doc", ".eot",
    ".epub", ".exe", ".gif", ".gz", ".ico", ".ics", ".iso", ".jar", ".jpeg", ".jpg", ".js", ".json", ".m4a", ".map",
    ".mov", ".mp3", ".mp4", ".mpeg", ".msi", ".odt", ".ogg", ".otf", ".png", ".ppt", ".pptx", ".rar", ".rss", ".rtf",
    ".svg", ".tar", ".tgz", ".tif", ".tiff", ".ttf", ".wav", ".webm", ".webp", ".wmv", ".woff", ".woff2", ".xls",
    ".xlsx", ".xml", ".xz", ".zip", ".zst",
))  # fmt: skip


def normalised(url: str, base: str = "") -> str | None:
    """The URL as RFC 3986 (6.2) normalises it, without fragment and tracking parameters; None if it is no web address.

    Two spellings that servers must treat alike become one: case of scheme and host, default ports, `.` and `..`,
    needless or lower-case escapes.
    """
    text = url.strip()
    if len(text) > LONGEST_URL:
        return None
    try:
        parts = urlsplit(urljoin(base, text) if base else text)
        host, port = (parts.hostname or "").rstrip("."), parts.port
    except ValueError:
        return None
    if parts.scheme not in DEFAULT_PORTS or not host or parts.username is not None:
        return None
    host = f"[{host}]" if ":" in host else host
    if not host.isascii():
        try:
            host = host.encode("idna").decode("ascii")
        except UnicodeError:
            return None
    netloc = host if port in (None, DEFAULT_PORTS[parts.scheme]) else f"{host}:{port}"
    path = _escaped(_without_dots(_SESSION_IN_PATH.sub("", parts.path)) or "/", "/:@!$&'()*+,;=~%")
    query = "&".join(each for each in parts.query.split("&") if each and not _TRACKING.match(each.partition("=")[0]))
    found = urlunsplit((parts.scheme, netloc, path, _escaped(query, "/?:@!$&'()*+,;=~%"), ""))
    return found if len(found) <= LONGEST_URL else None


def page_key(url: str) -> str:
    """What spellings of one page share, of a normalised URL: without scheme, final slash and `index.html`."""
    parts = urlsplit(url)
    path = _DEFAULT_PAGE.sub("/", parts.path) if not parts.query else parts.path
    return f"{parts.netloc}{path.rstrip('/')}{'?' + parts.query if parts.query else ''}"


def suffix_of(url: str) -> str:
    """The lower-case suffix of the URL's last part, e.g. `.pdf`."""
    return splitext(urlsplit(url).path)[1].lower()


def is_page_or_document(url: str, formats: frozenset[str]) -> bool:
    """Whether a link may lead to a page, or to a file of one of the formats that are read."""
    suffix = suffix_of(url)
    if suffix in DOCUMENT_SUFFIXES:
        return DOCUMENT_SUFFIXES[suffix] in formats
    return suffix not in _NO_PAGES


@dataclass(frozen=True, slots=True)
class Scope:
    """Which URLs belong to the source."""

    prefixes: tuple[str, ...]
    """Normalised URLs without scheme, `host/path`; a page belongs if it is at or below one of them."""
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()

    @property
    def host(self) -> str:
        """Host (and port) of the first prefix: its documents' paths leave it out."""
        return self.prefixes[0].partition("/")[0]

    def holds(self, url: str) -> bool:
        """Whether a normalised URL is at or below one of the prefixes."""
        place = url.partition("://")[2].partition("?")[0]
        return any(place == each.rstrip("/") or place.startswith(each.rstrip("/") + "/") for each in self.prefixes)

    def wants(self, url: str) -> bool:
        """Whether a URL of the scope passes the patterns of paths to include and exclude."""
        path = self.path_of(url)
        if any(fnmatchcase(path, pattern) for pattern in self.exclude):
            return False
        return not self.include or any(fnmatchcase(path, pattern) for pattern in self.include)

    def path_of(self, url: str) -> str:
        """The document's path: that of the URL with its query, without the host of the site; `/` for its front page."""
        path = page_key(url).removeprefix(self.host)
        return _readable(path.removeprefix("/")) or "/"


def scope_of(location: str, prefixes: str = "", include: str = "", exclude: str = "") -> Scope:
    """The scope of a site at a normalised `location`: at or below its path, or the comma-separated `prefixes`.

    A prefix is a URL or a path; a location that ends in a file's name stands for its folder.
    """
    parts = urlsplit(location)
    given = [normalised(each.strip(), location) for each in prefixes.split(",") if each.strip()]
    folder = re.sub(r"/[^/]*\.[^/]*$", "/", parts.path) or "/"
    own = [urlunsplit((parts.scheme, parts.netloc, folder, "", ""))]
    found = [each.partition("://")[2].partition("?")[0] for each in ([each for each in given if each] or own)]
    return Scope(tuple(found), _patterns(include), _patterns(exclude))


@dataclass(slots=True)
class TrapWatch:
    """Tells links that go on for ever (calendars, filters, paths that grow) from pages."""

    most_similar: int
    """URLs that differ in nothing but numbers and the values of parameters, of which at most so many are followed."""
    _seen: Counter[str] = field(default_factory=Counter)

    def is_trap(self, url: str) -> bool:
        """Whether a link should not be followed; every URL is to be shown once."""
        parts = urlsplit(url)
        segments = [segment for segment in parts.path.split("/") if segment]
        parameters = [each.partition("=")[0] for each in parts.query.split("&") if each]
        if len(segments) > _MOST_SEGMENTS or len(parameters) > _MOST_PARAMETERS or _repeats(segments):
            return True
        shape = "/".join(_NUMBER.sub("0", segment) for segment in segments)
        if not parameters and not _NUMBER.search(parts.path):
            return False
        shape += "?" + "&".join(sorted(parameters))
        self._seen[shape] += 1
        return self._seen[shape] > self.most_similar


def _repeats(segments: list[str]) -> bool:
    """Whether a run of segments stands three times in a row, as in `a/b/a/b/a/b`."""
    for width in range(1, len(segments) // _MOST_REPEATS + 1):
        for start in range(len(segments) - width * _MOST_REPEATS + 1):
            run = segments[start : start + width]
            if all(segments[start + n * width : start + (n + 1) * width] == run for n in range(1, _MOST_REPEATS)):
                return True
    return False


def _patterns(listed: str) -> tuple[str, ...]:
    return tuple(each.strip().lstrip("/") or "/" for each in listed.split(",") if each.strip())


def _without_dots(path: str) -> str:
    """The path without `.` and `..` segments (RFC 3986, 5.2.4); never above the root."""
    kept: list[str] = []
    segments = path.split("/")[1:] if path.startswith("/") else path.split("/")
    for place, segment in enumerate(segments):
        last = place == len(segments) - 1
        if segment == "..":
            kept = kept[:-1]
        if segment in (".", ".."):
            kept += [""] if last else []
        else:
            kept.append(segment)
    return "/" + "/".join(kept)


def _escaped(text: str, safe: str) -> str:
    """Escapes in upper case where they are needed, none where they are not."""
    quoted = quote(text, safe=safe)

    def plain(match: re.Match[str]) -> str:
        character = chr(int(match.group(1), 16))
        return character if character in _UNRESERVED else match.group().upper()

    return re.sub(r"%(?![0-9A-Fa-f]{2})", "%25", _ESCAPE.sub(plain, quoted))


def _readable(path: str) -> str:
    """The path with letters beyond ASCII instead of their escapes, where they are printable."""

    def letters(match: re.Match[str]) -> str:
        try:
            text = bytes.fromhex(match.group().replace("%", "")).decode()
        except UnicodeDecodeError:
            return match.group()
        return text if text.isprintable() else match.group()

    return _HIGH_ESCAPES.sub(letters, path)
