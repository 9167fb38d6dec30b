"""Streams through the gateway: pieces as they come, faults before and after the first, and whoever goes in the middle."""

import threading
import time

import pytest

from app.llm.config import TaskConfig
from app.llm.errors import Cancelled, OutOfTime, Unavailable, Unusable
from app.llm.values import Reply
from tests.llm.endpoint import endpoint, refuses, says, streams
from tests.llm.gateways import GOOD, asking, gateway, routing, writing


def collected(stream):
    """Pieces and the reply."""
    *pieces, reply = list(stream)
    assert isinstance(reply, Reply)
    return pieces, reply


def test_pieces_come_as_they_are_said_then_the_reply():
    with endpoint(streams("One ", "two ", "three.", pause_s=0.1)) as there, gateway("a/m", a=there.url) as setup:
        moments, found = [], []
        for piece in setup.stream():
            moments.append(time.monotonic())
            found.append(piece)
    assert found[:3] == ["One ", "two ", "three."]
    assert found[3].output == {"text": "One two three."}
    assert moments[2] - moments[0] > 0.15
    (row,) = setup.ledger.rows
    assert (row.outcome, row.tokens.input, row.tokens.output, row.tokens.estimated) == ("ok", 7, 3, False)
    assert 0.05 < row.first_token_s < row.duration_s
    assert setup.purse.spent == 10


def test_usage_is_asked_for_and_done_without_where_it_is_refused():
    refused = refuses(400, "Unrecognized request argument supplied: stream_options")
    with endpoint(refused, streams("Hi.")) as there, gateway("a/m", a=there.url) as setup:
        collected(setup.stream())
        collected(setup.stream(writing("Another.")))
    assert [("stream_options" in body) for body in there.bodies()] == [True, False, False]
    assert all(row.tokens.estimated for row in setup.ledger.rows)


def test_a_cached_text_comes_as_one_piece():
    with endpoint(streams("One ", "two.")) as there, gateway("a/m", a=there.url) as setup:
        collected(setup.stream())
        pieces, reply = collected(setup.stream())
    assert (pieces, reply.output["text"], len(there.received)) == (["One two."], "One two.", 1)
    assert setup.ledger.rows[1].outcome == "cached"


def test_half_a_stream_is_counted_and_not_tried_again():
    task = TaskConfig(retries=3)
    with (
        endpoint(streams("Half a ", "sent", cut=True)) as there,
        gateway("a/m", "a/n", task=task, a=there.url) as setup,
    ):
        stream = setup.stream()
        assert [next(stream), next(stream)] == ["Half a ", "sent"]
        with pytest.raises(Unavailable, match="broke off"):
            next(stream)
    assert len(there.received) == 1
    (row,) = setup.ledger.rows
    assert (row.outcome, row.error, row.tokens.estimated, row.tokens.output) == ("cut", "cut", True, 4)
    assert setup.purse.reserved == 0
    assert setup.purse.spent == row.cost_usd > 0


def test_a_stream_that_fails_before_its_first_piece_is_tried_again_and_fallen_back_from():
    task = TaskConfig(retries=1)
    acts = [refuses(500), streams(cut=True), streams("Done.")]
    with endpoint(*acts) as there, gateway("a/m", "a/n", task=task, a=there.url) as setup:
        pieces, reply = collected(setup.stream())
    assert (pieces, reply.model) == (["Done."], "n")
    assert [each[1:] for each in setup.outcomes] == [
        ("failed", "", "server_error"),
        ("failed", "retry 1", "cut"),
        ("ok", "fallback", None),
    ]


def test_a_first_piece_that_does_not_come_leaves_time_for_the_next_model():
    with (
        endpoint(says("x", after_s=3)) as slow,
        endpoint(streams("Hi.")) as there,
        gateway("slow/m", "a/m", slow=slow.url, a=there.url) as setup,
    ):
        started = time.monotonic()
        call = setup.gateway.stream(writing(), asking(1.0), kept=[])
        _, reply = collected(call)
        assert time.monotonic() - started < 0.95
    assert reply.provider == "a"


def test_a_stream_that_flows_may_take_the_whole_deadline():
    pieces = [f"{n} " for n in range(8)]
    with endpoint(streams(*pieces, pause_s=0.1)) as there, gateway("a/m", "a/n", a=there.url) as setup:
        call = setup.gateway.stream(writing(), asking(1.3), kept=[])
        assert collected(call)[0] == pieces


def test_a_stream_that_goes_on_for_ever_ends_at_the_deadline():
    with endpoint(streams(*["more "] * 100, pause_s=0.05)) as there, gateway("a/m", a=there.url) as setup:
        started = time.monotonic()
        with pytest.raises((Unavailable, OutOfTime)):
            list(setup.gateway.stream(writing(), asking(0.5), kept=[]))
        assert time.monotonic() - started < 0.8
        assert there.gone.wait(2)
    assert setup.ledger.rows[0].outcome == "cut"
    assert setup.ledger.rows[0].error == "timeout"


def test_whoever_stops_listening_closes_the_connection():
    with endpoint(streams(*["more "] * 200, pause_s=0.02)) as there, gateway("a/m", a=there.url) as setup:
        stream = setup.stream()
        next(stream)
        stream.close()
        assert there.gone.wait(2)
    (row,) = setup.ledger.rows
    assert (row.outcome, row.tokens.estimated) == ("cancelled", True)
    assert setup.purse.reserved == 0


def test_whoever_has_gone_stops_the_stream():
    gone = []
    with endpoint(streams(*["more "] * 200, pause_s=0.02)) as there, gateway("a/m", a=there.url) as setup:
        stream = setup.stream(stopped=lambda: bool(gone))
        next(stream)
        gone.append(True)
        with pytest.raises(Cancelled):
            list(stream)
        assert there.gone.wait(2)
    assert setup.ledger.rows[0].outcome == "cancelled"


def test_whoever_has_gone_stops_the_wait_for_the_next_piece():
    gone = []
    with endpoint(streams(*["more "] * 5, pause_s=3)) as there, gateway("a/m", a=there.url) as setup:
        stream = setup.stream(stopped=lambda: bool(gone))
        threading.Timer(0.2, lambda: gone.append(True)).start()
        started = time.monotonic()
        with pytest.raises(Cancelled):
            list(stream)
        assert time.monotonic() - started < 0.6
    assert [each[1] for each in setup.outcomes] == ["cancelled"]


def test_streamed_output_is_validated_at_its_end():
    with endpoint(streams('{"route":', ' "tables"}')) as there, gateway("a/m", a=there.url) as setup:
        assert collected(setup.stream(routing()))[1].output == {"route": "tables"}


def test_streamed_output_that_does_not_fit_is_repaired_for_the_reply():
    with endpoint(streams('{"road": 1}'), says(GOOD)) as there, gateway("a/m", "a/n", a=there.url) as setup:
        pieces, reply = collected(setup.stream(routing()))
    assert (pieces, reply.output) == (['{"road": 1}'], {"route": "tables"})
    assert not there.bodies()[1]["stream"]
    assert [each[1:3] for each in setup.outcomes] == [("invalid", ""), ("ok", "repair")]


def test_an_answer_withheld_in_the_middle_is_not_spoken_on_by_another_model():
    with (
        endpoint(streams("I could ", finish="content_filter")) as there,
        gateway("a/m", "a/n", a=there.url) as setup,
        pytest.raises(Unavailable, match="content_filter"),
    ):
        list(setup.stream())
    assert setup.outcomes == [("m", "refused", "", "content_filter")]
    assert (setup.purse.spent, setup.purse.reserved) == (10, 0)


def test_an_answer_withheld_from_the_start_is_left_to_the_next_model():
    with (
        endpoint(streams(finish="content_filter"), streams("Hi.")) as there,
        gateway("a/m", "a/n", a=there.url) as setup,
    ):
        assert collected(setup.stream())[1].model == "n"


def test_after_pieces_no_other_model_speaks():
    with (
        endpoint(streams('{"road": 1}'), says("{}")) as there,
        gateway("a/m", "a/n", a=there.url) as setup,
        pytest.raises(Unusable),
    ):
        list(setup.stream(routing()))
    assert [body["model"] for body in there.bodies()] == ["m", "m"]
