"""What connectors share that fetch files one by one: checked option values and temporary files with safe names."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from connectors.errors import ConnectorError

_UNSAFE = re.compile(r"[/\\\x00-\x1f\x7f]")
_LONGEST_STEM = 50  # characters; a file name has at most 255 bytes


def whole_number(name: str, options: Mapping[str, str], default: int, most: int) -> int:
    """The option as a number from 1 to `most`. Raises `ConnectorError`."""
    text = options.get(name, str(default)).strip()
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= most):
        raise ConnectorError(f"The option {name} is {text!r}.", hint=f"It is a whole number from 1 to {most}.")
    return int(text)


def yes_or_no(name: str, options: Mapping[str, str], default: bool) -> bool:
    """The option as a truth value. Raises `ConnectorError`."""
    text = options.get(name, "yes" if default else "no").strip().lower()
    if text not in ("yes", "no", "true", "false"):
        raise ConnectorError(f"The option {name} is {text!r}.", hint="Known values: yes, no.")
    return text in ("yes", "true")


def safe_name(path: str) -> str:
    """A file name for the last part of a path or key, cut, and without what no file name may hold."""
    last = Path(path.rstrip("/").rpartition("/")[2])
    stem, suffix = _UNSAFE.sub("_", last.stem).strip(". "), _UNSAFE.sub("", last.suffix)
    return (stem[:_LONGEST_STEM] or "file") + suffix[:10]
