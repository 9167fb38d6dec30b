"""A site's `robots.txt` as RFC 9309 reads it: the group for this program, the longest matching rule, `*` and `$`.

Where the file cannot be had the outcome is that of `urllib.robotparser`: 401 and 403 forbid everything, other client
errors allow everything, and a server that fails forbids everything until it answers again.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

PRODUCT = "answerable"
"""The name that groups of rules are addressed to."""
LARGEST_ROBOTS_BYTES = 500 << 10
_LINE = re.compile(r"^\s*([A-Za-z-]+)\s*:\s*(.*?)\s*(?:#.*)?$")


@dataclass(frozen=True, slots=True)
class Robots:
    """What a site asks of this program."""

    rules: tuple[tuple[str, bool], ...] = ()
    """Pattern of paths and whether it allows them."""
    crawl_delay: float = 0.0
    """Seconds between requests."""
    sitemaps: tuple[str, ...] = ()

    def allows(self, url: str) -> bool:
        """Whether the URL may be asked for: the longest pattern that matches decides, an allowing one among equals."""
        parts = urlsplit(url)
        path = unquote((parts.path or "/") + (f"?{parts.query}" if parts.query else ""))
        matching = [(len(pattern), allowed) for pattern, allowed in self.rules if _matches(unquote(pattern), path)]
        return max(matching)[1] if matching else True


FORBIDDEN = Robots((("/", False),))


def robots_of(text: str) -> Robots:
    """The rules for this program: those of its own groups, else those for everybody."""
    groups: dict[str, list[tuple[str, str]]] = {}
    agents: list[str] = []
    naming, sitemaps = False, []
    for line in text.removeprefix("\ufeff").splitlines():
        match = _LINE.match(line)
        if match is None:
            continue
        field, value = match.group(1).lower(), match.group(2)
        if field == "user-agent":
            agents = [*agents, value.lower()] if naming else [value.lower()]
            for agent in agents:
                groups.setdefault(agent, [])
            naming = True
        elif field == "sitemap":
            sitemaps.append(value)
        else:
            naming = False
            for agent in agents:
                groups[agent].append((field, value))
    own = [line for agent, lines in groups.items() if agent.partition("/")[0].strip() == PRODUCT for line in lines]
    named = any(agent.partition("/")[0].strip() == PRODUCT for agent in groups)
    return _robots(own if named else groups.get("*", []), sitemaps)


def _robots(lines: list[tuple[str, str]], sitemaps: list[str]) -> Robots:
    rules = tuple((value, field == "allow") for field, value in lines if field in ("allow", "disallow") and value)
    delays = [_seconds(value) for field, value in lines if field == "crawl-delay"]
    return Robots(rules, max(delays, default=0.0), tuple(sitemaps))


def _seconds(value: str) -> float:
    try:
        seconds = float(value)
    except ValueError:
        return 0.0
    return seconds if 0 <= seconds < float("inf") else 0.0


def _matches(pattern: str, path: str) -> bool:
    """Whether a pattern matches the path from its start: `*` is any text, a final `$` the end. Linear in both."""
    anchored = pattern.endswith("$")
    first, *others = pattern.removesuffix("$").split("*")
    if not path.startswith(first):
        return False
    place = len(first)
    if not others:
        return not anchored or place == len(path)
    *inner, last = others
    for part in inner:
        found = path.find(part, place)
        if found < 0:
            return False
        place = found + len(part)
    if anchored:
        return len(path) - len(last) >= place and path.endswith(last)
    return path.find(last, place) >= 0
