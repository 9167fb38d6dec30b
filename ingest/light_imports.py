"""Importing libraries that import torch when they find it, without torch; and spaCy without its command line.

spaCy's `thinc` and Presidio import torch and transformers wherever these are installed (5 s and 350 MB) and work
without them. Training and export of the embedding model need torch installed; serving must not load it.

`import spacy` imports all of its commands for one function of theirs, `spacy.info`: 230 modules of training,
downloading and HTTP, a fifth of its time.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType

_COMMANDS = "spacy.cli.info"
_HEAVY = frozenset({"torch", "transformers", "tensorflow", "mxnet", "jax", "cupy", "spacy_transformers"})


class _Absent(MetaPathFinder):
    """A finder that says the heavy packages are not installed."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname.partition(".")[0] in _HEAVY:
            raise ModuleNotFoundError(f"{fullname} is kept out of this import", name=fullname)
        return None


@contextmanager
def without_torch() -> Iterator[None]:
    """Within the block, torch and its like cannot be imported, as on a machine without them.

    Modules that were imported before stay as they are.
    """
    finder = _Absent()
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)


@contextmanager
def without_spacy_commands() -> Iterator[None]:
    """Within the block, a first `import spacy` leaves out `spacy.cli`; `spacy.info` then says nothing.

    `spacy.cli` can be imported afterwards as usual.
    """
    if "spacy" in sys.modules:
        yield
        return
    stand_in = ModuleType(_COMMANDS)
    stand_in.info = None  # type: ignore[attr-defined]
    sys.modules[_COMMANDS] = stand_in
    try:
        yield
    finally:
        if sys.modules.get(_COMMANDS) is stand_in:
            del sys.modules[_COMMANDS]
