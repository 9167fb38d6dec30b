"""Logs: one JSON object a line on standard error, without text of questions, rows or passages.

Exceptions are logged as their type and where they passed, not by their message: engines quote values in theirs.
"""

from __future__ import annotations

import logging
import sys
import traceback

import structlog

from app.settings import Settings

SHARED: tuple[structlog.typing.Processor, ...] = (
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
)


def configure_logs(settings: Settings) -> None:
    """Send structlog's and the standard library's records to standard error in the format that is set."""
    json_lines = settings.log_format == "json"
    renderer: structlog.typing.Processor = (
        structlog.processors.JSONRenderer(ensure_ascii=False) if json_lines else structlog.dev.ConsoleRenderer()
    )
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[*SHARED, _without_message_of_exception],
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(settings.log_level.upper())
    structlog.configure(
        processors=[*SHARED, _without_message_of_exception, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )


def exception_fields(error: BaseException) -> dict[str, object]:
    """An exception for the log: its type and the frames that it passed, innermost last."""
    frames = traceback.extract_tb(error.__traceback__)
    return {"exception": type(error).__qualname__, "frames": [f"{f.filename}:{f.lineno} {f.name}" for f in frames]}


def _without_message_of_exception(
    _logger: object, _method: str, event: structlog.typing.EventDict
) -> structlog.typing.EventDict:
    error = event.pop("exc_info", None)
    error = sys.exc_info() if error is True else error
    if isinstance(error, tuple):
        error = error[1]
    if isinstance(error, BaseException):
        event.update(exception_fields(error))
    return event
