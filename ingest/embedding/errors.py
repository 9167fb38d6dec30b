"""What can go wrong with an embedding model.

EmbeddingError             code, message, hint
├── ModelNotFound          no such folder, package or downloaded model
├── ModelUnusable          its folder is no sentence-transformers model, or is damaged
├── ModelNotExported       there is no export of it yet, and torch is not installed to make one
├── ExportFailed           converting the model did not work
└── EndpointError          an embedding endpoint gave no vectors
    ├── EndpointUnavailable    it does not answer now
    └── EndpointRefused        it answers with something else than vectors, or must not be asked
"""

from __future__ import annotations


class EmbeddingError(Exception):
    """An embedding model cannot be used. `code` is stable; `hint` says what to do."""

    code = "embedding_error"

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class ModelNotFound(EmbeddingError):
    """The configured model is neither a folder, nor the packaged model, nor a downloaded one."""

    code = "model_not_found"


class ModelUnusable(EmbeddingError):
    """The model's folder lacks files, or what is in them is damaged or does not fit together."""

    code = "model_unusable"


class ModelNotExported(EmbeddingError):
    """The model was never exported here, and the parts that export it are not installed."""

    code = "model_not_exported"


class ExportFailed(EmbeddingError):
    """The model could not be converted."""

    code = "model_export_failed"


class EndpointError(EmbeddingError):
    """An embedding endpoint gave no vectors."""

    code = "embedding_endpoint_failed"

    def __init__(self, message: str, *, hint: str = "", fault: str = "", begun: bool = False) -> None:
        super().__init__(message, hint=hint)
        self.fault = fault
        """`timeout`, `connection`, `rate_limited`, `server_error`, `not_authenticated`, `unknown_model`,
        `bad_request`, `malformed`; empty where nothing was sent.
        """
        self.begun = begun
        """Whether the endpoint may have embedded the texts all the same, and charge for it."""


class EndpointUnavailable(EndpointError):
    """An embedding endpoint does not answer now; `wait_s` is what it asks to wait (seconds)."""

    code = "embedding_endpoint_unavailable"

    def __init__(
        self, message: str, *, hint: str = "", fault: str = "", begun: bool = False, wait_s: float | None = None
    ) -> None:
        super().__init__(message, hint=hint, fault=fault, begun=begun)
        self.wait_s = wait_s


class EndpointRefused(EndpointError):
    """An embedding endpoint refuses, gives something else than vectors, or must not be asked."""

    code = "embedding_endpoint_refused"
