"""Connections that nobody reads from or writes to, on a real server: cut off in time, and in nobody's way at a stop."""

from __future__ import annotations

import asyncio
import contextlib
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


async def echo(scope, receive, send):
    """An application that answers with as many bytes as it was sent, after a while."""
    count, more = 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        count += len(message.get("body", b""))
        more = message.get("more_body", False)
    await asyncio.sleep(1.2)
    body = str(count).encode()
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(body))]})
    await send({"type": "http.response.body", "body": body, "more_body": False})


def connected(port, sent=b""):
    client = socket.create_connection(("127.0.0.1", port), timeout=20)
    client.sendall(sent)
    return client


def received(client):
    """All that comes until the other side closes."""
    return b"".join(iter(lambda: client.recv(65_536), b""))


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"", b""),
        (b"G", b"HTTP/1.1 408 "),
        (b"GET / HTTP/1.1\r\nHost: a\r\n", b"HTTP/1.1 408 "),
        (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n{", b""),
    ],
)
def test_a_request_that_does_not_come_is_given_up(monkeypatch, sent, status):
    monkeypatch.setattr(http_protocol, "HEAD_S", 0.3)
    monkeypatch.setattr(http_protocol, "BODY_S", 0.3)
    with served(echo) as (server, port), connected(port, sent) as client:
        told = received(client)
        assert told.startswith(status) and (status or not told)
        until(lambda: not server.server_state.connections)


def test_a_head_that_comes_in_drops_is_given_up(monkeypatch):
    monkeypatch.setattr(http_protocol, "HEAD_S", 0.5)
    with served(echo) as (server, port), connected(port, b"GET / HTTP/1.1\r\n") as client:
        give_up = time.monotonic() + 20
        with contextlib.suppress(OSError):
            while server.server_state.connections and time.monotonic() < give_up:
                client.sendall(b"X-A: 1\r\n")
                time.sleep(0.05)
        assert time.monotonic() < give_up


def test_what_comes_slowly_or_takes_long_is_answered(monkeypatch):
    """A body in pieces, an answer that takes longer than a request may, and another request sent meanwhile."""
    monkeypatch.setattr(http_protocol, "HEAD_S", 0.5)
    monkeypatch.setattr(http_protocol, "BODY_S", 0.5)
    head = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\n\r\n"
    with served(echo) as (_, port), connected(port, head) as client:
        for _ in range(6):
            time.sleep(0.2)
            client.sendall(b"x")
        client.sendall(b"GET / HT")
        time.sleep(0.8)
        client.sendall(b"TP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        told = received(client)
    assert told.count(b"HTTP/1.1 200 OK") == 2 and b"\r\n\r\n6HTTP" in told and told.endswith(b"\r\n\r\n0")


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
