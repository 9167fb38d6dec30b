"""Prompts that chat front ends send by themselves: a title, tags, follow-ups for a conversation they quote.

They are instructions for a language model, and no question to data. They are answered here, without looking at any:
a title is the conversation's first question shortened, everything else is empty. Recognised is their general shape,
which the defaults of Open WebUI (`### Task:` … `<chat_history>`, an object of JSON wanted) and LibreChat (`Provide a
concise … title … Conversation: User: …`) have.
"""

from __future__ import annotations

import re

import msgspec

TITLE_WORDS = 8
TITLE_CHARS = 60
READ_CHARS = 4000
"""Characters of a quoted conversation in which its first question is looked for."""
_OPEN, _CLOSE = "<chat_history>", "</chat_history>"
_WANTED = re.compile(r"\{\s*\"(?P<key>[a-z_]{1,30})\"\s*:\s*(?P<list>\[)?")
_SAID = re.compile(r"^[ \t]*(?:user|human)[ \t]*:", re.MULTILINE | re.IGNORECASE)
_NEXT = re.compile(r"^[ \t]*(?:user|human|assistant|ai)[ \t]*:", re.MULTILINE | re.IGNORECASE)
_OPENERS = re.compile(
    r"\s*(?:#+ *task\b|(?:please )?(?:generate|provide|write|create) a\b|analy[sz]e this conversation\b)", re.IGNORECASE
)


class Background(msgspec.Struct, frozen=True):
    """A recognised prompt and what it is answered with."""

    task: str
    reply: str


def background(prompt: str, *, as_json: bool = False) -> Background | None:
    """The answer to a prompt that a front end made; None for what a person asks.

    `as_json`: the request wants JSON though the prompt does not say of what shape.
    """
    if _OPENERS.match(prompt) is None:
        return None
    head, opened, rest = prompt.partition(_OPEN)
    talk, closed, _ = rest.rpartition(_CLOSE)
    wanted = _WANTED.search(head)
    if opened and closed and wanted is not None:
        return _of_json(wanted, talk)
    said = _SAID.search(prompt)
    if said is None or "title" not in prompt[: said.start()].casefold():
        return None
    title = title_of(prompt[said.start() :])
    return Background("title", msgspec.json.encode({"title": title}).decode() if as_json else title)


def title_of(talk: str) -> str:
    """The first question of a quoted conversation, shortened at a word's end."""
    talk = talk[:READ_CHARS]
    begin = _SAID.search(talk)
    if begin is not None:
        talk = talk[begin.end() :]
        end = _NEXT.search(talk)
        talk = talk[: end.start()] if end is not None else talk
    said = " ".join(talk.split())
    words = said.split(" ")[:TITLE_WORDS]
    while len(words) > 1 and len(" ".join(words)) > TITLE_CHARS:
        words.pop()
    short = " ".join(words)[:TITLE_CHARS]
    end_mark = "…" if len(short) < len(said) else ""
    return f"{short.rstrip('?.!,;: ')}{end_mark}" or "New chat"


def _of_json(wanted: re.Match[str], talk: str) -> Background:
    key = wanted["key"]
    value: object = [] if wanted["list"] else ""
    if key == "title":
        value = title_of(talk)
    elif key == "tags":
        value = ["General"]
    return Background(key, msgspec.json.encode({key: value}).decode())
