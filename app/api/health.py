"""`GET /healthz`, `GET /readyz` and `GET /metrics`."""

from __future__ import annotations

from litestar import Response, get

from app.api.callers import Asker
from app.api.wire import Check, Readiness
from app.engine import Engine
from app.ops.metrics import CONTENT_TYPE, Metrics


@get("/healthz", tags=["operations"], sync_to_thread=False)
def healthz() -> dict[str, str]:
    """The process is alive."""
    return {"status": "ok"}


@get("/readyz", tags=["operations"], sync_to_thread=True)
def readyz(engine: Engine) -> Response[Readiness]:
    """Questions can be answered: there is a manifest, and the model is loaded. 503 until then."""
    checks = [_manifest_check(engine), _model_check(engine)]
    ready = all(check.ok for check in checks)
    return Response(Readiness(ready=ready, checks=checks), status_code=200 if ready else 503)


@get("/metrics", tags=["operations"], sync_to_thread=True, media_type="text/plain")
def metrics_page(engine: Engine, metrics: Metrics, asker: Asker) -> Response[bytes]:
    """Prometheus metrics of this process; with a key where keys are needed."""
    del asker  # asked for so that a key is
    metrics.traces_dropped.set(engine.traces.dropped)
    return Response(metrics.exposition(), media_type=CONTENT_TYPE.removesuffix("; charset=utf-8"))


def _manifest_check(engine: Engine) -> Check:
    identity = engine.store.snapshot().id
    if identity is not None:
        damaged = len(engine.store.alerts)
        return Check(name="manifest", ok=True, message=f"{identity}, {damaged} damaged" if damaged else identity)
    if engine.store.alerts:
        return Check(name="manifest", ok=False, message="The manifest cannot be read: run `answerable doctor`.")
    return Check(name="manifest", ok=False, message="Nothing is ingested yet: run `answerable ingest add PATH`.")


def _model_check(engine: Engine) -> Check:
    if engine.model_is_ready:
        return Check(name="model", ok=True, message=engine.settings.embedding_model)
    failure = engine.warm_up_failure
    message = f"The model could not be loaded: {failure}" if failure else "The model is being loaded."
    return Check(name="model", ok=False, message=message)
