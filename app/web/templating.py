"""The template engine of pages: everything is escaped, an unknown name is an error."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from litestar.plugins.jinja import JinjaTemplateEngine
from litestar.template.config import TemplateConfig

from app.commands.terminal import plain
from app.verbalising.quotes import readable

FOLDER = Path(__file__).parent / "templates"


def template_config() -> TemplateConfig[JinjaTemplateEngine]:
    """The templates of all pages."""
    environment = Environment(
        loader=FileSystemLoader(FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(moment=moment, number=number, share=share)
    environment.filters.update(plain=shown_plain, iso=iso, bytes=size, readable=readable)
    return TemplateConfig(instance=JinjaTemplateEngine.from_environment(environment))


def moment(seconds: float | None) -> str:
    """Seconds since the epoch as `2026-03-01 14:05 UTC`; a dash for none."""
    return "–" if seconds is None else datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M UTC")


def number(value: float | None, digits: int = 0) -> str:
    """A number with thousands separators; a dash for none."""
    return "–" if value is None else f"{value:,.{digits}f}"


def share(value: float | None) -> str:
    """A share as per cent; a dash for none."""
    return "–" if value is None else f"{value:.1%}"


def shown_plain(value: object) -> str:
    """Text from elsewhere with its control characters, and those that reorder or hide text, as escapes."""
    return plain("" if value is None else str(value))


def iso(text: str | None) -> str:
    """An ISO 8601 moment in UTC as `2026-03-01 14:05 UTC`; a dash for none."""
    return "–" if not text else f"{text[:10]} {text[11:16]} UTC"


def size(count: int | None) -> str:
    """Bytes as `3.1 MB`; a dash for none."""
    if count is None:
        return "–"
    unit, factor = next((each for each in _SIZES if count >= each[1]), ("B", 1))
    return f"{count} B" if factor == 1 else f"{count / factor:,.1f} {unit}"


_SIZES = (("GB", 10**9), ("MB", 10**6), ("kB", 10**3))
