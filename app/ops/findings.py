"""What a check of `answerable doctor` finds."""

from __future__ import annotations

from typing import Literal

import msgspec


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One thing looked at; `remedy` says what to do if it is not `ok`."""

    check: str
    level: Literal["ok", "warning", "failure"]
    message: str
    remedy: str = ""
