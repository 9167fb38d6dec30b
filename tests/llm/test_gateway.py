"""The way to models, over real HTTP: replies that fit, faults, fallbacks, deadlines, and what is written down."""

import json
import logging
import socket
import threading
import time
from decimal import Decimal

import pytest

from app.llm.config import TaskConfig
from app.llm.errors import (
    BudgetSpent,
    Cancelled,
    NotConfigured,
    OutOfTime,
    Unavailable,
    Unusable,
)
from tests.llm.endpoint import drips, endpoint, refuses, says, sends, streams
from tests.llm.gateways import GOOD, KEY, asking, gateway, routing, writing


def closed_port() -> str:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{free.getsockname()[1]}/v1"


def test_a_reply_fits_its_schema_and_is_written_down() -> None:
    with endpoint(says(GOOD)) as there, gateway("a/small", a=there.url) as setup:
        reply = setup.ask(purpose="vote 1", asked=asking(key_id="k1", sources=("shop",)))
    assert (reply.output, reply.prompt, reply.provider, reply.model) == ({"route": "tables"}, "route@1", "a", "small")
    (row,) = setup.ledger.rows
    assert (row.outcome, row.purpose, row.key_id, row.sources) == ("ok", "vote 1", "k1", ("shop",))
    assert (row.tokens.input, row.tokens.output, row.tokens.estimated, row.cost_usd) == (7, 3, False, Decimal(10))
    assert reply.attempts == (row,) == tuple(setup.kept)
    assert (setup.purse.spent, setup.purse.reserved) == (10, 0)


def test_a_prompt_without_a_schema_gives_its_text() -> None:
    with endpoint(says(" Hello. ")) as there, gateway("a/small", a=there.url) as setup:
        assert setup.ask(writing()).output == {"text": "Hello."}
    assert "response_format" not in there.bodies()[0]


def test_parameters_of_the_task_and_the_seed_are_sent() -> None:
    task = TaskConfig(temperature=0.5, max_tokens=50, retries=0)
    with endpoint(says(GOOD)) as there, gateway("a/small", task=task, a=there.url) as setup:
        setup.ask(routing(temperature=0.0, top_p=0.9), seed=3)
    sent = there.bodies()[0]
    assert (sent["temperature"], sent["max_tokens"], sent["top_p"], sent["seed"]) == (0.5, 50, 0.9, 3)
    assert sent["messages"] == [
        {"role": "system", "content": "Route."},
        {"role": "user", "content": "How many orders?"},
    ]


def test_no_model_for_a_task() -> None:
    with gateway() as setup, pytest.raises(NotConfigured):
        setup.ask()
    assert not setup.gateway.has("route")
    assert not setup.ledger.rows


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("The route is tables.", "It is not JSON"),
        ('Sure! {"route": "tables"}', "It is not JSON"),
        ('{"route": "tables"} Done.', "It is not JSON"),
        ('{"route": "tables", "sql": "DROP TABLE x"}', "'sql' was unexpected"),
        ("{}", "'route' is a required property"),
        ('{"route": "elsewhere"}', "'elsewhere' is not one of"),
        ('["tables"]', "not an object"),
        ('{"route": NaN}', "NaN is not JSON"),
        ('{"route": "passages", "route": "tables"}', "stands twice"),
        ("", "empty"),
        ("[" * 20000, "nested too deeply"),
    ],
)
def test_output_that_does_not_fit_is_repaired_once_with_the_reason(text: str, problem: str) -> None:
    with endpoint(says(text), says(GOOD)) as there, gateway("a/small", a=there.url) as setup:
        assert setup.ask().output == {"route": "tables"}
    *_, echo, told = there.bodies()[1]["messages"]
    assert echo == {"role": "assistant", "content": text}
    assert problem in told["content"]
    assert setup.outcomes == [("small", "invalid", "", "invalid"), ("small", "ok", "repair", None)]
    assert (setup.purse.spent, setup.purse.reserved) == (20, 0)


def test_a_fence_around_the_whole_output_is_taken_off() -> None:
    with endpoint(says(f"```json\n{GOOD}\n```")) as there, gateway("a/small", a=there.url) as setup:
        assert setup.ask().output == {"route": "tables"}
    assert len(there.received) == 1


def test_output_that_broke_off_is_asked_for_shorter() -> None:
    with endpoint(says('{"rou', finish="length"), says(GOOD)) as there, gateway("a/small", a=there.url) as setup:
        setup.ask()
    assert "too long" in there.bodies()[1]["messages"][-1]["content"]


def test_the_stronger_model_is_asked_when_the_repair_does_not_fit_either() -> None:
    with endpoint(says("one"), says("two"), says(GOOD)) as there, gateway("a/small", "a/large", a=there.url) as setup:
        reply = setup.ask()
    assert (reply.model, len(reply.attempts)) == ("large", 3)
    assert [body["model"] for body in there.bodies()] == ["small", "small", "large"]
    assert [each[1:3] for each in setup.outcomes] == [("invalid", ""), ("invalid", "repair"), ("ok", "fallback")]


def test_no_model_gives_output_that_fits() -> None:
    with (
        endpoint(says("prose")) as there,
        gateway("a/small", "a/large", a=there.url) as setup,
        pytest.raises(Unusable) as raised,
    ):
        setup.ask()
    assert len(there.received) == 4
    assert "prose" not in raised.value.reason
    assert not setup.cache.found


def test_an_answer_that_the_provider_withholds_goes_to_the_next_model() -> None:
    with (
        endpoint(says(None, refusal="I cannot"), says(GOOD)) as there,
        gateway("a/small", "a/large", a=there.url) as setup,
    ):
        assert setup.ask().model == "large"
    assert setup.outcomes[0] == ("small", "refused", "", "content_filter")
    assert setup.ledger.rows[0].tokens.output == 3


def test_an_endpoint_that_is_down_is_fallen_back_from() -> None:
    with endpoint(says(GOOD)) as there, gateway("down/m", "a/m", down=closed_port(), a=there.url) as setup:
        assert setup.ask().provider == "a"
    assert setup.outcomes[0] == ("m", "failed", "", "connection")
    assert setup.ledger.rows[0].cost_usd == 0
    assert setup.purse.spent == 10


def test_no_endpoint_answers() -> None:
    with (
        gateway("down/m", task=TaskConfig(retries=1), down=closed_port()) as setup,
        pytest.raises(Unavailable) as raised,
    ):
        setup.ask()
    assert raised.value.reason == "no model answered (down/m: connection)"
    assert [each[2] for each in setup.outcomes] == ["", "retry 1"]
    assert setup.purse.reserved == 0


def test_a_slow_endpoint_is_left_in_time_for_the_next() -> None:
    with (
        endpoint(says(GOOD, after_s=3)) as slow,
        endpoint(says(GOOD)) as there,
        gateway("slow/m", "a/m", slow=slow.url, a=there.url) as setup,
    ):
        started = time.monotonic()
        reply = setup.ask(asked=asking(1.0))
        assert time.monotonic() - started < 0.95
    assert reply.provider == "a"
    assert setup.outcomes[0] == ("m", "failed", "", "timeout")
    assert setup.ledger.rows[0].tokens.estimated
    assert setup.ledger.rows[0].tokens.input > 0


@pytest.mark.parametrize("act", [says(GOOD, after_s=3), drips(3), streams(*"abcdefghij", pause_s=0.2)])
def test_the_deadline_holds_whatever_the_endpoint_does(act: object) -> None:
    with endpoint(act) as there, gateway("a/m", a=there.url) as setup:
        started = time.monotonic()
        with pytest.raises(OutOfTime):
            setup.ask(asked=asking(0.5))
        assert 0.4 < time.monotonic() - started < 0.8


def test_the_tasks_own_deadline_holds_too() -> None:
    task = TaskConfig(deadline_s=0.3, retries=3)
    with endpoint(says(GOOD, after_s=3)) as there, gateway("a/m", task=task, a=there.url) as setup:
        started = time.monotonic()
        with pytest.raises(OutOfTime):
            setup.ask()
        assert time.monotonic() - started < 0.6
    assert len(there.received) == 1


def test_nothing_is_asked_without_time() -> None:
    with endpoint(says(GOOD)) as there, gateway("a/m", a=there.url) as setup, pytest.raises(OutOfTime):
        setup.ask(asked=asking(0.01))
    assert not there.received
    assert not setup.ledger.rows


def test_a_key_that_expired_is_never_printed(caplog: pytest.LogCaptureFixture) -> None:
    refused = refuses(401, f"Incorrect API key provided: {KEY}", code="invalid_api_key")
    with (
        caplog.at_level(logging.DEBUG),
        endpoint(refused) as there,
        gateway("a/m", a=there.url) as setup,
        pytest.raises(Unavailable) as raised,
    ):
        setup.ask()
    assert there.received[0].headers["Authorization"] == f"Bearer {KEY}"
    assert "not_authenticated" in raised.value.reason
    error: BaseException | None = raised.value
    while error is not None:
        assert KEY not in repr(error) + str(error) + repr(getattr(error, "__dict__", ""))
        error = error.__cause__ or error.__context__
    assert "a/m: not_authenticated" in caplog.text
    assert KEY not in caplog.text
    assert "How many orders" not in caplog.text
    assert KEY not in repr(setup.gateway._providers) + repr(setup.ledger.rows) + repr(setup.gateway._config)


@pytest.mark.parametrize(
    "refused", [refuses(404, "The model `m` does not exist"), refuses(400, "Invalid model name passed in model=m")]
)
def test_a_wrong_model_name_is_not_tried_again(refused: object) -> None:
    with (
        endpoint(refused) as there,
        gateway("a/m", task=TaskConfig(retries=3), a=there.url) as setup,
        pytest.raises(Unavailable, match="unknown_model"),
    ):
        setup.ask()
    assert len(there.received) == 1
    assert setup.outcomes == [("m", "refused", "", "unknown_model")]


def test_retry_after_is_honoured() -> None:
    task = TaskConfig(retries=1)
    with (
        endpoint(refuses(429, retry_after="0.4"), says(GOOD)) as there,
        gateway("a/m", task=task, a=there.url) as setup,
    ):
        started = time.monotonic()
        setup.ask()
        assert 0.4 <= time.monotonic() - started < 1.5
    assert setup.outcomes == [("m", "refused", "", "rate_limited"), ("m", "ok", "retry 1", None)]


def test_a_retry_after_beyond_the_deadline_is_moved_on_from_at_once() -> None:
    task = TaskConfig(retries=3)
    with (
        endpoint(refuses(429, retry_after="60")) as busy,
        endpoint(says(GOOD)) as there,
        gateway("busy/m", "a/m", task=task, busy=busy.url, a=there.url) as setup,
    ):
        started = time.monotonic()
        assert setup.ask().provider == "a"
        assert time.monotonic() - started < 0.5
    assert len(busy.received) == 1


def test_a_server_error_is_tried_again() -> None:
    task = TaskConfig(retries=2)
    with endpoint(refuses(500), refuses(503), says(GOOD)) as there, gateway("a/m", task=task, a=there.url) as setup:
        assert setup.ask().output == {"route": "tables"}
    assert [each[2] for each in setup.outcomes] == ["", "retry 1", "retry 2"]
    assert (setup.purse.spent, setup.purse.reserved) == (10, 0)


@pytest.mark.parametrize(
    "odd",
    [
        sends(b"<html>Bad gateway</html>", kind="text/html"),
        sends(b'{"choices": [', kind="application/json"),
        sends({"choices": []}),
        sends({"choices": [{"message": {"content": {"a": 1}}}]}),
        sends(b'{"choices": [{"message": {"content": "\xff"}}]}'),
        sends(b" " * 9_000_000),
        sends(b"\x1f\x8b", Content_Encoding="gzip"),
    ],
)
def test_an_answer_that_is_not_the_protocols_is_fallen_back_from(odd: object) -> None:
    with endpoint(odd, says(GOOD)) as there, gateway("a/m", "a/n", a=there.url) as setup:
        assert setup.ask().model == "n"
    assert setup.outcomes[0] == ("m", "failed", "", "malformed")


def test_redirects_are_not_followed() -> None:
    with endpoint(says(GOOD)) as elsewhere:
        moved = sends(b"", status=307, Location=f"{elsewhere.url}/chat/completions")
        with endpoint(moved) as there, gateway("a/m", a=there.url) as setup, pytest.raises(Unavailable):
            setup.ask()
    assert not elsewhere.received


def test_usage_that_is_missing_is_estimated_and_marked() -> None:
    with endpoint(says(GOOD, usage=None)) as there, gateway("a/m", a=there.url) as setup:
        setup.ask()
    tokens = setup.ledger.rows[0].tokens
    assert tokens.estimated
    assert tokens.output == -(-len(GOOD) // 3)


def test_a_second_equal_call_costs_nothing() -> None:
    with endpoint(says(GOOD)) as there, gateway("a/m", a=there.url) as setup:
        first, second = setup.ask(), setup.ask()
    assert first.output == second.output
    assert len(there.received) == 1
    row = setup.ledger.rows[1]
    assert (row.outcome, row.cost_usd, row.saved_usd, second.attempts) == ("cached", 0, 10, (row,))


@pytest.mark.parametrize(
    "other",
    [
        {"audience": "visitors"},
        {"manifest": "00000002"},
        {"sources": ("other",)},
        {"seed": 2},
        {"outgoing": routing("How many customers?")},
        {"outgoing": routing(max_tokens=5)},
    ],
)
def test_calls_that_differ_share_nothing(other: dict[str, object]) -> None:
    how = {name: other[name] for name in ("seed", "outgoing") if name in other}
    about = {name: value for name, value in other.items() if name not in how}
    with endpoint(says(GOOD)) as there, gateway("a/m", a=there.url) as setup:
        setup.ask()
        setup.ask(asked=asking(**about), **how)
    assert len(there.received) == 2


def test_a_cached_completion_that_does_not_fit_is_not_used() -> None:
    with endpoint(says(GOOD)) as there, gateway("a/m", a=there.url) as setup:
        setup.ask()
        ((key, kept),) = setup.cache.found.items()
        setup.cache.found[key] = type(kept)(text="{}", model="m", tokens=kept.tokens)
        assert setup.ask().output == {"route": "tables"}
    assert len(there.received) == 2


def test_the_reply_of_a_stronger_model_is_found_in_the_cache() -> None:
    with endpoint(says("no"), says("no"), says(GOOD)) as there, gateway("a/m", "a/n", a=there.url) as setup:
        assert setup.ask().model == setup.ask().model == "n"
    assert len(there.received) == 3


def together(setup: object, number: int, **how: object) -> list[object]:
    """Outcomes of calls made at the same time."""
    found: list[object] = [None] * number
    start = threading.Barrier(number)

    def ask(place: int) -> None:
        start.wait()
        try:
            found[place] = setup.ask(asked=asking(how.get("seconds", 10.0), answer_id=f"a{place}"))
        except Exception as error:
            found[place] = error

    threads = [threading.Thread(target=ask, args=(place,)) for place in range(number)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found


def test_equal_calls_at_the_same_time_are_made_once() -> None:
    with endpoint(says(GOOD, after_s=0.3)) as there, gateway("a/m", a=there.url) as setup:
        replies = together(setup, 20)
    assert len(there.received) == 1
    assert {json.dumps(reply.output) for reply in replies} == {GOOD}
    assert sorted(row.outcome for row in setup.ledger.rows) == ["cached"] * 19 + ["ok"]
    assert {row.answer_id for row in setup.ledger.rows} == {f"a{place}" for place in range(20)}
    assert setup.purse.spent == 10


def test_a_follower_takes_the_place_of_a_leader_that_fails() -> None:
    with endpoint(refuses(500), says(GOOD)) as there, gateway("a/m", a=there.url) as setup:
        found = together(setup, 8)
    assert sum(isinstance(each, Unavailable) for each in found) == 1
    assert len(there.received) == 2


def test_a_follower_does_not_wait_beyond_its_own_deadline() -> None:
    with endpoint(says(GOOD, after_s=1.0)) as there, gateway("a/m", a=there.url) as setup:
        leader = threading.Thread(target=setup.ask)
        leader.start()
        while not there.received:
            time.sleep(0.01)
        started = time.monotonic()
        with pytest.raises(OutOfTime):
            setup.ask(asked=asking(0.2))
        assert time.monotonic() - started < 0.5
        gone = threading.Event()
        threading.Timer(0.1, gone.set).start()
        with pytest.raises(Cancelled):
            setup.ask(stopped=gone.is_set)
        leader.join()


def test_a_budget_that_is_spent_stops_the_call_before_it_is_made() -> None:
    with endpoint(says(GOOD)) as there, gateway("a/m", "a/n", a=there.url) as setup:
        setup.purse.left = Decimal(999)
        with pytest.raises(BudgetSpent) as raised:
            setup.ask()
    assert raised.value.resets_at == 1.0
    assert not there.received
    assert not setup.ledger.rows


def test_a_model_over_the_budget_gives_way_to_one_within_it() -> None:
    with endpoint(says(GOOD)) as there, gateway("a/dear", "a/cheap", a=there.url) as setup:
        setup.rates.worst_case = lambda _p, model, _o: Decimal(1000 if model == "dear" else 1)
        setup.purse.left = Decimal(100)
        assert setup.ask().model == "cheap"


def test_no_call_is_made_when_nothing_can_be_reserved(caplog: pytest.LogCaptureFixture) -> None:
    with endpoint(says(GOOD)) as there, gateway("a/m", a=there.url) as setup:
        setup.purse.broken = True
        with pytest.raises(BudgetSpent, match="does not work"):
            setup.ask()
    assert not there.received
    assert "nothing could be reserved" in caplog.text


def test_a_ledger_that_cannot_be_written_keeps_the_reservation_and_the_reply(caplog: pytest.LogCaptureFixture) -> None:
    with endpoint(says(GOOD)) as there, gateway("a/m", a=there.url) as setup:
        setup.ledger.broken = True
        assert setup.ask().output == {"route": "tables"}
    assert (setup.purse.spent, setup.purse.reserved) == (0, 1000)
    assert "an attempt at a/m could not be written to the ledger" in caplog.text


def test_the_whole_amount_stays_where_no_price_is_known() -> None:
    with endpoint(says(GOOD)) as there, gateway("a/m", a=there.url) as setup:
        setup.rates.cost = lambda *_: None
        setup.ask()
    assert setup.ledger.rows[0].cost_usd is None
    assert setup.purse.spent == 1000


def test_nothing_is_asked_for_somebody_who_has_gone() -> None:
    with endpoint(says(GOOD)) as there, gateway("a/m", a=there.url) as setup, pytest.raises(Cancelled):
        setup.ask(stopped=lambda: True)
    assert not there.received


def test_a_call_under_way_ends_when_they_go() -> None:
    gone = threading.Event()
    with endpoint(says(GOOD, after_s=2)) as there, gateway("a/m", a=there.url) as setup:
        threading.Timer(0.2, gone.set).start()
        started = time.monotonic()
        with pytest.raises(Cancelled):
            setup.ask(stopped=gone.is_set)
        assert time.monotonic() - started < 0.6
        assert setup.outcomes == [("m", "cancelled", "", "cancelled")]
        assert setup.ledger.rows[0].tokens.estimated
        there.does(says(GOOD))
        assert setup.ask().output == {"route": "tables"}
    assert setup.purse.reserved == 0


def test_a_wait_ends_when_they_go() -> None:
    gone = threading.Event()
    task = TaskConfig(retries=1)
    with endpoint(refuses(429, retry_after="5")) as there, gateway("a/m", task=task, a=there.url) as setup:
        threading.Timer(0.2, gone.set).start()
        started = time.monotonic()
        with pytest.raises(Cancelled):
            setup.ask(stopped=gone.is_set)
        assert time.monotonic() - started < 1
    assert len(there.received) == 1


def test_the_breaker_opens_and_probes_once_after_a_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.llm.breaker.FIRST_REST_S", 0.3)
    with endpoint(refuses(500)) as there, gateway("a/m", a=there.url) as setup:
        for _ in range(8):
            with pytest.raises(Unavailable):
                setup.ask()
        assert len(there.received) == 5
        time.sleep(0.35)
        there.does(says(GOOD, after_s=0.2))
        found = together(setup, 2)
        assert len(there.received) == 6
        assert any(not isinstance(each, Exception) for each in found)
        setup.ask(routing("another"))
    assert len(there.received) == 7


def test_a_key_that_is_refused_opens_the_breaker_at_once() -> None:
    with endpoint(refuses(401)) as there, gateway("a/m", a=there.url) as setup:
        for _ in range(3):
            with pytest.raises(Unavailable):
                setup.ask()
    assert len(there.received) == 1


@pytest.mark.parametrize(
    ("refused", "code"),
    [
        (
            refuses(400, "This model's maximum context length is 4096 tokens", code="context_length_exceeded"),
            "context_too_long",
        ),
        (refuses(400, "filtered", code="content_filter"), "content_filter"),
        (refuses(413), "context_too_long"),
    ],
)
def test_a_request_at_fault_does_not_open_the_breaker(refused: object, code: str) -> None:
    with endpoint(refused) as there, gateway("a/m", a=there.url) as setup:
        for _ in range(7):
            with pytest.raises(Unavailable, match=code):
                setup.ask()
    assert len(there.received) == 7
