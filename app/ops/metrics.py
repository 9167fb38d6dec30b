"""Prometheus metrics of one server process."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from app.llm.token_bound import plausible
from app.llm.values import Attempt
from app.values import Answer

CONTENT_TYPE = CONTENT_TYPE_LATEST
BUCKETS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)


class Metrics:
    """The counters of one application; a registry of its own, so that several may live in one process."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "answerable_http_requests", "Requests answered.", ["method", "path", "status"], registry=self.registry
        )
        self.request_seconds = Histogram(
            "answerable_http_request_seconds", "Time to answer.", ["path"], registry=self.registry, buckets=BUCKETS_S
        )
        self.answers = Counter("answerable_answers", "Questions answered.", ["status", "route"], registry=self.registry)
        self.stage_seconds = Histogram(
            "answerable_stage_seconds", "Time of a stage.", ["stage"], registry=self.registry, buckets=BUCKETS_S
        )
        self.running = Gauge("answerable_questions_running", "Questions running or waiting.", registry=self.registry)
        self.traces_dropped = Gauge("answerable_traces_dropped", "Traces that were not kept.", registry=self.registry)

        self.syncs = Counter("answerable_syncs", "Scheduled syncs that ended.", ["outcome"], registry=self.registry)
        self.sync_seconds = Counter("answerable_sync_seconds", "Time in scheduled syncs.", registry=self.registry)
        self.sync_running = Gauge("answerable_sync_running", "A scheduled sync is running.", registry=self.registry)

        asked = ["task", "model", "outcome"]
        self.llm_attempts = Counter("answerable_llm_attempts", "Attempts at a model.", asked, registry=self.registry)
        self.llm_tokens = Counter(
            "answerable_llm_tokens", "Tokens of models.", ["task", "model", "kind"], registry=self.registry
        )
        self.llm_cost_usd = Counter(
            "answerable_llm_cost_usd", "US dollars; the ledger is exact.", ["task", "model"], registry=self.registry
        )
        self.llm_saved_usd = Counter("answerable_llm_saved_usd", "US dollars saved by caches.", registry=self.registry)
        self.llm_unpriced = Counter(
            "answerable_llm_unpriced_attempts", "Attempts without a known price.", ["model"], registry=self.registry
        )

    def count_attempt(self, attempt: Attempt) -> None:
        """Count an attempt at a model, its tokens and its cost."""
        model = f"{attempt.provider}/{attempt.model}"
        self.llm_attempts.labels(attempt.task, model, attempt.outcome).inc()
        if attempt.cost_usd is None:
            self.llm_unpriced.labels(model).inc()
        if attempt.outcome == "cached":
            self.llm_saved_usd.inc(float(attempt.saved_usd or 0))
            return
        tokens = plausible(attempt.tokens)
        for kind in ("input", "output", "cached_input"):
            self.llm_tokens.labels(attempt.task, model, kind).inc(getattr(tokens, kind))
        self.llm_cost_usd.labels(attempt.task, model).inc(float(attempt.cost_usd or 0))

    def count_answer(self, answer: Answer) -> None:
        """Count an answer and the time of its stages."""
        self.answers.labels(answer.status, answer.route).inc()
        for stage, milliseconds in answer.timing_ms.items():
            self.stage_seconds.labels(stage).observe(milliseconds / 1000)

    def exposition(self) -> bytes:
        """All metrics in the text format of Prometheus."""
        return generate_latest(self.registry)
