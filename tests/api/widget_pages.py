"""Pages of a site as a widget on them talks to the service."""

from __future__ import annotations

import json
import shutil

import httpx
from typer.testing import CliRunner

from app.commands.keys import app

ORIGIN = "https://help.example.com"


def linked_home(sample_home, folder):
    """A home of its own state over the sample's stores."""
    home = folder / "home"
    home.mkdir()
    for name in ("store", "cache"):
        (home / name).symlink_to(sample_home / name)
    return home


def copied_home(sample_home, folder):
    """A home of its own, for tests that change the stores."""
    return shutil.copytree(sample_home, folder / "home", symlinks=True)


def keys(home, *arguments):
    """What `answerable keys` prints; it runs in this process, as one of its own takes a second."""
    run = CliRunner().invoke(app, arguments, env={"ANSWERABLE_HOME": str(home)})
    assert run.exit_code == 0, run.output
    return run.stdout


def made(home, *arguments):
    """What a command of `keys` made."""
    return json.loads(keys(home, *arguments, "--json"))


def made_site(home, *arguments, origin=ORIGIN, name="Help"):
    return made(home, "site", "add", "--name", name, "--origin", origin, *arguments)


def session(base, site, *, origin=ORIGIN, headers=None, **body):
    """The response of the session endpoint to a page of an origin."""
    given = {"Origin": origin} if origin is not None else {}
    return httpx.post(base + "/v1/widget/session", json={"site": site["key"]} | body, headers=given | (headers or {}))


def visiting(base, site, *, origin=ORIGIN, **body):
    """Headers of a visitor whose page has a ticket."""
    reply = session(base, site, origin=origin, **body)
    assert reply.status_code == 200, reply.text
    return {"Origin": origin, "Authorization": f"Bearer {reply.json()['ticket']}"}


def code(reply):
    return reply.status_code, reply.json()["error"]["code"]
