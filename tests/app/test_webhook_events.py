"""Events reach a real receiver: signed, retried, given up, without personal data; the documented check of a signature."""

import json
import logging
import re
import threading
import time
from pathlib import Path

import pytest

from app.engine import Engine
from app.errors import ConfigurationError
from app.llm.alerts import Alert, Alerts
from app.llm.config import LlmConfig
from app.llm.opening import open_models
from app.ops.announcing import Announcements
from app.ops.doctor import examine
from app.ops.events import tell_negative, tell_refusal, tell_source_failed
from app.ops.metrics import Metrics
from app.ops.scheduler import Scheduler
from app.ops.webhook import Webhook
from app.settings import Settings
from app.values import Answer, Nearest, Refusal, Versions
from ingest.stores.schedule import Attempt
from tests.app.hook_server import hook_server, until

ROOT = Path(__file__).resolve().parents[2]
QUESTION = "Why was ada@example.com refused by Grace Hopper?"


@pytest.fixture
def hook():
    with hook_server() as server:
        yield server


@pytest.fixture
def engine(tmp_path, hook):
    made = Engine(Settings(home=tmp_path, webhook_url=hook.url, webhook_secret="a secret"))
    yield made
    made.close()


def refused(identity="r1"):
    near = Nearest(source="help", document="returns.md", title="Returns", url=None)
    refusal = Refusal(code="not_in_data", reason="Nothing about ada@example.com was found.", nearest=(near,))
    return Answer(
        id=identity, status="refused", route="none", text="No.", refusal=refusal, versions=Versions(manifest=None)
    )


def test_a_refusal_is_told_masked_after_its_trace_is_kept(engine, hook):
    kept = []

    def told(trace):
        kept.append(engine.traces.find(trace.id, wait_s=0))
        tell_refusal(engine.announcements, trace)

    engine.traces.on_masked = told
    started = time.perf_counter()
    engine.traces.record(QUESTION, refused(), key_id="k1")
    assert time.perf_counter() - started < 1
    engine.traces.record(
        "fine?", Answer(id="ok", status="answered", route="none", text="Yes.", versions=Versions(manifest=None))
    )
    assert engine.traces.flush(wait_s=60)
    engine.announcements.close()
    (event,) = hook.events()
    assert event["event"] == "answer.refused" and event["version"] == 1 and kept[0].id == "r1"
    content = event["content"]
    assert (content["answer"], content["code"], content["key"]) == ("r1", "not_in_data", "k1")
    assert content["sources"] == ["help"] and "<EMAIL_ADDRESS_1>" in content["question"]
    assert "ada@example.com" not in json.dumps(event) and "Hopper" not in json.dumps(event)


def test_without_retention_refusals_are_told_and_nothing_is_kept(tmp_path, hook):
    engine = Engine(Settings(home=tmp_path, webhook_url=hook.url, trace_retention_days=0))
    engine.traces.on_masked = lambda trace: tell_refusal(engine.announcements, trace)
    engine.traces.record(QUESTION, refused())
    assert engine.traces.flush(wait_s=60)
    engine.close()
    assert [event["event"] for event in hook.events()] == ["answer.refused"]
    assert Engine(Settings(home=tmp_path)).traces.latest() == []


def test_a_thumb_down_is_told_with_its_comment_masked(engine, hook):
    engine.traces.record(QUESTION, refused())
    trace = engine.traces.find("r1", wait_s=60)
    given = engine.feedback.rate("r1", "k1", thumb="down", reasons=["wrong"], comment="Ask bob@example.org")
    tell_negative(engine.announcements, given, trace)
    engine.announcements.close()
    (event,) = hook.events()
    assert event["event"] == "feedback.negative" and event["content"]["reasons"] == ["wrong"]
    assert "example.org" not in json.dumps(event) and "ada@" not in json.dumps(event)


def test_only_what_is_asked_for_is_told(tmp_path, hook):
    announcements = Announcements(Settings(home=tmp_path, webhook_url=hook.url, webhook_events=("source.failed",)))
    announcements.tell("answer.refused", {})
    announcements.tell("source.failed", {"source": "a"})
    announcements.close()
    assert [event["event"] for event in hook.events()] == ["source.failed"]


def test_a_failed_sync_is_told_by_the_scheduler(sample_home, tmp_path, hook):
    from ingest.layout import Layout
    from ingest.stores.manifest import current

    (tmp_path / "store").symlink_to(sample_home / "store")
    engine = Engine(Settings(home=tmp_path, webhook_url=hook.url))
    entry = current(Layout(tmp_path)).sources[0]
    failing = (
        "python",
        "-c",
        'import sys; print(\'{"error": {"code": "unreachable", "message": "no ada@example.com"}}\'); sys.exit(3)',
    )
    scheduler = Scheduler(engine, Metrics(), failing)
    attempt = Layout(tmp_path).attempt(entry.name)
    try:
        scheduler._sync(entry)
    finally:
        attempt.unlink(missing_ok=True)
        engine.close()
    (event,) = hook.events()
    assert event["event"] == "source.failed" and event["content"]["source"] == entry.name
    assert event["content"]["code"] == "unreachable" and event["content"]["failures"] == 1
    assert "ada@example.com" not in json.dumps(event)


def test_a_message_that_cannot_be_examined_is_withheld(engine, hook):
    attempt = Attempt(started_at="2026-01-01T00:00:00+00:00", failures=2, code="x", message="secret")
    tell_source_failed(engine.announcements, "s", attempt, every_s=60, mask=lambda texts: 1 / 0)
    engine.announcements.close()
    assert hook.events()[0]["content"]["message"] == "<WITHHELD>"


def test_a_threshold_of_a_budget_is_told_beside_the_alerts_own_webhook(engine, hook):
    with hook_server() as own:
        models = open_models(engine.settings, engine, config=LlmConfig(webhook=own.url))
        alerts = models._closed_with[-1].__self__
        assert isinstance(alerts, Alerts)
        alerts.give(Alert(kind="budget_soft", message="Most of it is spent.", details={"scope": "all"}))
        alerts.give(Alert(kind="price_unknown", message="No price."))
        models.close()
        engine.announcements.close()
        assert [event["kind"] for event in own.events()] == ["budget_soft", "price_unknown"]
    (event,) = hook.events()
    assert event["event"] == "budget.threshold"
    assert event["content"] == {"kind": "budget_soft", "message": "Most of it is spent.", "details": {"scope": "all"}}


def test_an_event_is_tried_again_under_the_same_id_and_given_up_in_the_end(tmp_path, hook, caplog):
    hook.statuses = [500, 503, 500, 500, 500]
    webhook = Webhook(hook.url, "s", pauses_s=(0.01, 0.01))
    announcements = Announcements(Settings(home=tmp_path), webhook)
    with caplog.at_level(logging.ERROR):
        announcements.tell("source.failed", {"source": "first"})
        announcements.tell("source.failed", {"source": "second"})
        announcements.tell("source.failed", {"source": "third"})
        until(lambda: len(hook.received) >= 7)
        announcements.close()
    sources = [event["content"]["source"] for event in hook.events()]
    assert sources == ["first"] * 3 + ["second"] * 3 + ["third"]
    assert len({headers["X-Answerable-Delivery"] for headers, _ in hook.received}) == 3
    assert len({event["id"] for event in hook.events()}) == 3
    assert webhook.dropped == 1 and "first" not in caplog.text


def test_the_check_of_signatures_in_the_documentation_accepts_ours_and_no_other(engine, hook):
    engine.announcements.tell("source.failed", {"source": "ü"})
    engine.announcements.close()
    headers, body = hook.received[0]
    text = (ROOT / "docs" / "webhooks.md").read_text(encoding="utf-8")
    code = re.search(r"```python\n(.*?)```", text, re.DOTALL).group(1)
    names: dict = {}
    exec(code, names)
    header = headers["X-Answerable-Signature"]
    assert names["is_genuine"](body, header, "a secret")
    assert not names["is_genuine"](body + b" ", header, "a secret")
    assert not names["is_genuine"](body, header, "another")
    assert not names["is_genuine"](body, header.replace("t=1", "t=2"), "a secret")
    assert not names["is_genuine"](body, header, "a secret", now=time.time() + 3600)
    for broken in ("", "t=,v1=", "v1=abc", "t=x,v1=y", "nonsense"):
        assert not names["is_genuine"](body, broken, "a secret")


def test_telling_never_waits(tmp_path):
    announcements = Announcements(Settings(home=tmp_path, webhook_url="http://127.0.0.1:9/"))
    started = time.perf_counter()
    for _ in range(300):
        announcements.tell("answer.refused", {"question": "x" * 1000})
    assert time.perf_counter() - started < 1
    assert threading.active_count() < 50
    announcements._webhook.close(wait_s=0.1)


def test_the_doctor_looks_at_webhook_and_mail(tmp_path):
    def finding(name, **settings):
        return next(each for each in examine(Settings(home=tmp_path, **settings)) if each.check == name)

    assert finding("webhook").level == "ok"
    assert finding("webhook", webhook_url="http://hooks.example.com/x").level == "warning"
    assert finding("webhook", webhook_url="https://hooks.example.com/token", webhook_secret="s").level == "ok"
    assert "token" not in finding("webhook", webhook_url="https://hooks.example.com/token").message
    assert finding("webhook", webhook_url="https://hooks.example.com/token").level == "warning"
    assert finding("webhook", webhook_url="hooks.example.com").level == "failure"
    assert finding("mail").level == "ok"
    assert finding("mail", smtp_url="mail.example.com").level == "failure"


def test_a_wrong_url_stops_the_start(tmp_path):
    from app.asgi import create_app

    with pytest.raises(ConfigurationError, match="webhook"):
        create_app(Settings(home=tmp_path, webhook_url="hooks.example.com"))
    with pytest.raises(ConfigurationError, match="SMTP"):
        create_app(Settings(home=tmp_path, smtp_url="mail.example.com"))


def test_a_delivery_that_cannot_be_made_keeps_nothing_back(hook, caplog):
    webhook = Webhook(hook.url.replace("127.0.0.1", "." + "a" * 64), pauses_s=())  # no such name can be looked up
    with caplog.at_level(logging.ERROR):
        webhook.send({"kind": "first"})
        webhook.send({"kind": "second"})
        webhook.close()
    assert webhook.dropped == 2 and "UnicodeError" in caplog.text
