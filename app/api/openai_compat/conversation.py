"""A conversation without a session: clients send all of it with every request.

What an answer leaves behind for follow-up questions is kept under a hash of the transcript up to and with the reply, so
that the next request, which begins with that transcript, finds it, in whichever process. A transcript that is not known
(edited, older than a session lives, from another service) has its last questions asked again first.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Sequence
from typing import TYPE_CHECKING

import msgspec

from app.answer import answer
from app.api.openai_compat.errors import Unsupported
from app.api.openai_compat.wire import ContentPart, Message
from app.errors import AppError
from app.followups.context import session_id
from app.progress import Progress, Stopped
from app.values import Deadline, Question

if TYPE_CHECKING:
    from app.engine import Engine

ASKED_AGAIN = 3
"""Earlier questions that are asked again where the transcript is not known, at most."""
SHARE = 0.5
"""Of the question's time that asking again may take."""


class Turn(msgspec.Struct, frozen=True):
    """What somebody said."""

    role: str
    text: str


def turns_of(messages: Sequence[Message]) -> tuple[Turn, ...]:
    """What reader and service said, oldest first; raises `Unsupported` unless the last word is the reader's.

    System and developer messages are left out: they are instructions for a model, and nothing here obeys any.
    """
    said = [
        Turn(message.role, _text(message.content, f"messages.{place}.content"))
        for place, message in enumerate(messages)
        if message.role in ("user", "assistant")
    ]
    if not said or messages[-1].role != "user":
        raise Unsupported("The last message must be the user's question.", param="messages")
    return tuple(said)


def _text(content: str | list[ContentPart] | None, param: str) -> str:
    if content is None or isinstance(content, str):
        return content or ""
    for part in content:
        if part.type not in ("text", "refusal"):
            raise Unsupported(f"Only text can be read, not {part.type[:40]!r}.", param=param)
    return "\n".join(part.text or "" for part in content)


class Transcript:
    """The session of one request, which is its own; what earlier ones left is copied into it, never changed.

    So a question that is asked again of the same transcript (another try, a branch) finds what the first one found.
    """

    def __init__(self, turns: Sequence[Turn], engine: Engine) -> None:
        self._turns = turns
        self._engine = engine
        self.session = f"transcript-{uuid.uuid4().hex}"

    @property
    def goes_on(self) -> bool:
        """Whether anything was said before the question."""
        return len(self._turns) > 1

    def recall(self, question: Question, progress: Progress) -> None:
        """Bring the session to where the transcript is, for the question that follows it. Blocks."""
        before = self._turns[:-1]
        if self._copied(question, _name(before), self.session):
            return
        asked = [turn.text for turn in before if turn.role == "user" and turn.text.strip()]
        left = Deadline.after(question.deadline.left() * SHARE)
        for text in asked[-ASKED_AGAIN:]:
            again = msgspec.structs.replace(question, text=text, deadline=left, max_rows=1)
            if left.left() <= 0 or progress.stopped() or len(text) > self._engine.settings.question_max_chars:
                return
            try:
                answer(again, self._engine, _Unheard(progress))
            except AppError:
                return  # a store that breaks is told of by the question itself
        self._copied(question, self.session, _name(before))

    def keep(self, question: Question, reply: str) -> None:
        """Remember what the session holds for requests that go on from the reply. Blocks."""
        self._copied(question, self.session, _name((*self._turns, Turn("assistant", reply))))

    def _copied(self, question: Question, source: str, target: str) -> bool:
        sessions = self._engine.sessions
        context = sessions.recall(session_id(question.caller, source))
        if context is None:
            return False
        sessions.keep(session_id(question.caller, target), context)
        return True


class _Unheard(Progress):
    """The progress of a question that is asked again: nobody hears of it, and it stops with the one that is asked."""

    def __init__(self, asked: Progress) -> None:
        super().__init__()
        self._asked = asked

    def stage(self, name: str) -> None:
        """A stage begins; raises `Stopped` if nobody waits any more."""
        if self._asked.stopped():
            raise Stopped
        super().stage(name)

    def stopped(self) -> bool:
        """Whether whoever asked has gone."""
        return self._asked.stopped()


def _name(turns: Sequence[Turn]) -> str:
    """The session that a transcript is kept under; white space, which clients trim, makes no difference."""
    said = [(turn.role, " ".join(turn.text.split())) for turn in turns]
    encoded = msgspec.json.encode([(role, text.encode("utf-8", "surrogatepass").hex()) for role, text in said])
    return f"transcript-{hashlib.sha256(encoded).hexdigest()}"
