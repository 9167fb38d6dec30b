"""Recorded conversations answered again: equal requests get what was recorded, others the nearest one's name."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from app.errors import ConfigurationError
from app.llm.scripted.application import Target
from app.llm.scripted.counting import count_tokens
from app.llm.scripted.exchange import Exchange
from app.llm.scripted.recording import Recorded, request_key
from app.llm.scripted.requests import Refused, Request, read_request
from app.llm.scripted.script import Fault
from app.llm.scripted.wire import model_list

_COMPARED = 4_000
"""Characters, the last ones of what is said, that are compared to find the nearest recording."""
_SHOWN = 80


class ReplayBackEnd:
    """Answers from a recording. Equal requests get their recordings in turn, the last one from then on."""

    def __init__(self, recording: Path) -> None:
        """Raises `ConfigurationError` that names the line for a file that is no recording."""
        self._lines = read_recording(recording)
        self._by_key: dict[str, list[int]] = {}
        for number, line in enumerate(self._lines):
            self._by_key.setdefault(line.key, []).append(number)
        self._used: dict[str, int] = {}

    async def answer(self, exchange: Exchange, target: Target, raw: bytes) -> None:
        """Send the recorded response. Raises `Refused` where there is none."""
        if target.endpoint == "models":
            await exchange.json(200, model_list(sorted({str(line.request["model"]) for line in self._lines})))
            return
        request = read_request(target.endpoint, raw, exchange.headers, target.deployment)
        exchange.note(model=request.model, schema=request.schema[0] if request.schema is not None else None)
        body = {**request.body, "model": request.model}
        number = self._next(request_key(target.endpoint, body))
        if number is None:
            raise self._unknown(request, body)
        exchange.note(rule=number + 1)
        await _send(exchange, self._lines[number])

    async def close(self) -> None:
        """There is nothing to end."""

    def _next(self, key: str) -> int | None:
        """Place of the recording whose turn it is."""
        places = self._by_key.get(key)
        if places is None:
            return None
        used = self._used.get(key, 0)
        self._used[key] = used + 1
        return places[min(used, len(places) - 1)]

    def _unknown(self, request: Request, body: Mapping[str, Any]) -> Refused:
        """The error that names the nearest recording and what is different in it."""
        same = [number for number, line in enumerate(self._lines) if line.endpoint == request.endpoint]
        found = "the recording has none of this kind"
        if same:
            number = max(same, key=lambda number: _likeness(body, self._lines[number].request))
            found = f"the nearest is line {number + 1}, where {_difference(body, self._lines[number].request)}"
        message = f"This request was not recorded; {found}."
        return Refused(Fault(status=404, message=message, type="script_error", code="not_recorded"))


def read_recording(path: Path) -> list[Recorded]:
    """The exchanges of a file, with the keys as they are made now. Raises `ConfigurationError`."""
    lines = []
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"The recording {path} cannot be read: {error}.") from error
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        try:
            read = msgspec.json.decode(line, type=Recorded)
        except msgspec.DecodeError as error:
            raise ConfigurationError(
                f"Line {number} of {path.name} is no recorded exchange: {error}.",
                hint="`answerable dev llm --record-from URL --out FILE` writes recordings.",
            ) from error
        lines.append(msgspec.structs.replace(read, key=request_key(read.endpoint, read.request)))
    if not lines:
        raise ConfigurationError(f"The recording {path.name} is empty.")
    return lines


async def _send(exchange: Exchange, line: Recorded) -> None:
    response = line.response
    data = response.body.encode("utf-8", "surrogatepass")
    usage = _usage(response.body)
    exchange.note(input_tokens=usage.get("prompt_tokens", 0), output_tokens=usage.get("completion_tokens", 0))
    await exchange.start(response.status, response.headers)
    for event in re.split(rb"(?<=\n\n)", data) if line.request.get("stream") else [data]:
        await exchange.write(event)
    if response.cut:
        await exchange.cut()
    await exchange.finish(b"", "completed" if response.status < 400 else "failed")


def _usage(body: str) -> dict[str, int]:
    """The last usage that a recorded response tells: of a completion, or of the end of a stream."""
    told: dict[str, int] = {}
    for line in body.splitlines() if body.startswith("data:") else [body]:
        try:
            read = msgspec.json.decode(line.removeprefix("data:").strip())
        except msgspec.DecodeError:
            continue
        usage = read.get("usage") if isinstance(read, dict) else None
        if isinstance(usage, dict):
            told = {name: value for name, value in usage.items() if isinstance(value, int)}
    return told


def _likeness(asked: Mapping[str, Any], recorded: Mapping[str, Any]) -> float:
    """How much of what is said is the same, in percent, less five for each other field that is different."""
    from rapidfuzz import fuzz

    ours, theirs = (
        msgspec.json.encode(each.get("messages") or each.get("input")).decode() for each in (asked, recorded)
    )
    others: int = sum(asked.get(name) != recorded.get(name) for name in ("model", "response_format", "tools"))
    others += bool(asked.get("stream")) != bool(recorded.get("stream"))
    percent: float = fuzz.ratio(ours[-_COMPARED:], theirs[-_COMPARED:])
    return percent - 5 * others


def _difference(asked: Mapping[str, Any], recorded: Mapping[str, Any]) -> str:
    """In words, the first thing that is different."""
    for name in ("model", "response_format", "tools", "tool_choice", "n", "input"):
        if asked.get(name) != recorded.get(name):
            return f"`{name}` is different"
    if bool(asked.get("stream")) != bool(recorded.get("stream")):
        return "the stream is different: " + ("it was recorded whole" if asked.get("stream") else "it was streamed")
    ours, theirs = asked.get("messages") or [], recorded.get("messages") or []
    for number, (mine, other) in enumerate(zip(ours, theirs, strict=False), start=1):
        if mine != other:
            return f"message {number} is {_shown(other)}, not {_shown(mine)}"
    return f"there are {len(theirs)} messages, not {len(ours)}"


def _shown(message: Mapping[str, Any]) -> str:
    said = " ".join(str(message.get("content")).split())
    return repr(said[:_SHOWN] + (f" … ({count_tokens(said)} tokens)" if len(said) > _SHOWN else ""))
