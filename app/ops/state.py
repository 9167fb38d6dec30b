"""The service's own state: one SQLite file under the home folder, reached through SQLAlchemy Core.

SQLAlchemy costs about 0.1 s to import; import this module only where state is read or written.
"""

from __future__ import annotations

import atexit
import os
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import Any
from weakref import WeakSet

import sqlalchemy as sa
from sqlalchemy.pool import NullPool, QueuePool
from sqlalchemy.schema import CreateIndex, CreateTable

METADATA = sa.MetaData()

TRACES = sa.Table(
    "traces",
    METADATA,
    sa.Column("id", sa.String, primary_key=True),
    sa.Column("created_at", sa.Float, nullable=False, index=True, doc="Seconds since the epoch."),
    sa.Column("key_id", sa.String, doc="Key of the caller; null for one without a key."),
    sa.Column("question", sa.String, nullable=False, doc="Masked."),
    sa.Column("status", sa.String, nullable=False),
    sa.Column("route", sa.String, nullable=False),
    sa.Column("confidence", sa.Float, nullable=False),
    sa.Column("timing_ms", sa.String, nullable=False, doc="JSON object: stage -> milliseconds."),
    sa.Column("versions", sa.String, nullable=False, doc="JSON object of the answer's versions."),
    sa.Column("answer", sa.String, nullable=False, doc="JSON of the whole answer, masked."),
    sa.Column("visitor", sa.String, doc="Who of a site's visitors asked."),
    sa.Column("spans", sa.String, doc="JSON list of `app.values.Span`."),
    sa.Column("sources", sa.String, doc="JSON list of the names of the sources in the answer, sorted."),
    sa.Index("ix_traces_status", "status", "created_at"),
    sa.Index("ix_traces_key", "key_id", "visitor", "created_at", "status"),
    sa.Index(  # all that `app.ops.usage` reads: the rows themselves are large
        *("traces_usage", "created_at", "status", "route", "confidence", "key_id", "sources", "timing_ms")
    ),
)

KEYS = sa.Table(
    "keys",
    METADATA,
    sa.Column("id", sa.String, primary_key=True),
    sa.Column("name", sa.String, nullable=False),
    sa.Column("role", sa.String, nullable=False),
    sa.Column("sources", sa.String, doc="JSON list of source names; null: all."),
    sa.Column("hash", sa.String, nullable=False, doc="SHA-256 (hex) of the token, which has 256 random bits."),
    sa.Column("created_at", sa.Float, nullable=False),
    sa.Column("revoked_at", sa.Float),
    sa.Column("expires_at", sa.Float, doc="Seconds since the epoch; null: never."),
)

SITES = sa.Table(
    "sites",
    METADATA,
    sa.Column("id", sa.String, primary_key=True),
    sa.Column("key", sa.String, nullable=False, unique=True, doc="The publishable key; it stands in pages."),
    sa.Column("secret", sa.String, nullable=False, doc="With which the site's server signs who its visitors are."),
    sa.Column("created_at", sa.Float, nullable=False),
    sa.Column("expires_at", sa.Float, doc="Seconds since the epoch; null: never."),
    sa.Column("revoked_at", sa.Float),
    sa.Column("content", sa.String, nullable=False, doc="JSON of `app.ops.site.SiteOptions`."),
)

SECRETS = sa.Table(
    "secrets",
    METADATA,
    sa.Column("name", sa.String, primary_key=True),
    sa.Column("value", sa.String, nullable=False, doc="256 random bits, hex; made when first needed."),
)

FEEDBACK = sa.Table(
    "feedback",
    METADATA,
    sa.Column("answer_id", sa.String, primary_key=True),
    sa.Column("rater", sa.String, primary_key=True, doc="Key and visitor; empty for a caller without a key."),
    sa.Column("at", sa.Float, nullable=False, index=True, doc="Seconds since the epoch."),
    sa.Column("thumb", sa.String, nullable=False, doc="up or down."),
    sa.Column("reasons", sa.String, nullable=False, doc="JSON list of `app.ops.feedback.Reason`."),
    sa.Column("comment", sa.String, nullable=False, doc="Masked; may be empty."),
)

DELIVERIES = sa.Table(
    "deliveries",
    METADATA,
    sa.Column("id", sa.String, primary_key=True),
    sa.Column("kind", sa.String, nullable=False, doc="webhook or mail."),
    sa.Column("at", sa.Float, nullable=False, doc="Queued; seconds since the epoch."),
    sa.Column("held_until", sa.Float, nullable=False, doc="Until then a process is trying, or it is left alone."),
    sa.Column("content", sa.LargeBinary, nullable=False, doc="What is sent; deleted once it is."),
)

PROMPT_VERSIONS = sa.Table(
    "prompt_versions",
    METADATA,
    sa.Column("id", sa.String, primary_key=True, doc="name@hash"),
    sa.Column("name", sa.String, nullable=False, index=True),
    sa.Column("created_at", sa.Float, nullable=False, doc="First used or labelled; seconds since the epoch."),
    sa.Column("content", sa.String, nullable=False, doc="JSON of `app.llm.prompts.version.Version`."),
)

PROMPT_LABELS = sa.Table(
    "prompt_labels",
    METADATA,
    sa.Column("n", sa.Integer, primary_key=True, doc="In the order of the changes; rows are only ever added."),
    sa.Column("name", sa.String, nullable=False, index=True),
    sa.Column("label", sa.String, nullable=False),
    sa.Column("before", sa.String, doc="The version that the label pointed at; null: none."),
    sa.Column("after", sa.String, doc="The version that it points at from now on; null: none."),
    sa.Column("at", sa.Float, nullable=False, doc="Seconds since the epoch."),
    sa.Column("by", sa.String, nullable=False),
    sa.Column("note", sa.String, nullable=False),
)

PROMPT_TESTS = sa.Table(
    "prompt_tests",
    METADATA,
    sa.Column("n", sa.Integer, primary_key=True),
    sa.Column("name", sa.String, nullable=False, index=True),
    sa.Column("at", sa.Float, nullable=False, doc="Seconds since the epoch."),
    sa.Column("content", sa.String, nullable=False, doc="JSON of `app.llm.prompts.trials.kept.KeptTest`."),
)

VERIFIED = sa.Table(
    "verified",
    METADATA,
    sa.Column("id", sa.String, primary_key=True),
    sa.Column("source", sa.String, nullable=False),
    sa.Column("key", sa.String, nullable=False, doc="What wordings of the same question share."),
    sa.Column("question", sa.String, nullable=False),
    sa.Column("sql", sa.String, nullable=False),
    sa.Column("note", sa.String, nullable=False),
    sa.Column("added_by", sa.String, doc="Key of who added it; null for the command line."),
    sa.Column("created_at", sa.Float, nullable=False),
    sa.Column("changed_at", sa.Float, nullable=False, doc="Readers in other processes look at the newest."),
    sa.Column("schema", sa.String, nullable=False, doc="JSON object: table -> column -> type that the SQL relies on."),
    sa.Column("parameters", sa.String, nullable=False, doc="JSON list: spans of the question that may vary."),
    sa.Column("segment", sa.String, nullable=False, doc="The segment that it was last checked against."),
    sa.Column("status", sa.String, nullable=False, doc="active or stale."),
    sa.Column("reason", sa.String, doc="Why it is stale."),
    sa.UniqueConstraint("source", "key"),
)


SESSIONS = sa.Table(
    "sessions",
    METADATA,
    sa.Column("id", sa.String, primary_key=True, doc="SHA-256 (hex) of the key's id and the session's name."),
    sa.Column("expires_at", sa.Float, nullable=False, index=True, doc="Seconds since the epoch."),
    sa.Column("context", sa.LargeBinary, nullable=False, doc="JSON of `app.followups.context.Context`; not masked."),
)

SPENDING = sa.Table(
    "spending",
    METADATA,
    sa.Column("id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True, autoincrement=True),
    sa.Column("answer_id", sa.String, nullable=False, index=True),
    sa.Column("at", sa.Double, nullable=False, index=True, doc="Seconds since the epoch."),
    sa.Column("task", sa.String, nullable=False),
    sa.Column("prompt", sa.String, nullable=False, doc="name@hash."),
    sa.Column("provider", sa.String, nullable=False),
    sa.Column("model", sa.String, nullable=False),
    sa.Column("outcome", sa.String, nullable=False),
    sa.Column("input_tokens", sa.BigInteger, nullable=False),
    sa.Column("output_tokens", sa.BigInteger, nullable=False),
    sa.Column("cached_input_tokens", sa.BigInteger, nullable=False),
    sa.Column("estimated", sa.Integer, nullable=False, doc="1: the tokens are estimated."),
    sa.Column("cost_nano", sa.BigInteger, doc="10**-9 US dollars; null: no price is known."),
    sa.Column("saved_nano", sa.BigInteger, doc="What a hit of the cache would have cost."),
    sa.Column("key_id", sa.String),
    sa.Column("sources", sa.String, nullable=False, doc="JSON list of names, sorted."),
    sa.Column("duration_s", sa.Double, nullable=False),
    sa.Column("first_token_s", sa.Double),
    sa.Column("purpose", sa.String, nullable=False),
    sa.Column("error", sa.String, doc="Stable code."),
    sqlite_autoincrement=True,
)

BUDGET_ACCOUNTS = sa.Table(
    "budget_accounts",
    METADATA,
    sa.Column("scope", sa.String, primary_key=True, doc="all, key:ID, source:NAME or task:NAME."),
    sa.Column("period", sa.String, primary_key=True, doc="2026-03 or 2026-03-29."),
    sa.Column("spent_nano", sa.BigInteger, nullable=False),
    sa.Column("reserved_nano", sa.BigInteger, nullable=False),
)

BUDGET_RESERVATIONS = sa.Table(
    "budget_reservations",
    METADATA,
    sa.Column("id", sa.String, primary_key=True),
    sa.Column("amount_nano", sa.BigInteger, nullable=False),
    sa.Column("accounts", sa.String, nullable=False, doc="JSON list of [scope, period]."),
    sa.Column("expires_at", sa.Double, nullable=False, index=True, doc="Seconds since the epoch."),
    sa.Column("counted_as_spent", sa.Integer, nullable=False, doc="1: it expired and its whole amount was spent."),
)

BUDGET_ALERTS = sa.Table(
    "budget_alerts",
    METADATA,
    sa.Column("scope", sa.String, primary_key=True),
    sa.Column("period", sa.String, primary_key=True),
    sa.Column("kind", sa.String, primary_key=True, doc="soft or spent."),
    sa.Column("limit_nano", sa.BigInteger, primary_key=True, doc="A limit that was changed alerts anew."),
    sa.Column("at", sa.Double, nullable=False, doc="Seconds since the epoch."),
)


def open_state(path: Path, *, kept_open: bool = False) -> sa.Engine:
    """An engine on the state file, made with its tables (readable by its owner only) if it is not there.

    With `kept_open` up to five connections stay open until the engine is disposed of: closing the last one on a file in
    WAL mode waits for the disk (30 ms).
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    engine = sa.create_engine(f"sqlite:///{path}", poolclass=QueuePool if kept_open else NullPool)
    sa.event.listen(engine, "connect", _prepare)
    with engine.begin() as connection:
        for table in METADATA.sorted_tables:
            connection.execute(CreateTable(table, if_not_exists=True))
            _add_columns(connection, table)
            for index in table.indexes:
                connection.execute(CreateIndex(index, if_not_exists=True))
    return engine


@lru_cache(maxsize=4)
def held_state(path: Path) -> sa.Engine:
    """The engine that this process shares on a state file: opening one looks at every table (16 ms, `open_state`).

    Its connections are closed when the process ends, or when more than a few files have been opened since.
    """
    engine = open_state(path, kept_open=True)
    _held.add(engine)
    return engine


_held: WeakSet[sa.Engine] = WeakSet()


@atexit.register
def _close_held() -> None:
    for engine in list(_held):
        engine.dispose()


def _add_columns(connection: sa.Connection, table: sa.Table) -> None:
    """Give a table of an older version the columns that it lacks; a new column may be null, so that rows stay valid."""
    present = {row[1] for row in connection.exec_driver_sql(f'PRAGMA table_info("{table.name}")')}
    for column in table.columns:
        if column.name not in present:
            kind = column.type.compile(connection.dialect)
            with suppress(sa.exc.OperationalError):  # another process added it in this moment
                connection.exec_driver_sql(f'ALTER TABLE "{table.name}" ADD COLUMN "{column.name}" {kind}')


def _prepare(connection: Any, _record: object) -> None:
    for pragma in ("busy_timeout=5000", "journal_mode=WAL", "synchronous=NORMAL", "secure_delete=ON"):
        connection.execute(f"PRAGMA {pragma}").close()
