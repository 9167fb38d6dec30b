"""Stores of ledger and budgets to test with, and what goes into them."""

import os
import secrets
from contextlib import contextmanager
from decimal import Decimal

from app.llm.config import BudgetConfig, BudgetLimit
from app.llm.values import Asking, Attempt, Message, Outgoing, Parameters, TokenCount
from app.settings import Settings
from app.values import Deadline

POSTGRES = os.environ.get("TEST_POSTGRES_URL", "postgresql://postgres@127.0.0.1:5432")
NOON = 1_795_262_400.0
"""2026-11-21 12:00 UTC."""


class Heard:
    """Alerts that are kept instead of sent."""

    def __init__(self):
        self.given = []
        self._keys = set()

    def give(self, alert):
        self.given.append(alert)

    def once(self, key, alert):
        if key not in self._keys:
            self._keys.add(key)
            self.give(alert)

    def forget(self, key):
        self._keys.discard(key)

    def kinds(self):
        return [alert.kind for alert in self.given]


class Clock:
    """Time as a test wants it."""

    def __init__(self, now=NOON):
        self.now = now

    def __call__(self):
        return self.now


@contextmanager
def postgres_database():
    """URL of a new database on this machine's server."""
    import psycopg

    name = f"spending_{secrets.token_hex(6)}"
    with psycopg.connect(f"{POSTGRES}/postgres", autocommit=True, connect_timeout=3) as admin:
        admin.execute(f'CREATE DATABASE "{name}"')
    try:
        yield f"{POSTGRES}/{name}"
    finally:
        with psycopg.connect(f"{POSTGRES}/postgres", autocommit=True, connect_timeout=3) as admin:
            admin.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


def settings(home, url=""):
    return Settings(home=home, spending_url=url)


def limits(*given, **others):
    """`limits(("all", "day", 5), …)`."""
    made = tuple(BudgetLimit(scope=scope, period=period, usd=Decimal(str(usd))) for scope, period, usd in given)
    return BudgetConfig(limits=made, **others)


def asking(key="k1", sources=("shop",), seconds=20.0):
    return Asking(answer_id="a1", deadline=Deadline.after(seconds), audience="x", key_id=key, sources=tuple(sources))


def outgoing(task="write", text="Hello", max_tokens=800, schema=None):
    return Outgoing(
        task=task,
        prompt=f"{task}@1234",
        messages=(Message("user", text),),
        schema=schema,
        parameters=Parameters(max_tokens=max_tokens),
    )


def attempt(**changed):
    values = {
        "answer_id": "a1",
        "at": NOON,
        "task": "write",
        "prompt": "write@1234",
        "provider": "main",
        "model": "gpt-5-mini",
        "outcome": "ok",
        "tokens": TokenCount(input=1000, output=100),
        "cost_usd": Decimal("0.00045"),
        "key_id": "k1",
        "sources": ("shop",),
    }
    return Attempt(**(values | changed))
