"""An engine for tests of privacy: the real detector, and sources that are sealed and published for the test."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from app.llm.privacy import Privacy
from app.llm.values import ScrubbedInputs
from app.scrubbing import TOKEN, TokenMap
from ingest.hooks import IngestOptions
from ingest.pii import PiiSpan, open_detector
from ingest.pipeline import ingest_source
from ingest.request import SourceRequest
from ingest.stores.snapshot import Snapshot, Store


class CountingDetector:
    """The real detector, with the texts that it was given."""

    def __init__(self) -> None:
        self.calls: list[list[str]] = []

    def detect(self, texts: Sequence[str], *, names: bool = True) -> list[tuple[PiiSpan, ...]]:
        self.calls.append(list(texts))
        return open_detector().detect(texts, names=names)


class BrokenDetector:
    """A detector whose model cannot be loaded; its error quotes what it was given, as errors do."""

    def detect(self, texts: Sequence[str], *, names: bool = True) -> list[tuple[PiiSpan, ...]]:
        raise OSError(f"no model for {texts}")


def privacy_over(store: Store | None = None, detector: Any = None) -> Privacy:
    """Privacy over a store; over none, there are no sources."""
    empty = SimpleNamespace(snapshot=Snapshot)
    return Privacy(SimpleNamespace(detector=detector or open_detector(), store=store or empty))  # type: ignore[arg-type]


def shop_store(home: Path, describe: str = "", **request: Any) -> Store:
    """A store with one source `shop`: customers, whose names the description file may call personal."""
    folder = home / "shop"
    folder.mkdir(exist_ok=True)
    people = ("Quill Harrow,active", "May Bright,active", "Bo Yun,closed")
    (folder / "customers.csv").write_text("name,status\n" + "\n".join(people) + "\n", encoding="utf-8")
    (folder / "describe.yaml").write_text(describe or "description: A shop\n", encoding="utf-8")
    ingest_source(home, SourceRequest(str(folder), name="shop", **request), options=IngestOptions(detect_names=False))
    return Store(home)


def scrub(
    privacy: Privacy, inputs: Mapping[str, Any], tokens: TokenMap | None = None, **more: Any
) -> tuple[Any, TokenMap]:
    """The scrubbed values and the map."""
    tokens = TokenMap() if tokens is None else tokens
    found: ScrubbedInputs = privacy.scrubbed(inputs, more.pop("clear", ()), tokens, sources=more.pop("sources", ()))
    return found.values, tokens


def without_tokens(text: str) -> str:
    """A text with blanks where tokens stand."""
    return TOKEN.sub(" ", text)
