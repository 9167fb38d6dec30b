"""Versions and labels in the state file: every version that was used or labelled, and who pointed which label where.

The history is only ever added to; where a label points is its last row. Several processes may write.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import sqlalchemy as sa

from app.llm.prompts.version import Version
from app.ops.state import PROMPT_LABELS, PROMPT_VERSIONS, open_state


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """One row of the history of labels."""

    name: str
    label: str
    before: str | None
    """The version that it pointed at."""
    after: str | None
    """The version that it points at from then on; None: the label was removed."""
    at: float
    """Seconds since the epoch."""
    by: str
    note: str


class LabelStore:
    """The versions and labels of one state file. Thread-safe."""

    def __init__(self, state: Path) -> None:
        self._engine = open_state(state, kept_open=True)

    def keep(self, version: Version) -> None:
        """Store a version, once."""
        row = {"id": version.id, "name": version.name, "created_at": time.time(), "content": _encoded(version)}
        with self._engine.begin() as connection:
            connection.execute(sa.insert(PROMPT_VERSIONS).prefix_with("OR IGNORE").values(row))

    def version(self, identity: str) -> Version | None:
        """A stored version by its id."""
        query = sa.select(PROMPT_VERSIONS.c.content).where(PROMPT_VERSIONS.c.id == identity)
        with self._engine.connect() as connection:
            content = connection.execute(query).scalar()
        return None if content is None else msgspec.json.decode(content, type=Version)

    def ids(self, name: str) -> tuple[str, ...]:
        """Every stored version of a prompt, oldest first."""
        query = sa.select(PROMPT_VERSIONS.c.id).where(PROMPT_VERSIONS.c.name == name)
        with self._engine.connect() as connection:
            return tuple(connection.execute(query.order_by(PROMPT_VERSIONS.c.created_at)).scalars())

    def current(self, name: str) -> dict[str, str]:
        """Label -> id of the version that it points at."""
        pointers = {change.label: change.after for change in self.history(name)}
        return {label: after for label, after in sorted(pointers.items()) if after is not None}

    def target(self, name: str, label: str) -> str | None:
        """The id that a label points at."""
        with self._engine.connect() as connection:
            found: str | None = connection.execute(_last(name, label)).scalar()
            return found

    def point(self, name: str, label: str, version: Version | None, *, by: str, note: str) -> Change:
        """Point a label at a version, which is stored too; None removes it. What it pointed at before is recorded."""
        if version is not None:
            self.keep(version)
        values = {
            "name": sa.literal(name),
            "label": sa.literal(label),
            "before": _last(name, label).scalar_subquery(),
            "after": sa.literal(None if version is None else version.id, sa.String),
            "at": sa.literal(time.time()),
            "by": sa.literal(by),
            "note": sa.literal(note),
        }
        added = sa.insert(PROMPT_LABELS).from_select(list(values), sa.select(*values.values()))
        with self._engine.begin() as connection:
            return _change(connection.execute(added.returning(PROMPT_LABELS)).mappings().one())

    def history(self, name: str, label: str | None = None) -> tuple[Change, ...]:
        """The changes of a prompt's labels, or of one, oldest first."""
        query = sa.select(PROMPT_LABELS).where(PROMPT_LABELS.c.name == name).order_by(PROMPT_LABELS.c.n)
        if label is not None:
            query = query.where(PROMPT_LABELS.c.label == label)
        with self._engine.connect() as connection:
            return tuple(map(_change, connection.execute(query).mappings()))

    def close(self) -> None:
        """Close the connections."""
        self._engine.dispose()


def _change(row: Mapping[Any, Any]) -> Change:
    return Change(**{field: row[field] for field in Change.__struct_fields__})


def _last(name: str, label: str) -> sa.Select[Any]:
    mine = (PROMPT_LABELS.c.name == name) & (PROMPT_LABELS.c.label == label)
    return sa.select(PROMPT_LABELS.c.after).where(mine).order_by(PROMPT_LABELS.c.n.desc()).limit(1)


def _encoded(version: Version) -> str:
    return msgspec.json.encode(version).decode()
