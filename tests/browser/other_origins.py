"""What stands around the real service in tests of the widget: pages of another origin, and a line that breaks."""

from __future__ import annotations

import json
import re
import socket
import threading
import time
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

READ_S = 0.5
"""Seconds before a line breaks: what a browser has received and not read by then is lost to the page."""
CUT_HEADERS = re.compile(rb"last-event-id: *(\S+)", re.IGNORECASE)


class HostPages:
    """A site on an origin of its own: `add(path, body)` puts a page there."""

    def __init__(self):
        pages = self._pages = {}

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                body, headers = pages.get(self.path.partition("?")[0], (b"", {}))
                self.send_response(200 if body else 204)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Type", "text/html; charset=utf-8")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.origin = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()

    def add(self, path, body, *, head="", root="lang=en", **headers):
        """The page's URL."""
        text = f"<!doctype html><html {root}><meta charset=utf-8><title>Shop</title>{head}<body>{body}</body></html>"
        self._pages[path] = (text.encode(), {name.replace("_", "-"): value for name, value in headers.items()})
        return self.origin + path

    def close(self):
        """Stop it."""
        self._server.shutdown()
        self._server.server_close()


class BreakingLine:
    """A way to a server that cuts the answers of a POST: each of `cuts` is the bytes of one's body that come through."""

    def __init__(self, base, path="/v1/ask"):
        self._cut = f"POST {path} ".encode()
        self._open_ends = []
        self._there = ("127.0.0.1", int(base.rpartition(":")[2]))
        self._door = socket.create_server(("127.0.0.1", 0))
        self.base = f"http://127.0.0.1:{self._door.getsockname()[1]}"
        self.cuts, self.asked, self.events = [], [], []
        threading.Thread(target=self._open, daemon=True).start()

    def close(self):
        """Take no more connections."""
        self._door.close()

    def break_off(self):
        """The same, and end those that are open."""
        _hang_up(self._door, *self._open_ends)

    def _open(self):
        while True:
            try:
                here, _ = self._door.accept()
            except OSError:
                return
            there = socket.create_connection(self._there)
            self._open_ends += [here, there]
            line = {"left": None, "told": b"", "over": False}
            threading.Thread(target=self._ask, args=(here, there, line), daemon=True).start()
            threading.Thread(target=self._answer, args=(there, here, line), daemon=True).start()

    def _ask(self, here, there, line):
        while data := _received(here):
            if data.startswith(self._cut):
                found = CUT_HEADERS.search(data)
                self.asked.append(found.group(1).decode() if found else None)
                line["left"] = self.cuts.pop(0) if self.cuts else None
                line["told"] = b""
            if not _sent(there, data):
                break
        _hang_up(here, there)

    def _answer(self, there, here, line):
        while data := _received(there):
            left = line["left"]
            line["told"] += data
            if left is not None:
                begun = line["told"].find(b"\r\n\r\n") + 4
                over = len(line["told"]) - begun - left if begun > 3 else 0
                if over > 0:
                    data, line["told"] = data[:-over], line["told"][:-over]
                line["over"] = over >= 0 and begun > 3
            if not _sent(here, data) or line["over"]:
                time.sleep(READ_S)
                break
        self.events += [line.decode() for line in re.findall(rb"^id: (\S+\.\d+)\r?\n", line["told"], re.MULTILINE)]
        _hang_up(here, there)


def _received(connection):
    try:
        return connection.recv(65_536)
    except OSError:
        return b""


def _sent(connection, data):
    try:
        connection.sendall(data)
    except OSError:
        return False
    return True


def _hang_up(*connections):
    for connection in connections:
        with suppress(OSError):
            connection.shutdown(socket.SHUT_RDWR)
        connection.close()


@contextmanager
def closing(made):
    """The server, stopped afterwards."""
    try:
        yield made
    finally:
        made.close()


def made_by(command, home, *arguments):
    """What a command with `--json` printed."""
    done = command(home, *arguments, "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout)
