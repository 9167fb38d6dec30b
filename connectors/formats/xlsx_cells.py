"""Cells of a sheet as plain text: numbers without float noise, dates in ISO form."""

from __future__ import annotations

import re
from collections import Counter
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

ERROR_VALUES = frozenset(
    {"#N/A", "#DIV/0!", "#REF!", "#VALUE!", "#NAME?", "#NUM!", "#NULL!", "#SPILL!", "#CALC!", "#GETTING_DATA"}
)
_ZERO_PADDED = re.compile(r"0{2,}$")
_EXCEL_DIGITS = ".15g"  # Excel itself keeps 15 significant digits


class CellText:
    """Turns cells into text; counts the error values it met in `errors`."""

    def __init__(self) -> None:
        self.errors: Counter[str] = Counter()

    def __call__(self, cell: Any) -> str:
        """The cell's value as text, empty where there is none."""
        value = cell.value
        if value is None:
            return ""
        if isinstance(value, str):
            return self._text(value, cell.data_type)
        if isinstance(value, int) and not isinstance(value, bool) and _ZERO_PADDED.match(cell.number_format or ""):
            return str(value).zfill(len(cell.number_format))  # codes such as 01234 shown by a format of zeros
        return value_text(value)

    def _text(self, value: str, data_type: str) -> str:
        if data_type == "e" or (value.startswith("#") and value in ERROR_VALUES):
            self.errors[value] += 1
            return ""
        return value.strip()


def value_text(value: object) -> str:
    """A number, truth value, date or time as text."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return number_text(value)
    if isinstance(value, datetime):
        is_date = value.time() == time()
        return value.date().isoformat() if is_date else value.replace(microsecond=0).isoformat(sep=" ")
    if isinstance(value, date | time):
        return value.isoformat()
    return _duration_text(value) if isinstance(value, timedelta) else str(value)


def number_text(value: float) -> str:
    """A float with 15 significant digits and no exponent: `0.3`, not `0.30000000000000004`; `12`, not `12.0`."""
    text = format(value, _EXCEL_DIGITS)
    if "e" in text:
        text = format(Decimal(text), "f")
    return text


def _duration_text(value: timedelta) -> str:
    """Hours, minutes and seconds: `27:30:00`."""
    minutes, seconds = divmod(int(value.total_seconds()), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02}:{minutes:02}:{seconds:02}"
