"""A scripted IMAP server on loopback: one folder, read only, with a record of the commands it was given."""

from __future__ import annotations

import re
import socketserver
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field


@dataclass
class Folder:
    """The folder's messages by UID, and what was asked of it."""

    messages: dict[int, bytes] = field(default_factory=dict)
    name: str = "Support"
    validity: int = 7
    password: str = "s3cret"
    commands: list[str] = field(default_factory=list)
    port: int = 0
    drops: bool = False
    """The connection is cut when a body is asked for."""
    context: ssl.SSLContext | None = None
    starttls: bool = False
    """TLS begins with the command STARTTLS, not with the connection."""


@contextmanager
def imap_server(context: ssl.SSLContext | None = None, *, starttls: bool = False) -> Iterator[Folder]:
    """A running server; its port is `folder.port`. With a context it speaks TLS, from the start or after STARTTLS."""
    folder = Folder(context=context, starttls=starttls)
    server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), type("Session", (_Session,), {"folder": folder}))
    server.daemon_threads = True
    folder.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield folder
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Session(socketserver.StreamRequestHandler):
    folder: Folder

    def handle(self) -> None:
        try:
            if self.folder.context is not None and not self.folder.starttls:
                self._encrypt()
            self._converse()
        except (OSError, ValueError):  # the client would not have the certificate
            return

    def finish(self) -> None:
        try:
            super().finish()
        except (OSError, ValueError):
            return
        finally:
            self.request.close()

    def _encrypt(self) -> None:
        assert self.folder.context is not None
        self.request = self.connection = self.folder.context.wrap_socket(self.request, server_side=True)
        self.rfile, self.wfile = self.connection.makefile("rb"), self.connection.makefile("wb", buffering=0)

    def _converse(self) -> None:
        self._say("* OK [CAPABILITY IMAP4rev1] ready")
        while line := self.rfile.readline():
            tag, _, command = line.decode().strip().partition(" ")
            self.folder.commands.append(command)
            if not self._answer(tag, command):
                return

    def _answer(self, tag: str, command: str) -> bool:
        folder, word = self.folder, command.upper().split(" ")[0]
        if word == "CAPABILITY":
            self._say("* CAPABILITY IMAP4rev1" + (" STARTTLS" if folder.starttls else ""))
        elif word == "STARTTLS" and folder.starttls:
            self._say(f"{tag} OK begin")
            self._encrypt()
            return True
        elif word == "LOGIN" and folder.password not in command:
            self._say(f"{tag} NO [AUTHENTICATIONFAILED] Invalid credentials")
            return True
        elif word == "EXAMINE":
            if f'"{folder.name}"' not in command:
                self._say(f"{tag} NO no such mailbox")
                return True
            self._say(f"* {len(folder.messages)} EXISTS", f"* OK [UIDVALIDITY {folder.validity}] valid")
        elif command.upper().startswith("UID SEARCH"):
            self._say("* SEARCH " + " ".join(map(str, folder.messages)))
        elif command.upper().startswith("UID FETCH"):
            if "BODY.PEEK[]" in command and folder.drops:
                return False
            self._fetch(command)
        elif word not in ("LOGIN", "LOGOUT", "NOOP"):
            self._say(f"{tag} BAD {word} changes something or is unknown")
            return True
        self._say(f"{tag} OK done")
        return word != "LOGOUT"

    def _fetch(self, command: str) -> None:
        whole = "BODY.PEEK[]" in command
        wanted = [int(uid) for uid in re.findall(r"\d+", command.split(" ")[2])]
        for number, (uid, raw) in enumerate(self.folder.messages.items(), 1):
            if uid in wanted:
                part = raw if whole else raw.partition(b"\n\n")[0] + b"\n\n"
                name = "BODY[]" if whole else "BODY[HEADER.FIELDS (X)]"
                self.wfile.write(
                    f"* {number} FETCH (UID {uid} RFC822.SIZE {len(raw)} {name} {{{len(part)}}}\r\n".encode()
                )
                self.wfile.write(part + b")\r\n")

    def _say(self, *lines: str) -> None:
        self.wfile.write("".join(f"{line}\r\n" for line in lines).encode())
