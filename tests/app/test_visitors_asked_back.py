"""Questions back and refusals to a visitor are made of what the visitor may see, and of nothing else."""

from __future__ import annotations

from datetime import date

import msgspec
import pytest

from app.answer import answer
from app.asking import question_from
from app.engine import Engine
from app.planning.schema_index import visible
from app.settings import Settings
from app.values import Caller

VISITOR, OWNER = Caller(role="visitor"), Caller()
VAGUE = [
    "How many last month?",
    "Show me the numbers",
    "list the cities",
    "How many customers are from Germny?",
    "How many employes are there?",
    "net revnue by catgory",
    "How many patrons are from France?",
    "How many orders are from Wakanda?",
    "How many products have the unit cst over 3?",
    "What is the avrage salary?",
    "How many returns have the reason boredom?",
    "how many orders were there in 2025 and how many in 2024?",
]


@pytest.fixture(scope="module")
def engine(sample_home, tmp_path_factory):
    home = tmp_path_factory.mktemp("visitors-home")
    for name in ("store", "cache"):
        (home / name).symlink_to(sample_home / name)
    opened = Engine(Settings(home=home, trace_retention_days=0))
    yield opened
    opened.close()


def ask(engine, text, caller):
    return answer(question_from(text, engine, caller, today=date(2026, 6, 30)), engine)


@pytest.fixture(scope="module")
def hidden(engine):
    """Names of tables and columns, and values, that a visitor may not see in any visible column."""
    catalog = engine.store.snapshot().sources["shop"].catalog
    seen = visible(catalog, VISITOR.visibilities)
    open_names = {table.name for table in seen.tables} | {c.name for table in seen.tables for c in table.columns}
    names = {table.name for table in catalog.tables} | {c.name for table in catalog.tables for c in table.columns}
    values = {str(f.value) for t in catalog.tables for c in t.columns for f in c.frequent if c.type == "text"}
    open_values = {str(f.value) for t in seen.tables for c in t.columns for f in c.frequent}
    words = {name.replace("_", " ") for name in names - open_names} | (values - open_values)
    return {word.casefold() for word in words if len(word) > 3}


@pytest.mark.parametrize("text", VAGUE)
def test_a_visitor_is_told_of_nothing_hidden(engine, hidden, text):
    assert {"employees", "unit cost"} <= hidden
    found = ask(engine, text, VISITOR)
    told = [found.text, *(found.clarify.options if found.clarify else ())]
    if found.refusal is not None:
        told.append(msgspec.json.encode(found.refusal).decode())
    said = " ".join(told).casefold()
    named = {word for word in hidden if f" {word} " in f" {said} " and word not in text.casefold()}
    quoted = {word for word in hidden if f"“{word}”" in said and word not in text.casefold()}
    assert not (named | quoted) - document_words(engine), found.text


def document_words(engine):
    """What public documents say is no secret, also where a hidden table holds the same word."""
    reader = engine.store.snapshot().sources["help-centre"].passages
    text = " ".join((reader.document_text(each.path) or "").casefold() for each in reader.documents())
    return set(text.replace("|", " ").split()) | {"orders", "returns", "customers"}


@pytest.mark.parametrize("text", VAGUE)
def test_what_a_visitor_is_offered_is_answered_to_a_visitor(engine, text):
    found = ask(engine, text, VISITOR)
    for option in found.clarify.options if found.clarify else ():
        assert ask(engine, option, VISITOR).status == "answered", option


def test_owners_are_asked_back_with_what_visitors_are_not(engine):
    assert ask(engine, "How many customers are from Germny?", OWNER).status == "clarify"
    assert ask(engine, "How many customers are from Germny?", VISITOR).status == "refused"
