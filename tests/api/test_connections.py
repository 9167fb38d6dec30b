"""Connections that nobody reads from or writes to, on a real server: cut off in time, and in nobody's way at a stop."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
import time
from contextlib import contextmanager

import pytest
import uvicorn

from app.api import http_protocol

BODY = b"x" * 20_000_000
"""More than the buffers of two sockets take."""


async def large(scope, receive, send):
    """An application that answers with `BODY`."""
    await receive()
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(BODY))]})
    await send({"type": "http.response.body", "body": BODY, "more_body": False})


@contextmanager
def served(app):
    """A server in a thread: itself and its port."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    protocol = "app.api.http_protocol:BoundedProtocol"
    config = uvicorn.Config(app, port=port, log_config=None, access_log=False, http=protocol, ws="none", lifespan="off")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=lambda: asyncio.run(server.serve()))
    thread.start()
    try:
        until(lambda: server.started)
        yield server, port
    finally:
        server.should_exit = True
        thread.join(30)


def until(holds, *, within_s=20.0):
    give_up = time.monotonic() + within_s
    while not holds() and time.monotonic() < give_up:
        time.sleep(0.02)
    assert holds()


def asking(port):
    """A client that has asked."""
    client = socket.create_connection(("127.0.0.1", port), timeout=20)
    client.sendall(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
    return client


def test_a_client_that_takes_nothing_is_cut_off(monkeypatch):
    monkeypatch.setattr(http_protocol, "STALLED_S", 0.3)
    with served(large) as (server, port), asking(port) as client:
        assert client.recv(1) == b"H"
        until(lambda: not server.server_state.connections)
        assert sum(map(len, iter(lambda: client.recv(65_536), b""))) < len(BODY), "what the kernel held, then the end"


def test_a_client_that_is_slow_gets_all(monkeypatch):
    stalled_s = 1.0
    monkeypatch.setattr(http_protocol, "STALLED_S", stalled_s)
    with served(large) as (_, port), asking(port) as client:
        taken, started = 0, time.monotonic()
        while taken < len(BODY):
            time.sleep(0.04)
            piece = client.recv(262_144)
            assert piece, "cut off"
            taken += len(piece)
        assert time.monotonic() - started > 2 * stalled_s, "it was looked at more than once"


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"POST /v1/a",
        b"POST /v1/ask HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 100\r\n\r\n{",
        b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
    ],
)
def test_a_request_that_does_not_come_holds_no_stop_up(sample_home, serve, sent):
    with serve(sample_home) as base:
        log = sample_home / f"server-{base.rpartition(':')[2]}.log"
        client = socket.create_connection(("127.0.0.1", int(base.rpartition(":")[2])), timeout=30)
        client.sendall(sent)
        time.sleep(0.3)
    with client:
        while client.recv(65_536):  # what it was sent, then the end
            pass
    events = [json.loads(line)["event"] for line in log.read_text().splitlines() if line.startswith("{")]
    assert "Application shutdown complete." in events
    assert not [event for event in events if "timeout graceful shutdown exceeded" in event]
