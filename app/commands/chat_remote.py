"""A chat with a service elsewhere, through its Python client."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from types import TracebackType
from typing import Literal, Self

import msgspec

from answerable import Client, DeltaEvent, DoneEvent, RestartedEvent, StatusEvent
from app.commands.chat_partner import Anew, SourceLine, Stage, Text, Told
from app.errors import InvalidRequest
from app.values import Answer


class RemotePartner:
    """Asks over HTTP; a connection that is cut is taken up again."""

    def __init__(self, url: str, key: str | None) -> None:
        try:
            self._client = Client(url, key=key)
        except ValueError as error:
            raise InvalidRequest(f"The service cannot be asked: {error}.", hint="Correct --url or --key.") from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, raised: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._client.close()

    def ask(self, question: str, *, session: str, sources: Sequence[str] | None) -> Iterator[Told]:
        """What is told of the answer; the service is told to stop when the iterator is closed."""
        stream = self._client.stream(question, session=session, sources=sources)
        try:
            for event in stream:
                if isinstance(event, StatusEvent):
                    yield Stage(event.stage)
                elif isinstance(event, DeltaEvent):
                    yield Text(event.text)
                elif isinstance(event, RestartedEvent):
                    yield Anew()
                elif isinstance(event, DoneEvent):
                    yield msgspec.json.decode(event.answer.to_json(), type=Answer)
        finally:
            stream.cancel()

    def sources(self) -> Sequence[SourceLine]:
        """What the key may ask."""
        return [
            SourceLine(
                name=source.name,
                visibility=source.visibility,
                documents=source.documents,
                tables=tuple(table.name for table in source.tables),
            )
            for source in self._client.sources()
        ]

    def rate(self, answer_id: str, thumb: Literal["up", "down"], comment: str | None) -> None:
        """Note whether an answer helped."""
        self._client.feedback(answer_id, thumb, comment=comment)
