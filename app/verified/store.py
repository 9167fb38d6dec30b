"""Verified queries in the state file. Several processes may write; each reads again when another one has."""

from __future__ import annotations

import secrets
import threading
import time
from pathlib import Path
from typing import Any

import msgspec
import sqlalchemy as sa

from app.errors import AlreadyExists, NotFound
from app.ops.state import VERIFIED, open_state
from app.verified.values import Parameter, Schema, VerifiedQuery


class QuestionVerified(AlreadyExists):
    """The question is verified already."""

    def __init__(self, known: VerifiedQuery, message: str, *, hint: str) -> None:
        super().__init__(message, hint=hint)
        self.known = known
        """The query that is there."""


class VerifiedStore:
    """The verified queries of one state file. Thread-safe."""

    def __init__(self, state: Path) -> None:
        self._engine = open_state(state, kept_open=True)
        self._lock = threading.Lock()
        self._seen: tuple[int, float] | None = None
        self._held: tuple[VerifiedQuery, ...] = ()

    def all(self) -> tuple[VerifiedQuery, ...]:
        """Every verified query, oldest first. Read again only if one was added, changed or removed."""
        columns = sa.select(sa.func.count(), sa.func.max(VERIFIED.c.changed_at))
        with self._engine.connect() as connection:
            count, newest = connection.execute(columns).one()
            with self._lock:
                if self._seen == (count, newest or 0.0):
                    return self._held
            ordered = sa.select(VERIFIED).order_by(VERIFIED.c.created_at, VERIFIED.c.id)
            found = tuple(_query(row) for row in connection.execute(ordered))
        with self._lock:
            self._seen, self._held = (count, newest or 0.0), found
        return found

    def find(self, identity: str) -> VerifiedQuery:
        """One verified query; raises `NotFound`."""
        found = next((query for query in self.all() if query.id == identity), None)
        if found is None:
            raise NotFound(
                f"There is no verified query {identity!r}.", hint="`answerable verify list` shows the verified queries."
            )
        return found

    def add(self, query: VerifiedQuery, key: str, *, replace: bool = False) -> VerifiedQuery:
        """Keep a query; `key` is what wordings of the same question share.

        Raises `AlreadyExists` unless `replace`, which keeps the id of the one replaced.
        """
        row = _row(query) | {"key": key}
        same = (VERIFIED.c.source == query.source) & (VERIFIED.c.key == key)
        with self._engine.begin() as connection:
            added = connection.execute(sa.insert(VERIFIED).prefix_with("OR IGNORE").values(row)).rowcount
            if added:
                return query
            old = connection.execute(sa.select(VERIFIED).where(same)).one()
            if not replace:
                raise QuestionVerified(
                    _query(old),
                    f"There is a verified query for this question already: {old.id}, “{old.question}”.",
                    hint='Replace it with --force (over HTTP: "force": true), or remove it first.',
                )
            kept = msgspec.structs.replace(query, id=old.id)
            connection.execute(sa.update(VERIFIED).where(same).values(row | {"id": old.id}))
        return kept

    def remove(self, identity: str) -> VerifiedQuery:
        """Forget a query; raises `NotFound`."""
        found = self.find(identity)
        with self._engine.begin() as connection:
            connection.execute(sa.delete(VERIFIED).where(VERIFIED.c.id == identity))
        return found

    def note_check(self, old: VerifiedQuery, new: VerifiedQuery) -> None:
        """Keep what a check found, unless the query was replaced or checked by another process meanwhile."""
        values = {name: value for name, value in _row(new).items() if name in _CHECKED}
        unchanged = (VERIFIED.c.id == old.id) & (VERIFIED.c.changed_at == old.changed_at)
        with self._engine.begin() as connection:
            connection.execute(sa.update(VERIFIED).where(unchanged).values(values | {"changed_at": time.time()}))


_CHECKED = ("schema", "segment", "status", "reason", "parameters")


def new_identity() -> str:
    """A short random id."""
    return secrets.token_hex(4)


def _row(query: VerifiedQuery) -> dict[str, Any]:
    encoded = {name: msgspec.json.encode(getattr(query, name)).decode() for name in ("schema", "parameters")}
    return msgspec.structs.asdict(query) | encoded


def _query(row: sa.Row[Any]) -> VerifiedQuery:
    values = {name: getattr(row, name) for name in VerifiedQuery.__struct_fields__}
    values["schema"] = msgspec.json.decode(row.schema, type=Schema)
    values["parameters"] = msgspec.json.decode(row.parameters, type=tuple[Parameter, ...])
    return VerifiedQuery(**values)
