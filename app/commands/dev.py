"""`answerable dev llm`: a language model's stand-in, to try and to test with."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from app.llm.scripted.application import BackEnd
    from app.llm.scripted.received import Received

app = typer.Typer(add_completion=False, no_args_is_help=True)


@app.callback()
def options() -> None:
    """Serve a scripted language model, to try and test with."""


@app.command()
def llm(
    script: Annotated[Path | None, typer.Option("--script", help="Answer as this script says (YAML or JSONL).")] = None,
    record_from: Annotated[
        str | None, typer.Option("--record-from", metavar="URL", help="Pass requests on to this base URL and record.")
    ] = None,
    out: Annotated[Path | None, typer.Option("--out", help="With --record-from: file to append to.")] = None,
    replay: Annotated[Path | None, typer.Option("--replay", help="Answer from a recording.")] = None,
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="0: any that is free.")] = 8099,
    host: Annotated[str, typer.Option("--host", help="Address to bind to.")] = "127.0.0.1",
    quiet: Annotated[bool, typer.Option("--quiet", help="Print no line for each request.")] = False,
) -> None:
    """Serve an OpenAI-compatible endpoint without a model. docs/scripted-models.md describes scripts."""
    from app.llm.scripted.serving import ScriptedServer

    server = ScriptedServer(
        _back_end(script, record_from, out, replay), host=host, port=port, told=None if quiet else _tell
    )
    typer.echo(f"Listening on {server.url}")
    typer.echo(f"  ANSWERABLE_LLM_BASE_URL={server.url} ANSWERABLE_LLM_MODEL=scripted answerable serve", err=True)
    server.run(signals=True)


def _back_end(script: Path | None, record_from: str | None, out: Path | None, replay: Path | None) -> BackEnd:
    """What answers. Raises `InvalidRequest` unless exactly one thing is asked for."""
    from app.errors import InvalidRequest
    from app.llm.scripted.application import ScriptBackEnd
    from app.llm.scripted.reading import read_script
    from app.llm.scripted.recording import RecordBackEnd
    from app.llm.scripted.replaying import ReplayBackEnd

    given = [each for each in (script, record_from, replay) if each is not None]
    if len(given) != 1 or (record_from is None) != (out is None):
        raise InvalidRequest(
            "Give one of --script FILE, --replay FILE, or --record-from URL with --out FILE.",
            hint="data/sample/llm-script.yaml is a script to begin with.",
        )
    if script is not None:
        return ScriptBackEnd(read_script(script))
    if replay is not None:
        return ReplayBackEnd(replay)
    assert record_from is not None and out is not None
    return RecordBackEnd(record_from, out)


def _tell(received: Received) -> None:
    """One line for a request that has ended; nothing of its content."""
    from app.commands.terminal import one_line

    said = f"{received.number:4} {received.path} {received.model} {received.schema or ''}"
    by = f"rule {received.rule}" if received.rule else "no rule"
    how = f"-> {by}, {received.status or 'no response'}"
    tokens = f"{received.outcome}, {received.input_tokens} + {received.output_tokens} tokens"
    typer.echo(one_line(f"{said} {how}, {tokens}"), err=True)
