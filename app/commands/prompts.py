"""`answerable prompts list|show|diff|render|test|label|history`."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from app.commands import prompt_trials

if TYPE_CHECKING:
    from collections.abc import Iterator

    from app.llm.prompts import Prompts
    from app.settings import Settings

app = typer.Typer(add_completion=False, no_args_is_help=True, help="Show, compare, label and test prompts.")
app.command("test")(prompt_trials.test)

JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Name = Annotated[str, typer.Argument(help="The prompt, e.g. plan_sql.")]
VERSION_HELP = "A label, a hash or its beginning, or `file` for what the files hold."


@app.command("list")
def list_prompts(json: JsonOption = False) -> None:
    """List the prompts: the version in production, the labels, and whether the files hold another version."""
    from app.commands.terminal import one_line

    with opened() as prompts:
        rows = [_listed(prompts, name) for name in prompts.names]
    if json:
        _print_json(rows)
        return
    for row in rows:
        notes = [f"{label} → {target.partition('@')[2]}" for label, target in row["labels"].items()]
        notes += ["from the override folder"] if row["overridden"] else []
        notes += [f"the files hold {row['file']}"] if row["differs"] else []
        typer.echo(one_line(f"{row['production'] or '(unusable)':24} {row['description']}"))
        for note in notes:
            typer.echo(f"    {one_line(note)}")


@app.command()
def show(
    name: Name,
    version: Annotated[str | None, typer.Argument(help=VERSION_HELP)] = None,
    json: JsonOption = False,
) -> None:
    """Show a version: parameters, schemas, body and examples. Without one, the version in force."""
    import msgspec

    from app.commands.terminal import plain
    from app.llm.prompts.version import as_text

    with opened() as prompts:
        found = prompts.find(name, version or prompts.label_of(name))
    if json:
        _print_json({"id": found.id} | msgspec.to_builtins(found.version))
        return
    typer.echo(f"# {found.id}\n{plain(as_text(found.version))}", nl=False)


@app.command()
def diff(
    name: Name,
    before: Annotated[str, typer.Argument(metavar="A", help=VERSION_HELP)],
    after: Annotated[str, typer.Argument(metavar="B", help="The same.")],
    json: JsonOption = False,
) -> None:
    """Compare two versions, line by line."""
    from difflib import unified_diff

    from app.commands.terminal import plain
    from app.llm.prompts.version import as_text

    with opened() as prompts:
        old, new = prompts.find(name, before), prompts.find(name, after)
    left, right = as_text(old.version).splitlines(), as_text(new.version).splitlines()
    lines = list(unified_diff(left, right, f"{old.id} ({before})", f"{new.id} ({after})", lineterm=""))
    if json:
        _print_json({"before": old.id, "after": new.id, "diff": lines})
    elif not lines:
        typer.echo(f"{before} and {after} are the same: {old.id}.")
    else:
        typer.echo(plain("\n".join(lines)))


@app.command()
def render(
    name: Name,
    inputs: Annotated[Path, typer.Option("--input", help="JSON object of the inputs.")],
    label: Annotated[str | None, typer.Option("--label", help=VERSION_HELP)] = None,
    json: JsonOption = False,
) -> None:
    """Show the messages exactly as a provider would get them, with personal data as tokens."""
    import msgspec

    from app.commands.terminal import plain
    from app.llm.prompts.rendering import inputs_of, rendered
    from app.llm.prompts.trials.models import scrubbing

    values = inputs_of(inputs)
    with opened() as prompts, scrubbing(settings()) as scrub:
        outgoing = rendered(prompts.find(name, label or prompts.label_of(name)), values, scrub)
    if json:
        _print_json(msgspec.to_builtins(outgoing))
        return
    for message in outgoing.messages:
        typer.echo(f"--- {message.role} ---\n{plain(message.content)}\n")


@app.command("label")
def set_label(
    name: Name,
    label: Annotated[str, typer.Argument(help="production, candidate or a name of your own.")],
    version: Annotated[str, typer.Argument(help=VERSION_HELP)] = "file",
    note: Annotated[str, typer.Option("--note", help="Why.")] = "",
    by: Annotated[str, typer.Option("--by", help="Who; without it, the user of this machine.")] = "",
    remove: Annotated[bool, typer.Option("--remove", help="Remove the label instead.")] = False,
    json: JsonOption = False,
) -> None:
    """Point a label at a version. Running servers follow with their next question."""
    import getpass

    with opened() as prompts:
        change = prompts.point(name, label, None if remove else version, by=by or getpass.getuser(), note=note)
    if json:
        _print_json(change)
    else:
        typer.echo(_change_line(change))


@app.command()
def history(
    name: Name,
    label: Annotated[str | None, typer.Option("--label", help="Only this label's.")] = None,
    json: JsonOption = False,
) -> None:
    """Show who pointed which label where, oldest first."""
    with opened() as prompts:
        prompts.of_file(name)
        changes = prompts.store.history(name, label)
    if json:
        _print_json(changes)
    elif not changes:
        typer.echo(f"No label of {name} was ever set; production is what the files hold.")
    for change in [] if json else changes:
        typer.echo(_change_line(change))


def _listed(prompts: Prompts, name: str) -> dict[str, Any]:
    from app.errors import ConfigurationError

    held = prompts.of_file(name)
    labels = prompts.store.current(name)
    try:
        production: str | None = prompts.labelled(name, "production").id
    except ConfigurationError:
        production = None
    return {
        "name": name,
        "task": held.task,
        "description": held.version.description,
        "production": production,
        "file": held.id,
        "differs": production != held.id,
        "overridden": prompts.files.overridden(name),
        "labels": labels,
    }


def _change_line(change: Any) -> str:
    from datetime import datetime

    from app.commands.terminal import one_line

    at = datetime.fromtimestamp(change.at).astimezone().isoformat(timespec="seconds")
    note = f": {change.note}" if change.note else ""
    moved = f"{change.before or '(none)'} → {change.after or '(none)'}"
    return one_line(f"{at}  {change.label}  {moved}  by {change.by}{note}")


@contextmanager
def opened() -> Iterator[Prompts]:
    """The prompts, whatever their labels point at: this command is how labels are put right."""
    from app.llm.prompts.files import Files
    from app.llm.prompts.held import Prompts
    from app.llm.prompts.labels import LabelStore

    found = settings()
    prompts = Prompts(Files(found.prompts), LabelStore(found.state_path))
    try:
        yield prompts
    finally:
        prompts.close()


def settings() -> Settings:
    """The settings, from the environment."""
    import os

    from app.settings import load_settings

    return load_settings(os.environ)


def _print_json(value: Any) -> None:
    import msgspec

    typer.echo(msgspec.json.format(msgspec.json.encode(value), indent=2).decode())
