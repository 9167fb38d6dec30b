"""The language of prompt bodies: a small part of Jinja2, allowed node by node.

A body prints inputs through `data`, `lines` or `plain` (`fencing.py`), loops over them and asks whether they are there.
It calls nothing, assigns nothing, computes nothing and reaches no attribute of a Python object; a loop within a loop
goes over the outer one's item, so that the work is in proportion to the inputs. An undefined name fails.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any

import jinja2
from jinja2 import meta, nodes
from jinja2.runtime import LoopContext, StrictUndefined, Undefined
from jinja2.sandbox import SandboxedEnvironment

from app.llm.prompts.fencing import Fenced, data, lines, plain

MOST_CHARS = 400_000
"""Characters of one rendered message: about 100,000 tokens."""
FILTERS = {"data": data, "lines": lines, "plain": plain, "length": len}
TESTS = ("none",)
_LOOP = frozenset({"index", "index0", "first", "last", "length"})
_ALLOWED: tuple[type[nodes.Node], ...] = (
    nodes.Template, nodes.Output, nodes.TemplateData, nodes.Name, nodes.Getattr, nodes.Getitem, nodes.Const,
    nodes.For, nodes.If, nodes.Filter, nodes.Test, nodes.Compare, nodes.Operand,
    nodes.And, nodes.Or, nodes.Not,
)  # fmt: skip


class BadTemplate(Exception):
    """A body that cannot be used, or inputs that it cannot print; says where and why, and quotes no input."""


class _Environment(SandboxedEnvironment):
    """Attributes are keys of mappings and the state of loops, nothing else."""

    def getattr(self, obj: Any, attribute: str) -> Any:
        if isinstance(obj, Mapping) and attribute in obj:
            return obj[attribute]
        if isinstance(obj, LoopContext) and attribute in _LOOP:
            return getattr(obj, attribute)
        raise jinja2.UndefinedError(f"there is no `{attribute}`")

    def getitem(self, obj: Any, argument: Any) -> Any:
        if isinstance(obj, list) and isinstance(argument, int) and -len(obj) <= argument < len(obj):
            return obj[argument]
        return self.getattr(obj, argument)


def _printed(value: Any) -> Any:
    """What an expression may print: fenced text, and whole numbers."""
    if isinstance(value, Undefined):
        str(value)  # raises, naming what is undefined
    if isinstance(value, Fenced) or (isinstance(value, int) and not isinstance(value, bool)):
        return value
    raise BadTemplate(f"a {type(value).__name__} cannot be printed as it is")


def _environment() -> _Environment:
    made = _Environment(
        undefined=StrictUndefined, finalize=_printed, autoescape=False, trim_blocks=True, lstrip_blocks=True
    )
    made.globals.clear()
    made.filters = dict(FILTERS)
    made.tests = {name: made.tests[name] for name in TESTS}
    return made


_ENVIRONMENT = _environment()


class Body:
    """The body of one message. `inputs` are the names that it may use; raises `BadTemplate`."""

    def __init__(self, source: str, inputs: Sequence[str]) -> None:
        try:
            tree = _ENVIRONMENT.parse(source)
            _check(tree)
            unknown = meta.find_undeclared_variables(tree) - set(inputs)
            if unknown:
                raise BadTemplate(f"{_and(unknown)} is not an input; the inputs are {_and(inputs)}")
            self._template = _ENVIRONMENT.from_string(source)
        except jinja2.TemplateError as error:
            raise BadTemplate(_said(error)) from error

    def rendered(self, values: Mapping[str, Any]) -> str:
        """The text of the message. Raises `BadTemplate` for what is undefined, unprintable or too long."""
        pieces, length = [], 0
        try:
            for piece in self._template.generate(values):
                pieces.append(piece)
                length += len(piece)
                if length > MOST_CHARS:
                    raise BadTemplate(f"the message is over {MOST_CHARS:,} characters")
        except jinja2.TemplateError as error:
            raise BadTemplate(_said(error)) from error
        except (TypeError, ValueError) as error:
            raise BadTemplate(str(error)) from error
        return "".join(pieces).strip()


@lru_cache(maxsize=256)
def body(source: str, inputs: tuple[str, ...]) -> Body:
    """The compiled body, made once (10 ms). Raises `BadTemplate`."""
    return Body(source, inputs)


def tokens(source: str) -> tuple[tuple[str, str], ...]:
    """What a body says, without comments and without the white space inside `{{ }}` and `{% %}`."""
    found: list[tuple[str, str]] = []
    try:
        for _, kind, text in _ENVIRONMENT.lex(source):
            if kind == "whitespace" or kind.startswith("comment"):
                continue
            said = "" if kind.endswith(("_begin", "_end")) else text
            if kind == "data" and found and found[-1][0] == "data":
                found[-1] = ("data", found[-1][1] + said)
            else:
                found.append((kind, said))
    except jinja2.TemplateError as error:
        raise BadTemplate(_said(error)) from error
    for end, stripped in ((0, str.lstrip), (-1, str.rstrip)):
        if found and found[end][0] == "data":
            found[end] = ("data", stripped(found[end][1]))
    return tuple(found)


def _check(tree: nodes.Template) -> None:
    for node in tree.find_all(nodes.Node):
        wrong = next(_objections(node), None)
        if wrong is not None:
            raise BadTemplate(f"line {node.lineno}: {wrong}")
    _check_loops(tree, None)


def _objections(node: nodes.Node) -> Iterator[str]:
    if not isinstance(node, _ALLOWED):
        yield f"{type(node).__name__} is not allowed; a prompt prints, loops and asks `if`"
    elif isinstance(node, nodes.Output) and not all(map(_printable, node.nodes)):
        yield "what is printed goes through `data`, `lines` or `plain`"
    elif isinstance(node, nodes.Getattr | nodes.Name):
        name = node.attr if isinstance(node, nodes.Getattr) else node.name
        if name.startswith("_") or name == "self":
            yield f"the name {name} is not allowed"
    elif isinstance(node, nodes.Getitem) and not isinstance(node.arg, nodes.Const):
        yield "only a constant may stand in [ ]"
    elif isinstance(node, nodes.Filter) and node.name not in FILTERS:
        yield f"there is no filter `{node.name}`; there are {_and(FILTERS)}"
    elif isinstance(node, nodes.Test) and node.name not in TESTS:
        yield f"there is no test `{node.name}`; there are {_and(TESTS)}"
    elif isinstance(node, nodes.For) and (node.recursive or node.else_):
        yield "a loop is neither recursive nor has an else"


def _printable(node: nodes.Expr) -> bool:
    """Literal text, an input in a block, a number of items, or where a loop is."""
    if isinstance(node, nodes.Getattr):
        return isinstance(node.node, nodes.Name) and node.node.name == "loop"
    return isinstance(node, nodes.TemplateData | nodes.Filter)


def _check_loops(node: nodes.Node, around: str | None) -> None:
    """A loop goes over an input, a loop within one (`around` is its item) over something of that item."""
    inside = around
    if isinstance(node, nodes.For):
        root: nodes.Node = node.iter
        while isinstance(root, nodes.Getattr | nodes.Getitem):
            root = root.node
        if not isinstance(root, nodes.Name) or not isinstance(node.target, nodes.Name):
            raise BadTemplate(f"line {node.lineno}: a loop reads `for ITEM in INPUT`")
        if around is not None and root.name != around:
            raise BadTemplate(f"line {node.lineno}: a loop within a loop goes over `{around}`, not `{root.name}`")
        inside = node.target.name
    for child in node.iter_child_nodes():
        _check_loops(child, inside)


def _said(error: jinja2.TemplateError) -> str:
    line = getattr(error, "lineno", None)
    return f"line {line}: {error.message}" if line else str(error.message)


def _and(names: Any) -> str:
    return ", ".join(sorted(names))
