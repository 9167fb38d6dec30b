"""`answerable completion SHELL`: the script that completes the command in a shell."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

app = typer.Typer(add_completion=False)


@app.command()
def completion(
    shell: Annotated[Literal["bash", "zsh", "fish"], typer.Argument(help="The shell that is to complete.")],
) -> None:
    """Print a shell's completion script.

    It completes commands, options and names of sources; source it, or put it where the shell looks.

    bash: `source <(answerable completion bash)` in ~/.bashrc; zsh: the same in ~/.zshrc, after compinit; fish:
    `answerable completion fish > ~/.config/fish/completions/answerable.fish`.
    """
    from typer._completion_shared import get_completion_script

    typer.echo(get_completion_script(prog_name="answerable", complete_var="_ANSWERABLE_COMPLETE", shell=shell))
