"""Answers kept for a while: for the same question of the same audience over the same data, and none with personal data."""

import asyncio
import os
from datetime import date

import msgspec
import pytest

from app.answer import answer
from app.answer_cache import AnswerCache, answer_key, open_answers
from app.answering import Draft
from app.api.answering import Answering
from app.asking import question_from
from app.llm.cache import MemoryStore
from app.llm.config import TaskConfig
from app.llm.errors import NotConfigured
from app.ops.metrics import Metrics
from app.settings import Settings
from app.stopwatch import Stopwatch
from app.values import Caller, Usage
from app.verified.checking import Proposal, add_verified
from tests.llm.models_parts import EngineWithModels, configured
from tests.llm.privacy_parts import scrub, shop_store

REDIS = os.environ.get("REDIS_URL", "redis://127.0.0.1:6379/9")
ASKED = "How many customers are there?"


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    folder = tmp_path_factory.mktemp("answers")
    shop_store(folder, public=True)
    return folder


@pytest.fixture
def engine(home):
    found = EngineWithModels(Settings(home=home, answer_cache_s=60), configured())
    yield found
    found.close()


def asked(engine, text=ASKED, caller=None, **more):
    return question_from(text, engine, caller or Caller(), today=more.pop("today", date(2026, 3, 1)), **more)


def keep(engine, question, told, *, model="main/small", cache=None, values=()):
    """Keep an answer as if a model had taken part in it, with tokens for these values."""
    snapshot = engine.store.snapshot()
    draft = Draft("kept", question, snapshot, list(snapshot.sources.values()), Stopwatch())
    draft.consultation = engine.models.consult(question, "kept", snapshot.id)
    draft.consultation.model = model
    for value in values:
        draft.consultation.tokens.token("NAME", value)
    key = answer_key(question, snapshot, engine)
    (cache or engine.answers).keep(key, told, draft, engine.masked)


def known(engine, question):
    """The kept answer as a question would get it; told apart by its text."""
    return answer(question, engine).text


@pytest.fixture
def kept(engine):
    """The answer that lies in the cache; its text is unlike any other."""
    told = msgspec.structs.replace(
        answer(asked(engine), engine), text="Three, says the model.", usage=Usage(input_tokens=9, cost_usd="0.01")
    )
    keep(engine, asked(engine), told)
    return told


def test_the_same_question_is_answered_from_the_cache_and_costs_nothing(engine, kept):
    found = answer(asked(engine, "  How many   customers\nare there? "), engine)
    assert found.text == kept.text and found.table == kept.table and found.status == "answered"
    assert found.id != kept.id and found.usage == Usage()
    assert found.timing_ms.keys() == {"guard", "cache", "total"}


def test_a_hit_is_traced(engine, kept):
    found = asyncio.run(Answering(engine, Metrics()).answer(asked(engine, caller=Caller(key_id="k"))))
    trace = engine.traces.find(found.id)
    assert trace.answer["text"] == kept.text and trace.answer["usage"]["input_tokens"] == 0 and trace.key_id == "k"


@pytest.mark.parametrize(
    "caller",
    [Caller(role="visitor"), Caller(role="analyst"), Caller(sources=("shop",)), Caller(sees_personal_data=True)],
    ids=["visitor", "analyst", "limited", "sees all"],
)
def test_another_audience_never_gets_it(engine, kept, caller):
    assert known(engine, asked(engine, caller=caller)) != kept.text


def test_a_reader_of_another_language_never_gets_its_words(engine):
    untold = "customer count"
    told = msgspec.structs.replace(answer(asked(engine), engine), text="Three, says the model.")
    keep(engine, asked(engine, untold, preferred="de"), told)
    assert known(engine, asked(engine, untold, preferred="de")) == told.text
    for preferred in (None, "en", "fr"):
        assert known(engine, asked(engine, untold, preferred=preferred)) != told.text


def test_the_readers_language_does_not_matter_where_the_question_tells_its_own(engine, kept):
    assert known(engine, asked(engine, preferred="de")) == kept.text


@pytest.mark.parametrize(
    "changed",
    [
        {"text": "how many customers are there?"},
        {"sources": ["shop"]},
        {"max_rows": 99},
        {"threshold": 0.5},
        {"today": date(2026, 3, 2)},
        {"session": "s"},
    ],
    ids=str,
)
def test_another_question_is_answered_anew(engine, kept, changed):
    assert known(engine, asked(engine, **changed)) != kept.text


@pytest.mark.parametrize(
    "setting",
    [{"planner_threshold": 0.5}, {"passage_threshold": 0.5}, {"scrub_names": True}, {"answer_cache_s": 0}],
    ids=str,
)
def test_other_settings_answer_anew(engine, kept, setting):
    engine.settings = msgspec.structs.replace(engine.settings, **setting)
    assert known(engine, asked(engine)) != kept.text


@pytest.mark.parametrize(
    "config",
    [
        configured(tasks={"write": TaskConfig(models=("main/large",))}),
        msgspec.structs.replace(configured(), model="main/large"),
        msgspec.structs.replace(configured(), providers={}),
    ],
    ids=["task", "model", "provider"],
)
def test_other_models_answer_anew(engine, kept, config):
    engine.given.config = config
    assert known(engine, asked(engine)) != kept.text


def test_another_key_of_the_same_provider_does_not_matter(engine, kept):
    rotated = msgspec.structs.replace(engine.given.config.providers["main"], api_key="sk-other")
    engine.given.config = msgspec.structs.replace(engine.given.config, providers={"main": rotated})
    assert known(engine, asked(engine)) == kept.text


def test_another_version_of_a_prompt_answers_anew(engine, kept):
    engine.prompts.version = 2
    assert known(engine, asked(engine)) != kept.text
    engine.prompts.version = 1
    assert known(engine, asked(engine)) == kept.text


def test_new_data_and_new_verified_queries_answer_anew(tmp_path):
    shop_store(tmp_path)
    engine = EngineWithModels(Settings(home=tmp_path, answer_cache_s=60), configured())
    before = answer_key(asked(engine), engine.store.snapshot(), engine)
    pair = Proposal(question=ASKED, sql="SELECT count(*) FROM customers", source="shop")
    add_verified(pair, engine, Caller(), date(2026, 3, 1))
    verified = answer_key(asked(engine), engine.store.snapshot(), engine)
    shop_store(tmp_path, "description: Another\n")
    after = answer_key(asked(engine), engine.store.snapshot(), engine)
    assert before and len({before, verified, after}) == 3
    engine.close()


def told(engine, **changed):
    return msgspec.structs.replace(answer(asked(engine), engine), text="Kept, says the model.", **changed)


def is_kept(engine, question, answered, **more):
    cache = AnswerCache(MemoryStore(60))
    keep(engine, question, answered, cache=cache, **more)
    return (
        cache.find(
            answer_key(question, engine.store.snapshot(), engine),
            Draft("x", question, engine.store.snapshot(), (), Stopwatch()),
        )
        is not None
    )


def test_only_answers_that_a_model_took_part_in_are_kept(engine):
    assert is_kept(engine, asked(engine), told(engine))
    assert not is_kept(engine, asked(engine), told(engine), model=None)


@pytest.mark.parametrize("status", ["clarify", "refused", "partial", "failed"])
def test_what_is_no_answer_is_not_kept(engine, status):
    assert not is_kept(engine, asked(engine), told(engine, status=status))


def test_no_answer_with_personal_data_is_kept(engine):
    plain = told(engine)
    assert not is_kept(engine, asked(engine), msgspec.structs.replace(plain, text="Write to milena@x.org."))
    assert not is_kept(engine, asked(engine), msgspec.structs.replace(plain, text="It is Anna Smith from Boston."))
    assert not is_kept(engine, asked(engine), msgspec.structs.replace(plain, text="It is quill."), values=["Quill"])
    assert not is_kept(engine, asked(engine, "Is milena@x.org a customer?"), plain)
    assert is_kept(engine, asked(engine), plain, values=["Quill"])


def test_an_answer_that_cannot_be_examined_is_told_and_not_kept(engine, caplog):
    def broken(texts):
        raise OSError(texts[0])

    question, cache = asked(engine), AnswerCache(MemoryStore(60))
    draft = Draft("x", question, engine.store.snapshot(), (), Stopwatch())
    draft.consultation = engine.models.consult(question, "x", None)
    draft.consultation.model = "main/small"
    cache.keep("key", told(engine), draft, broken)
    assert cache.find("key", draft) is None and "OSError" in caplog.text and ASKED not in caplog.text


@pytest.mark.service
def test_redis_shares_answers_between_processes(engine, redis_url=REDIS):
    from redis import Redis

    one, other = open_answers(redis_url, 60), open_answers(redis_url, 60)
    keep(engine, asked(engine), told(engine), cache=one)
    key = answer_key(asked(engine), engine.store.snapshot(), engine)
    draft = Draft("x", asked(engine), engine.store.snapshot(), (), Stopwatch())
    found = other.find(key, draft)
    with Redis.from_url(redis_url) as client:
        assert ASKED.encode() not in client.get(key)
        assert client.delete(key) == 1
    assert found.text == "Kept, says the model." and found.id == "x" and other.find(key, draft) is None


def test_personal_columns_are_read_beside_the_tables_that_are_asked(tmp_path):
    shop_store(tmp_path, "tables: {customers: {columns: {name: {pii: person}}}}\n")
    engine = EngineWithModels(Settings(home=tmp_path), configured())
    assert "3" in known(engine, asked(engine))
    sent, _ = scrub(engine.privacy, {"question": "ask may bright"}, sources=["shop"])
    assert sent["question"] == "ask <PERSON_1>"
    assert "2" in known(engine, asked(engine, "How many customers with status active are there?"))
    engine.close()


def test_prompts_that_cannot_be_told_cost_the_cache_and_not_the_answer(engine, kept, monkeypatch):
    def taken_away(name):
        raise NotConfigured(f"The prompt {name} has no label any more.")

    monkeypatch.setattr(engine.prompts, "get", taken_away)
    found = answer(asked(engine), engine)
    assert found.status == "answered" and found.text != kept.text
