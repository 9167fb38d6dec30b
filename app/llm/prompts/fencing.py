r"""Untrusted inputs in a prompt: data blocks that their content cannot close.

    <data name="question">          <data name="schema">
    "How many orders?"              | orders(order_id, order_date)
    </data>                         </data>

Content stands in JSON, one value a line, or in lines that each begin with a bar; so no line of it is a delimiter. On
top of that, whatever could be taken for one, or for a control token of a chat template (`</data>`, `<|im_end|>`,
`[INST]`), is written with an escape, and so is every invisible character. Tokens that stand for personal data
(`<PERSON_1>`) and comparisons (`a < 3`) stay as they are.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Sequence
from typing import Any

FORMAT = 1
"""Part of every version's id: raise it when the same inputs would be sent in another form."""
_BLOCK_NAME = re.compile(r"[a-z][a-z0-9_ ]{0,39}")
_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9 _.:/+-]{0,63}")
_KEPT = r"(?![A-Z][A-Z_]*(?:_\d+)?>)(?![=>\d])(?! (?!(?i:data))[\w\"'(-])"
_TAG = re.compile(rf"<{_KEPT}|\[(?=/?(?:[A-Z_]{{3,}}|gMASK|sMASK)\])")
_INVISIBLE = frozenset({"Cc", "Cf", "Co", "Cs", "Zl", "Zp"})
_TAGS = range(0xE0000, 0xE1000)
"""Tags and variation selectors: a whole text can be hidden in them."""
_BREAK = re.compile(r"\r\n|[\n\r\v\f\x1c-\x1e\x85\u2028\u2029]")


class Fenced(str):
    """Text that a template may print: everything else is refused."""

    __slots__ = ()


def data(value: Any, name: str) -> Fenced:
    """A block with a JSON value; of a list, each item on a line of its own."""
    items = value if isinstance(value, Sequence) and not isinstance(value, str) else [value]
    return _block(name, [neutral(json.dumps(item, ensure_ascii=False)) for item in items])


def lines(value: Any, name: str) -> Fenced:
    """A block with a text of several lines, readable as it is: each line begins with `| `."""
    if not isinstance(value, str):
        raise TypeError(f"`lines` prints text, not {type(value).__name__}")
    return _block(name, [f"| {neutral(line)}" for line in _BREAK.split(value)])


def plain(value: Any) -> Fenced:
    """A word or two within a sentence: a date, a dialect. Raises `ValueError` for anything else."""
    if not isinstance(value, str) or not _PLAIN.fullmatch(value):
        raise ValueError("`plain` prints up to 64 letters, digits, spaces and . _ : / + - only")
    return Fenced(value)


def neutral(line: str) -> str:
    r"""The line with `\uXXXX` in place of what could close a block, be a control token, or hide text.

    >>> neutral('</data> <|im_end|> [/INST] <PERSON_1> a < 3')
    '\\u003c/data> \\u003c|im_end|> \\u005b/INST] <PERSON_1> a < 3'
    """
    marked = _TAG.sub(lambda match: f"\\u{ord(match.group()):04x}", line)
    if marked.isascii() and marked.isprintable():
        return marked
    return "".join(_visible(character) for character in marked)


def _visible(character: str) -> str:
    code = ord(character)
    if character == "\t" or (unicodedata.category(character) not in _INVISIBLE and code not in _TAGS):
        return character
    if code <= 0xFFFF:
        return f"\\u{code:04x}"
    high, low = divmod(code - 0x10000, 0x400)
    return f"\\u{0xD800 + high:04x}\\u{0xDC00 + low:04x}"


def _block(name: str, content: Sequence[str]) -> Fenced:
    if not _BLOCK_NAME.fullmatch(name):
        raise ValueError(f"{name!r} cannot name a block: lower-case letters, digits, spaces and _ only")
    return Fenced("\n".join((f'<data name="{name}">', *content, "</data>")))
