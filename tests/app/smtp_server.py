"""A mail server on loopback that keeps what it is given: in clear text, with STARTTLS, or with TLS from the start."""

from __future__ import annotations

import base64
import socketserver
import ssl
import threading
from contextlib import contextmanager


class _Session(socketserver.StreamRequestHandler):
    timeout = 10

    def handle(self):
        server = self.server
        if server.tls_from_start:
            self._secure()
        server.connections += 1
        if server.greeting:
            self._say(server.greeting)
            return
        self._say("220 loopback ready")
        self.sender, self.recipients = None, []
        while line := self.rfile.readline():
            server.commands.append(line.decode("latin-1").strip())
            verb = line.split()[0].upper().decode() if line.split() else ""
            if verb == "STARTTLS" and server.context is not None:
                self._say("220 go on")
                self._secure()
            elif verb == "QUIT":
                self._say(server.farewell)
                return
            elif verb == "DATA":
                self._receive()
            else:
                self._say(*self._reply(verb, line.decode("latin-1").strip()))

    def finish(self):
        try:
            super().finish()
        finally:
            self.rfile.close()
            self.connection.close()  # the one that TLS was put around, too

    def _reply(self, verb, line):
        server = self.server
        secure = isinstance(self.connection, ssl.SSLSocket)
        if verb == "EHLO":
            offered = ["250-loopback"]
            if server.context is not None and not secure:
                offered.append("250-STARTTLS")
            return [*offered, "250 AUTH PLAIN"]
        if verb == "AUTH":
            given = base64.b64decode(line.split()[-1]).decode().split("\0")[1:]
            server.logins.append((tuple(given), secure))
            return ["235 welcome"] if tuple(given) == server.login else ["535 no"]
        if verb == "RCPT":
            return [server.recipients.pop(0) if server.recipients else "250 ok"]
        return ["250 ok"]

    def _receive(self):
        self._say("354 go ahead")
        lines = []
        while (line := self.rfile.readline()) not in (b".\r\n", b""):
            lines.append(line[1:] if line.startswith(b".") else line)
        self.server.mails.append((b"".join(lines), isinstance(self.connection, ssl.SSLSocket)))
        self._say("250 queued")

    def _secure(self):
        self.connection = self.request = self.server.context.wrap_socket(self.request, server_side=True)
        self.rfile.close()
        self.rfile, self.wfile = self.connection.makefile("rb"), socketserver._SocketWriter(self.connection)

    def _say(self, *lines):
        self.wfile.write("".join(f"{line}\r\n" for line in lines).encode())


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = False

    def handle_error(self, request, client_address):
        pass  # a client that hangs up


@contextmanager
def smtp_server(*, context=None, tls_from_start=False, login=None):
    """A server; `mails` are pairs of the bytes and whether they came encrypted, `recipients` the replies to RCPT."""
    server = _Server(("127.0.0.1", 0), _Session)
    server.context, server.tls_from_start, server.login = context, tls_from_start, login
    server.mails, server.commands, server.logins, server.recipients = [], [], [], []
    server.connections, server.greeting, server.farewell = 0, "", "221 bye"
    server.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
