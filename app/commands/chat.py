"""`answerable chat`: questions and their follow-ups, in this process or at a service elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from ingest.source_names import source_names

if TYPE_CHECKING:
    from app.commands.chat_partner import Partner
    from app.settings import Settings

app = typer.Typer(add_completion=False)


@app.command()
def chat(
    source: Annotated[
        list[str] | None,
        typer.Option("--source", autocompletion=source_names, help="Ask only this source; may be repeated."),
    ] = None,
    url: Annotated[str | None, typer.Option("--url", help="Ask the service there instead of this home's data.")] = None,
    key: Annotated[
        str | None, typer.Option("--key", envvar="ANSWERABLE_KEY", help="With --url: the key to show.")
    ] = None,
    explain: Annotated[bool, typer.Option("--explain", help="Show route, SQL and times of every answer.")] = False,
    history: Annotated[bool, typer.Option("--history/--no-history", help="Remember what was typed.")] = True,
) -> None:
    """Ask and follow up in a conversation.

    /help lists the commands, Ctrl-C stops an answer, Ctrl-D ends. From a pipe, each line is a question; exit code 1 if
    any could not be answered.
    """
    import os
    import sys

    from app.commands.chat_conversation import Conversation
    from app.commands.chat_reading import typed_lines
    from app.commands.ending import end_process
    from app.settings import load_settings

    settings = load_settings(os.environ)
    interactive = sys.stdin.isatty()
    with _partner(settings, url, key) as partner:
        conversation = Conversation(partner, sources=source, explain=explain, interactive=interactive)
        for line in typed_lines(
            settings.home / "chat-history" if history and interactive else None, conversation.greet
        ):
            if not conversation.take(line):
                break
    end_process(1 if conversation.failures and not interactive else 0)


def _partner(settings: Settings, url: str | None, key: str | None) -> Partner:
    if url is None:
        from app.commands.chat_local import LocalPartner

        return LocalPartner(settings)
    from app.commands.chat_remote import RemotePartner

    return RemotePartner(url, key)
