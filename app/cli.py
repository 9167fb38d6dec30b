"""The `answerable` command: a table of sub-commands, each imported only when it is called, so that help is quick."""

from __future__ import annotations

import importlib
import json
import os
import sys
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup

from app.errors import AppError

COMMANDS = {
    "ask": ("app.commands.ask", "Ask a question and print the cited answer."),
    "chat": ("app.commands.chat", "Ask and follow up in a conversation."),
    "ingest": ("app.commands.ingest", "Add, synchronise and remove sources."),
    "describe": ("app.commands.describe", "Write a first description file of a source's tables."),
    "verify": ("app.commands.verify", "Approve question -> SQL pairs and check them."),
    "serve": ("app.commands.serve", "Answer questions over HTTP."),
    "eval": ("app.commands.evaluate", "Score the answers to a file of questions."),
    "prompts": ("app.commands.prompts", "Show, compare, label and test prompts."),
    "keys": ("app.commands.keys", "Make, list and revoke keys."),
    "trace": ("app.commands.trace", "Show what was asked and answered."),
    "dev": ("app.commands.dev", "Serve a scripted language model, to try and test with."),
    "cost": ("app.commands.cost", "Show what language models have cost."),
    "mcp": ("app.commands.mcp", "Serve the tools to an MCP client over standard input and output."),
    "completion": ("app.commands.completion", "Print a shell's completion script."),
    "doctor": ("app.commands.doctor", "Check the installation and say what to do."),
}
"""Sub-command -> module with a Typer `app`, and the line that the help shows."""


class LazyGroup(TyperGroup):
    """A group whose commands are named without being imported."""

    def __init__(self, **attrs: Any) -> None:
        super().__init__(**attrs)
        self.commands = {name: TyperCommand(name, help=line) for name, (_, line) in COMMANDS.items()}

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:
        """The command to run, imported now."""
        if args[0] in COMMANDS:
            module = importlib.import_module(COMMANDS[args[0]][0])
            self.commands[args[0]] = typer.main.get_command(module.app)
        return super().resolve_command(ctx, args)


app = typer.Typer(cls=LazyGroup, no_args_is_help=True, pretty_exceptions_enable=False)


def _print_version(wanted: bool) -> None:
    if wanted:
        from app.ops.version import answerable_version

        typer.echo(f"answerable {answerable_version()}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Talk to your own documents and tables; every claim is cited."""


def main() -> None:
    """Run the command line; known errors become two lines on standard error and exit code 1."""
    try:
        app()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(141)
    except Exception as error:
        if not _is_known(error):
            raise
        _print_error(error)
        sys.exit(1)


def _is_known(error: Exception) -> bool:
    """Errors of the service, of ingest and of connectors carry a stable code and a message for people."""
    return isinstance(error, AppError) or (hasattr(error, "code") and hasattr(error, "message"))


def _print_error(error: Any) -> None:
    from app.commands.terminal import plain

    hint = getattr(error, "hint", "")
    if "--json" in sys.argv:
        body = {"code": error.code, "message": error.message, "hint": hint, "trace_id": ""}
        typer.echo(json.dumps({"error": body}), err=True)
        return
    typer.echo(f"error: {plain(error.message)}", err=True)
    if hint:
        typer.echo(f"       {plain(hint)}", err=True)


if __name__ == "__main__":
    main()
