"""`answerable keys add|list|revoke`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from app.ops.keys import Key, KeyStore

app = typer.Typer(add_completion=False, no_args_is_help=True, help="Make, list and revoke keys.")

JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command()
def add(
    role: Annotated[str, typer.Option("--role", help="owner, analyst or visitor; a visitor sees only what is public.")],
    source: Annotated[list[str] | None, typer.Option("--source", help="Limit to this source; may be repeated.")] = None,
    name: Annotated[str, typer.Option("--name", help="What the key is for.")] = "",
    json: JsonOption = False,
) -> None:
    """Make a key and print it, once."""
    import msgspec

    from app.errors import InvalidRequest
    from app.values import Role

    try:
        checked = msgspec.convert(role, Role)
    except msgspec.ValidationError as error:
        raise InvalidRequest(f"The role is {role!r}; it may be owner, analyst or visitor.") from error
    key, token = _keys().add(checked, name=name, sources=source)
    if json:
        typer.echo(msgspec.json.encode(msgspec.structs.asdict(key) | {"token": token}))
    else:
        typer.echo(token)
        typer.echo("It is not shown again. Send it as `Authorization: Bearer …`.", err=True)


@app.command("list")
def list_keys(json: JsonOption = False) -> None:
    """List the keys; the tokens themselves are not kept."""
    import msgspec

    keys = _keys().all()
    if json:
        typer.echo(msgspec.json.encode(keys))
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

    sources = "all sources" if key.sources is None else ", ".join(key.sources)
    state = "" if key.revoked_at is None else ", revoked"
    return one_line(f"{key.id}  {key.role:8} {key.name} ({sources}{state})")
