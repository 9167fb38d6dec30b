"""Planted personal data through the whole service: nothing of it reaches the model, nor stays anywhere.

    visitor's question -> HTTP -> stages -> privacy -> gateway -> recorder -> scripted model
                                  traces, ledger, prompts, labels, caches, logs, the recording

Planted are 1,000 rows, and questions, passages, descriptions, verified queries and a session beside them. The people are
invented (`fixtures/make_planted.py`).
"""

from __future__ import annotations

import json
import os
import random
import re
import sqlite3
from collections.abc import Iterable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml

from app.engine import Engine
from app.llm.scripted import scripted_server
from app.llm.scripted.recording import RecordBackEnd
from app.llm.scripted.serving import running
from app.settings import Settings
from app.values import Caller
from app.verified.checking import Proposal, add_verified
from ingest.hooks import IngestHooks, IngestOptions
from ingest.pipeline import ingest_source
from ingest.request import SourceRequest
from tests.llm.fixtures.make_planted import TEMPLATES, person
from tests.llm.hostile_service import KEY, served
from tests.llm.test_planted_personal_data import planted, values_of

REDIS = os.environ.get("REDIS_URL", "redis://127.0.0.1:6379/9").rpartition("/")[0] + "/11"
ROWS, AT_A_TIME = 1000, 30
IN_CLEAR = {"sessions", "verified"}
"""Tables that hold what was asked and what an owner approved: docs/security.md says so."""


def people() -> list[dict[str, Any]]:
    """One person a row: the text of a cell, and what is planted in the row."""
    rng, found = random.Random(17), []
    for number in range(ROWS):
        template, who = TEMPLATES["row"][number % len(TEMPLATES["row"])], person(rng)
        planted_here = {key: who[key] for key in who if "{" + key + "}" in template} | {"name": who["name"]}
        found.append({"text": template.format(**who), "planted": planted_here})
    return found


def by_place(place: str) -> list[str]:
    return [row["text"] for row in planted() if row["place"] == place]


def left_in(text: str, values: Iterable[str]) -> list[str]:
    """Values that stand in a text as whole words, in any case."""
    folded = text.casefold()
    near = [value for value in values if value.casefold() in folded]
    return [v for v in near if re.search(rf"(?<!\w){re.escape(v.casefold())}(?!\w)", folded)]


def described() -> dict[str, Any]:
    """A description file in which people stand: of the source, tables, columns, units and a metric."""
    said = by_place("schema")
    columns = {
        "full_name": {"pii": "person", "description": said[0]},
        "contact": {"description": said[5]},
        "town": {"description": f"Town, {said[10]}", "labels": {"T0": f"Home of {person(random.Random(3))['name']}"}},
    }
    return {
        "description": f"A shop, {said[1]}",
        "tables": {
            "customers": {"description": f"People who buy, {said[6]}", "columns": columns},
            "orders": {
                "description": by_place("passage")[0],
                "columns": {"amount": {"unit": "EUR", "description": by_place("passage")[2]}},
            },
        },
        "metrics": {"revenue": {"expression": "sum(amount)", "table": "orders", "description": said[11]}},
    }


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("hostile")
    shop, docs = folder / "shop", folder / "docs"
    shop.mkdir()
    docs.mkdir()
    rows = [
        f'{n},{p["planted"]["name"]},"{p["text"]}","Asked about {p["text"]}.",T{n % 5}\n'
        for n, p in enumerate(people())
    ]
    (shop / "customers.csv").write_text("customer_id,full_name,contact,note,town\n" + "".join(rows), encoding="utf-8")
    orders = "".join(f"{n},{n % ROWS},2025-0{n % 9 + 1}-03,{10 + n * 7 % 50}\n" for n in range(300))
    (shop / "orders.csv").write_text("order_id,customer_id,order_date,amount\n" + orders, encoding="utf-8")
    (folder / "shop.yaml").write_text(yaml.safe_dump(described(), allow_unicode=True), encoding="utf-8")
    for n, text in enumerate(by_place("passage")):
        page = f"# Returns of parcel {n}\n\nHow to return parcel {n}: take it to the desk. {text}\n\nRefunds take {n} days.\n"
        (docs / f"page{n}.md").write_text(page, encoding="utf-8")
    request = SourceRequest(str(shop), name="shop", description_path=str(folder / "shop.yaml"))
    ingest_source(folder / "home", request, IngestHooks(), IngestOptions(detect_names=False))
    ingest_source(folder / "home", SourceRequest(str(docs), name="docs"), IngestHooks(), IngestOptions())
    verify_some(folder / "home")
    return folder / "home"


def verify_some(home: Path) -> None:
    """Verified queries whose questions and literals are somebody's: examples for the model."""
    engine = Engine(Settings(home=home, trace_retention_days=0))
    texts = zip(by_place("question")[1::10], by_place("row")[1::9], strict=False)
    for question, value in texts:
        sql = f"SELECT count(*) AS customers FROM customers WHERE contact = '{value.replace(chr(39), 2 * chr(39))}'"
        add_verified(
            Proposal(source="shop", question=f"{question} again", sql=sql),
            engine,
            Caller(role="owner"),
            date(2026, 1, 1),
        )
    engine.close()


def rules() -> list[dict[str, Any]]:
    """A model that asks for rows upon rows of people, and repeats what it is shown."""
    pages = [
        f"SELECT contact, note, full_name, town FROM customers ORDER BY customer_id LIMIT {AT_A_TIME} OFFSET {start}"
        for start in range(0, ROWS, AT_A_TIME)
    ]
    said = [
        {"json": {"reasoning": "r", "outcome": "sql", "sql": sql, "clarify": None, "reason": None}} for sql in pages
    ]
    return [{"match": {"schema": "plan_sql"}, "sequence": said}, {"reply": {"auto": True}}]


def ask_all(service: Any, every: int) -> tuple[list[str], list[int]]:
    """Texts of all responses, and their statuses: questions about people, parcels, in sessions, streamed, and wrong."""
    questions = by_place("question")
    asked = [(text, "analyst", {"threshold": 0.0}) for text in questions[:: 2 * every]]
    asked += [(text, "owner", {"threshold": 0.0, "session": "s"}) for text in questions[1 :: 6 * every]]
    asked += [(f"How is parcel {n} returned?", "owner", {"stream": n % 2 == 0}) for n in range(8 // every)]
    asked += [
        (questions[3], "visitor", {}),
        (questions[4] * 200, "owner", {}),
        (questions[5], "owner", {"sources": ["no"]}),
    ]
    assert service.ask(asked[0][0], **asked[0][2]).status_code == 200, "the same question, as another audience"
    responses = [service.ask(text, role, **body) for text, role, body in asked]
    return [each.text for each in responses], [each.status_code for each in responses]


def tables_of(home: Path) -> dict[str, str]:
    """Table of the state file -> all that is in it."""
    with sqlite3.connect(home / "state.db") as state:
        names = [name for (name,) in state.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        rows = {name: state.execute(f'SELECT * FROM "{name}"').fetchall() for name in names}
    state.close()
    return {name: json.dumps(found, ensure_ascii=False, default=_text) for name, found in rows.items()}


def _text(value: bytes) -> str:
    return value.decode("utf-8", "replace")


@pytest.fixture(params=[("memory", 3), pytest.param((REDIS, 1), marks=pytest.mark.service)], ids=["memory", "redis"])
def places(request, home, tmp_path, serve) -> Iterator[dict[str, str]]:
    """Place -> all that the questions left there."""
    recording, (cache, every) = tmp_path / "recording.jsonl", request.param
    env = {"ANSWERABLE_REVEAL_PERSONAL_DATA": "owner", "ANSWERABLE_ANSWER_CACHE_S": "60"}
    with scripted_server(rules()) as model, running(RecordBackEnd(model.url, recording)) as recorder:
        with served(serve, home, recorder.url, cache=cache, **env) as service:
            answers, statuses = ask_all(service, every)
        received = model.received
    assert statuses.count(200) == len(statuses) - 2 and sorted(statuses)[-2:] == [400, 404]
    found = {f"table {name}": text for name, text in tables_of(home).items() if name not in IN_CLEAR}
    found |= {
        "provider": "\n".join(json.dumps(each.shown(), ensure_ascii=False) for each in received),
        "recording": recording.read_text(encoding="utf-8").encode().decode("unicode_escape", "replace"),
        "recording as sent": recording.read_text(encoding="utf-8"),
        "log": "\n".join(file.read_text(encoding="utf-8") for file in home.glob("server-*.log")),
        "answers": "\n".join(answers),
    }
    if cache != "memory":
        found["cache"] = emptied(cache)
    yield found


def emptied(url: str) -> str:
    """What a Redis held, which is deleted."""
    from redis import Redis

    with Redis.from_url(url) as redis:
        keys = list(redis.scan_iter())
        kept = b"\n".join(key + b" " + (redis.get(key) or b"") for key in keys)
        redis.delete(*keys)
    assert len(keys) > 20
    return kept.decode("utf-8", "replace")


def test_nothing_planted_reaches_the_model_or_stays_anywhere(places):
    values = values_of([*planted(), *people()])
    answers = places.pop("answers")
    assert len(left_in(answers, values)) > 40, "those who may see it, do"
    assert places["provider"].count("<PERSON_") > 300 and places["table traces"].count("<PERSON_") > 20
    assert places["table spending"].count("plan_sql@") > 10 and "plan_sql" in places["table prompt_versions"]
    assert {place: left_in(text, values) for place, text in places.items()} == {place: [] for place in places}
    assert not [place for place, text in places.items() if KEY in text], "the key of the endpoint"
