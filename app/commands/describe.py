"""`answerable describe NAME`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ingest.source_names import source_names

app = typer.Typer(add_completion=False)


@app.command()
def describe(
    name: Annotated[
        str, typer.Argument(autocompletion=source_names, help="Name of a source; `answerable ingest list` shows them.")
    ],
    out: Annotated[Path | None, typer.Option("--out", help="File to write. Default: standard output.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace a file that is there.")] = False,
) -> None:
    """Write a first description file of a source's tables from their profile, for you to edit."""
    import os

    from app.errors import InvalidRequest
    from app.settings import load_settings
    from ingest.describing import draft_description
    from ingest.request import known_entry
    from ingest.stores.snapshot import Store

    snapshot = Store(load_settings(os.environ).home).snapshot()
    known_entry(snapshot.manifest, name)
    text = draft_description(snapshot.sources[name].catalog)
    if out is None:
        typer.echo(text, nl=False)
        return
    if out.exists() and not force:
        raise InvalidRequest(f"{out} is there already.", hint="Give another name, or --force to replace it.")
    out.write_text(text, encoding="utf-8")
    typer.echo(f"Written to {out}. Edit it, then: answerable ingest add LOCATION --name {name} --describe {out}")
