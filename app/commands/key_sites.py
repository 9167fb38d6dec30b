"""`answerable keys site add|list|show|change|revoke`; `keys sites` lists them too."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from app.ops.site import Handover, Site, SiteOptions
    from app.ops.sites import SiteStore

app = typer.Typer(add_completion=False, no_args_is_help=True)

JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]
SiteArgument = Annotated[str, typer.Argument(help="The id that `keys site list` shows.")]
NameOption = Annotated[str | None, typer.Option("--name", help="What the site is called in lists.")]
OriginsOption = Annotated[
    list[str] | None,
    typer.Option("--origin", help="Where pages may show the widget: https://help.example.com; may be repeated."),
]
SourcesOption = Annotated[
    list[str] | None, typer.Option("--source", help="Limit visitors to this source; may be repeated.")
]
TitleOption = Annotated[str | None, typer.Option("--title", help="Above the conversation.")]
GreetingOption = Annotated[str | None, typer.Option("--greeting", help="First words to a visitor.")]
ExamplesOption = Annotated[
    list[str] | None, typer.Option("--example", help="A question that is offered; may be repeated.")
]
HandoverOption = Annotated[
    str | None, typer.Option("--handover", help="To a person: link:URL, mail:ADDRESS, webhook or none.")
]
AsWrittenOption = Annotated[
    bool | None,
    typer.Option("--as-written/--masked", help="Personal data in a conversation that is handed over."),
]


@app.command()
def add(
    name: Annotated[str, typer.Option("--name", help="What the site is called in lists.")],
    origin: Annotated[
        list[str], typer.Option("--origin", help="Where pages may show the widget: https://help.example.com; repeat.")
    ],
    source: SourcesOption = None,
    title: TitleOption = None,
    greeting: GreetingOption = None,
    example: ExamplesOption = None,
    handover: HandoverOption = None,
    as_written: AsWrittenOption = None,
    expires: Annotated[
        str | None, typer.Option("--expires", help="A span such as 90d, or the last day, 2026-12-31.")
    ] = None,
    json: JsonOption = False,
) -> None:
    """Make a site: its publishable key, its secret (once) and the script tag to paste."""
    import msgspec

    from app.ops.expiry import moment_of
    from app.ops.site import SiteOptions

    options = _changed(
        SiteOptions(name=name, origins=()),
        origins=origin,
        sources=source,
        title=title,
        greeting=greeting,
        examples=example,
        handover=_handover(handover, as_written),
    )
    ends = moment_of(expires)
    site, secret = _sites().add(options, expires_at=ends)
    warn_of_unknown(source)
    if json:
        typer.echo(msgspec.json.encode(_content(site) | {"secret": secret}))
        return
    typer.echo(f"site    {site.id}\nkey     {site.key}\nsecret  {secret}")
    typer.echo(f"\n{script_tag(site.key)}")
    typer.echo(
        "\nThe key may stand in pages. The secret is not shown again: it is for the site's own server.", err=True
    )


@app.command("list")
def list_sites(json: JsonOption = False) -> None:
    """List the sites; their secrets are not shown."""
    import msgspec

    sites = _sites().all()
    if json:
        typer.echo(msgspec.json.encode([_content(site) for site in sites]))
    elif not sites:
        typer.echo("There are no sites. `answerable keys site add --name … --origin https://…` makes one.")
    for site in [] if json else sites:
        typer.echo(_line(site))


@app.command()
def show(site_id: SiteArgument, json: JsonOption = False) -> None:
    """Show a site and the script tag to paste."""
    import msgspec

    from app.commands.terminal import one_line

    site = _site(site_id)
    if json:
        typer.echo(msgspec.json.encode(_content(site)))
        return
    for name, value in _fields(site):
        typer.echo(one_line(f"{name:9} {value}"))
    typer.echo(f"\n{script_tag(site.key)}")


@app.command()
def change(
    site_id: SiteArgument,
    name: NameOption = None,
    origin: OriginsOption = None,
    source: SourcesOption = None,
    all_sources: Annotated[bool, typer.Option("--all-sources", help="Visitors may ask all that is public.")] = False,
    title: TitleOption = None,
    greeting: GreetingOption = None,
    example: ExamplesOption = None,
    handover: HandoverOption = None,
    as_written: AsWrittenOption = None,
    expires: Annotated[
        str | None, typer.Option("--expires", help="Another end: a span such as 90d, the last day, or never.")
    ] = None,
    json: JsonOption = False,
) -> None:
    """Change a site from the next request on; a list that is given replaces the one before."""
    import msgspec

    from app.ops.expiry import moment_of

    site = _site(site_id)
    before = msgspec.structs.replace(site.options, sources=None) if all_sources else site.options
    wanted = None
    if handover is not None or as_written is not None:
        wanted = _handover(handover, as_written, before.handover)
    options = _changed(
        before,
        name=name,
        origins=origin,
        sources=source,
        title=title,
        greeting=greeting,
        examples=example,
        handover=wanted,
    )
    ends = msgspec.UNSET if expires is None else None if expires.strip() == "never" else moment_of(expires)
    changed = _sites().change(site_id, options, expires_at=ends)
    typer.echo(msgspec.json.encode(_content(changed)) if json else f"Site {site.id} is changed.")


@app.command()
def revoke(site_id: SiteArgument) -> None:
    """End a site's key and every ticket of its visitors from the next request on."""
    site = _sites().revoke(site_id)
    typer.echo(f"Site {site.id} is revoked.")


def warn_of_unknown(sources: Sequence[str] | None) -> None:
    """Say on standard error which of the sources are not ingested, so that a slip of the pen is seen at once."""
    if not sources:
        return
    import os

    from app.settings import load_settings
    from ingest.stores.snapshot import Store

    known = set(Store(load_settings(os.environ).home).snapshot().sources)
    shown = ", ".join(sorted(known)) or "none"
    for name in sources:
        if name not in known:
            typer.echo(f"warning: no source {name!r} is ingested; there are: {shown}.", err=True)


def script_tag(key: str) -> str:
    """What is pasted into the site's pages."""
    import os

    from app.settings import load_settings

    settings = load_settings(os.environ)
    host = f"[{settings.host}]" if ":" in settings.host and not settings.host.startswith("[") else settings.host
    base = settings.public_url.rstrip("/") or f"http://{host}:{settings.port}"
    return f'<script async src="{base}/widget.js" data-site="{key}"></script>'


def _changed(options: SiteOptions, **given: object) -> SiteOptions:
    """The options with what was given; raises `InvalidRequest` for a value that is too long."""
    import msgspec

    from app.errors import InvalidRequest
    from app.ops.site import SiteOptions

    content = msgspec.to_builtins(options)
    content |= {name: msgspec.to_builtins(value) for name, value in given.items() if value is not None}
    try:
        return msgspec.convert(content, SiteOptions)
    except msgspec.ValidationError as error:
        raise InvalidRequest(f"The site's options are not valid: {error}.") from error


def _handover(text: str | None, as_written: bool | None, before: Handover | None = None) -> Handover:
    """`link:URL`, `mail:ADDRESS`, `webhook` or `none`; without text as before."""
    import msgspec

    from app.errors import InvalidRequest
    from app.ops.site import Handover

    content = msgspec.to_builtins(before or Handover())
    if text is not None:
        kind, _, target = text.partition(":")
        content |= {"kind": kind, "target": target}
    if as_written is not None:
        content["personal_data"] = "as_written" if as_written else "masked"
    try:
        return msgspec.convert(content, Handover)
    except msgspec.ValidationError as error:
        hint = "Write link:https://…, mail:help@example.com, webhook or none."
        raise InvalidRequest(f"--handover is {text!r}.", hint=hint) from error


def _sites() -> SiteStore:
    import os

    from app.ops.sites import SiteStore
    from app.settings import load_settings

    return SiteStore(load_settings(os.environ).state_path)


def _site(identity: str) -> Site:
    from app.errors import NotFound

    found = next((site for site in _sites().all() if site.id == identity), None)
    if found is None:
        raise NotFound(f"There is no site {identity!r}.", hint="`answerable keys site list` shows the sites.")
    return found


def _content(site: Site) -> dict[str, object]:
    import msgspec

    content: dict[str, object] = msgspec.to_builtins(site)
    options = content.pop("options")
    assert isinstance(options, dict)
    return content | options | {"script": script_tag(site.key)}


def _fields(site: Site) -> Iterator[tuple[str, str]]:
    options = site.options
    yield "site", f"{site.id}  {options.name}"
    yield "key", site.key
    yield "origins", ", ".join(options.origins)
    yield "sources", "all that are public" if options.sources is None else ", ".join(options.sources)
    yield "title", options.title or "–"
    yield "greeting", options.greeting or "–"
    yield "examples", " | ".join(options.examples) or "–"
    yield "handover", " ".join(filter(None, (options.handover.kind, options.handover.target)))
    yield "state", _state(site) or "valid"


def _line(site: Site) -> str:
    from app.commands.terminal import one_line

    said = ", ".join(filter(None, (*site.options.origins, _state(site))))
    return one_line(f"{site.id}  {site.key}  {site.options.name} ({said})")


def _state(site: Site) -> str:
    from app.ops.expiry import state_in_words

    return state_in_words(site.revoked_at, site.expires_at)
