"""One conversation at a terminal: what is typed, what is shown. Everything from data or models is shown escaped."""

from __future__ import annotations

import sys
import uuid
from collections.abc import Callable, Sequence
from contextlib import closing
from typing import TYPE_CHECKING, Any, Literal

from rich.console import Console
from rich.status import Status

from app.api.events import STAGES
from app.commands.chat_partner import Anew, Partner, Stage, Text
from app.commands.terminal import citation_line, explanation, one_line, plain, render_below
from app.values import Answer
from app.verbalising.quotes import readable

if TYPE_CHECKING:
    from collections.abc import Generator

COMMANDS = {
    "sources": "what can be asked",
    "sql": "the query behind the last answer",
    "explain": "route, confidence, query and times of the last answer",
    "open": "N: the passage that citation N quotes",
    "thumb": "up or down: whether the last answer helped; words after it are kept as a comment",
    "new": "forget the conversation and begin another",
    "help": "this list",
    "quit": "end; so does Ctrl-D",
}
NO_ANSWER = "There is no answer yet."


class Conversation:
    """Takes one line after the other; questions share a session until `/new`."""

    def __init__(self, partner: Partner, *, sources: Sequence[str] | None, explain: bool, interactive: bool) -> None:
        self._partner = partner
        self._sources = sources
        self._explain = explain
        self._interactive = interactive
        self._console = Console(highlight=False, markup=False, emoji=False)
        self._session = _new_session()
        self._last: Answer | None = None
        self.failures = 0
        """Questions that no answer came to."""

    def greet(self) -> None:
        """What is said at the start of an interactive conversation."""
        self._say("Ask a question. /help lists the commands, Ctrl-C stops an answer, Ctrl-D ends.")

    def take(self, line: str) -> bool:
        """Answer a question or follow a command; False if the conversation is to end."""
        text = line.strip()
        if not text:
            return True
        if text.startswith("/"):
            return self._guarded(lambda: self._command(text))
        self._guarded(lambda: self._ask(text))
        self._say("")
        return True

    def _guarded(self, work: Callable[[], bool]) -> bool:
        """Do it; a known error is shown, and Ctrl-C ends only what runs."""
        try:
            return work()
        except KeyboardInterrupt:
            if not self._interactive:
                raise
            self._say("\nStopped.")
        except Exception as error:
            message: Any = getattr(error, "message", None)
            if message is None:
                raise
            self.failures += 1
            self._say(f"error: {one_line(message)}")
            if getattr(error, "hint", ""):
                self._say(f"       {one_line(getattr(error, 'hint', ''))}")
        return True

    def _ask(self, question: str) -> bool:
        answer, told = None, ""
        with closing(self._told(question)) as pieces, self._console.status("") as status:
            for piece in pieces:
                if isinstance(piece, Stage):
                    self._show(status, piece.name)
                elif isinstance(piece, Text):
                    status.stop()
                    told += piece.text
                    self._write(piece.text)
                elif isinstance(piece, Anew):
                    self._say("\n(the connection was lost; once more)")
                    told = ""
                else:
                    answer = piece
        if answer is None:
            return True
        self._say("" if told else f"({answer.status})")
        self._last = answer
        render_below(answer, self._console, explain=self._explain)
        self.failures += answer.status == "failed"
        return True

    def _told(self, question: str) -> Generator[Any, None, None]:
        yield from self._partner.ask(question, session=self._session, sources=self._sources)

    def _show(self, status: Status, stage: str) -> None:
        if stage in STAGES or stage in STAGES.values():
            status.update(f"{STAGES.get(stage, stage)} …")

    def _command(self, text: str) -> bool:
        name, _, rest = text[1:].partition(" ")
        match name.casefold():
            case "quit" | "q" | "exit":
                return False
            case "help" | "?":
                for command, what in COMMANDS.items():
                    self._say(f"  /{command:8} {what}")
            case "sources":
                self._list_sources()
            case "new":
                self._session, self._last = _new_session(), None
                self._say("A new conversation.")
            case "sql":
                self._show_sql()
            case "explain":
                for line in explanation(self._last) if self._last is not None else [NO_ANSWER]:
                    self._say(line)
            case "open":
                self._open(rest.strip())
            case "thumb":
                self._rate(rest.strip())
            case _:
                self._say(f"/{one_line(name)} is no command; /help lists them.")
        return True

    def _list_sources(self) -> None:
        found = self._partner.sources()
        for source in found:
            tables = f", tables: {', '.join(source.tables)}" if source.tables else ""
            counted = f"{source.documents} document{'' if source.documents == 1 else 's'}"
            self._say(one_line(f"{source.name} ({source.visibility}): {counted}{tables}"))
        if not found:
            self._say("There is nothing to ask yet: `answerable ingest add PATH` adds a source.")

    def _show_sql(self) -> None:
        if self._last is None or self._last.sql is None:
            self._say(NO_ANSWER if self._last is None else "The last answer has no query.")
        else:
            self._say(plain(self._last.sql.text))

    def _open(self, number: str) -> None:
        citations = self._last.citations if self._last is not None else ()
        found = next((each for each in citations if str(each.n) == number.strip("[]")), None)
        if found is None:
            known = ", ".join(str(each.n) for each in citations)
            self._say(f"/open takes the number of a citation: {known}." if known else "The last answer cites nothing.")
            return
        self._say(citation_line(found))
        self._say(f"characters {found.start} to {found.end}:")
        for line in plain(readable(found.quote)).split("\n"):
            self._say(f"  | {line}")

    def _rate(self, rest: str) -> None:
        given, _, comment = rest.partition(" ")
        thumbs: dict[str, Literal["up", "down"]] = {"up": "up", "down": "down"}
        thumb = thumbs.get(given.casefold())
        if thumb is None:
            self._say("/thumb takes `up` or `down`, and a comment if you like.")
        elif self._last is None:
            self._say(NO_ANSWER)
        else:
            self._partner.rate(self._last.id, thumb, comment.strip() or None)
            self._say("Noted.")

    def _say(self, line: str) -> None:
        self._console.print(line, soft_wrap=True)

    def _write(self, text: str) -> None:
        """Text of an answer as it comes."""
        sys.stdout.write(plain(text))
        sys.stdout.flush()


def _new_session() -> str:
    return f"chat-{uuid.uuid4().hex}"
