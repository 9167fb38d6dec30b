"""A host page and a stand-in of the service for the widget, with faults that a real server does not produce on demand.

Two origins on loopback: the page's, with any headers and body, and the service's, with the widget's HTTP contract over
canned answers. What was asked of the service lies in `host.seen`; `host.faults` names what goes wrong next.
"""

from __future__ import annotations

import copy
import json
import secrets
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

WIDGET = Path(__file__).resolve().parents[2] / "app" / "web" / "widget.js"
SITE = "pk_s1_example"
SVG = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 400 160" width="400" height="160">'
    '<rect x="20" y="60" width="100" height="80" fill="#5b78e5"/><rect x="150" y="30" width="100" height="110" '
    'fill="#5b78e5"/><rect x="280" y="90" width="100" height="50" fill="#5b78e5"/></svg>'
)
CONFIG = {
    "name": "shop",
    "title": "Fernweh help",
    "greeting": "Hello! Ask about orders, returns and gear care.",
    "examples": ["How long do I have to return something?", "Which countries order most?"],
    "handover": {"kind": "mail", "target": ""},
}
CITED = {
    "n": 1, "source": "help-centre", "document": "policies/returns & refunds.md", "title": "Returns", "url": None,
    "start": 120, "end": 171, "quote": "You have 30 days from delivery to return something.",
}  # fmt: skip
CITED_WEB = {
    "n": 2, "source": "web", "document": "shipping.html", "title": "Shipping costs", "url": "https://docs.example/ship",
    "start": 0, "end": 60, "quote": "Return labels are free within the EU, and cost - after that - five euros elsewhere.",
}  # fmt: skip


def answer(**fields: Any) -> dict[str, Any]:
    """A whole answer in the contract's shape."""
    return {
        "id": "a" + secrets.token_hex(6), "status": "answered", "route": "passages", "text": "", "citations": [],
        "table": None, "sql": None, "figures": [], "chart": None, "computed": None, "verified": None, "planner": None,
        "understood_as": None, "confidence": 0.9, "as_of": None, "clarify": None, "refusal": None, "timing_ms": {},
        "usage": {}, "versions": {"manifest": "1"},
    } | fields  # fmt: skip


ANSWERS: dict[str, dict[str, Any]] = {
    "How long do I have to return something?": answer(
        text="You have **30 days** from delivery to return something [1]. Labels are free within the EU [2].\n\n"
        "- Pack the item in its `original box`\n- Print the label\n- Hand it to any parcel shop",
        citations=[CITED, CITED_WEB],
    ),
    "Which countries order most?": answer(
        route="tables",
        text="Germany has the most orders: 12,401.",
        table={
            "columns": [{"name": "country", "type": "text"}, {"name": "orders", "type": "integer"}],
            "rows": [["Germany", 12401], ["France", 8110], ["Norway", 998]],
            "truncated": True,
        },
        chart={"mark": "bar"},
        computed={"text": "Number of orders by country", "source": "shop", "tables": ["orders"]},
    ),
    "How many are open?": answer(
        status="clarify",
        route="none",
        text="Do you mean orders or support tickets?",
        clarify={"question": "Do you mean orders or support tickets?", "options": ["open orders", "support tickets"]},
    ),
    "What is the weather?": answer(
        status="refused",
        route="none",
        text="I could not find this in the documents.",
        refusal={
            "code": "not_in_data",
            "reason": "I could not find this in the documents.",
            "nearest": [
                {
                    "source": "help-centre", "document": "care/rain.md", "title": "Rain gear", "url": None,
                    "heading": "Care > Rain", "start": 5, "end": 40,
                }
            ],
            "suggestions": ["How long do I have to return something?"],
        },
    ),
    "Take your time": answer(status="partial", text="This much is known."),
}  # fmt: skip


class Host:
    """Both servers; `pages[path]` is `(headers, html)` on the page's origin."""

    def __init__(self) -> None:
        self.fresh()
        handler = type("Bound", (Handler,), {"host": self})
        self.servers = [ThreadingHTTPServer(("127.0.0.1", 0), handler) for _ in range(2)]
        for server in self.servers:
            server.daemon_threads = True
            threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        self.page_origin, self.service = (f"http://127.0.0.1:{server.server_port}" for server in self.servers)

    def fresh(self) -> None:
        """Forget everything, for the next test."""
        self.answers = copy.deepcopy(ANSWERS)
        self.config: dict[str, Any] = copy.deepcopy(CONFIG)
        self.pages: dict[str, tuple[dict[str, str], str]] = {}
        self.seen: list[dict[str, Any]] = []
        self.faults: dict[str, Any] = {}
        self.streams: dict[str, str] = {}
        self.stopped: list[str] = []
        self.pause_s = 0.0

    def close(self) -> None:
        """Stop both servers."""
        for server in self.servers:
            server.shutdown()
            server.server_close()

    def tag(self, attributes: str = "") -> str:
        """The script tag."""
        return f'<script async src="{self.service}/widget.js" data-site="{SITE}" {attributes}></script>'

    def add(
        self, path: str, body: str, *, head: str = "", lang: str = "en", headers: dict[str, str] | None = None
    ) -> str:
        """Serve a page and return its URL."""
        icon = "" if headers else '<link rel="icon" href="data:,">'
        html = (
            f'<!doctype html><html {lang if "=" in lang else f"lang={lang}"}><head><meta charset="utf-8"><title>A shop</title>'
            f'<meta name="viewport" content="width=device-width">{icon}{head}</head>'
            f"<body>{body}</body></html>"
        )
        self.pages[path] = (headers or {}, html)
        return self.page_origin + path

    def asked(self, path: str) -> list[dict[str, Any]]:
        """The requests to a path of the service."""
        return [request for request in self.seen if request["path"].startswith(path) and request["method"] != "OPTIONS"]

    def fault(self, name: str) -> Any:
        """A fault that is due now, taken away if it counts down."""
        left = self.faults.get(name)
        if isinstance(left, int) and not isinstance(left, bool) and left > 0:
            self.faults[name] = left - 1
        return left


class Handler(BaseHTTPRequestHandler):
    """One request to either origin."""

    protocol_version = "HTTP/1.1"
    host: Host

    def log_message(self, *_: object) -> None:
        """Nothing on the test run's output."""

    def reply(self, status: int, content: bytes = b"", kind: str = "application/json", **headers: str) -> None:
        """A whole response."""
        self.send_response(status)
        self.cors()
        for name, value in ({"Content-Type": kind, "Content-Length": str(len(content))} | headers).items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(content)

    def cors(self) -> None:
        """What the service says of origins."""
        if self.path.startswith("/v1/"):
            self.send_header("Access-Control-Allow-Origin", self.headers.get("Origin", ""))
            self.send_header("Access-Control-Allow-Methods", "GET, POST, DELETE")
            self.send_header("Access-Control-Allow-Headers", "authorization, content-type, accept, last-event-id")
            self.send_header("Access-Control-Expose-Headers", "x-trace-id, retry-after")
        elif self.path.startswith("/widget.js"):
            self.send_header("Access-Control-Allow-Origin", "*")

    def failed(self, status: int, code: str, **headers: str) -> None:
        """A refusal in the one error shape."""
        error = {"code": code, "message": f"{code}.", "hint": "", "trace_id": "t1"}
        self.reply(status, json.dumps({"error": error}).encode(), **headers)

    def do_OPTIONS(self) -> None:
        """Preflights."""
        self.reply(204)

    def do_GET(self) -> None:
        """Pages, the widget, sources and charts."""
        self.note(None)
        path = self.path.partition("?")[0]
        if path == "/widget.js":
            self.reply(200, WIDGET.read_bytes(), "text/javascript")
        elif path.endswith("/chart.svg"):
            self.reply(200, SVG.encode(), "image/svg+xml") if self.allowed() else None
        elif path in self.host.pages:
            headers, html = self.host.pages[path]
            self.reply(200, html.encode(), "text/html; charset=utf-8", **headers)
        elif path.startswith(("/source/", "/ask")):
            self.reply(200, b"<!doctype html><title>Source</title><mark id=passage>the passage</mark>", "text/html")
        else:
            self.failed(404, "not_found")

    def do_DELETE(self) -> None:
        """Stops a stream."""
        self.note(None)
        self.host.stopped.append(self.path.rpartition("/")[2])
        self.reply(204)

    def do_POST(self) -> None:
        """The contract's other endpoints."""
        body = json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))) or b"null")
        self.note(body)
        if self.path == "/v1/widget/session":
            self.session(body)
        elif not self.allowed():
            return
        elif self.path == "/v1/ask":
            self.ask(body)
        elif self.path == "/v1/feedback":
            self.reply(201, json.dumps(body).encode())
        elif self.path == "/v1/widget/handover":
            self.reply(202, b'{"kind": "mail", "reference": "H-7K2M"}')

    def note(self, body: Any) -> None:
        """Keep what was asked."""
        kept = {
            "method": self.command,
            "path": self.path,
            "headers": {name.lower(): value for name, value in self.headers.items()},
            "body": body,
        }
        self.host.seen.append(kept)

    def session(self, body: dict[str, Any]) -> None:
        """A ticket."""
        if self.host.faults.get("session"):
            return self.failed(*self.host.faults["session"])
        if body["identity"] == "forged":
            return self.failed(401, "identity_not_valid")
        ticket = {"ticket": f"wt_{secrets.token_hex(8)}", "expires_in_s": self.host.faults.get("expires_in_s", 900)}
        more = {"site": self.host.config, "question_max_chars": 4000}
        return self.reply(200, json.dumps(ticket | more).encode())

    def allowed(self) -> bool:
        """Whether the ticket is taken."""
        if not self.headers.get("Authorization", "").startswith("Bearer wt_") or self.host.fault("expired"):
            self.failed(401, "ticket_expired")
            return False
        if self.host.fault("limited"):
            self.failed(429, "rate_limited", Retry_After="2")
            return False
        return True

    def ask(self, body: dict[str, Any]) -> None:
        """The stream of a canned answer, from where it was cut."""
        stream, _, number = self.headers.get("Last-Event-ID", "").partition(".")
        if stream not in self.host.streams:
            stream, number = secrets.token_hex(8), "0"
        self.host.streams[stream] = body["question"]
        self.send_response(200)
        self.cors()
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        found = self.host.answers.get(body["question"]) or answer(text=f"You asked about {body['question'][:60]}.")
        cut_after, silent_after = (self.host.faults.pop(name, None) for name in ("cut_after", "silent_after"))
        try:
            self.tell(stream, list(events(found))[int(number) :], int(number), cut_after, silent_after)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True

    def tell(
        self, stream: str, todo: list[tuple[str, Any]], number: int, cut_after: int | None, silent_after: int | None
    ) -> None:
        """Events in awkward pieces: comments, CRLF, breaks within a line."""
        for name, content in todo:
            number += 1
            text = f": heartbeat\r\n\r\nid: {stream}.{number}\r\nevent: {name}\r\ndata: {json.dumps(content)}\r\n\r\n"
            for at in range(0, len(text), 37):
                self.chunk(text[at : at + 37].encode())
            if number == silent_after:
                time.sleep(8)
            if number == cut_after:
                time.sleep(0.1)
                self.close_connection = True
                self.connection.shutdown(2)
                return
            time.sleep(self.host.pause_s)
        self.chunk(b"")

    def chunk(self, content: bytes) -> None:
        """One chunk of the body."""
        self.wfile.write(b"%x\r\n%s\r\n" % (len(content), content))


def events(found: dict[str, Any]) -> Any:
    """The events of an answer."""
    yield "status", {"stage": "accepted", "trace_id": "t1"}
    yield "status", {"stage": "searching", "trace_id": "t1"}
    yield "plan", {key: found[key] for key in ("id", "status", "route", "confidence")}
    if found["table"]:
        yield "rows", found["table"]
    for cited in found["citations"]:
        yield "citation", cited
    words = found["text"].split(" ") if isinstance(found["text"], str) else []
    for at in range(0, len(words), 4):
        yield "delta", {"text": " ".join(words[at : at + 4]) + (" " if at + 4 < len(words) else "")}
    if found["clarify"]:
        yield "clarify", found["clarify"]
    yield "done", found
