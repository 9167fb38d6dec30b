"""A console that asks for a key, over the sample, and those who look at it."""

from contextlib import contextmanager

import httpx

from tests.conftest import new_key


@contextmanager
def locked_console(serve, sample_home, home, **env):
    """Base URL of a server over the sample that needs a key, and the tokens by role."""
    tokens = {role: new_key(home, role) for role in ("owner", "analyst", "visitor")}
    for name in ("store", "cache"):
        (home / name).symlink_to(sample_home / name)
    settings = {
        "ANSWERABLE_REQUIRE_KEY": "true",
        "ANSWERABLE_RATE_PER_ADDRESS": "off",
        "ANSWERABLE_RATE_PER_KEY": "off",
    }
    with serve(home, **settings, **env) as base:
        yield base, tokens


@contextmanager
def looking(base, token=None):
    """A client that sends what a browser does from a page of the console, logged in with a key."""
    headers = {"Origin": base, "Sec-Fetch-Site": "same-origin"}
    with httpx.Client(base_url=base, headers=headers, timeout=30) as client:
        if token is not None:
            assert client.post("/console/login", data={"key": token}).status_code == 303
        yield client
