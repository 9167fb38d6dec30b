"""A small endpoint of models on loopback whose answers a test scripts, one by one."""

from __future__ import annotations

import json
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Handler = BaseHTTPRequestHandler
Act = Callable[[Handler, dict[str, Any]], None]


@dataclass
class Received:
    path: str
    headers: Mapping[str, str]
    body: dict[str, Any]


@dataclass
class Endpoint:
    """Acts are taken in order; the last one is repeated."""

    acts: list[Act] = field(default_factory=list)
    received: list[Received] = field(default_factory=list)
    gone: threading.Event = field(default_factory=threading.Event)
    """Set when a client closed its connection before the end."""
    port: int = 0
    scheme: str = "http"

    @property
    def url(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.port}/v1"

    def does(self, *acts: Act) -> None:
        self.acts[:] = acts

    def bodies(self) -> list[dict[str, Any]]:
        return [each.body for each in self.received]


def completion(text: str | None, *, usage: object = (7, 3), finish: str = "stop", **message: Any) -> dict[str, Any]:
    reported = {"prompt_tokens": usage[0], "completion_tokens": usage[1]} if isinstance(usage, tuple) else usage
    choice = {"index": 0, "message": {"role": "assistant", "content": text, **message}, "finish_reason": finish}
    return {"id": "c1", "object": "chat.completion", "model": "the-model-2026", "choices": [choice], "usage": reported}


def says(text: str | None, *, after_s: float = 0.0, **about: Any) -> Act:
    return sends(completion(text, **about), after_s=after_s)


def sends(
    content: object, *, status: int = 200, after_s: float = 0.0, kind: str = "application/json", **headers: str
) -> Act:
    """Answer with JSON, or with bytes as they are."""

    def act(handler: Handler, _body: dict[str, Any]) -> None:
        time.sleep(after_s)
        raw = content if isinstance(content, bytes) else json.dumps(content).encode()
        handler.send_response(status)
        handler.send_header("Content-Type", kind)
        handler.send_header("Content-Length", str(len(raw)))
        handler.send_header("x-request-id", "req-1")
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.end_headers()
        handler.wfile.write(raw)

    return act


def refuses(
    status: int, message: str = "no", *, code: str | None = None, param: str | None = None, **headers: str
) -> Act:
    return sends({"error": {"message": message, "code": code, "param": param, "type": "x"}}, status=status, **headers)


def streams(*pieces: str, usage: bool = True, pause_s: float = 0.0, cut: bool = False, finish: str = "stop") -> Act:
    """Answer with an event stream; `cut` breaks off after the pieces."""

    def act(handler: Handler, body: dict[str, Any]) -> None:
        handler.send_response(200)
        handler.send_header("Content-Type", "text/event-stream")
        handler.send_header("Connection", "close")
        handler.close_connection = True
        handler.end_headers()
        events: list[dict[str, Any]] = [{"model": "the-model-2026", "choices": [{"delta": {"role": "assistant"}}]}]
        events += [{"choices": [{"delta": {"content": piece}}]} for piece in pieces]
        if not cut:
            events.append({"choices": [{"delta": {}, "finish_reason": finish}]})
            if usage and "stream_options" in body:
                events.append({"choices": [], "usage": {"prompt_tokens": 7, "completion_tokens": 3}})
        for event in events:
            _write(handler, f"data: {json.dumps(event)}\n\n".encode())
            time.sleep(pause_s)
        if not cut:
            _write(handler, b"data: [DONE]\n\n")

    return act


def drips(seconds: float = 5.0) -> Act:
    """Answer with a byte now and then."""

    def act(handler: Handler, _body: dict[str, Any]) -> None:
        end = time.monotonic() + seconds
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
        while time.monotonic() < end:
            _write(handler, b"a")
            time.sleep(0.05)

    return act


def _write(handler: Handler, raw: bytes) -> None:
    handler.wfile.write(raw)
    handler.wfile.flush()


@contextmanager
def endpoint(*acts: Act, tls: ssl.SSLContext | None = None) -> Iterator[Endpoint]:
    """Serve on a free port of loopback."""
    served = Endpoint(acts=list(acts))
    lock = threading.Lock()

    class _Requests(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            with lock:
                served.received.append(Received(self.path, dict(self.headers), body))
                act = served.acts.pop(0) if len(served.acts) > 1 else served.acts[0]
            try:
                act(self, body)
            except (BrokenPipeError, ConnectionResetError, ssl.SSLError):
                served.gone.set()
                self.close_connection = True

        def do_GET(self) -> None:
            served.received.append(Received(self.path, dict(self.headers), {}))
            act = served.acts.pop(0) if len(served.acts) > 1 else served.acts[0]
            act(self, {})

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), _Requests)
    if tls is not None:
        served.scheme = "https"
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    server.daemon_threads = True
    server.block_on_close = False
    served.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield served
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
