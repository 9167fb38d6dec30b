"""The small parts of the way to models, one by one."""

import email.utils
import threading
import time

import pytest

from app.llm.breaker import FAILURES, FIRST_REST_S, LONGEST_REST_S, Breaker, Breakers
from app.llm.dialect import is_strict
from app.llm.errors import Cancelled, OutOfTime
from app.llm.retrying import FIRST_S, MOST_S, retry_after_s, slept, wait_s
from app.llm.single_flight import SingleFlight
from app.llm.structured import DEEPEST, LONGEST_PROBLEM, MOST_CHARACTERS, Misfit, fitting, repairing
from app.llm.token_counts import estimated
from app.llm.values import Completion, Message, TokenCount
from app.values import Deadline
from tests.llm.gateways import SCHEMA, routing


def never():
    return False


@pytest.mark.parametrize("retry", [1, 2, 3, 10])
def test_the_wait_is_anywhere_up_to_a_bound_that_doubles(retry):
    bound = min(MOST_S, FIRST_S * 2 ** (retry - 1))
    assert wait_s(retry, None, 100, chance=lambda: 0.0) == 0
    assert wait_s(retry, None, 100, chance=lambda: 1.0) == bound
    assert 0 <= wait_s(retry, None, 100) <= bound


def test_no_wait_beyond_the_time_left():
    assert wait_s(1, 2.0, 1.9) is None
    assert wait_s(1, None, 0.01, chance=lambda: 0.0) is None
    assert 2.0 <= wait_s(1, 2.0, 10) <= 2.0 + FIRST_S


NOW = 1_800_000_000.0


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "3"}, 3),
        ({"retry-after": "0.5"}, 0.5),
        ({"retry-after": email.utils.formatdate(NOW + 90, usegmt=True)}, 90),
        ({"retry-after": email.utils.formatdate(NOW - 90, usegmt=True)}, 0),
        ({"retry-after-ms": "250", "retry-after": "3"}, 0.25),
        ({"retry-after": "-3"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "Mon, 99 Foo 2026 99:99:99 GMT"}, None),
        ({}, None),
    ],
)
def test_retry_after_in_seconds_and_as_a_date(headers, seconds):
    assert retry_after_s(headers, NOW) == seconds


def test_a_sleep_ends_when_whoever_asked_goes():
    assert slept(0.01, never)
    gone = threading.Event()
    threading.Timer(0.1, gone.set).start()
    started = time.monotonic()
    assert not slept(5, gone.is_set)
    assert time.monotonic() - started < 0.5


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


def failing(breaker, times):
    for _ in range(times):
        assert breaker.allows()
        breaker.failed()


def test_a_breaker_opens_after_failures_in_a_row_and_probes_once():
    clock = Clock()
    breaker = Breaker(clock=clock)
    failing(breaker, FAILURES - 1)
    breaker.allows()
    breaker.succeeded()
    failing(breaker, FAILURES)
    assert (breaker.state, breaker.allows()) == ("open", False)
    clock.now += FIRST_REST_S
    assert breaker.state == "half-open"
    assert [breaker.allows(), breaker.allows()] == [True, False]
    breaker.succeeded()
    assert (breaker.state, breaker.allows()) == ("closed", True)


def test_each_probe_that_fails_doubles_the_rest_up_to_a_bound():
    clock = Clock()
    breaker = Breaker(clock=clock)
    breaker.allows()
    breaker.failed(lasting=True)
    rest = FIRST_REST_S
    for _ in range(8):
        clock.now += rest - 0.5
        assert not breaker.allows()
        clock.now += 0.5
        assert breaker.allows()
        breaker.failed()
        rest = min(LONGEST_REST_S, 2 * rest)
    assert rest == LONGEST_REST_S


def test_a_probe_that_says_nothing_is_followed_by_another():
    clock = Clock()
    breaker = Breaker(clock=clock)
    failing(breaker, FAILURES)
    clock.now += FIRST_REST_S
    assert breaker.allows()
    breaker.undecided()
    assert breaker.allows()


def test_breakers_are_by_provider_and_model():
    breakers = Breakers()
    assert breakers.of("a", "m") is breakers.of("a", "m")
    assert len({id(breakers.of(*each)) for each in (("a", "m"), ("a", "n"), ("b", "m"))}) == 3


def test_a_flight_is_shared_and_the_next_call_is_a_new_one():
    flights, made, release = SingleFlight(), [], threading.Event()

    def call():
        made.append(1)
        release.wait(5)
        return len(made)

    found = []
    threads = [
        threading.Thread(target=lambda: found.append(flights.run("k", call, Deadline.after(5), never)))
        for _ in range(5)
    ]
    for thread in threads:
        thread.start()
    time.sleep(0.1)
    release.set()
    for thread in threads:
        thread.join()
    assert sorted(found) == [(1, False)] + [(1, True)] * 4
    assert flights.run("k", call, Deadline.after(5), never) == (2, False)
    assert flights.run("other", call, Deadline.after(5), never) == (3, False)


def test_a_follower_leaves_at_its_deadline_or_when_its_caller_goes():
    flights, release = SingleFlight(), threading.Event()
    leader = threading.Thread(target=lambda: flights.run("k", lambda: release.wait(5), Deadline.after(5), never))
    leader.start()
    time.sleep(0.05)
    with pytest.raises(OutOfTime):
        flights.run("k", never, Deadline.after(0.1), never)
    with pytest.raises(Cancelled):
        flights.run("k", never, Deadline.after(5), lambda: True)
    release.set()
    leader.join()


def of(text, **about):
    return Completion(text=text, model="m", tokens=TokenCount(), **about)


def test_limits_of_output():
    assert fitting(of("x" * MOST_CHARACTERS), None)
    with pytest.raises(Misfit, match="does not fit"):
        fitting(of("x" * (MOST_CHARACTERS + 1)), None)
    anything = {"type": "object"}
    deep = '{"a":' * (DEEPEST - 1) + "1" + "}" * (DEEPEST - 1)
    assert fitting(of(deep), anything)
    for text in (f'{{"a":{deep}}}', '{"a":' + "9" * 5000 + "}"):
        with pytest.raises(Misfit):
            fitting(of(text), anything)


@pytest.mark.parametrize("text", ['{"a": "\\ud83d"}', '{"\\uDE00": 1}', '{"a": ["\ud83d"]}'])
def test_half_a_character_fits_nothing(text):
    with pytest.raises(Misfit) as raised:
        fitting(of(text), {"type": "object"})
    assert "surrogate" in raised.value.problem
    assert fitting(of('{"a": "\\ud83d\\ude00"}'), {"type": "object"}) == {"a": "\U0001f600"}


def test_a_problem_is_short_names_its_place_and_never_shows_in_the_error():
    schema = {"type": "object", "properties": {"rows": {"type": "array", "items": {"type": "integer"}}}}
    with pytest.raises(Misfit) as raised:
        fitting(of('{"rows": [1, "' + "secret" * 200 + '"]}'), schema)
    assert len(raised.value.problem) <= LONGEST_PROBLEM + 1
    assert "secret" not in str(raised.value)
    with pytest.raises(Misfit) as raised:
        fitting(of('{"rows": [1, "x"]}'), schema)
    assert raised.value.problem == "'x' is not of type 'integer' (at $['rows'][1])"


@pytest.mark.parametrize("text", ["```json\n{}\n``` and more", "```\n{}\n```\n```\n{}\n```", "say ```json\n{}\n```"])
def test_a_fence_within_other_text_is_not_looked_into(text):
    with pytest.raises(Misfit):
        fitting(of(text), {"type": "object"})


def test_a_repair_does_not_send_an_endless_output_back():
    messages = repairing(routing().messages, "x" * 100_000, "It is not JSON.")
    assert [message.role for message in messages] == ["system", "user", "assistant", "user"]
    assert len(messages[2].content) == 20_000


@pytest.mark.parametrize(
    ("schema", "strict"),
    [
        (SCHEMA, True),
        ({**SCHEMA, "additionalProperties": True}, False),
        ({**SCHEMA, "required": []}, False),
        ({"type": "object", "properties": {}, "additionalProperties": False}, True),
        ({**SCHEMA, "$defs": {"x": {"type": "object"}}}, False),
        ({**SCHEMA, "properties": {"route": {"type": "array", "items": {"type": "object"}}}}, False),
    ],
)
def test_which_schemas_are_strict(schema, strict):
    assert is_strict(schema) is strict


def test_tokens_are_estimated_from_above():
    assert estimated([Message("user", "äöü")], "four") == TokenCount(input=6, output=2, estimated=True)
