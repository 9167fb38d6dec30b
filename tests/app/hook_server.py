"""A receiver of webhooks on loopback: answers with the next of `statuses`, then 204; what came is in `received`."""

from __future__ import annotations

import http.server
import json
import threading
import time
from contextlib import contextmanager


@contextmanager
def hook_server():
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            server.received.append((dict(self.headers), body))
            self.send_response(server.statuses.pop(0) if server.statuses else 204)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.received, server.statuses = [], []
    server.url = f"http://127.0.0.1:{server.server_port}/hook"
    server.events = lambda: [json.loads(body) for _, body in server.received]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def until(condition, seconds=20):
    """Wait for something that another thread or process does."""
    end = time.monotonic() + seconds
    while not (found := condition()) and time.monotonic() < end:
        time.sleep(0.02)
    assert found
    return found
