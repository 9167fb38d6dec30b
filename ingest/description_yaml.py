"""YAML with line numbers: nodes that know where they stand, so that every complaint can name a line."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import yaml

from ingest.errors import DescriptionError


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
        return DescriptionError(f"{self._path}, line {self.line}: {message}.", hint=hint)

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
        root = yaml.compose(path.read_text(encoding="utf-8-sig"), Loader=yaml.SafeLoader)
    except OSError as error:
        raise DescriptionError(f"{path} cannot be read: {error.strerror}.", hint="Check the path.") from error
    except UnicodeDecodeError as error:
        raise DescriptionError(f"{path} is not UTF-8 text.", hint="Save it as UTF-8.") from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f", line {mark.line + 1}" if mark is not None else ""
        problem = getattr(error, "problem", None) or "not valid YAML"
        hint = "Check indentation, and put texts that hold `:` or `{` in quotes."
        raise DescriptionError(f"{path}{line}: {problem}.", hint=hint) from error
    return MISSING if root is None else Node(root, path)
