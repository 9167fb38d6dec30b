"""`answerable keys add|list|revoke`, and of sites `keys site …` and `keys sites`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from app.commands.key_sites import app as sites
from app.commands.key_sites import list_sites, warn_of_unknown

if TYPE_CHECKING:
    from app.ops.keys import Key, KeyStore

app = typer.Typer(add_completion=False, no_args_is_help=True, help="Make, list and revoke keys.")
app.add_typer(sites, name="site", help="Sites: pages that may show the widget.")
app.command("sites", hidden=True)(list_sites)

JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command()
def add(
    role: Annotated[str, typer.Option("--role", help="owner, analyst or visitor; a visitor sees only what is public.")],
    source: Annotated[list[str] | None, typer.Option("--source", help="Limit to this source; may be repeated.")] = None,
    name: Annotated[str, typer.Option("--name", help="What the key is for.")] = "",
    expires: Annotated[
        str | None, typer.Option("--expires", help="A span such as 90d, or the last day, 2026-12-31.")
    ] = None,
    json: JsonOption = False,
) -> None:
    """Make a key and print it, once."""
    import msgspec

    from app.errors import InvalidRequest
    from app.ops.expiry import moment_of, state_in_words
    from app.values import Role

    ends = moment_of(expires)
    try:
        checked = msgspec.convert(role, Role)
    except msgspec.ValidationError as error:
        raise InvalidRequest(f"The role is {role!r}; it may be owner, analyst or visitor.") from error
    key, token = _keys().add(checked, name=name, sources=source, expires_at=ends)
    if json:
        typer.echo(msgspec.json.encode(msgspec.structs.asdict(key) | {"token": token}))
    else:
        typer.echo(token)
        lasts = "" if ends is None else f" It is {state_in_words(None, ends)}."
        typer.echo(f"It is not shown again. Send it as `Authorization: Bearer …`.{lasts}", err=True)
    warn_of_unknown(source)


@app.command("list")
def list_keys(json: JsonOption = False) -> None:
    """List the keys; the tokens themselves are not kept."""
    import msgspec

    keys = _keys().all()
    if json:
        typer.echo(msgspec.json.encode([msgspec.structs.asdict(key) | {"valid": key.valid} for key in keys]))
    elif not keys:
        typer.echo("There are no keys. `answerable keys add --role owner` makes one.")
    for key in [] if json else keys:
        typer.echo(_line(key))


@app.command()
def revoke(key_id: Annotated[str, typer.Argument(help="The id that `keys list` shows.")]) -> None:
    """End a key from the next request on."""
    key = _keys().revoke(key_id)
    typer.echo(f"Key {key.id} is revoked.")


def _keys() -> KeyStore:
    import os

    from app.ops.keys import KeyStore
    from app.settings import load_settings

    return KeyStore(load_settings(os.environ).state_path)


def _line(key: Key) -> str:
    from app.commands.terminal import one_line
    from app.ops.expiry import state_in_words

    sources = "all sources" if key.sources is None else ", ".join(key.sources)
    state = state_in_words(key.revoked_at, key.expires_at)
    return one_line(f"{key.id}  {key.role:8} {key.name} ({sources}{f', {state}' if state else ''})")
