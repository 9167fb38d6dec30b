"""A real web site on loopback whose behaviour a test scripts, address by address."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from connectors.base import Item
from connectors.web import WebConnector

Handler = BaseHTTPRequestHandler
QUICK = {"delay": "0", "retry_wait": "0", "timeout": "5"}


@dataclass
class Answer:
    """What an address answers; `act` takes over the connection."""

    body: bytes | str = ""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    act: Callable[[Handler], None] | None = None


@dataclass
class Site:
    """The pages of a site by path, and the requests that it got."""

    pages: dict[str, Answer] = field(default_factory=dict)
    requests: list[tuple[str, int]] = field(default_factory=list)
    """Path and status of each answer, in order."""
    headers: list[Mapping[str, str]] = field(default_factory=list)
    validators: bool = True
    """Whether pages have an ETag, and are answered with 304 where the reader has that version."""
    port: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def page(self, path: str, body: str, *links: str, title: str = "Page", head: str = "") -> None:
        """Serve an HTML page with a text and links."""
        anchors = "".join(f'<li><a href="{link}">{link}</a></li>' for link in links)
        html = f"<html><head><title>{title}</title>{head}</head><body><nav><ul>{anchors}</ul></nav><main><h1>{title}</h1>{body}</main></body></html>"
        self.pages[path] = Answer(html, headers={"Content-Type": "text/html; charset=utf-8"})

    def redirect(self, path: str, to: str, status: int = 301) -> None:
        self.pages[path] = Answer(status=status, headers={"Location": to})

    def asked(self, path: str) -> int:
        """How often the path was asked for."""
        return sum(each == path for each, _ in self.requests)

    def forget(self) -> None:
        """Begin to count anew."""
        self.requests.clear()
        self.headers.clear()

    def connector(self, location: str = "/", **options: str) -> WebConnector:
        """The connector of this site, allowed to read it."""
        return WebConnector(self.url + location, {"allow_private": f"127.0.0.1:{self.port}", **QUICK, **options})

    def read(self, location: str = "/", known: Mapping[str, str] | None = None, **options: str) -> list[Item]:
        connector = self.connector(location, **options)
        connector.check()
        return list(connector.read(known or {}))


@contextmanager
def served(site: Site | None = None) -> Iterator[Site]:
    """Serve a site on a free port of loopback."""
    site = site or Site()

    class _Requests(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_GET(self) -> None:
            answer = site.pages.get(self.path, Answer("not here", 404))
            site.headers.append(dict(self.headers.items()))
            if answer.act is not None:
                site.requests.append((self.path, answer.status))
                self.close_connection = True
                answer.act(self)
                return
            body = answer.body.encode() if isinstance(answer.body, str) else answer.body
            etag = f'"{hashlib.sha256(body).hexdigest()[:16]}"'
            status = answer.status
            if status == 200 and site.validators and self.headers.get("If-None-Match") == etag:
                status, body = 304, b""
            site.requests.append((self.path, status))
            self.send_response(status)
            sent = dict(answer.headers) | ({"ETag": etag} if site.validators and status in (200, 304) else {})
            for name, value in ({"Content-Length": str(len(body))} | sent).items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), _Requests)
    server.daemon_threads = True
    server.handle_error = lambda *_: None  # type: ignore[method-assign]  # readers that hang up are part of the tests
    site.port = server.server_port
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield site
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
