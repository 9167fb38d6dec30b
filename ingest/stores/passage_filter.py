"""Which documents a search may look at, besides their visibility: by path, date and what they say of themselves."""

from __future__ import annotations

import fnmatch
from collections.abc import Mapping
from dataclasses import dataclass, field

PATH, AFTER, BEFORE, METADATA = "document", "modified_after", "modified_before", "metadata."


@dataclass(frozen=True)
class PassageFilter:
    """Conditions that a passage's document must all fulfil; hashable, so that what it selects can be remembered."""

    document: str | None = None
    """Pattern over document paths, such as `policies/*`."""
    modified_after: str | None = None
    """ISO date or time; documents changed at it or later. Documents without a date never fit a condition on it."""
    modified_before: str | None = None
    """ISO date or time; documents changed before it."""
    metadata: tuple[tuple[str, str], ...] = field(default=())
    """Names and values of the documents' metadata, compared without case."""

    def holds(self, path: str, modified: str | None, metadata: Mapping[str, str]) -> bool:
        """Whether a document fulfils the conditions."""
        if self.document is not None and not fnmatch.fnmatchcase(path, self.document):
            return False
        if self.modified_after is not None and (modified is None or modified < self.modified_after):
            return False
        if self.modified_before is not None and (modified is None or modified >= self.modified_before):
            return False
        return all(str(metadata.get(name, "")).casefold() == value.casefold() for name, value in self.metadata)
