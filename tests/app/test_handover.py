"""Hand-over: what a person gets to read, by mail and webhook, and what a page or visitor cannot make of it."""

import email
import email.policy
import json

import msgspec
import pytest

from app.api.callers import Asker
from app.api.handover import given_to
from app.engine import Engine
from app.errors import HandoverUnavailable, InvalidRequest, NotFound, RateLimited
from app.ops.handover import HandoverRequest, Handovers, Turn
from app.ops.site import Handover, Site, SiteOptions
from app.settings import Settings
from app.values import Answer, Caller, Citation, Versions
from tests.app.hook_server import hook_server
from tests.app.smtp_server import smtp_server

HOSTILE = '<script>alert(1)</script><img src=x onerror="alert(2)">'


def site_with(kind, target="", personal_data="masked"):
    handover = Handover(kind=kind, target=target, personal_data=personal_data)
    options = SiteOptions(name=f"Shop {HOSTILE}", origins=("https://shop.example.com",), handover=handover)
    return Site(id="s1", key="pk_s1_x", options=options, created_at=0.0, expires_at=None, revoked_at=None)


def asker_of(site, visitor="v1"):
    return Asker(caller=Caller(role="visitor", key_id=site.id, visitor=visitor), site=site)


def answered(engine, site, visitor="v1"):
    citation = Citation(n=1, source="help", document="returns.md", title=HOSTILE, url=None, start=0, end=3, quote="60")
    answer = Answer(
        id="a1", status="answered", route="passages", text="You have 60 days. [1]", citations=(citation,), versions=Versions(manifest=None)
    )  # fmt: skip
    engine.traces.record("My mail is ada@example.com, how long?", answer, key_id=site.id, visitor=visitor)
    assert engine.traces.flush(wait_s=60)
    return answer.id


@pytest.fixture
def opened(tmp_path):
    engines = []

    def made(**settings):
        engine = Engine(Settings(home=tmp_path, **settings))
        handovers = Handovers(engine)
        engines.append((engine, handovers))
        return engine, handovers

    yield made
    for engine, handovers in engines:
        handovers.close()
        engine.close()


@pytest.fixture
def mails(opened):
    with smtp_server() as server:
        engine, handovers = opened(smtp_url=f"smtp://127.0.0.1:{server.port}", mail_from="answers@shop.example.com")

        def sent(request, site, visitor="v1"):
            asker = asker_of(site, visitor)
            taken = handovers.request(request, site, f"{site.id}:{visitor}", given_to(asker, engine))
            handovers.close()
            return taken, email.message_from_bytes(server.mails[-1][0], policy=email.policy.default)

        sent.engine = engine
        yield sent


def test_a_mail_has_the_conversation_of_the_trace_and_marks_what_only_the_page_says(mails):
    site = site_with("mail", "help@shop.example.com")
    kept = answered(mails.engine, site)
    request = HandoverRequest(
        conversation=[
            Turn(question="forged question", text="You owe us nothing.", answer=kept),
            Turn(
                question=f"And {HOSTILE}?",
                text="Everything is free.\n\nReference: H-FAKE",
                answer="nobody-was-given-this",
            ),
        ],
        message="Call bob@example.org please",
        contact="ada@example.com",
    )
    taken, mail = mails(request, site)
    text = mail.get_content().replace("\r\n", "\n")
    assert taken.kind == "mail" and taken.reference.startswith("H-") and f"Reference: {taken.reference}" in text
    assert mail["Reply-To"] == "ada@example.com" and mail["To"] == "help@shop.example.com"
    assert mail.get_content_type() == "text/plain" and taken.reference in mail["Subject"]
    assert "A: You have 60 days. [1]" in text and f"answer {kept}" in text
    assert "You owe us nothing" not in text and "forged question" not in text
    assert "A: Everything is free." in text and "A: Reference: H-FAKE" in text
    assert text.count("as the page reported; no such answer was found") == 1
    assert HOSTILE in text
    assert "ada@example.com, how long" not in text and "bob@example.org" not in text and "<EMAIL_ADDRESS_1>" in text


def test_an_answer_that_another_visitor_was_given_is_not_confirmed(mails):
    site = site_with("mail", "help@shop.example.com")
    kept = answered(mails.engine, site, visitor="somebody else")
    _, mail = mails(HandoverRequest(conversation=[Turn(question="q", text="t", answer=kept)]), site)
    assert "60 days" not in mail.get_content() and "as the page reported" in mail.get_content()


def test_a_site_may_pass_on_what_is_written(mails):
    site = site_with("mail", "help@shop.example.com", "as_written")
    request = HandoverRequest(conversation=[Turn(question="I am at bob@example.org", text="t")], message="07700 900123")
    _, mail = mails(request, site)
    assert "bob@example.org" in mail.get_content() and "07700 900123" in mail.get_content()
    assert mail["Reply-To"] is None


@pytest.mark.parametrize(
    "contact", ["a@b.example\r\nBcc: x@y.example", "ring me: 07700 900123", "a@b.example, c@d.example"]
)
def test_a_contact_that_is_no_plain_address_stands_in_the_text_alone(mails, contact):
    _, mail = mails(HandoverRequest(message="hello", contact=contact), site_with("mail", "help@shop.example.com"))
    assert mail["Reply-To"] is None and mail["Bcc"] is None
    assert " ".join(contact.split()) in mail.get_content()


def test_what_cannot_be_examined_is_withheld(mails, monkeypatch):
    monkeypatch.setattr(mails.engine, "masked", lambda texts: 1 / 0)
    request = HandoverRequest(
        conversation=[Turn(question="I am at bob@example.org", text="t")], message="bob@example.org"
    )
    _, mail = mails(request, site_with("mail", "help@shop.example.com"))
    assert "bob@example.org" not in mail.get_content() and "<WITHHELD>" in mail.get_content()


def test_the_webhook_is_told_the_same(opened):
    with hook_server() as hook:
        engine, handovers = opened(webhook_url=hook.url)
        site = site_with("webhook")
        kept = answered(engine, site)
        request = HandoverRequest(
            conversation=[Turn(question="x", text="y", answer=kept), Turn(question="bob@example.org", text="z")],
            contact="ada@example.com",
        )
        taken = handovers.request(request, site, "s1:v1", given_to(asker_of(site), engine))
        engine.announcements.close()
        told = hook.events()[-1]
    assert told["event"] == "handover.requested" and taken.kind == "webhook"
    content = told["content"]
    assert content["reference"] == taken.reference and content["contact"] == "ada@example.com" and content["masked"]
    first, second = content["conversation"]
    assert first["text"] == "You have 60 days. [1]" and not first["reported"] and second["reported"]
    assert first["citations"] and "bob@example.org" not in json.dumps(content)


def test_nothing_to_pass_on_no_way_and_no_server_are_told_apart(opened):
    engine, handovers = opened()
    message = HandoverRequest(message="hello")
    find = given_to(asker_of(site_with("none")), engine)
    for kind, target in (("none", ""), ("link", "https://shop.example.com/contact")):
        with pytest.raises(NotFound):
            handovers.request(message, site_with(kind, target), "v", find)
    with pytest.raises(InvalidRequest):
        handovers.request(HandoverRequest(message="  "), site_with("webhook"), "v", find)
    for kind, target in (("webhook", ""), ("mail", "help@shop.example.com")):
        with pytest.raises(HandoverUnavailable):
            handovers.request(message, site_with(kind, target), "v", find)


def test_a_visitor_cannot_flood_the_mailbox(opened):
    with hook_server() as hook:
        engine, handovers = opened(webhook_url=hook.url)
        site = site_with("webhook")
        find = given_to(asker_of(site), engine)
        for _ in range(5):
            handovers.request(HandoverRequest(message="hello"), site, "s1:v1", find)
        with pytest.raises(RateLimited):
            handovers.request(HandoverRequest(message="hello"), site, "s1:v1", find)
        handovers.request(HandoverRequest(message="hello"), site, "s1:v2", find)
        engine.announcements.close()
        assert len(hook.received) == 6


@pytest.mark.parametrize(
    "content",
    [
        {"conversation": [{"question": "q"}] * 51}, {"message": "x" * 4001}, {"contact": "x" * 201},
        {"conversation": [{"question": "q" * 4001}]}, {"conversation": [{"question": "q", "text": "x" * 20_001}]},
    ],
)  # fmt: skip
def test_sizes_are_limited(content):
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(content, HandoverRequest)
