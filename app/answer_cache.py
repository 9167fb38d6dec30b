"""Answers that a model took part in, kept for a while: the same question of the same audience is not paid for twice.

Kept under everything that decides an answer: the question's words, the language that the service speaks to whoever
asks (what it says beside a model's words is in that), who may see what, sources, manifest, thresholds,
rows, day, models, prompts, verified queries. Left out are sessions, live sources, whatever is not `answered`, and every
answer or question in which personal data stands, so that none lies in a cache.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING, Any

import msgspec

from app.llm.cache import ByteStore, Typed, key_of, open_store
from app.llm.errors import NoReply
from app.llm.known_values import KnownValues
from app.llm.values import Attempt
from app.ops.traces import CLEAR_FIELDS
from app.values import Answer, Usage

if TYPE_CHECKING:
    from app.answering import Draft
    from app.engine import Engine
    from app.llm.config import LlmConfig
    from app.llm.models import Models
    from app.ops.traces import Mask
    from app.values import Question
    from ingest.stores.snapshot import Snapshot

_log = logging.getLogger("answerable.cache")

PROMPTS = ("route", "rewrite", "split", "plan_sql", "write")
"""Prompts that may take part in an answer."""


class Kept(msgspec.Struct, frozen=True):
    """An answer, and the attempts at models that it took."""

    answer: Answer
    attempts: tuple[Attempt, ...]


class AnswerCache:
    """The answers kept by one process, or in Redis by several."""

    def __init__(self, store: ByteStore) -> None:
        self._values = Typed(store)

    def find(self, key: str, draft: Draft) -> Answer | None:
        """The answer kept under a key as one of its own: another id, its own time, nothing spent.

        The ledger hears what that saved.
        """
        with draft.watch.stage("cache"):
            found = self._values.get(key, Kept)
        if found is None:
            return None
        if draft.consultation is not None:
            draft.consultation.spared(found.attempts)
        return msgspec.structs.replace(
            found.answer, id=draft.identity, usage=Usage(), timing_ms=draft.watch.timing_ms()
        )

    def keep(self, key: str, answer: Answer, draft: Draft, mask: Mask) -> None:
        """Keep an answer that a model took part in and that holds no personal data."""
        used = draft.consultation
        if used is None or used.model is None or answer.status != "answered":
            return
        told = msgspec.to_builtins(answer)
        content = [draft.question.text, *_texts(told, left_out=CLEAR_FIELDS)]
        try:
            personal = KnownValues(used.tokens.values()).stand_in(_texts(told)) or mask(content) != content
        except Exception as error:  # noqa: BLE001 - an answer that cannot be examined is told and not kept
            _log.error("an answer could not be searched for personal data: %s", type(error).__name__)
            return
        if not personal:
            self._values.put(key, Kept(answer, tuple(used.attempts)))


def answer_key(question: Question, snapshot: Snapshot, engine: Engine) -> str | None:
    """What the answer to a question is kept under; None where it is not: see the top of this module, and where the
    prompts in force cannot be told.
    """
    models, settings = engine.models, engine.settings
    if models is None or settings.answer_cache_s <= 0 or question.session is not None:
        return None
    if any(reader.catalog.dialect != "duckdb" for reader in snapshot.sources.values()):
        return None
    from app.llm.models import audience

    try:
        prompts = _prompts(models)
    except NoReply:
        return None
    return key_of(
        "answer", " ".join(question.text.split()), audience(question.caller), question.sources, snapshot.id,
        question.language, question.threshold, settings.planner_threshold, settings.passage_threshold,
        question.max_rows, question.today,
        settings.scrub_names, models_version(models.config), prompts,
        [(query.id, query.changed_at) for query in engine.verified.all()],
    )  # fmt: skip


def open_answers(where: str, ttl_s: float) -> AnswerCache:
    """A cache: `off`, `memory` or a Redis URL, and seconds that an answer is kept. Raises `ConfigurationError`."""
    return AnswerCache(open_store(where, ttl_s))


def models_version(config: LlmConfig) -> dict[str, Any]:
    """What of the configuration of models decides what they answer: no keys, no prices."""
    providers = {name: (each.base_url, each.kind, each.output) for name, each in config.providers.items()}
    return {"providers": providers, "model": config.model, "tasks": msgspec.to_builtins(config.tasks)}


def _prompts(models: Models) -> dict[str, str]:
    """The version of each prompt as its label stands now."""
    return {name: models.prompts.get(name).id for name in PROMPTS}


def _texts(value: Any, left_out: Collection[str] = ()) -> Iterator[str]:
    """All texts of an answer but those of the fields left out."""
    if isinstance(value, str):
        yield value
    inner = (v for k, v in value.items() if k not in left_out) if isinstance(value, dict) else value
    for each in inner if isinstance(value, dict | list | tuple) else ():
        yield from _texts(each, left_out)
