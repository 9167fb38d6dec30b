"""Which rule of a script answers a request, and with which of its replies; counts uses."""

from __future__ import annotations

import re
from collections.abc import Iterable
from fnmatch import fnmatchcase

import msgspec

from app.llm.scripted.requests import Request
from app.llm.scripted.script import Answering, Match, Rule, Script

_FLAGS = re.IGNORECASE | re.DOTALL


class Chosen(msgspec.Struct, frozen=True, kw_only=True):
    """What a request is answered with."""

    rule: int | None
    """Place in the script, from 1; None: no rule, but `otherwise`."""
    reply: Answering
    quotes: dict[str, str]
    """What the reply's template may quote."""


class RuleBook:
    """A script in use. Not thread-safe: one event loop asks."""

    def __init__(self, script: Script) -> None:
        self._script = script
        self._met = [0] * len(script.rules)
        self._used = [0] * len(script.rules)

    def choose(self, request: Request) -> Chosen | None:
        """What answers a request; None where nothing does."""
        for number, rule in enumerate(self._script.rules):
            groups = matched(rule.match, request)
            if groups is None or not self._is_due(number, rule):
                continue
            uses = self._used[number]
            self._used[number] += 1
            reply = rule.replies[min(uses, len(rule.replies) - 1)]
            quotes = _quotes(request) | {"call": str(uses + 1)} | groups
            return Chosen(rule=number + 1, reply=reply, quotes=quotes)
        if self._script.otherwise is None:
            return None
        return Chosen(rule=None, reply=self._script.otherwise, quotes=_quotes(request) | {"call": "1"})

    def _is_due(self, number: int, rule: Rule) -> bool:
        """Whether it is this rule's turn by `call` and `times`, once its other conditions are met."""
        self._met[number] += 1
        call = rule.match.call
        wanted = (call,) if isinstance(call, int) else call
        in_turn = wanted is None or self._met[number] in wanted
        return in_turn and (rule.times is None or self._used[number] < rule.times)


def matched(match: Match, request: Request) -> dict[str, str] | None:
    """The groups of a match's expressions in a request; None if one of its conditions does not hold."""
    if match.endpoint != request.endpoint or not _names_fit(match, request):
        return None
    if match.stream is not None and match.stream != request.stream:
        return None
    texts = [text for _, text in request.messages]
    wanted = (match.contains,) if isinstance(match.contains, str) else match.contains
    if not all(any(each.casefold() in text.casefold() for text in texts) for each in wanted):
        return None
    for name, expression in match.header.items():
        if re.search(expression, request.headers.get(name.lower(), ""), _FLAGS) is None:
            return None
    groups: dict[str, str] = {}
    for expression_, where in (
        (match.regex, texts),
        (match.system, request.said_by("system", "developer")),
        (match.user, request.said_by("user")),
        (match.last, texts[-1:]),
    ):
        if expression_ is None:
            continue
        found = _searched(expression_, where)
        if found is None:
            return None
        numbered = {str(number): each or "" for number, each in enumerate(found.groups(), start=1)}
        groups = numbered | groups | {name: each or "" for name, each in found.groupdict().items()}
    return groups


def _names_fit(match: Match, request: Request) -> bool:
    if match.model is not None and not fnmatchcase(request.model, match.model):
        return False
    if match.schema is not None and (request.schema is None or not fnmatchcase(request.schema[0], match.schema)):
        return False
    return match.tool is None or any(fnmatchcase(name, match.tool) for name in request.tools)


def _searched(expression: str, texts: Iterable[str]) -> re.Match[str] | None:
    found = (re.search(expression, text, _FLAGS) for text in texts)
    return next((each for each in found if each is not None), None)


def _quotes(request: Request) -> dict[str, str]:
    def last(texts: list[str]) -> str:
        return texts[-1] if texts else ""

    schema = request.schema[0] if request.schema is not None else ""
    said = {"user": last(request.said_by("user")), "system": last(request.said_by("system", "developer"))}
    return said | {"model": request.model, "schema": schema}
