"""What goes wrong with models, as one tree: inside the service; none of it is shown to a caller as it is.

NoReply                     the stage goes on without a model
├── NotConfigured           no model for this task
├── NotAllowed              a source forbids it, or personal data could not be looked for
├── BudgetSpent             nothing left of a budget, or its store is down
├── OutOfTime               the deadline is too near to ask, or passed
├── Cancelled               the caller has gone
├── NotRendered             the inputs do not fit the prompt
├── Unusable                no model of the chain gave output that fits the schema
└── Unavailable             no provider of the chain answered
ProviderFault               one attempt failed: what the gateway retries, falls back from, and maps to the above
"""

from __future__ import annotations


class NoReply(Exception):
    """There is no usable reply; `code` is stable and `reason` is safe to log and to show to an operator."""

    code = "no_reply"

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class NotConfigured(NoReply):
    """No model is configured for the task."""

    code = "not_configured"


class NotAllowed(NoReply):
    """A source forbids sending its content to a model, or personal data could not be looked for."""

    code = "not_allowed"


class BudgetSpent(NoReply):
    """A hard limit is reached; `resets_at` (seconds since the epoch) tells when it is open again, None: not known."""

    code = "budget_spent"

    def __init__(self, reason: str, *, resets_at: float | None = None) -> None:
        super().__init__(reason)
        self.resets_at = resets_at


class OutOfTime(NoReply):
    """There is not enough time left to ask."""

    code = "out_of_time"


class Cancelled(NoReply):
    """Whoever asked has gone."""

    code = "cancelled"


class NotRendered(NoReply):
    """The inputs do not fit the prompt, or are too long for it."""

    code = "not_rendered"


class Unusable(NoReply):
    """No model gave output that fits the schema."""

    code = "unusable"


class Unavailable(NoReply):
    """No provider answered."""

    code = "unavailable"


class ProviderFault(Exception):
    """One attempt failed. `retry_after_s` is what the provider asks to wait."""

    def __init__(
        self,
        code: str,
        *,
        again: bool,
        begun: bool = False,
        retry_after_s: float | None = None,
        cut: str = "",
    ) -> None:
        super().__init__(code)
        self.code = code
        """`timeout`, `connection`, `rate_limited`, `server_error`, `not_authenticated`, `unknown_model`,
        `bad_request`, `content_filter`, `context_too_long`, `malformed`, `cut`.
        """
        self.again = again
        """Whether the same request may be sent again: nothing was produced, or producing it twice does no harm."""
        self.begun = begun
        """Whether the provider may have begun to produce: then tokens are counted as estimated, not as none."""
        self.retry_after_s = retry_after_s
        self.cut = cut
        """The text that came before a stream broke off."""
