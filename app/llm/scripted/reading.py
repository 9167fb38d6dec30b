"""Scripts read from YAML, JSON Lines or values; a mistake is told with its place and the nearest word that is known."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from app.errors import ConfigurationError
from app.llm.scripted.script import Answering, Fault, Match, Reported, Rule, Script, ToolCall
from app.llm.scripted.templating import unknown_quotes

_INNER: Mapping[tuple[type, str], type] = {
    (Script, "rules"): Rule,
    (Script, "otherwise"): Answering,
    (Rule, "match"): Match,
    (Rule, "reply"): Answering,
    (Rule, "sequence"): Answering,
    (Answering, "error"): Fault,
    (Answering, "tool_calls"): ToolCall,
    (Answering, "usage"): Reported,
}
"""(value, field) -> what the field holds, one or a list."""
_SHOWN = 200


def read_script(script: Script | Mapping[str, Any] | Sequence[Any] | Path | str) -> Script:
    """A script from a path, from the text of one, from its values, or a list of rules.

    Raises `ConfigurationError` that names the place.
    """
    if isinstance(script, Script):
        return script
    raw, where = _raw(script)
    if isinstance(raw, list | tuple):
        raw = {"rules": list(raw)}
    if not isinstance(raw, Mapping):
        raise _wrong(f"{where} holds neither rules nor a mapping with `rules`.")
    _check_names(raw, Script, where)
    try:
        read = msgspec.convert(raw, Script)
    except msgspec.ValidationError as error:
        raise _wrong(f"{where}: {error}.") from error
    for place, problem in _problems(read):
        raise _wrong(f"{where}, {place}: {problem}")
    return read


def _raw(script: Mapping[str, Any] | Sequence[Any] | Path | str) -> tuple[Any, str]:
    if isinstance(script, str) and "\n" not in script and ":" not in script:
        script = Path(script)
    if isinstance(script, str):
        return _parsed(script, "the script", lines=script.lstrip().startswith("{")), "the script"
    if not isinstance(script, Path):
        return script, "the script"
    try:
        text = script.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise _wrong(f"The script {script} cannot be read: {error}.") from error
    return _parsed(text, script.name, lines=script.suffix in {".jsonl", ".ndjson"}), script.name


def _parsed(text: str, where: str, *, lines: bool) -> Any:
    if not lines:
        return _yaml(text, where)
    whole: dict[str, Any] = {"rules": []}
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        try:
            each = msgspec.json.decode(line)
        except msgspec.DecodeError as error:
            raise _wrong(f"{where}, line {number}, is not JSON: {error}.") from error
        if not isinstance(each, dict):
            raise _wrong(f"{where}, line {number}, is not an object.")
        if set(each) & (set(Script.__struct_fields__) - set(Rule.__struct_fields__)):
            rules = each.pop("rules", [])
            whole |= each
            whole["rules"] += rules
        else:
            whole["rules"].append(each)
    return whole


def _yaml(text: str, where: str) -> Any:
    import yaml

    try:
        return yaml.safe_load(text) or []
    except yaml.YAMLError as error:
        raise _wrong(f"{where} is not YAML: {error}.") from error


def _check_names(raw: Mapping[Any, Any], kind: type[msgspec.Struct], where: str) -> None:
    """Raise for the first name that a value of this kind has not, with the nearest that it has."""
    known = [field.encode_name for field in msgspec.structs.fields(kind)]
    for name, value in raw.items():
        if name not in known:
            near = difflib.get_close_matches(str(name), known, n=1)
            found = f"did you mean `{near[0]}`?" if near else f"known are {', '.join(known)}."
            raise _wrong(f"{where}: there is no `{name}`; {found}")
        inner = _INNER.get((kind, name))
        place = f"{where}, {name}"
        if inner is None:
            continue
        if isinstance(value, Mapping):
            _check_names(value, inner, place)
        for number, each in enumerate(value if isinstance(value, list | tuple) else (), start=1):
            if isinstance(each, Mapping):
                _check_names(each, inner, f"{place} {number}")


def _problems(script: Script) -> Iterator[tuple[str, str]]:
    """(place, what is wrong) for all that types do not tell."""
    for number, rule in enumerate(script.rules, start=1):
        place = f"rule {number}" + (f" ({rule.name})" if rule.name else "")
        if (rule.reply is None) == (not rule.sequence):
            yield place, "give either `reply` or `sequence`."
        yield from ((place, problem) for problem in _match_problems(rule.match))
        groups = _groups(rule.match)
        for reply in rule.replies:
            yield from ((place, problem) for problem in _reply_problems(reply, groups))
    if script.otherwise is not None:
        yield from (("otherwise", problem) for problem in _reply_problems(script.otherwise, set()))
    if not all(script.keys):
        yield "keys", "a key is empty."


def _match_problems(match: Match) -> Iterator[str]:
    for expression in _expressions(match):
        try:
            re.compile(expression)
        except re.error as error:
            yield f"{expression!r} is not a regular expression: {error}."
    of_chats = (match.schema, match.tool, match.system, match.user, match.last)
    if match.endpoint == "embeddings" and any(of_chats):
        yield "a request for embeddings has no schema, tool, system or user message."


def _reply_problems(reply: Answering, groups: set[str]) -> Iterator[str]:
    bodies, faults = reply.bodies, reply.faults
    if len(bodies) > 1:
        yield f"{' and '.join(bodies)} exclude each other."
    if len(faults) > 1:
        yield f"{' and '.join(faults)} exclude each other."
    if bodies and faults:
        yield f"{faults[0]} has no {bodies[0]}."
    if reply.cut_after is not None and reply.hang_after is not None:
        yield "cut_after and hang_after exclude each other."
    for name in unknown_quotes((reply.text, reply.json_, [call.arguments for call in reply.tool_calls]), groups):
        yield f"`${{{name}}}` quotes nothing: no group of the match is called {name}; `$${{{name}}}` is not a quote."


def _expressions(match: Match) -> list[str]:
    return [each for each in (*_quotable(match), *match.header.values()) if each is not None]


def _quotable(match: Match) -> tuple[str | None, ...]:
    """The expressions whose groups a reply may quote."""
    return match.regex, match.system, match.user, match.last


def _groups(match: Match) -> set[str]:
    """Names and numbers of the groups that a reply may quote."""
    found: set[str] = set()
    for expression in _quotable(match):
        try:
            compiled = re.compile(expression or "")
        except re.error:
            continue
        found |= set(compiled.groupindex) | {str(number) for number in range(1, compiled.groups + 1)}
    return found


def _wrong(message: str) -> ConfigurationError:
    return ConfigurationError(
        message if len(message) <= 4 * _SHOWN else message[: 4 * _SHOWN] + " …",
        hint="docs/scripted-models.md describes what a script may say.",
        code="script_invalid",
    )
