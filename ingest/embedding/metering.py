"""Who counts the requests to an embedding endpoint, and may refuse them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from ingest.embedding.errors import EndpointError


@dataclass(frozen=True, slots=True)
class EmbeddingRequest:
    """One request as it is about to be sent."""

    host: str
    """With the port, where the address has one."""
    model: str
    texts: Sequence[str]
    """As they leave: masked."""
    timeout_s: float
    retry: int = 0
    """The how many-th repetition of the same request it is."""


class Metered(Protocol):
    """One request under way."""

    def ended(self, tokens: int | None, error: EndpointError | None = None) -> None:
        """Told once: the tokens that the endpoint reports (None: it does not), and what went wrong."""


class Meter(Protocol):
    """What is asked before each request."""

    def began(self, request: EmbeddingRequest) -> Metered:
        """Count a request. Raises `EndpointRefused` where it must not be sent."""


class Unmetered:
    """A meter, and its requests, where nobody counts."""

    def began(self, request: EmbeddingRequest) -> Unmetered:
        """Every request may be sent."""
        del request
        return self

    def ended(self, tokens: int | None, error: EndpointError | None = None) -> None:
        """Nothing to do."""
