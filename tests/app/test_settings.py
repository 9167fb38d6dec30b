"""Configuration: what is read, what stops the start, what only warns."""

import logging
from pathlib import Path

import pytest

from app.errors import ConfigurationError
from app.settings import Settings, is_loopback, load_settings, unknown_names, variable


def test_defaults_are_a_loopback_service_in_the_users_home():
    settings = load_settings({})
    assert settings.home == Path("~/.answerable").expanduser()
    assert (settings.host, settings.needs_key) == ("127.0.0.1", False)


def test_fields_are_read_and_converted():
    settings = load_settings(
        {
            "ANSWERABLE_HOME": "relative/home",
            "ANSWERABLE_PORT": " 8123 ",
            "ANSWERABLE_DEADLINE_S": "2.5",
            "ANSWERABLE_SCRUB_NAMES": "true",
            "ANSWERABLE_REVEAL_PERSONAL_DATA": "owner, analyst",
            "ANSWERABLE_THREADS": "",
        }
    )
    assert settings.home == Path.cwd() / "relative/home"
    assert (settings.port, settings.deadline_s, settings.scrub_names) == (8123, 2.5, True)
    assert settings.reveal_personal_data == ("owner", "analyst")
    assert settings.threads == Settings().threads


@pytest.mark.parametrize(
    ("name", "value", "allowed"),
    [
        ("PORT", "99999", "from 0 to 65535"),
        ("PORT", "http", "whole number"),
        ("DEADLINE_S", "nan", "from 0.1 to 3600"),
        ("DEADLINE_S", "inf", "from 0.1 to 3600"),
        ("LOG_LEVEL", "loud", "debug, info, warning, error"),
        ("TABLE_MEMORY_LIMIT", "plenty", "512MB"),
        ("SCRUB_NAMES", "maybe", "true or false"),
        ("REVEAL_PERSONAL_DATA", "owner,boss", "owner, analyst, visitor"),
        ("PLANNER_THRESHOLD", "1.5", "from 0.0 to 1.0"),
        ("QUESTION_MAX_CHARS", "0", "from 1 to 100000"),
    ],
)
def test_a_wrong_value_names_variable_value_and_what_is_allowed(name, value, allowed):
    with pytest.raises(ConfigurationError) as raised:
        load_settings({f"ANSWERABLE_{name}": value})
    assert f"ANSWERABLE_{name}" in raised.value.message
    assert repr(value) in raised.value.message
    assert allowed in raised.value.message


def test_an_unknown_name_warns_with_the_nearest(caplog):
    with caplog.at_level(logging.WARNING):
        load_settings({"ANSWERABLE_PROT": "1", "ANSWERABLE_CI": "1", "OTHER": "x"})
    assert [record.message for record in caplog.records] == [
        "ANSWERABLE_PROT is not a setting and was ignored; did you mean ANSWERABLE_PORT?"
    ]


def test_every_field_has_a_variable_that_is_known():
    assert not list(unknown_names({variable(name): "x" for name in Settings.__struct_fields__}))


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.9.1", "localhost", "LOCALHOST", "::1", "[::1]", "a.localhost"])
def test_loopback_names(host):
    assert is_loopback(host)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.4", "localhost.evil.org", "127.0.0.1.evil.org", ""])
def test_names_that_are_not_loopback(host):
    assert not is_loopback(host)
