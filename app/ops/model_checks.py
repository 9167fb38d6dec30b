"""What `answerable doctor` looks at where models may be asked: endpoints, prompts, ledger, cache and alerts."""

from __future__ import annotations

import time
from urllib.parse import urlsplit

from app.errors import ConfigurationError
from app.llm.config import LlmConfig
from app.llm.loading import load_config
from app.ops.findings import Finding
from app.settings import Settings, is_loopback


def language_models(settings: Settings) -> Finding:
    """Every configured language model answers, with its key, under its name, and can be held to a schema."""
    config = load_config(settings)
    if not config.configured:
        message = "none is configured: answers come from the embedded path alone"
        return Finding(check="language models", level="ok", message=message)
    from app.llm.probing import probe_models, without_model

    probed = list(probe_models(config))
    message = "; ".join(each.told for each in probed)
    remedy = " ".join(f"{each.name}: {each.remedy}" for each in probed if each.remedy)
    tasks = ", ".join(without_model(config, probed))
    if tasks:
        message = f"{message}; no model answers for {tasks}"
        return Finding(check="language models", level="failure", message=message, remedy=remedy)
    return Finding(check="language models", level="warning" if remedy else "ok", message=message, remedy=remedy)


def prompts(settings: Settings) -> Finding:
    """The prompts can be used, an operator's in place of the packaged ones too, and so can the labels set for tasks."""
    from app.llm.prompts import labels_of, open_prompts

    config = _configured(settings)
    if config is None:
        return _not_looked_at("prompts")
    opened = open_prompts(settings, labels_of(config))
    try:
        replaced = [name for name in opened.names if opened.files.overridden(name)]
        message = f"{len(opened.names)} prompts"
    finally:
        opened.close()
    if replaced:
        message += f", of which {settings.prompts} replaces {', '.join(replaced)}"
    return Finding(check="prompts", level="ok", message=message)


def spending(settings: Settings) -> Finding:
    """Ledger and budgets can be read and written, and the database refuses to change what was written."""
    config = _configured(settings)
    if config is None:
        return _not_looked_at("spending")
    if not (config.configured or settings.embeds_elsewhere):
        return Finding(check="spending", level="ok", message="nothing is asked that could cost")
    from app.llm.spending_check import missing_guards, place_of, try_store
    from app.llm.spending_store import SpendingUnavailable, open_spending

    store = open_spending(settings)
    try:
        started = time.perf_counter()
        try_store(store)
        milliseconds = (time.perf_counter() - started) * 1000
        missing = missing_guards(store)
    except SpendingUnavailable as error:
        remedy = "See that the database runs, that ANSWERABLE_SPENDING_URL is right and its role may read and write."
        return Finding(check="spending", level="failure", message=str(error), remedy=remedy)
    finally:
        store.close()
    where = place_of(settings)
    if missing:
        message = f"{where}: rows of the ledger can be changed, the triggers {', '.join(missing)} are missing"
        remedy = "Have the table's owner make them again, as docs/cost.md says, and ask who dropped them."
        return Finding(check="spending", level="warning", message=message, remedy=remedy)
    limits = f"{len(config.budgets.limits)} limits" if config.budgets.limits else "no budget is set"
    return Finding(check="spending", level="ok", message=f"{where} answers in {milliseconds:.0f} ms, {limits}")


def cache(settings: Settings) -> Finding:
    """The cache that is configured can be reached; where it cannot, calls cost what they need not."""
    config = _configured(settings)
    if config is None:
        return _not_looked_at("cache")
    if not config.configured or config.cache in ("", "off", "memory"):
        shown = (config.cache or "off") if config.configured else "not used: no model is asked"
        return Finding(check="cache", level="ok", message=shown)
    from app.llm.cache import RedisStore, open_store

    store = open_store(config.cache, config.cache_ttl_s)
    if not isinstance(store, RedisStore):
        return Finding(check="cache", level="ok", message="off: its entries would live for 0 seconds")
    try:
        failure = store.failure()
    finally:
        store.close()
    if failure:
        remedy = "Start it or correct `cache` in the configuration; until then every call is made and paid."
        return Finding(check="cache", level="warning", message=f"Redis cannot be used: {failure}", remedy=remedy)
    return Finding(check="cache", level="ok", message="Redis answers")


def alerts(settings: Settings) -> Finding:
    """The webhook, if there is one, is a URL to which alerts can be sent; nothing is sent to it."""
    config = _configured(settings)
    if config is None:
        return _not_looked_at("alerts")
    if not config.webhook:
        return Finding(check="alerts", level="ok", message="to the log alone: no webhook is set")
    from app.ops.webhook import open_webhook

    open_webhook(config.webhook, config.webhook_secret).close()
    url = urlsplit(config.webhook)
    signed = "signed" if config.webhook_secret else "not signed: webhook_secret is not set"
    message = f"to the log and to {url.hostname}, {signed}"
    if url.scheme == "http" and not is_loopback(url.hostname or ""):
        remedy = "Use https: whoever is in between could read alerts, and the webhook's address."
        return Finding(check="alerts", level="warning", message=f"{message}, in clear text", remedy=remedy)
    return Finding(check="alerts", level="ok", message=message)


def _configured(settings: Settings) -> LlmConfig | None:
    """The configuration of models; None where it has a mistake, which `language_models` tells."""
    try:
        return load_config(settings)
    except ConfigurationError:
        return None


def _not_looked_at(check: str) -> Finding:
    message = "not looked at: the configuration of models has a mistake"
    return Finding(check=check, level="warning", message=message, remedy="Mend that first.")
