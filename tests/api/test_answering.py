"""Work in threads: bounded, and never waited for past its deadline."""

import asyncio
import threading
import time

import pytest

from app.api.answering import GRACE_S, Answering
from app.engine import Engine
from app.errors import DeadlineExceeded, RateLimited
from app.ops.metrics import Metrics
from app.settings import Settings
from app.values import Deadline


@pytest.fixture
def answering(tmp_path):
    made = Answering(Engine(Settings(home=tmp_path, threads=1, waiting=1)), Metrics())
    yield made
    made.close()


def test_the_result_comes_back(answering):
    assert asyncio.run(answering.run(lambda: 42, Deadline.after(5))) == 42


def test_an_error_comes_back(answering):
    def fail():
        raise KeyError("x")

    with pytest.raises(KeyError):
        asyncio.run(answering.run(fail, Deadline.after(5)))


def test_at_the_deadline_the_caller_is_told(answering):
    release = threading.Event()
    started = time.monotonic()
    with pytest.raises(DeadlineExceeded):
        asyncio.run(answering.run(lambda: release.wait(10), Deadline.after(0.1)))
    assert time.monotonic() - started < 0.1 + GRACE_S + 1
    release.set()


def test_more_than_may_wait_are_turned_away(answering):
    release = threading.Event()

    async def three():
        running = [asyncio.create_task(answering.run(lambda: release.wait(10), Deadline.after(20))) for _ in range(2)]
        await asyncio.sleep(0.05)
        with pytest.raises(RateLimited):
            await answering.run(lambda: True, Deadline.after(20))
        release.set()
        await asyncio.gather(*running)
        await asyncio.sleep(0.05)
        return await answering.run(lambda: "room again", Deadline.after(20))

    assert asyncio.run(three()) == "room again"


def test_what_waited_past_its_deadline_is_not_started(answering):
    release, started = threading.Event(), []

    async def two():
        first = asyncio.create_task(answering.run(lambda: release.wait(10), Deadline.after(20)))
        await asyncio.sleep(0.05)
        with pytest.raises(DeadlineExceeded):
            await answering.run(lambda: started.append(1), Deadline.after(0))
        release.set()
        await first

    asyncio.run(two())
    assert not started
