"""`answerable doctor`."""

from __future__ import annotations

from typing import Annotated

import typer

app = typer.Typer(add_completion=False)

MARKS = {"ok": "ok  ", "warning": "warn", "failure": "FAIL"}


@app.command()
def doctor(json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """Check the installation and say what to do. Exit code 1 if something keeps the service from working."""
    import os

    import msgspec

    from app.commands.terminal import one_line
    from app.ops.doctor import examine
    from app.settings import load_settings

    findings = []
    for finding in examine(load_settings(os.environ)):
        findings.append(finding)
        if not json:
            typer.echo(one_line(f"{MARKS[finding.level]} {finding.check}: {finding.message}"))
        if finding.remedy and not json:
            typer.echo(f"     -> {one_line(finding.remedy)}")
    if json:
        typer.echo(msgspec.json.encode(findings))
    if any(finding.level == "failure" for finding in findings):
        raise typer.Exit(1)
