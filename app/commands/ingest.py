"""`answerable ingest`: the command of `ingest.cli`, with what it embeds elsewhere in the ledger and the budgets."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from ingest.cli import app

if TYPE_CHECKING:
    from ingest.embedder import Meter

__all__ = ["app"]


@app.callback()
def metered(context: typer.Context) -> None:
    """Give the sub-commands what opens the meters of a home, by the name of a source."""

    def open_meters(home: Path) -> Callable[[str], Meter]:
        import os

        import msgspec

        from app.llm.embeddings import open_embedding_spending
        from app.settings import load_settings

        spending = open_embedding_spending(msgspec.structs.replace(load_settings(os.environ), home=home))
        context.call_on_close(spending.close)
        return spending.of_source

    context.obj = open_meters
