"""The wiring object: what a running service answers questions with, each part opened when first needed."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import TYPE_CHECKING, Generic, TypeVar

from app.embedders import Embedders
from app.ops.traces import Traces
from app.settings import Settings
from app.values import Caller

if TYPE_CHECKING:
    from app.answer_cache import AnswerCache
    from app.execution.executors import Executors
    from app.followups.sessions import Sessions
    from app.llm.embeddings import EmbeddingSpending
    from app.llm.models import Models
    from app.llm.privacy import Privacy
    from app.llm.values import Attempt
    from app.ops.announcing import Announcements
    from app.ops.feedback import FeedbackStore
    from app.planning.held import Planners
    from app.verbalising.charts.rendering import ChartRenderer
    from app.verified.held import VerifiedQueries
    from ingest.embedder import Embedder
    from ingest.pii import Detector
    from ingest.stores.snapshot import Store

_log = logging.getLogger("answerable.engine")

_WITH_A_NAME = "Ada Lovelace asks from London."
"""What the detector examines to be warm: words that may be names open its slowest part."""
QUIET_S = 2.0
"""Seconds after the warm-up, left to a first question, before what no answer waits for is opened."""

Part = TypeVar("Part")
Item = TypeVar("Item")


class Lazy(Generic[Part]):
    """A part opened once, by the first of several threads that needs it; a failed opening is tried again."""

    def __init__(self, opening: Callable[[], Part]) -> None:
        self._opening = opening
        self._lock = threading.Lock()
        self._part: Part | None = None

    @property
    def opened(self) -> Part | None:
        """The part if it was opened."""
        return self._part

    def get(self) -> Part:
        """The part, opened now if it was not."""
        if self._part is None:
            with self._lock:
                if self._part is None:
                    self._part = self._opening()
        return self._part


class Engine:
    """Settings, stores, model, detector, table engine and traces of one process. Thread-safe."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._store = Lazy(lambda: _open_store(settings))
        self._embedding_spending = Lazy(lambda: _open_embedding_spending(settings, self))
        self.embedders = Embedders(settings, lambda: self._embedding_spending.get().of_questions())
        self._detector = Lazy(_open_detector)
        self._tables = Lazy(lambda: _open_tables(settings))
        self._planners = Lazy(_open_planners)
        self._verified = Lazy(lambda: _open_verified(settings))
        self._charts = Lazy(_open_charts)
        self._sessions = Lazy(lambda: _open_sessions(settings))
        self._models = Lazy(lambda: _open_models(settings, self))
        self._pool = Lazy(lambda: ThreadPoolExecutor(settings.answering_threads, thread_name_prefix="part"))
        self.observe_attempt: Callable[[Attempt], None] = lambda _attempt: None
        """Told of every attempt at a model, by the ledger: where a server counts its metrics."""
        self._privacy = Lazy(lambda: _open_privacy(self))
        self._closing = threading.Event()
        self._answers = Lazy(lambda: _open_answers(self))
        self._announcements = Lazy(lambda: _open_announcements(settings))
        self._feedback = Lazy(lambda: _open_feedback(self))
        self.model_is_ready = False
        """A question can be embedded without waiting for the model."""
        self.warm_up_failure: str | None = None
        """What kept a part from being opened at start-up."""
        self.traces = Traces(settings.state_path, self.masked, retention_days=settings.trace_retention_days)

    @property
    def store(self) -> Store:
        """The stores under the home folder; `store.snapshot()` is cheap."""
        return self._store.get()

    @property
    def embedder(self) -> Embedder:
        """The embedding model of what is served (about a second to open)."""
        return self.embedders.serving(self.store.snapshot())

    @property
    def detector(self) -> Detector:
        """The detector of personal data (a second or more to open)."""
        return self._detector.get()

    @property
    def tables(self) -> Executors:
        """What runs validated queries: the sandbox, and the servers of live sources."""
        return self._tables.get()

    @property
    def planners(self) -> Planners:
        """Planners by segment and audience."""
        return self._planners.get()

    @property
    def verified(self) -> VerifiedQueries:
        """Approved question -> SQL pairs."""
        return self._verified.get()

    @property
    def charts(self) -> ChartRenderer:
        """What draws charts; its process starts with the first one."""
        return self._charts.get()

    @property
    def sessions(self) -> Sessions:
        """What callers' sessions remember (0.1 s to open)."""
        return self._sessions.get()

    @property
    def models(self) -> Models | None:
        """Language models; None where none is configured. Raises `ConfigurationError`."""
        if not (self.settings.llm_base_url or self.settings.llm_config):
            return None
        found = self._models.get()
        return found if found.config.configured else None

    def side_by_side(self, work: Callable[[Item], Part], items: Sequence[Item]) -> list[Part]:
        """`work` done on several items at once, in their order; it must not call this again."""
        if len(items) < 2:
            return [work(item) for item in items]
        contexts = [copy_context() for _ in items]
        return list(self._pool.get().map(lambda context, item: context.run(work, item), contexts, items))

    @property
    def answers(self) -> AnswerCache:
        """Answers kept for a while; in the same place as the cache of model calls."""
        return self._answers.get()

    @property
    def announcements(self) -> Announcements:
        """Where the operator's systems are told of events."""
        return self._announcements.get()

    @property
    def feedback(self) -> FeedbackStore:
        """What readers said of answers."""
        return self._feedback.get()

    @property
    def privacy(self) -> Privacy:
        """What scrubs texts on their way to a model or a trace."""
        return self._privacy.get()

    def masked(self, texts: list[str]) -> list[str]:
        """The texts of one answer with personal data and names as tokens; the same token for the same value in all."""
        return self.privacy.masked(texts)

    def start_warm_up(self) -> None:
        """Open, in a background thread, what the first question would otherwise wait for, and what its trace would.

        Charts are drawn from traces, and a service that stops writes them first: neither is to wait a second or two for
        the model of names.
        """
        threading.Thread(target=self._open_ahead, name="warm-up", daemon=True).start()

    def _open_ahead(self) -> None:
        self._warm_up()
        if self.models is None and self.traces.wanted and not self._closing.wait(QUIET_S):
            try:
                self.masked([_WITH_A_NAME])
            except Exception as error:  # noqa: BLE001 - a trace that cannot be masked is kept without content
                _log.error("what masks traces cannot be opened: %s", type(error).__name__, exc_info=error)

    def _warm_up(self) -> None:
        try:
            vector = self.embedder.embed_query("warm up")
            snapshot = self.store.snapshot()
            self.model_is_ready = True
            for source in snapshot.sources.values():
                self.planners.of(source, Caller().visibilities)
                if source.passages is not None:
                    source.passages.search_dense(vector, 1, Caller().visibilities)
                    source.passages.search_lexical("warm up", 1, Caller().visibilities)
            self.detector.detect(["warm up"])
            self.sessions.recall("")
            if self.models is not None:  # imports and the model of names take four seconds; no endpoint is asked
                self.privacy.masked([_WITH_A_NAME])
        except Exception as error:  # noqa: BLE001 - shown by /readyz; the part is opened again when a question needs it
            self.warm_up_failure = getattr(error, "message", type(error).__name__)
            _log.error("warm-up failed: %s", type(error).__name__, exc_info=error)

    def close(self) -> None:
        """Write what is still to be traced; close connections, the process that draws charts and the state file."""
        self._closing.set()
        if self._tables.opened is not None:
            self._tables.opened.close()
        if self._pool.opened is not None:
            self._pool.opened.shutdown(cancel_futures=True)
        self.traces.close()
        if self._charts.opened is not None:
            self._charts.opened.close()
        if self._sessions.opened is not None:
            self._sessions.opened.close()
        if self._models.opened is not None:
            self._models.opened.close()
        if self._announcements.opened is not None:
            self._announcements.opened.close()
        self.embedders.close()
        if self._embedding_spending.opened is not None:
            self._embedding_spending.opened.close()


def _open_store(settings: Settings) -> Store:
    from ingest.stores.snapshot import Store

    return Store(settings.home)


def _open_embedding_spending(settings: Settings, engine: Engine) -> EmbeddingSpending:
    from app.llm.embeddings import open_embedding_spending
    from app.ops.events import budget_listener

    return open_embedding_spending(settings, engine.observe_attempt, budget_listener(lambda: engine.announcements))


def _open_detector() -> Detector:
    from ingest.pii import open_detector

    return open_detector()


def _open_charts() -> ChartRenderer:
    from app.verbalising.charts.rendering import ChartRenderer

    return ChartRenderer()


def _open_planners() -> Planners:
    from app.planning.held import Planners

    return Planners()


def _open_verified(settings: Settings) -> VerifiedQueries:
    from app.verified.held import VerifiedQueries

    return VerifiedQueries(settings.state_path)


def _open_sessions(settings: Settings) -> Sessions:
    from app.ops.sessions import StateSessions

    return StateSessions(settings.state_path, settings.session_ttl_s)


def _open_models(settings: Settings, engine: Engine) -> Models:
    from app.llm.opening import open_models

    return open_models(settings, engine)


def _open_privacy(engine: Engine) -> Privacy:
    from app.llm.privacy import Privacy

    return Privacy(engine)


def _open_answers(engine: Engine) -> AnswerCache:
    from app.answer_cache import open_answers

    models = engine.models
    return open_answers(models.config.cache if models is not None else "off", engine.settings.answer_cache_s)


def _open_announcements(settings: Settings) -> Announcements:
    from app.ops.announcing import Announcements

    return Announcements(settings)


def _open_feedback(engine: Engine) -> FeedbackStore:
    from app.ops.feedback import FeedbackStore

    return FeedbackStore(engine.settings.state_path, engine.masked)


def _open_tables(settings: Settings) -> Executors:
    from app.execution.executors import Executors

    return Executors(settings.table_memory_limit, settings.table_threads, settings.table_timeout_s)
