"""Reading forms as they were typed."""

from __future__ import annotations

from litestar.datastructures import FormMultiDict


def texts(form: FormMultiDict, name: str) -> list[str]:
    """The texts of a field; files are none."""
    return [value for value in form.getall(name, []) if isinstance(value, str)]


def first(form: FormMultiDict, name: str) -> str:
    """The first text of a field; empty if there is none."""
    return next(iter(texts(form, name)), "")
