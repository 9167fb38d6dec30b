"""`answerable ingest`: add, synchronise, list, show and remove sources.

Only the command that runs imports what it needs, so that help stays quick. Tables and progress are for people; with
`--json` a script gets one JSON value on standard output, and an error as `{"error": {"code", "message", "hint"}}`.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ingest.source_names import source_names
from ingest.terminal import ingest_bar, printed, printed_sync, report_lines, stated

if TYPE_CHECKING:
    from ingest.hooks import IngestOptions
    from ingest.report import IngestReport
    from ingest.stores.snapshot import SourceReader, Store

app = typer.Typer(no_args_is_help=True, pretty_exceptions_enable=False, help="Add, synchronise and remove sources.")

Home = Annotated[
    Path | None,
    typer.Option("--home", envvar="ANSWERABLE_HOME", help="Folder of the stores. Default: ~/.answerable"),
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON value.")]
Name = Annotated[str, typer.Argument(autocompletion=source_names, help="Name of a source; `list` shows them.")]
Option = Annotated[
    list[str] | None, typer.Option("--option", "-o", help="Setting of the connector, `key=value`; may be repeated.")
]


@app.command()
def add(
    context: typer.Context,
    path: Annotated[str, typer.Argument(help="Folder, file, database file or URL; `-`: read it from standard input.")],
    name: Annotated[str | None, typer.Option(help="Name of the source. Default: from the path.")] = None,
    public: Annotated[
        bool | None, typer.Option("--public/--internal", help="Whether visitors may see it.", show_default="internal")
    ] = None,
    describe: Annotated[
        Path | None, typer.Option(help="Description file. Default: describe.yaml in the folder.")
    ] = None,
    kind: Annotated[str | None, typer.Option(help="Kind of connector. Default: told from the path.")] = None,
    every: Annotated[
        str | None, typer.Option(help="Interval at which `answerable serve` synchronises it, e.g. 1h; `off`: never.")
    ] = None,
    models: Annotated[
        bool | None,
        typer.Option("--models/--no-models", help="Whether it may be sent to a language model.", show_default="models"),
    ] = None,
    option: Option = None,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Add a source, or bring it up to date if it is known."""
    with stated(as_json):
        from ingest.pipeline import ingest_source, schedule_source
        from ingest.request import SourceRequest, shown_location
        from ingest.stores.schedule import interval_s

        path = sys.stdin.readline().strip() if path == "-" else path
        every_s = interval_s(every) if every else None
        request = SourceRequest(
            path, name=name, kind=kind, options=_pairs(option), public=public,
            description_path=str(describe) if describe else None, every_s=every_s,
            models=None if models is None else "allowed" if models else "never",
        )  # fmt: skip
        with ingest_bar(name or shown_location(path), quiet=as_json) as hooks:
            report = ingest_source(_home(home), request, hooks, _options(context, home))
        if every and every_s is None:
            schedule_source(_home(home), report.source, None)
        printed(report, as_json, report_lines(report))


@app.command()
def sync(
    context: typer.Context,
    names: Annotated[
        list[str] | None, typer.Argument(autocompletion=source_names, help="Sources. Default: all.")
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="All sources; the same as naming none.")] = False,
    rebuild: Annotated[bool, typer.Option("--rebuild", help="Read and embed everything again.")] = False,
    purge: Annotated[
        bool, typer.Option("--purge", help="Delete earlier versions at once; no rollback to them.")
    ] = False,
    describe: Annotated[str | None, typer.Option(help="Description file from now on; of one source.")] = None,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Bring sources up to date: read what changed, forget what was deleted.

    One of several sources that cannot be read does not stop the others; the exit status is 2 then.
    """
    with stated(as_json):
        from connectors.errors import ConnectorError
        from ingest.errors import DescriptionError
        from ingest.pipeline import purge_source, sync_source

        options = _options(context, home, rebuild=rebuild)
        chosen = _chosen([] if every else names or [], _home(home))
        if describe is not None and len(chosen) != 1:
            raise typer.BadParameter("name the one source that the file describes", param_hint="--describe")
        reports: list[IngestReport] = []
        failures: dict[str, Exception] = {}
        for name in chosen:
            try:
                with ingest_bar(name, quiet=as_json) as hooks:
                    reports.append(sync_source(_home(home), name, hooks, options, description_path=describe))
                if purge:
                    purge_source(_home(home), name)
            except (ConnectorError, DescriptionError) as error:
                if len(chosen) == 1:
                    raise
                failures[name] = error
        printed_sync(reports, failures, as_json)


@app.command(name="list")
def list_sources(home: Home = None, as_json: Json = False) -> None:
    """List the sources."""
    with stated(as_json):
        from ingest.listing import listed, source_rows

        store = _store(home)
        sources = listed(store.snapshot(), _home(home))
        printed(sources, as_json, source_rows(sources), alerts=store.alerts)


@app.command()
def schedule(
    name: Name,
    every: Annotated[str, typer.Argument(help="Interval, e.g. 30m, 1h, 1d or 1w; `off`: only by hand.")],
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Have `answerable serve` bring a source up to date at an interval."""
    with stated(as_json):
        from ingest.pipeline import schedule_source
        from ingest.stores.schedule import interval_s, interval_text

        entry = schedule_source(_home(home), name, interval_s(every))
        shown = interval_text(entry.every_s) if entry.every_s else None
        told = f"{name} is synchronised every {shown} by `answerable serve`." if shown else f"{name}: only by hand."
        printed({"source": name, "every": shown}, as_json, [told])


@app.command()
def show(name: Name, home: Home = None, as_json: Json = False) -> None:
    """Show a source: its documents, and its tables with columns, keys and joins."""
    with stated(as_json):
        from ingest.listing import shown, source_details

        reader = _reader(name, home)
        printed(shown(reader), as_json, source_details(reader))


@app.command()
def remove(name: Name, home: Home = None, as_json: Json = False) -> None:
    """Remove a source from every store, at once."""
    with stated(as_json):
        from ingest.pipeline import remove_source

        manifest = remove_source(_home(home), name)
        printed({"removed": name, "manifest": manifest.id}, as_json, [f"Removed {name}."])


@app.command()
def report(
    name: Name,
    quality: Annotated[bool, typer.Option("--quality", help="What to mend in its documents.")] = False,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Show what the last sync of a source skipped, repaired and collapsed, or the quality of its documents."""
    with stated(as_json):
        from ingest.listing import last_report, quality_lines
        from ingest.stores.quality import quality_of

        reader = _reader(name, home)
        found = last_report(reader)
        if quality:
            judged = quality_of(reader, found)
            printed(judged, as_json, quality_lines(judged))
        else:
            printed(found, as_json, report_lines(found, every=True))


@app.command()
def rollback(
    to: Annotated[str | None, typer.Option(help="Manifest to publish again. Default: the one before.")] = None,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Serve again what an earlier manifest served."""
    with stated(as_json):
        from ingest.pipeline import rollback_manifest

        manifest = rollback_manifest(_home(home), to)
        names = ", ".join(entry.name for entry in manifest.sources) or "no source"
        printed(manifest, as_json, [f"Manifest {manifest.id} is published; it serves {names}."])


def _home(home: Path | None) -> Path:
    from ingest.layout import default_home

    return home.expanduser().absolute() if home else default_home()


def _options(context: typer.Context, home: Path | None, *, rebuild: bool = False) -> IngestOptions:
    """How to ingest. `context.obj`, where whoever runs the command gives one, opens a home's meters of embedding."""
    from ingest.embedder import is_endpoint
    from ingest.hooks import IngestOptions

    options = IngestOptions(rebuild=rebuild)
    if context.obj is None or not is_endpoint(options.model):
        return options
    return replace(options, meter_of=context.obj(_home(home)))


def _store(home: Path | None) -> Store:
    from ingest.stores.snapshot import Store

    return Store(_home(home))


def _reader(name: str, home: Path | None) -> SourceReader:
    from ingest.errors import SegmentCorrupt
    from ingest.request import known_entry

    store = _store(home)
    snapshot = store.snapshot()
    known_entry(snapshot.manifest, name)
    if name not in snapshot.sources:
        hint = f"Run `answerable ingest sync {name} --rebuild`."
        raise SegmentCorrupt(" ".join(store.alerts) or f"Source {name} cannot be opened.", hint=hint)
    return snapshot.sources[name]


def _chosen(names: list[str], home: Path) -> list[str]:
    """The names, each known; all sources if none is named."""
    from ingest.layout import Layout
    from ingest.request import known_entry
    from ingest.stores.manifest import current

    manifest = current(Layout(home))
    if names:
        return [known_entry(manifest, name).name for name in names]
    return [entry.name for entry in manifest.sources] if manifest else []


def _pairs(options: list[str] | None) -> dict[str, str]:
    pairs = [each.partition("=") for each in options or []]
    wrong = [key for key, separator, _ in pairs if not separator]
    if wrong:
        raise typer.BadParameter(f"expected key=value, got {wrong[0]!r}", param_hint="--option")
    return {key.strip(): value for key, _, value in pairs}
