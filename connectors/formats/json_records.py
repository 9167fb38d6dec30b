"""The records of a JSON or JSON Lines file, one after another, without holding the file in memory."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from connectors.formats.encoding import Encoding
from connectors.formats.source_file import UnreadableItem

LARGEST_OBJECT_BYTES = 256 << 20
"""A single JSON object is parsed whole, up to this size; arrays and JSON Lines are streamed at any size."""
_CHUNK_CHARACTERS = 1 << 20
_LONGEST_RECORD = 64 << 20
_SPACE = " \t\r\n"


def json_records(location: Path, encoding: Encoding) -> Iterator[Any]:
    """Yield the file's records: an array's elements, an object's one array of objects, or each value of JSON Lines.

    Raises:
        UnreadableItem: `corrupt_file` with the place of the fault, `not_tabular`, or `too_large`.

    """
    with location.open(encoding=encoding.name, errors=encoding.errors) as stream:
        first = _first_character(stream)
    if first == "[":
        yield from _array_elements(location, encoding)
        return
    if first != "{":
        raise UnreadableItem("not_tabular", "The file holds neither an array of objects nor objects line by line.")
    values = _values(location, encoding)
    only = next(values)
    following = next(values, None)
    if following is None and location.suffix.lower() == ".json":
        yield from _records_within(only)
        return
    yield only
    if following is not None:
        yield following
        yield from values


def _first_character(stream: Any) -> str:
    while character := stream.read(1):
        if character not in _SPACE:
            return str(character)
    return ""


def _records_within(whole: Any) -> list[Any]:
    """The one array of objects in an object."""
    arrays = {
        name: value
        for name, value in whole.items()
        if isinstance(value, list) and value and all(isinstance(each, dict) for each in value)
    }
    if len(arrays) != 1:
        found = f"has {len(arrays)} arrays of objects ({', '.join(arrays)})" if arrays else "has no array of objects"
        raise UnreadableItem("not_tabular", f"The file's object {found}: keep one array of objects in a file.")
    return next(iter(arrays.values()))


def _array_elements(location: Path, encoding: Encoding) -> Iterator[Any]:
    reading = _Reading(location, encoding)
    with reading:
        reading.skip("[")
        if reading.skip("]"):
            return
        while True:
            yield reading.value()
            if reading.skip("]"):
                return
            if not reading.skip(","):
                raise reading.fault("a comma is missing between records")


def _values(location: Path, encoding: Encoding) -> Iterator[Any]:
    with _Reading(location, encoding) as reading:
        while not reading.at_end():
            yield reading.value()


def _integer(digits: str) -> int | str:
    """The number, as text where it has more digits than Python converts (4,300)."""
    try:
        return int(digits)
    except ValueError:
        return digits


class _Reading:
    """A window over the file's text in which values are decoded one by one."""

    def __init__(self, location: Path, encoding: Encoding) -> None:
        self._stream = location.open(encoding=encoding.name, errors=encoding.errors)
        self._decoder = json.JSONDecoder()
        self._text = ""
        self._position = 0
        self._line = 1
        self._ended = False

    def __enter__(self) -> _Reading:
        return self

    def __exit__(self, *_: object) -> None:
        self._stream.close()

    def at_end(self) -> bool:
        """Whether only white space is left."""
        while True:
            length = len(self._text)
            while self._position < length and self._text[self._position] in _SPACE:
                self._position += 1
            if self._position < length:
                return False
            if not self._more():
                return True

    def skip(self, character: str) -> bool:
        """Step over the character if it comes next."""
        if self.at_end() or self._text[self._position] != character:
            return False
        self._position += 1
        return True

    def value(self) -> Any:
        """Decode the next value, reading on as long as it may only be cut off."""
        while True:
            if self.at_end():
                raise self.fault("it ends in the middle of a record")
            try:
                value, end = self._decoder.raw_decode(self._text, self._position)
            except json.JSONDecodeError as error:
                if len(self._text) - self._position > _LONGEST_RECORD:
                    raise UnreadableItem("too_large", f"The record at line {self._line} is too long.") from error
                near_end = error.pos >= len(self._text) - 16 or error.msg.startswith("Unterminated string")
                if not (near_end and self._more()):
                    raise self.fault(error.msg, error.pos) from error
                continue
            except RecursionError as error:
                raise self.fault("it is nested too deeply") from error
            except ValueError:
                if self._decoder.parse_int is _integer:
                    raise
                self._decoder = json.JSONDecoder(parse_int=_integer)
                continue
            if end == len(self._text) and not isinstance(value, dict | list | str) and self._more():
                continue  # a number may go on in the next piece
            self._position = end
            return value

    def fault(self, what: str, position: int | None = None) -> UnreadableItem:
        """The error to raise: where the text is not JSON, and why."""
        here = self._position if position is None else position
        line = self._line + self._text.count("\n", 0, here)
        return UnreadableItem("corrupt_file", f"The file is not valid JSON at line {line}: {what}.")

    def _more(self) -> bool:
        if self._ended:
            return False
        pending = len(self._text) - self._position
        chunk = self._stream.read(max(_CHUNK_CHARACTERS, pending))  # doubling: a long record is not decoded too often
        if not chunk:
            self._ended = True
            return False
        self._line += self._text.count("\n", 0, self._position)
        self._text = self._text[self._position :] + chunk
        self._position = 0
        return True
