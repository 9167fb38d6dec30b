"""Values for files that spreadsheets open: no cell that one of them would compute."""

from __future__ import annotations

from typing import Any

RISKY = ("=", "+", "-", "@", "\t", "\r", "\n", "|", "%", "＝", "＋", "－", "＠")
"""What a spreadsheet may take for the beginning of a formula (OWASP, CSV injection)."""


def cell(value: Any) -> Any:
    """The value, with a quote in front of a text that a spreadsheet would compute."""
    if isinstance(value, str) and (value.startswith(RISKY) or value.lstrip().startswith(RISKY)):
        return f"'{value}"
    return value
