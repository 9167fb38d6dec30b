"""`GET /v1/models` and `GET /v1/models/{id}`: everything that the key may ask, and each source by itself."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

import msgspec
from litestar import get

from app.api.callers import Asker
from app.api.openai_compat.errors import openai_error_response
from app.api.openai_compat.placeholder_keys import ASKER
from app.api.openai_compat.wire import Model, Models
from app.asking import visible_sources
from app.engine import Engine
from app.errors import NotFound
from app.values import Caller

if TYPE_CHECKING:
    from ingest.stores.snapshot import SourceReader

EVERYTHING = "answerable"
FOOTER = ":footer"
"""At the end of a model's id: sources and SQL under the text, for front ends that cannot send extra fields."""


class Chosen(msgspec.Struct, frozen=True):
    """What a model's id asks for."""

    sources: tuple[str, ...] | None
    footer: bool


@get(
    "/v1/models",
    tags=["openai"],
    sync_to_thread=True,
    dependencies=ASKER,
    exception_handlers={Exception: openai_error_response},
)
def models(engine: Engine, asker: Asker) -> Models:
    """`answerable` and `answerable/<source>` for each source that the caller may ask."""
    return Models(data=_models(engine, asker.caller))


@get(
    "/v1/models/{model_id:path}",
    tags=["openai"],
    sync_to_thread=True,
    dependencies=ASKER,
    exception_handlers={Exception: openai_error_response},
)
def model(model_id: str, engine: Engine, asker: Asker) -> Model:
    """One of them, by its id."""
    named = model_id.removeprefix("/")
    chosen(named, engine, asker.caller)
    found = {each.id: each for each in _models(engine, asker.caller)}
    return msgspec.structs.replace(found.get(named) or found[named.removesuffix(FOOTER)], id=named)


def chosen(name: str, engine: Engine, caller: Caller) -> Chosen:
    """What the model of this name asks for; raises `NotFound` that lists the known ones."""
    snapshot = engine.store.snapshot()
    sources = {f"{EVERYTHING}/{source.name}": (source.name,) for source in visible_sources(snapshot, caller)}
    known: dict[str, tuple[str, ...] | None] = {EVERYTHING: None, **sources}
    for wanted, footer in ((name, False), (name.removesuffix(FOOTER), True)):
        if wanted in known:
            return Chosen(known[wanted], footer)
    raise UnknownModel(f"There is no model {name!r}.", hint=f"Known models: {', '.join(known)}.")


class UnknownModel(NotFound):
    """A model's id that names no source that the caller may ask."""

    code = "model_not_found"
    param = "model"


def _models(engine: Engine, caller: Caller) -> list[Model]:
    sources = list(visible_sources(engine.store.snapshot(), caller))
    newest = max(map(_created, sources), default=0)
    named = [Model(id=f"{EVERYTHING}/{source.name}", created=_created(source)) for source in sources]
    return [Model(id=EVERYTHING, created=newest), *named]


def _created(source: SourceReader) -> int:
    try:
        return int(datetime.fromisoformat(str(source.entry.synced_at)).timestamp())
    except ValueError:
        return 0
