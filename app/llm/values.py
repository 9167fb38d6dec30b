r"""The frozen values between a stage that asks a model and the provider that answers.

    inputs -> ScrubbedInputs -> Outgoing -> Completion -> Reply

Only `app.llm.privacy` constructs `ScrubbedInputs`; only `app.llm.prompts` constructs an `Outgoing`: nothing that was
not scrubbed reaches a provider.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Literal, TypeAlias

import msgspec

from app.values import Deadline

TaskName: TypeAlias = Literal["route", "rewrite", "split", "plan_sql", "write", "judge", "embed"]
Outcome: TypeAlias = Literal["ok", "cached", "invalid", "refused", "failed", "cancelled", "cut"]
"""How an attempt went: `invalid` did not fit the schema, `cut` ended in the middle of a stream."""


class Message(msgspec.Struct, frozen=True):
    """One message of a conversation with a model."""

    role: Literal["system", "user", "assistant"]
    content: str


class Parameters(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked of the sampler; None leaves the provider's default."""

    temperature: float | None = None
    top_p: float | None = None
    max_tokens: int = 800
    """Most tokens of output: what a budget reserves for."""
    seed: int | None = None


class ScrubbedInputs(msgspec.Struct, frozen=True):
    """A prompt's inputs with personal data as tokens. Constructed only by `app.llm.privacy`."""

    values: Mapping[str, Any]


class Outgoing(msgspec.Struct, frozen=True, kw_only=True):
    """A rendered prompt, ready to be sent. Constructed only by `app.llm.prompts`."""

    task: TaskName
    prompt: str
    """`name@hash` over everything that changes the output."""
    messages: tuple[Message, ...]
    schema: Mapping[str, Any] | None
    """JSON schema (2020-12, an object) that the output must fit; None for free text."""
    parameters: Parameters


class Asking(msgspec.Struct, frozen=True, kw_only=True):
    """For whom and for what a model is asked: what budgets, caches, the ledger and traces go by."""

    answer_id: str
    deadline: Deadline
    audience: str
    """Fingerprint of tenant and permissions: calls of different audiences never share a cache entry."""
    manifest: str | None = None
    key_id: str | None = None
    sources: tuple[str, ...] = ()
    """Sources whose content is in the inputs."""


class TokenCount(msgspec.Struct, frozen=True, kw_only=True):
    """Tokens as the provider reports them, or estimated and marked so."""

    input: int = 0
    output: int = 0
    cached_input: int = 0
    """Those of `input` that the provider had in its own cache."""
    estimated: bool = False


class Completion(msgspec.Struct, frozen=True, kw_only=True):
    """What a provider returned for one attempt."""

    text: str
    model: str
    """The model as the provider names it."""
    tokens: TokenCount
    finish: str = "stop"
    """`stop`, `length`, `content_filter`: as the provider says."""
    request_id: str | None = None


class Attempt(msgspec.Struct, frozen=True, kw_only=True):
    """One row of the ledger: one call of a provider, or one hit of the cache."""

    answer_id: str
    at: float
    """Seconds since the epoch."""
    task: TaskName
    prompt: str
    provider: str
    model: str
    """`provider`'s own name of the model that was asked for."""
    outcome: Outcome
    tokens: TokenCount
    cost_usd: Decimal | None
    """None where no price is known; 0 for a hit of the cache."""
    saved_usd: Decimal | None = None
    """What a hit of the cache would have cost."""
    key_id: str | None = None
    sources: tuple[str, ...] = ()
    duration_s: float = 0.0
    first_token_s: float | None = None
    purpose: str = ""
    """`repair`, `vote 2`, `retry 1`, `fallback` …; empty for a plain first call."""
    error: str | None = None
    """Stable code of what went wrong; never a provider's text, which may hold a key or content."""


class Reply(msgspec.Struct, frozen=True, kw_only=True):
    """What a stage gets: output that fits the prompt's schema, and what it took."""

    output: Mapping[str, Any]
    """The validated JSON object; `{"text": …}` for a prompt without a schema. Tokens of personal data stand in it."""
    prompt: str
    provider: str
    model: str
    attempts: tuple[Attempt, ...]
    """All that were made for this reply, the last one being the one that gave it."""
