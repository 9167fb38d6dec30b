"""What stands between a client and the service in these tests: a proxy that cuts connections, and a server of replies."""

from __future__ import annotations

import json
import socket
import struct
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit


class CuttingProxy:
    """Passes bytes on to one of several services; each connection ends after so many bytes of the reply."""

    def __init__(self, *targets: str) -> None:
        self.targets = [(urlsplit(each).hostname, urlsplit(each).port) for each in targets]
        self.cuts: list[int | None] = []
        """Bytes of the reply after which the next connections are cut, in turn; None: not at all, as is any further one."""
        self.connections = 0
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listening.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._listening.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listening.accept()
                target = self.targets[self.connections % len(self.targets)]
                self.connections += 1
                cut = self.cuts.pop(0) if self.cuts else None
                service = socket.create_connection(target)
                threading.Thread(target=_pump, args=(client, service, None), daemon=True).start()
                threading.Thread(target=_pump, args=(service, client, cut), daemon=True).start()


def _pump(source: socket.socket, sink: socket.socket, cut: int | None) -> None:
    left = cut
    with suppress(OSError):
        while received := source.recv(65536):
            sent = received if left is None else received[:left]
            sink.sendall(sent)
            if left is not None:
                left -= len(sent)
                if left == 0:
                    sink.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0 if cut % 2 else 5))
                    break
    for each in (source, sink):
        with suppress(OSError):
            each.shutdown(socket.SHUT_RDWR)
        each.close()


@contextmanager
def cutting(*targets: str) -> Iterator[CuttingProxy]:
    proxy = CuttingProxy(*targets)
    try:
        yield proxy
    finally:
        proxy.close()


Reply = tuple[int, dict[str, str], bytes]


def reply(status: int, body: Any, **headers: str) -> Reply:
    return status, headers, body if isinstance(body, bytes) else json.dumps(body).encode()


def failed(status: int, code: str, **headers: str) -> Reply:
    body = {"error": {"code": code, "message": "It failed.", "hint": "Mend it.", "trace_id": "t1"}}
    return reply(status, body, **headers)


class Replies:
    """A server that gives these replies in turn, the last one from then on, and notes what it was sent."""

    def __init__(self, replies: Sequence[Reply]) -> None:
        self.seen: list[tuple[str, str, dict[str, str], Any]] = []
        left, seen = list(replies), self.seen

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length") or 0))
                seen.append((self.command, self.path, dict(self.headers), json.loads(body) if body else None))
                status, headers, content = left.pop(0) if len(left) > 1 else left[0]
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name.replace("_", "-"), value)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            do_GET = do_POST = do_DELETE = answer

            def log_message(self, *_arguments: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@contextmanager
def replying(*replies: Reply) -> Iterator[Replies]:
    server = Replies(replies)
    try:
        yield server
    finally:
        server.close()
