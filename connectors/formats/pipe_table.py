"""Tables inside documents as pipe rows."""

from __future__ import annotations

from collections.abc import Sequence


def pipe_table(grid: Sequence[Sequence[str]]) -> str:
    """The rows as a Markdown table, the first as its header; empty where no cell holds anything."""
    rows = [list(row) for row in grid if any(cell.strip() for cell in row)]
    if not rows:
        return ""
    width = max(len(row) for row in rows)
    lines = [_line([*row, *[""] * (width - len(row))]) for row in rows]
    lines.insert(1, "|" + " --- |" * width)
    return "\n".join(lines)


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(" ".join(cell.split()).replace("|", "\\|") for cell in cells) + " |"
