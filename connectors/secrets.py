"""Secrets in locations: `${NAME}` stands for an environment variable and is expanded only where a source is read."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping

from connectors.errors import ConnectorError

_PLACEHOLDER = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")


class SecretMissing(ConnectorError):
    """A location names an environment variable that is not set."""

    code = "secret_missing"


def expanded(text: str, env: Mapping[str, str] | None = None, *, may_be_empty: bool = False) -> str:
    """The text with each `${NAME}` replaced from the environment.

    Raises `SecretMissing` for a variable that is not set or, unless it `may_be_empty`, empty. What comes out is never
    to be shown or stored.
    """
    known = os.environ if env is None else env

    def value(match: re.Match[str]) -> str:
        found = known.get(match[1])
        if found is None or not (found or may_be_empty):
            message = f"The environment variable {match[1]}, which the source's location names, is not set."
            raise SecretMissing(message, hint=f"Set {match[1]} where Answerable runs, and sync again.")
        return found

    return _PLACEHOLDER.sub(value, text)


def has_placeholder(text: str) -> bool:
    """Whether the text names an environment variable as `${NAME}`."""
    return _PLACEHOLDER.search(text) is not None
