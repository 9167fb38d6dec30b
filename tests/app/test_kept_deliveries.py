"""Deliveries outlive the process that took them, and a receiver that is down for long; none is made twice or for ever."""

import email
import email.policy
import threading

import pytest
import sqlalchemy as sa

from app.ops import kept_deliveries, outbox
from app.ops.announcing import Announcements
from app.ops.kept_deliveries import HELD_S, KEPT_S, KeptDeliveries
from app.ops.mail import Letter, Mailer, MailServer
from app.ops.state import DELIVERIES, held_state
from app.ops.webhook import Webhook
from app.settings import Settings
from tests.app.hook_server import hook_server, until
from tests.app.smtp_server import smtp_server

LETTER = Letter(reference="H-TEST", to="help@shop.example.com", subject="A visitor asks", text="Please call me back.")


@pytest.fixture
def state(tmp_path):
    return tmp_path / "state.db"


class Clock:
    now = 1_000_000.0

    def __call__(self):
        return self.now


def mailer_of(server, state, **options):
    to = MailServer(
        scheme="smtp", host="127.0.0.1", port=server.port, user="", password="", sender="a@shop.example.com"
    )
    return Mailer(to, kept=KeptDeliveries(state, "mail"), **options)


def kept_in(state):
    with held_state(state).connect() as connection:
        return connection.scalar(sa.select(sa.func.count()).select_from(DELIVERIES))


def message_ids(server):
    return [email.message_from_bytes(raw, policy=email.policy.default)["Message-ID"] for raw, _ in server.mails]


def test_what_is_sent_is_kept_no_longer(state):
    with smtp_server() as server:
        mailer = mailer_of(server, state)
        assert mailer.send(LETTER)
        until(lambda: mailer.sent == 1 and kept_in(state) == 0)
        mailer.close()
    assert len(server.mails) == 1
    assert b"call me back" not in state.read_bytes(), "deleted for good"


def test_what_could_not_be_sent_before_the_end_is_sent_by_the_next_process(state):
    with smtp_server() as server:
        server.greeting = "421 busy"
        first = mailer_of(server, state)
        first.send(LETTER)
        first.send(LETTER)
        first.close()
        assert server.mails == [] and first.dropped == 0 and kept_in(state) == 2
        server.greeting = None
        second = mailer_of(server, state)
        second.resume()
        until(lambda: second.sent == 2 and kept_in(state) == 0)
        second.close()
        assert len(set(message_ids(server))) == len(server.mails) == 2


def test_a_server_that_is_down_for_long_gets_it_when_it_is_back(state, monkeypatch):
    monkeypatch.setattr(outbox, "PAUSE_S", 0.2)
    monkeypatch.setattr(outbox, "LOOK_S", 0.1)
    with smtp_server() as server:
        server.greeting = "421 busy"
        mailer = mailer_of(server, state, pauses_s=(0.01,))
        mailer.send(LETTER)
        until(lambda: server.connections >= 5)
        assert mailer.dropped == 0
        server.greeting = None
        until(lambda: mailer.sent == 1)
        mailer.close()
        assert len(server.mails) == 1 and kept_in(state) == 0


def test_a_refusal_for_good_and_a_day_without_success_end_it(state, monkeypatch, caplog):
    monkeypatch.setattr(outbox, "PAUSE_S", 0.0)
    clock = Clock()
    with smtp_server() as server:
        server.recipients = ["550 no such user"]
        mailer = mailer_of(server, state, pauses_s=(0.01,))
        mailer.send(LETTER)
        until(lambda: mailer.dropped == 1)
        mailer.close()
        assert kept_in(state) == 0
        server.greeting = "421 busy"
        monkeypatch.setattr(kept_deliveries.time, "time", clock)
        late = KeptDeliveries(state, "mail", clock=clock)
        late.keep("d1", mailer._packed(LETTER))
        clock.now += KEPT_S + 1
        mailer = mailer_of(server, state, pauses_s=(0.01,))
        mailer._kept = late
        mailer.resume()
        until(lambda: mailer.dropped == 1 and kept_in(state) == 0)
        mailer.close()
    assert "H-TEST was not sent" in caplog.text and "call me back" not in caplog.text


def test_one_is_taken_by_one_and_again_when_its_holder_is_gone(state):
    clock = Clock()
    one, other = (KeptDeliveries(state, "mail", clock=clock) for _ in range(2))
    assert one.keep("a", b"1") and one.keep("b", b"2")
    assert KeptDeliveries(state, "webhook", clock=clock).take() is None
    assert [one.take(), other.take(), one.take()] == [("a", b"1"), ("b", b"2"), None]
    clock.now += HELD_S
    assert other.take() == ("a", b"1")
    assert other.leave("a", pause_s=5.0)
    other.forget("b")
    assert one.take() is None
    clock.now += 5.0
    assert one.take() == ("a", b"1")


def test_processes_share_the_work(state):
    KeptDeliveries(state, "mail").purge()
    taken, lock = [], threading.Lock()

    def take_all(own):
        while (found := own.take()) is not None:
            with lock:
                taken.append(found[0])

    first = KeptDeliveries(state, "mail")
    for number in range(60):
        first.keep(f"d{number}", b"x")
    threads = [threading.Thread(target=take_all, args=(KeptDeliveries(state, "mail"),)) for _ in range(4)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert sorted(taken) == sorted(f"d{number}" for number in range(60))


def test_there_is_a_limit_and_old_ones_of_a_kind_that_nobody_sends_go(state, monkeypatch):
    monkeypatch.setattr(kept_deliveries, "MOST_KEPT", 3)
    clock = Clock()
    KeptDeliveries(state, "mail").purge()
    assert not state.exists(), "a service that was never asked leaves nothing behind"
    kept = KeptDeliveries(state, "mail", clock=clock)
    assert [kept.keep(f"d{n}", b"x") for n in range(4)] == [True, True, True, False]
    clock.now += 2 * KEPT_S + 1
    KeptDeliveries(state, "webhook", clock=clock).purge()
    assert kept_in(state) == 0
    with smtp_server() as server:
        server.greeting = "421 busy"
        mailer = mailer_of(server, state, pauses_s=(30.0,))
        assert [mailer.send(LETTER) for _ in range(4)] == [True, True, True, False] and mailer.dropped == 1
        mailer.close(wait_s=0.1)


def test_what_cannot_be_read_or_kept_holds_nothing_up(state, caplog):
    KeptDeliveries(state, "mail").keep("broken", b"{")
    with smtp_server() as server:
        mailer = mailer_of(server, state)
        mailer.send(LETTER)
        until(lambda: mailer.sent == 1 and kept_in(state) == 0)
        held_state(state).dispose()
        with held_state(state).begin() as connection:
            connection.execute(sa.text("DROP TABLE deliveries"))
        mailer.send(LETTER)
        until(lambda: mailer.sent == 2)
        mailer.close()
        assert len(server.mails) == 2
    assert "cannot be read and is deleted" in caplog.text and "is not kept" in caplog.text


def test_an_event_has_one_delivery_id_across_processes(tmp_path):
    settings = Settings(home=tmp_path, webhook_events=("answer.refused",))
    with hook_server() as server:
        server.statuses = [503]
        first = Announcements(settings, Webhook(server.url, kept=KeptDeliveries(settings.state_path, "webhook")))
        first.tell("answer.refused", {"answer": "a1"})
        until(lambda: len(server.received) == 1)
        first.close()
        second = Announcements(settings, Webhook(server.url, kept=KeptDeliveries(settings.state_path, "webhook")))
        second.resume()
        until(lambda: len(server.received) == 2)
        second.close()
        assert len({headers["X-Answerable-Delivery"] for headers, _ in server.received}) == 1
