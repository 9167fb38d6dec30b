"""Alerts: always in the log, signed to the webhook, never in the way of an answer."""

import http.server
import json
import logging
import threading
import time

import pytest

from app.errors import ConfigurationError
from app.llm.alerts import Alert, Alerts, open_alerts
from app.llm.config import LlmConfig
from app.ops.outbox import QUEUED
from app.ops.webhook import Webhook, open_webhook, signature

ALERT = Alert(kind="budget_soft", message="Most of it is spent.", details={"scope": "all"})


@pytest.fixture
def hook():
    """A server that answers each POST with the next of `hook.statuses`, then 204; what came is in `hook.received`."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            server.received.append((self.path, dict(self.headers), body))
            server.arrived.release()
            status = server.statuses.pop(0) if server.statuses else 204
            server.go_on.wait(10)
            if status == "hang up":
                self.close_connection = True
                return
            self.send_response(status)
            self.send_header("Location", f"http://127.0.0.1:{server.server_port}/elsewhere")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.received, server.statuses = [], []
    server.arrived, server.go_on = threading.Semaphore(0), threading.Event()
    server.go_on.set()
    server.url = f"http://127.0.0.1:{server.server_port}/hook?a=1"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.go_on.set()
    server.shutdown()
    thread.join()
    server.server_close()


def arrived(hook, times):
    for _ in range(times):
        assert hook.arrived.acquire(timeout=10)


def test_an_alert_arrives_signed(hook):
    alerts = Alerts(Webhook(hook.url, "a secret"))
    alerts.give(ALERT)
    alerts.close()
    path, headers, body = hook.received[0]
    assert path == "/hook?a=1"
    told = json.loads(body)
    assert abs(told.pop("at") - time.time()) < 60
    assert told == {"kind": "budget_soft", "message": "Most of it is spent.", "details": {"scope": "all"}}
    at = int(headers["X-Answerable-Signature"].partition(",")[0].removeprefix("t="))
    assert headers["X-Answerable-Signature"] == signature(body, b"a secret", at)
    assert headers["X-Answerable-Signature"] != signature(body, b"another", at)
    assert "secret" not in str(headers) + body.decode()


def test_without_a_secret_nothing_is_signed(hook):
    alerts = Alerts(Webhook(hook.url))
    alerts.give(ALERT)
    alerts.close()
    assert "X-Answerable-Signature" not in hook.received[0][1]


@pytest.mark.parametrize("failures", [[503], [429, 500], ["hang up", 502]])
def test_a_failed_delivery_is_tried_again_under_the_same_id(hook, failures):
    hook.statuses = list(failures)
    webhook = Webhook(hook.url, pauses_s=(0.01, 0.01, 0.01))
    webhook.send({"kind": "x"})
    arrived(hook, len(failures) + 1)
    webhook.close()
    assert len(hook.received) == len(failures) + 1
    assert len({headers["X-Answerable-Delivery"] for _, headers, _ in hook.received}) == 1
    assert webhook.dropped == 0


@pytest.mark.parametrize("status", [400, 401, 404, 301, 302, 307])
def test_what_will_not_get_better_is_tried_once_and_redirects_are_not_followed(hook, status):
    hook.statuses = [status, status]
    webhook = Webhook(hook.url, pauses_s=(0.01, 0.01))
    webhook.send({"kind": "x"})
    webhook.close()
    assert [path for path, _, _ in hook.received] == ["/hook?a=1"]
    assert webhook.dropped == 1


def test_after_the_last_try_a_delivery_is_given_up_and_the_next_goes_on(hook):
    hook.statuses = [500] * 3
    webhook = Webhook(hook.url, pauses_s=(0.01, 0.01))
    webhook.send({"kind": "lost"})
    webhook.send({"kind": "kept"})
    arrived(hook, 4)
    webhook.close()
    assert webhook.dropped == 1
    assert json.loads(hook.received[-1][2]) == {"kind": "kept"}


def test_giving_waits_for_nothing_and_the_queue_is_bounded(hook):
    hook.go_on.clear()
    webhook = Webhook(hook.url)
    alerts = Alerts(webhook)
    started = time.perf_counter()
    alerts.give(ALERT)
    arrived(hook, 1)
    for _ in range(QUEUED + 7):
        alerts.give(ALERT)
    assert time.perf_counter() - started < 2
    assert webhook.dropped == 7
    hook.go_on.set()
    alerts.close()
    assert len(hook.received) == QUEUED + 1


def test_a_hook_that_answers_nothing_costs_a_time_out(hook):
    hook.go_on.clear()
    webhook = Webhook(hook.url, pauses_s=(), timeout_s=0.05)
    webhook.send({"kind": "x"})
    webhook.close()
    assert webhook.dropped == 1


def test_closing_does_not_wait_out_the_pauses(hook):
    hook.statuses = [500, 500]
    webhook = Webhook(hook.url, pauses_s=(30.0,))
    webhook.send({"kind": "x"})
    arrived(hook, 1)
    started = time.perf_counter()
    webhook.close()
    assert time.perf_counter() - started < 5


def test_an_alert_is_a_line_of_the_log_and_given_once_under_a_key(caplog):
    alerts = open_alerts(LlmConfig())
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            alerts.once("a", ALERT)
        alerts.once("b", ALERT)
        alerts.forget("a")
        alerts.once("a", ALERT)
    assert [record.getMessage() for record in caplog.records] == [
        "alert budget_soft: Most of it is spent. {'scope': 'all'}"
    ] * 3
    alerts.close()


def test_the_configuration_names_url_and_secret(hook):
    alerts = open_alerts(LlmConfig(webhook=hook.url, webhook_secret="of the file"))
    alerts.give(ALERT)
    alerts.close()
    _, headers, body = hook.received[0]
    at = int(headers["X-Answerable-Signature"].partition(",")[0].removeprefix("t="))
    assert headers["X-Answerable-Signature"] == signature(body, b"of the file", at)


@pytest.mark.parametrize(
    "url", ["${NOT_EXPANDED}", "file:///etc/passwd", "ftp://h/x", "hook", "http://", "http://h:99999/", "http://h/a b", "http://h/\r\nX: y"]
)  # fmt: skip
def test_a_wrong_url_stops_the_start(url):
    with pytest.raises(ConfigurationError, match="webhook"):
        open_webhook(url)
