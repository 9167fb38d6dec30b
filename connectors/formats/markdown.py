"""Markdown files: front matter becomes metadata, the rest is brought to one dialect."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Literal

from connectors.base import Document, Problem
from connectors.formats.dates import as_utc
from connectors.formats.encoding import decode
from connectors.formats.links import markdown_links
from connectors.formats.source_file import Content, SourceFile
from connectors.formats.text import refuse_oversized

_FENCE = re.compile(r"^\s{0,3}(```+|~~~+)")
_IMAGE = re.compile(r"!\[([^\]]{0,1000})\]\([^()\s]*(?:\([^()]*\)[^()\s]*)*(?:\s+[\"'][^\"']*[\"'])?\)")
_LINK = re.compile(r"(?<!!)\[([^\[\]]+)\]\(<?[^()\s]*(?:\([^()]*\)[^()\s]*)*>?(?:\s+[\"'][^\"']*[\"'])?\)")
_REFERENCE_LINK = re.compile(r"\[([^\[\]]+)\]\[[^\[\]]*\]")
_REFERENCE = re.compile(r"^\s{0,3}\[[^\]^]+\]:\s+\S+.*$")
_AUTOLINK = re.compile(r"<((?:https?://|mailto:)[^<>\s]+)>")
_TAG = re.compile(
    r"</?(?:a|p|div|span|br|b|i|u|em|strong|sup|sub|center|details|summary|img|font|kbd|small|hr)\b[^<>]*>", re.I
)
_BULLET = re.compile(r"^(\s*)[*+](\s+)(?=\S)")
_RULE = re.compile(r"^\s{0,3}([-*_])(\s*\1){2,}\s*$")
_ATX = re.compile(r"^\s{0,3}(#{1,6})\s+(.*?)(?:\s+#+)?\s*$")
_CODE_SPAN = re.compile(r"(?<!`)(`++).+?(?<!`)\1(?!`)")
_LONGEST_HEADING = 1000  # characters; a longer line that starts with `#` is text
_LARGEST_FRONT_MATTER = 1 << 16
_SIMPLE_FIELD = re.compile(r"^([A-Za-z][\w-]*):[ \t]+[\"']?([^\s\[{|>].*?)[\"']?[ \t]*$", re.MULTILINE)
_FRONT_MATTER = re.compile(r"\A---[ \t]*\n(.*?)\n(?:---|\.\.\.)[ \t]*(?:\n|\Z)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class FrontMatter:
    """A Markdown file taken apart."""

    fields: Mapping[str, object]
    body: str
    fault: str | None = None
    """Why the front matter is not valid YAML; `fields` then holds its lines of the form `name: text`."""


def split_front_matter(text: str) -> FrontMatter:
    """Separate the YAML front matter from the body. A damaged one is read line by line and its fault named."""
    match = _FRONT_MATTER.match(text)
    if match is None or match.end() > _LARGEST_FRONT_MATTER:
        return FrontMatter({}, text)
    import frontmatter
    import yaml

    try:
        fields, body = frontmatter.parse(text)
    except (yaml.YAMLError, ValueError, TypeError, RecursionError) as error:
        fields = dict(_SIMPLE_FIELD.findall(match.group(1)))
        return FrontMatter(fields, text[match.end() :], " ".join(str(error).split()))
    if not fields and yaml.safe_load(match.group(1)) is not None:
        return FrontMatter({}, text)  # words between two rules, not front matter
    return FrontMatter(fields, body)


def metadata_text(fields: Mapping[str, object]) -> dict[str, str]:
    """Scalars and flat lists of the front matter as text; nested values are left out."""
    found: dict[str, str] = {}
    for name, value in fields.items():
        values = value if isinstance(value, list) else [value]
        texts = [_scalar_text(each) for each in values]
        if value is not None and texts and all(text is not None for text in texts):
            found[str(name)] = ", ".join(text for text in texts if text is not None)
    return found


def _scalar_text(value: object) -> str | None:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, date):
        return value.isoformat()
    return str(value) if isinstance(value, str | int | float) else None


def plain_markdown(body: str) -> str:
    """The body in one dialect: `#` headings, `-` bullets, links and images as their text; code blocks untouched."""
    lines = _without_comments(body).expandtabs(4).split("\n")
    written: list[str] = []
    fence: str | None = None
    for line in lines:
        mark = _FENCE.match(line)
        if fence is not None:
            fence = None if mark and mark.group(1).startswith(fence) else fence
            written.append(line)
        elif mark:
            fence = mark.group(1)
            written.append(line)
        else:
            _write_line(line, written)
    return re.sub(r"\n{3,}", "\n\n", "\n".join(written)).strip("\n") + "\n"


def _without_comments(body: str) -> str:
    kept: list[str] = []
    position = 0
    while (start := body.find("<!--", position)) >= 0 and (end := body.find("-->", start + 4)) >= 0:
        kept.append(body[position:start])
        position = end + 3
    return "".join([*kept, body[position:]])


def _write_line(line: str, written: list[str]) -> None:
    """Append a line outside code; an underline turns the paragraph line above it into a heading."""
    above = written[-1].strip() if written else ""
    underline = line.strip()
    if above and len(underline) >= 2 and set(underline) in ({"="}, {"-"}) and _can_be_heading(above):
        written[-1] = ("# " if underline[0] == "=" else "## ") + above
        written.append("")
    elif _RULE.match(line):
        written.append("")
    elif len(line) <= _LONGEST_HEADING and (heading := _ATX.match(line)):
        if above:
            written.append("")
        written.append(f"{heading.group(1)} {_plain_inline(heading.group(2))}".rstrip())
    elif not _REFERENCE.match(line):
        bulleted = _BULLET.sub(r"\1-\2", line)
        plain = _plain_inline(bulleted).rstrip()
        if plain or not bulleted.strip():
            written.append(plain)


def _can_be_heading(line: str) -> bool:
    return not line.startswith(("#", "|", "- ", ">", "```")) and "|" not in line


def _plain_inline(line: str) -> str:
    """Links, images and inline HTML of a line as their text; code spans untouched."""
    pieces: list[str] = []
    position = 0
    for code in _CODE_SPAN.finditer(line):
        pieces += [_plain_piece(line[position : code.start()]), code.group()]
        position = code.end()
    return "".join([*pieces, _plain_piece(line[position:])])


def _plain_piece(text: str) -> str:
    if "[" in text:
        text = _REFERENCE_LINK.sub(r"\1", _LINK.sub(r"\1", _IMAGE.sub(r"\1", text)))
    if "<" in text:
        text = _TAG.sub("", _AUTOLINK.sub(r"\1", text))
    return text


def first_heading(text: str) -> str | None:
    """The first level-one heading outside code blocks."""
    fenced = False
    for line in text.split("\n"):
        if _FENCE.match(line):
            fenced = not fenced
        elif not fenced and line.startswith("# "):
            return re.sub(r"[*_`]{1,2}(\S.*?\S|\S)[*_`]{1,2}", r"\1", line[2:].strip())
    return None


class MarkdownReader:
    """Reads `.md` files."""

    kind: Literal["document"] = "document"

    def parts(self, file: SourceFile) -> tuple[str, ...]:
        """The file itself."""
        return (file.path,)

    def read(self, file: SourceFile, wanted: Collection[str]) -> Iterator[Content]:
        """Yield the document and what was repaired while reading it."""
        refuse_oversized(file)
        source, encoding = decode(file.location)
        yield from encoding.problems(file.path)
        matter = split_front_matter(source)
        if matter.fault:
            message = f"The front matter is not valid YAML and was read line by line ({matter.fault})."
            yield Problem(file.path, "bad_front_matter", message, "repaired")
        text = plain_markdown(matter.body)
        fields = {str(name).lower(): value for name, value in matter.fields.items()}
        url = fields.get("url") or fields.get("canonical_url")
        dates = (as_utc(fields.get(name)) for name in ("updated", "modified", "last_updated", "lastmod", "date"))
        yield Document(
            path=file.path,
            text=text,
            title=_scalar_text(fields.get("title")) or first_heading(text),
            media_type="text/markdown",
            fingerprint=file.fingerprint,
            url=url if isinstance(url, str) and url.startswith(("http://", "https://")) else None,
            modified=next((moment for moment in dates if moment), file.modified),
            metadata=metadata_text(matter.fields),
            links=markdown_links(matter.body),
        )


READER = MarkdownReader()
