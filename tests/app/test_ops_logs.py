"""Logs: JSON lines without what engines quote in their messages."""

import json
import logging

import pytest

from app.ops.logs import configure_logs
from app.settings import Settings


@pytest.fixture
def logging_restored():
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    yield
    root.handlers, root.level = handlers, level


def test_an_exception_is_logged_by_type_and_place_only(capsys, logging_restored):
    configure_logs(Settings())
    try:
        raise ValueError("could not convert 'ada@example.org'")
    except ValueError:
        logging.getLogger("any.library").exception("it failed")
    line = json.loads(capsys.readouterr().err)
    assert line["event"] == "it failed"
    assert line["exception"] == "ValueError"
    assert any("test_an_exception_is_logged" in frame for frame in line["frames"])
    assert "ada@example.org" not in json.dumps(line)


def test_the_level_is_the_settings(capsys, logging_restored):
    configure_logs(Settings(log_level="error", log_format="text"))
    logging.getLogger("x").warning("quiet")
    logging.getLogger("x").error("loud")
    logged = capsys.readouterr().err
    assert "loud" in logged
    assert "quiet" not in logged
