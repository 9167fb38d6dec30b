"""A reply in chunks: the role at once, the text as it is known, then the provenance, the tokens and `[DONE]`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

import msgspec

from app.api.openai_compat.completion import Completion
from app.api.openai_compat.errors import openai_error
from app.api.openai_compat.wire import Told
from app.api.readable import Plain
from app.api.streams import HEARTBEAT, HEARTBEAT_S
from app.progress import EventName, Progress
from app.values import Answer

DONE = b"data: [DONE]\n\n"

Answered = Callable[[Progress], Awaitable[Answer]]
Kept = Callable[[str], Awaitable[None]]


class _Pieces:
    """The text of an answer as it is told, taken from a queue that the answering thread fills."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._queue: asyncio.Queue[str | None] = asyncio.Queue()
        self.progress = Progress(self._told)

    def end(self) -> None:
        """Nothing follows."""
        self._queue.put_nowait(None)

    async def until_end(self, heartbeat_s: float) -> AsyncIterator[str | None]:
        """Each piece, and None whenever there was none for `heartbeat_s` seconds."""
        while True:
            try:
                piece = await asyncio.wait_for(self._queue.get(), heartbeat_s)
            except TimeoutError:
                yield None
                continue
            if piece is None:
                return
            yield piece

    def _told(self, name: EventName, content: object) -> None:
        if name == "delta" and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._queue.put_nowait, str(content))


async def chunks(
    completion: Completion, answered: Answered, kept: Kept, *, usage: bool, heartbeat_s: float = HEARTBEAT_S
) -> AsyncIterator[bytes]:
    """The chunks of an answer in the making. `kept` is told the whole text before the last of them.

    When the reader goes, the work is told to stop.
    """
    pieces, shown, sent = _Pieces(), Plain(), ""
    yield _event(completion.chunk(Told(role="assistant", content="")))
    task = asyncio.ensure_future(answered(pieces.progress))
    task.add_done_callback(lambda _done: pieces.end())
    try:
        async for piece in pieces.until_end(heartbeat_s):
            if piece is None:
                yield HEARTBEAT
                continue
            told = shown.feed(piece)
            sent += told
            if told:
                yield _event(completion.chunk(Told(content=told)))
        answer = task.result()
        content = completion.content(answer, begun=pieces.progress.told_text)
        if not content.startswith(sent):
            raise RuntimeError("the reply does not begin with what was told of it")
        if len(content) > len(sent):
            yield _event(completion.chunk(Told(content=content[len(sent) :])))
        await kept(content)
        yield _event(completion.last(answer))
        if usage:
            yield _event(completion.usage_chunk(completion.usage(content, answer)))
    except Exception as error:  # noqa: BLE001 - mapped to the error shape; the response has begun already
        yield _event(openai_error(error))
    finally:
        pieces.progress.stop()
        task.cancel()
    yield DONE


def at_once(completion: Completion, content: str, *, usage: bool) -> Iterator[bytes]:
    """The chunks of a reply that no answer stands behind."""
    yield _event(completion.chunk(Told(role="assistant", content="")))
    yield _event(completion.chunk(Told(content=content)))
    yield _event(completion.last())
    if usage:
        yield _event(completion.usage_chunk(completion.usage(content)))
    yield DONE


def _event(content: object) -> bytes:
    """One event; JSON has no raw line breaks, so it is one `data` line."""
    return b"data: %s\n\n" % msgspec.json.encode(content)
