"""Which character encoding a file is in. The whole file is looked at, so that reading it later meets no surprise."""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass
from pathlib import Path

from connectors.base import Problem
from connectors.formats.source_file import UnreadableItem

_CHUNK_BYTES = 1 << 20
_SAMPLE_BYTES = 1 << 16
_BYTE_ORDER_MARKS: tuple[tuple[bytes, str], ...] = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16: its mark starts with UTF-16's
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
# Above this share of bytes over 0x7F a text is not in a language that mixes a few accents into ASCII.
_MOSTLY_ASCII = 0.25
_BYTE_FALLBACK = "answerable.cp1252_bytes"
_STRAY_CONTROLS = 2
_CONTROL_BYTES = bytes(set(range(32)) - {7, 8, 9, 10, 11, 12, 13, 26, 27})


@dataclass(frozen=True, slots=True)
class Encoding:
    """How to decode a file: `open(..., encoding=name, errors=errors)`."""

    name: str
    errors: str = "strict"
    bad_bytes: int = 0
    """How many bytes are not valid in the encoding and are read as Windows-1252 instead."""

    def problems(self, path: str) -> list[Problem]:
        """What to report of the decoding: nothing for UTF-8 and UTF-16."""
        if not self.bad_bytes:
            return []
        message = (
            f"{self.bad_bytes} bytes are not valid {self.name}; they were read as Windows-1252. "
            "Save the file as UTF-8 to be sure of every character."
        )
        return [Problem(path, "mixed_encoding", message, "repaired")]


def _cp1252_bytes(error: UnicodeError) -> tuple[str, int]:
    """Codec error handler: read the offending bytes as Windows-1252, undefined ones as U+FFFD."""
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return error.object[error.start : error.end].decode("cp1252", "replace"), error.end


codecs.register_error(_BYTE_FALLBACK, _cp1252_bytes)


def looks_like_text(head: bytes) -> bool:
    """Whether the first bytes of a file are text of some encoding rather than binary content."""
    if _utf16_of(head) or any(head.startswith(mark) for mark, _ in _BYTE_ORDER_MARKS):
        return True
    if 0 in head:
        return False
    controls = len(head) - len(head.translate(None, _CONTROL_BYTES))
    return controls <= max(_STRAY_CONTROLS, len(head) // 1000)


def detect_encoding(location: Path) -> Encoding:
    """The encoding of a text file.

    Raises:
        UnreadableItem: `empty_file` or `not_text`.
        OSError: The file cannot be opened.

    """
    with location.open("rb") as stream:
        head = stream.read(_SAMPLE_BYTES)
    if not head.strip(b"\xef\xbb\xbf \t\r\n\x00"):
        raise UnreadableItem("empty_file", "The file is empty.")
    mark = next((name for mark, name in _BYTE_ORDER_MARKS if head.startswith(mark)), None) or _utf16_of(head)
    if mark and mark != "utf-8-sig":
        return Encoding(mark, errors="replace")
    if not looks_like_text(head):
        raise UnreadableItem("not_text", "The file holds binary content, not text: check what it really is.")
    valid, bad = _utf8_counts(location)
    if not bad:
        return Encoding("utf-8-sig")
    if mark or valid > bad:
        return Encoding("utf-8-sig", errors=_BYTE_FALLBACK, bad_bytes=bad)
    return Encoding(_single_byte_encoding(_around_high_bytes(location)), errors="replace")


def decode(location: Path) -> tuple[str, Encoding]:
    """The whole text of a file with newlines as LF, and how it was decoded."""
    encoding = detect_encoding(location)
    with location.open(encoding=encoding.name, errors=encoding.errors) as stream:
        return stream.read().replace("\x00", ""), encoding


def _utf16_of(head: bytes) -> str | None:
    """UTF-16 without a byte order mark: every other byte of Western text is zero."""
    even, odd = head[0:2000:2], head[1:2000:2]
    if len(odd) < 4:
        return None
    if odd.count(0) > 0.6 * len(odd) and even.count(0) < 0.05 * len(even):
        return "utf-16-le"
    if even.count(0) > 0.6 * len(even) and odd.count(0) < 0.05 * len(odd):
        return "utf-16-be"
    return None


def _utf8_counts(location: Path) -> tuple[int, int]:
    """How many characters beyond ASCII are valid UTF-8 in the file, and how many bytes are not valid."""
    strict = codecs.getincrementaldecoder("utf-8")()
    valid = bad = 0
    with location.open("rb") as stream:
        while True:
            chunk = stream.read(_CHUNK_BYTES)
            try:
                text = strict.decode(chunk, not chunk)
                valid += _beyond_ascii(text)
            except UnicodeDecodeError:
                pending = strict.getstate()[0]
                more_valid, more_bad = _bad_bytes(pending + chunk)
                valid, bad = valid + more_valid, bad + more_bad
                strict.reset()
            if not chunk:
                return valid, bad


def _beyond_ascii(text: str) -> int:
    return 0 if text.isascii() else len(text) - len(text.encode("ascii", "ignore"))


def _bad_bytes(chunk: bytes) -> tuple[int, int]:
    """Valid characters beyond ASCII and invalid bytes of a chunk; one cut character at its end counts as neither."""
    kept = chunk.decode("utf-8", "ignore")
    return _beyond_ascii(kept), max(1, len(chunk) - len(kept.encode()))


def _around_high_bytes(location: Path) -> bytes:
    """A sample of the lines that hold bytes beyond ASCII, at most 64 KiB."""
    sample = bytearray()
    with location.open("rb") as stream:
        while len(sample) < _SAMPLE_BYTES and (chunk := stream.read(_CHUNK_BYTES)):
            for match in re.finditer(rb"[^\n]{0,200}[\x80-\xff][^\n]{0,200}", chunk):
                sample += match.group() + b"\n"
                if len(sample) >= _SAMPLE_BYTES:
                    break
    return bytes(sample)


def _single_byte_encoding(sample: bytes) -> str:
    """The most likely legacy encoding: Windows-1252 for mostly ASCII text, else what charset-normalizer finds."""
    high = sum(byte > 0x7F for byte in sample)
    if high <= _MOSTLY_ASCII * len(sample) and _decodes(sample, "cp1252"):
        return "cp1252"
    from charset_normalizer import from_bytes

    best = from_bytes(sample[: _SAMPLE_BYTES // 2]).best()
    return best.encoding if best is not None else "latin-1"


def _decodes(sample: bytes, encoding: str) -> bool:
    try:
        sample.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True
