"""Secrets that the service makes for itself, shared by the server processes of one state file."""

from __future__ import annotations

import secrets
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.dialects.sqlite import insert

from app.ops.state import SECRETS, held_state


def kept_secret(state: Path, name: str) -> str:
    """The secret of a name, 256 random bits in hex; made by the first who asks for it."""
    known = sa.select(SECRETS.c.value).where(SECRETS.c.name == name)
    with held_state(state).connect() as connection:  # reading first: whoever writes waits for other writers
        found = connection.execute(known).scalar()
    if found is not None:
        return str(found)
    with held_state(state).begin() as connection:
        made = insert(SECRETS).values(name=name, value=secrets.token_hex(32))
        connection.execute(made.on_conflict_do_nothing())
        return str(connection.execute(known).scalar_one())
