"""A Git server on loopback over HTTPS: git's own `http-backend` behind Basic authentication."""

from __future__ import annotations

import base64
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit


def backend() -> Path:
    """Where git keeps its server for HTTP; it may not exist."""
    folder = subprocess.run(["git", "--exec-path"], check=True, capture_output=True, text=True).stdout.strip()
    return Path(folder) / "git-http-backend"


@dataclass
class Served:
    """The server's port, and what it was asked."""

    root: Path
    user: str
    password: str
    port: int = 0
    moved_to: str = ""
    """A URL that every request is redirected to."""
    requests: list[str] = field(default_factory=list)


@contextmanager
def git_server(root: Path, context: ssl.SSLContext, *, user: str = "me", password: str = "t0ken") -> Iterator[Served]:
    """The repositories under `root`, for one user."""
    served = Served(root, user, password)
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Session", (_Session,), {"served": served}))
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    served.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield served
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Session(BaseHTTPRequestHandler):
    served: Served

    def do_GET(self) -> None:
        self._serve()

    def do_POST(self) -> None:
        self._serve()

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def _serve(self) -> None:
        served = self.served
        served.requests.append(f"{self.command} {self.path}")
        if served.moved_to:
            self._empty(302, Location=served.moved_to)
            return
        expected = base64.b64encode(f"{served.user}:{served.password}".encode()).decode()
        if self.headers.get("Authorization") != f"Basic {expected}":
            self._empty(401, **{"WWW-Authenticate": "Basic"})
            return
        self._run_backend()

    def _empty(self, status: int, **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _run_backend(self) -> None:
        parts = urlsplit(self.path)
        env = {
            "GIT_PROJECT_ROOT": str(self.served.root), "GIT_HTTP_EXPORT_ALL": "1", "REMOTE_USER": self.served.user,
            "PATH_INFO": parts.path, "QUERY_STRING": parts.query, "REQUEST_METHOD": self.command,
            "CONTENT_TYPE": self.headers.get("Content-Type", ""), "REMOTE_ADDR": "127.0.0.1",
            "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""), "PATH": "/usr/bin:/bin",
            "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""), "HOME": "/nonexistent",
            "GIT_CONFIG_COUNT": "2", "GIT_CONFIG_KEY_0": "uploadpack.allowFilter", "GIT_CONFIG_VALUE_0": "true",
            "GIT_CONFIG_KEY_1": "safe.directory", "GIT_CONFIG_VALUE_1": "*",
        }  # fmt: skip
        given = self._body()
        if self.headers.get("Content-Length"):
            env["CONTENT_LENGTH"] = str(len(given))
        done = subprocess.run([backend()], input=given, env=env, check=False, capture_output=True)
        head, _, body = done.stdout.partition(b"\r\n\r\n")
        headers = dict(line.split(": ", 1) for line in head.decode().split("\r\n") if ": " in line)
        self.send_response(int(headers.pop("Status", "200 OK").split(" ")[0]))
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        pieces = []
        while size := int(self.rfile.readline(), 16):
            pieces.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(pieces)
