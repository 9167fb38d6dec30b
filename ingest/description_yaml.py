"""YAML with line numbers: nodes that know where they stand, so that every complaint can name a line.

Nothing is constructed from a tag, and a file is bounded in size, depth and what its aliases expand to.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import yaml

from ingest.errors import DescriptionError

MOST_BYTES = 1_000_000
"""Bytes that a description file may have; a thousand tables with ten described columns each have about as many."""
DEEPEST = 12
"""Levels of nesting; the format has five."""
MOST_NODES = 200_000
"""Values and keys, each counted as often as an alias names it."""
_TAGS = frozenset(
    f"tag:yaml.org,2002:{name}" for name in ("map", "seq", "str", "int", "float", "bool", "null", "timestamp", "value")
)


class Node:
    """A YAML value of a description file, with typed accessors that raise `DescriptionError`."""

    def __init__(self, node: yaml.Node, path: Path) -> None:
        self._node = node
        self._path = path
        self.line = node.start_mark.line + 1
        self._children: dict[str, Node] = {}
        if isinstance(node, yaml.MappingNode):
            for key, value in node.value:
                inner = Node(value, path)
                inner.line = key.start_mark.line + 1
                if key.value in self._children:
                    raise inner.error(f"the key {key.value!r} stands here twice", "Keep one of them.")
                self._children[key.value] = inner

    @property
    def keys(self) -> tuple[str, ...]:
        """The keys of a mapping."""
        return tuple(self._children)

    def error(self, message: str, hint: str) -> DescriptionError:
        """An error at this node's line."""
        return _error(self._path, self.line, message, hint)

    def only(self, *known: str) -> None:
        """Refuse a node that is no mapping, or that has other keys than these."""
        if self._empty():
            return
        if not isinstance(self._node, yaml.MappingNode):
            raise self.error("a mapping is expected here", f"Known keys are {', '.join(known)}.")
        for key, node in self._children.items():
            if key not in known:
                from ingest.description import nearest

                raise node.error(f"unknown key {key!r}", nearest(key, known))

    def get(self, key: str) -> Node:
        """The value of a key, `MISSING` if it is not there or empty."""
        found = self._children.get(key)
        return MISSING if found is None or found._empty() else found

    def child(self, key: str) -> Node:
        """The value of a key that is there."""
        return self._children[key]

    def items(self, key: str) -> Iterator[tuple[str, Node]]:
        """The entries of the mapping under a key."""
        found = self.get(key)
        if found is MISSING:
            return
        if not isinstance(found._node, yaml.MappingNode):
            raise found.error(f"{key!r} must be a mapping of names", "Write `name: {…}` lines below it.")
        yield from found._children.items()

    def list(self, key: str) -> Iterator[Node]:
        """The items of the list under a key."""
        found = self.get(key)
        if found is MISSING:
            return
        if not isinstance(found._node, yaml.SequenceNode):
            raise found.error(f"{key!r} must be a list", "Write `- item` lines, or [a, b].")
        for item in found._node.value:
            yield Node(item, self._path)

    def texts(self, key: str) -> tuple[str, ...]:
        """The list of texts under a key; a single text counts as a list of one."""
        found = self.get(key)
        if found is not MISSING and isinstance(found._node, yaml.ScalarNode):
            return (found.scalar(),)
        return tuple(node.scalar() for node in self.list(key))

    def text(self, key: str) -> str | None:
        """The text under a key; None if it is not there."""
        found = self.get(key)
        return None if found is MISSING else found.scalar()

    def scalar(self) -> str:
        """The node's text as written."""
        if not isinstance(self._node, yaml.ScalarNode):
            raise self.error("a single value is expected here", "Put the text in quotes if it holds `:` or `{`.")
        return str(self._node.value)

    def flag(self, key: str) -> bool:
        """True or false under a key; false if it is not there."""
        return self.choice(key, ("true", "false", "yes", "no")) in ("true", "yes")

    def choice(self, key: str, known: tuple[str, ...]) -> str | None:
        """One of the known words under a key; None if it is not there."""
        found = self.text(key)
        if found is not None and found.lower() not in known:
            raise self.child(key).error(f"{key!r} is {found!r}", f"Known are {', '.join(known)}.")
        return None if found is None else found.lower()

    def number(self, least: float, most: float) -> float:
        """The node's number, within bounds."""
        text = self.scalar()
        try:
            value = float(text)
        except ValueError:
            raise self.error(f"{text!r} is no number", f"Give a number from {least} to {most}.") from None
        if not least <= value <= most:
            raise self.error(f"{text} is out of range", f"Give a number from {least} to {most}.")
        return value

    def _empty(self) -> bool:
        return isinstance(self._node, yaml.ScalarNode) and self._node.tag == "tag:yaml.org,2002:null"


MISSING = Node(yaml.ScalarNode("tag:yaml.org,2002:null", "", yaml.Mark("", 0, 0, 0, None, 0)), Path())


def load(path: Path) -> Node:
    """The file's root node."""
    try:
        with path.open("rb") as stream:
            content = stream.read(MOST_BYTES + 1)
        return parse(content.decode("utf-8-sig"), path)
    except OSError as error:
        raise DescriptionError(f"{path} cannot be read: {error.strerror}.", hint="Check the path.") from error
    except UnicodeDecodeError as error:
        if len(content) > MOST_BYTES:
            raise _too_large(path) from error
        raise DescriptionError(f"{path} is not UTF-8 text.", hint="Save it as UTF-8.") from error


def parse(text: str, path: Path) -> Node:
    """The root node of a file's text; `path` is what complaints call it."""
    if len(text.encode("utf-8", "surrogatepass")) > MOST_BYTES:
        raise _too_large(path)
    try:
        root = yaml.compose(text, Loader=_Shallow)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = mark.line + 1 if mark is not None else _line_of_character(text, error)
        problem = getattr(error, "problem", None) or getattr(error, "reason", None) or "not valid YAML"
        hint = "Check indentation, and put texts that hold `:` or `{` in quotes."
        if line is None:
            raise DescriptionError(f"{path}: {problem}.", hint=hint) from error
        raise _error(path, line, problem, hint) from error
    if root is None:
        return MISSING
    _check_bounds(root, path)
    return Node(root, path)


class _Shallow(yaml.SafeLoader):
    """Composes nodes, and gives up where they are nested too deep, before the interpreter would."""

    _depth = 0

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        """The next node."""
        self._depth += 1
        if self._depth > DEEPEST:
            mark = self.peek_event().start_mark  # type: ignore[no-untyped-call]
            raise yaml.composer.ComposerError(None, None, f"nested more than {DEEPEST} levels deep", mark)
        found: yaml.Node | None = super().compose_node(parent, index)
        self._depth -= 1
        return found


def _check_bounds(root: yaml.Node, path: Path) -> None:
    """Refuse foreign tags, and aliases that make the file larger than it looks or part of itself."""
    left = [(root, 1)]
    seen = 0
    while left:
        node, depth = left.pop()
        seen += 1
        line = node.start_mark.line + 1
        if seen > MOST_NODES or depth > DEEPEST:
            raise _error(
                path, line, "the file expands to more than it may hold", "Write less with anchors and aliases."
            )
        if node.tag not in _TAGS and node.value != "<<":
            raise _error(path, line, f"the tag {node.tag!r} is not used here", "Leave it out; put texts in quotes.")
        if isinstance(node, yaml.MappingNode):
            left += [(each, depth + 1) for pair in node.value for each in pair]
        elif isinstance(node, yaml.SequenceNode):
            left += [(each, depth + 1) for each in node.value]


def _line_of_character(text: str, error: yaml.YAMLError) -> int | None:
    """The line of a character that YAML does not allow."""
    position = getattr(error, "position", None)
    return text.count("\n", 0, position) + 1 if isinstance(position, int) else None


def _error(path: Path, line: int, message: str, hint: str) -> DescriptionError:
    return DescriptionError(f"{path}, line {line}: {message}.", hint=hint, line=line)


def _too_large(path: Path) -> DescriptionError:
    return DescriptionError(f"{path} is larger than {MOST_BYTES:,} bytes.", hint="Describe what people ask about.")
