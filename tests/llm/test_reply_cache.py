"""The exact cache: anything that matters in the key, bounded, never another audience's, and never an error."""

import logging
import os
import socket
import threading
import time

import msgspec
import pytest

from app.errors import ConfigurationError
from app.llm.cache import LARGEST, MemoryStore, RedisStore, Replies, cache_key, open_cache
from app.llm.config import LlmConfig
from app.llm.models import audience
from app.llm.values import Asking, Completion, Message, Outgoing, Parameters, TokenCount
from app.values import Caller, Deadline

REDIS = os.environ.get("REDIS_URL", "redis://127.0.0.1:6379/9")
OUTGOING = Outgoing(
    task="plan_sql",
    prompt="plan_sql@1",
    messages=(Message("system", "Plan."), Message("user", "How many orders?")),
    schema={"type": "object", "properties": {"sql": {"type": "string"}}},
    parameters=Parameters(temperature=0.0, max_tokens=100),
)
ASKING = Asking(answer_id="a", deadline=Deadline(0.0), audience="owner", manifest="00000001", sources=("shop",))
MODELS = (("main", "small"), ("main", "large"))
COMPLETION = Completion(text='{"sql": "SELECT 1"}', model="small", tokens=TokenCount(input=7, output=3, cached_input=2))
KEY = cache_key(OUTGOING, ASKING, MODELS, seed=1)


def outgoing(**changed):
    return msgspec.structs.replace(OUTGOING, **changed)


def asking(**changed):
    return msgspec.structs.replace(ASKING, **changed)


def parameters(**changed):
    return outgoing(parameters=msgspec.structs.replace(OUTGOING.parameters, **changed))


@pytest.mark.parametrize(
    "key",
    [
        cache_key(OUTGOING, asking(audience="visitor"), MODELS, seed=1),
        cache_key(OUTGOING, asking(manifest="00000002"), MODELS, seed=1),
        cache_key(OUTGOING, asking(manifest=None), MODELS, seed=1),
        cache_key(OUTGOING, asking(sources=("shop", "help")), MODELS, seed=1),
        cache_key(outgoing(task="write"), ASKING, MODELS, seed=1),
        cache_key(outgoing(prompt="plan_sql@2"), ASKING, MODELS, seed=1),
        cache_key(OUTGOING, ASKING, MODELS[:1], seed=1),
        cache_key(OUTGOING, ASKING, MODELS[::-1], seed=1),
        cache_key(OUTGOING, ASKING, (("other", "small"), MODELS[1]), seed=1),
        cache_key(OUTGOING, ASKING, "main/small", seed=1),
        cache_key(parameters(temperature=0.1), ASKING, MODELS, seed=1),
        cache_key(parameters(top_p=0.9), ASKING, MODELS, seed=1),
        cache_key(parameters(max_tokens=101), ASKING, MODELS, seed=1),
        cache_key(parameters(seed=7), ASKING, MODELS, seed=1),
        cache_key(outgoing(messages=OUTGOING.messages[:1]), ASKING, MODELS, seed=1),
        cache_key(outgoing(messages=OUTGOING.messages[::-1]), ASKING, MODELS, seed=1),
        cache_key(outgoing(messages=(Message("user", "Plan."), OUTGOING.messages[1])), ASKING, MODELS, seed=1),
        cache_key(outgoing(messages=(OUTGOING.messages[0], Message("user", "How many?"))), ASKING, MODELS, seed=1),
        cache_key(outgoing(schema={"type": "object"}), ASKING, MODELS, seed=1),
        cache_key(outgoing(schema=None), ASKING, MODELS, seed=1),
        cache_key(OUTGOING, ASKING, MODELS, seed=2),
        cache_key(OUTGOING, ASKING, MODELS),
    ],
)
def test_whatever_matters_makes_another_key(key):
    assert key != KEY


def test_what_does_not_matter_makes_the_same_key():
    assert cache_key(OUTGOING, asking(answer_id="b", deadline=Deadline(9.0), key_id="k"), MODELS, seed=1) == KEY
    reordered = {"properties": {"sql": {"type": "string"}}, "type": "object"}
    assert cache_key(outgoing(schema=reordered), ASKING, MODELS, seed=1) == KEY
    assert "orders" not in KEY and len(KEY) < 120


def test_callers_who_see_different_things_have_different_audiences():
    callers = (
        Caller(), Caller(role="analyst"), Caller(role="visitor"), Caller(sources=()), Caller(sources=("a",)),
        Caller(sources=("a", "b")), Caller(sees_personal_data=True),
    )  # fmt: skip
    assert len({audience(caller) for caller in callers}) == len(callers)
    assert audience(Caller(sources=("b", "a"), key_id="x")) == audience(Caller(sources=("a", "b"), key_id="y"))


def test_memory_keeps_and_forgets_after_its_time():
    now = [0.0]
    cache = Replies(MemoryStore(10, clock=lambda: now[0]))
    cache.put(KEY, COMPLETION)
    assert cache.get(KEY) == COMPLETION and cache.get(KEY + "x") is None
    now[0] = 10.1
    assert cache.get(KEY) is None


def test_memory_is_bounded_in_entries_in_bytes_and_in_each_value():
    few = MemoryStore(10, entries=3)
    for number in range(10):
        few.put(str(number), b"x")
    assert [number for number in range(10) if few.get(str(number))] == [7, 8, 9]
    small = MemoryStore(10, most_bytes=100)
    for number in range(10):
        small.put(str(number), b"x" * 40)
    assert sum(small.get(str(number)) is not None for number in range(10)) == 2
    small.put("large", b"x" * 101)
    large = MemoryStore(10)
    large.put("large", b"x" * (LARGEST + 1))
    assert small.get("large") is None and large.get("large") is None


def test_memory_is_shared_by_threads():
    store = MemoryStore(10, entries=50)
    failures: list[Exception] = []

    def use(number: int) -> None:
        try:
            for each in range(500):
                store.put(f"{number}-{each % 60}", b"x" * each)
                store.get(f"{(number + 1) % 4}-{each % 60}")
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=use, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures


@pytest.mark.parametrize(("where", "ttl_s"), [("off", 60), ("", 60), ("memory", 0), (REDIS, 0)])
def test_off_means_that_nothing_is_kept(where, ttl_s):
    cache = open_cache(LlmConfig(cache=where, cache_ttl_s=ttl_s))
    cache.put(KEY, COMPLETION)
    assert cache.get(KEY) is None


def test_a_wrong_setting_is_told_without_its_text():
    with pytest.raises(ConfigurationError) as raised:
        open_cache(LlmConfig(cache="memcached://user:secret@host"))
    assert "secret" not in str(raised.value) and "redis://" in raised.value.hint


@pytest.mark.parametrize("content", [b"", b"\xc1", b"\x80", b"{}", b"\xff" * 9, msgspec.msgpack.encode({"text": 1})])
def test_what_cannot_be_read_is_a_miss(content):
    store = MemoryStore(10)
    store.put(KEY, content)
    assert Replies(store).get(KEY) is None


@pytest.fixture
def redis():
    from redis import Redis

    client = Redis.from_url(REDIS)
    client.delete(KEY, "large", "foreign")
    yield client
    client.delete(KEY, "large", "foreign")
    client.close()


@pytest.mark.service
def test_redis_is_shared_and_forgets(redis):
    one, other = RedisStore(REDIS, 0.3), RedisStore(REDIS, 0.3)
    Replies(one).put(KEY, COMPLETION)
    assert Replies(other).get(KEY) == COMPLETION
    assert 0 < redis.pttl(KEY) <= 300
    one.put("large", b"x" * (LARGEST + 1))
    assert redis.get("large") is None
    redis.set("foreign", b"x" * (LARGEST + 1))
    assert other.get("foreign") is None
    time.sleep(0.4)
    assert Replies(other).get(KEY) is None
    one.close()
    other.close()


@pytest.mark.service
def test_a_key_of_another_type_in_redis_is_a_miss(redis, caplog):
    redis.lpush(KEY, "x")
    store = RedisStore(REDIS, 60)
    assert store.get(KEY) is None
    store.close()


def test_a_redis_that_is_down_means_misses_and_one_log_line(caplog):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    now = [100.0]
    store = RedisStore(f"redis://:secret@127.0.0.1:{port}/0", 60, clock=lambda: now[0])
    cache = Replies(store)
    with caplog.at_level(logging.DEBUG):
        for _ in range(5):
            cache.put(KEY, COMPLETION)
            assert cache.get(KEY) is None
    lines = [record for record in caplog.records if record.name == "answerable.cache"]
    assert len(lines) == 1 and "secret" not in caplog.text and KEY not in caplog.text
    now[0] += 31
    assert cache.get(KEY) is None
    assert len([record for record in caplog.records if record.name == "answerable.cache"]) == 2
    store.close()


def test_a_redis_that_does_not_answer_costs_little():
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        store = RedisStore(f"redis://127.0.0.1:{silent.getsockname()[1]}/0", 60)
        started = time.monotonic()
        assert store.get(KEY) is None and store.get(KEY) is None
        assert time.monotonic() - started < 2
        store.close()
