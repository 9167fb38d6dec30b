"""What a configuration of models must hold beyond the types of its fields."""

from __future__ import annotations

import difflib
import re
import zoneinfo
from collections.abc import Callable, Collection, Iterable
from urllib.parse import SplitResult, urlsplit

from app.errors import ConfigurationError
from app.llm.config import TASKS, LlmConfig, ProviderConfig
from app.settings import Settings, is_loopback, variable

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
_SCOPE = re.compile(r"all|(key|source|task):(\*|[^\s*][^*]*)")


def check_config(config: LlmConfig, file: str, settings: Settings) -> None:
    """Raise `ConfigurationError` for the first mistake; `file` is the file's name, empty where there is none."""
    at = f"{file}: "
    for name, provider in config.providers.items():
        own = bool(settings.llm_base_url) and provider.base_url == settings.llm_base_url and name == "main"
        _check_provider(name, provider, _place_in_settings if own else _place_in_file(at, name))
    embeds_at = _embedding_host(settings)
    if file and not config.providers and not embeds_at:
        raise ConfigurationError(f"{at}providers is missing.", hint="Name one endpoint at least; see docs/models.md.")
    if config.model:
        _check_model(config.model, config.providers, f"{at}model" if file else variable("llm_model"))
    if "embed" in config.tasks:
        hint = "Texts are embedded by ANSWERABLE_EMBEDDING_MODEL: a model of this machine, or https://host/v1#model."
        raise ConfigurationError(
            f"{at}tasks.embed configures nothing; budgets may name the task all the same.", hint=hint
        )
    for task, how in config.tasks.items():
        for place, model in enumerate(how.models or ()):
            _check_model(model, config.providers, f"{at}tasks.{task}.models[{place}]")
        if len(set(how.models or ())) < len(how.models or ()):
            raise ConfigurationError(f"{at}tasks.{task}.models names a model twice.")
    for priced in config.prices:
        if "/" in priced:
            _check_model(priced, (*config.providers, *embeds_at), f"{at}prices.{priced}")
    _check_budgets(config, at)
    if config.webhook:
        _check_url(config.webhook, f"{at}webhook", shown=False, query=True)
    if config.cache not in ("off", "memory") and not re.match(r"(rediss?|unix)://", config.cache):
        raise ConfigurationError(f"{at}cache is not allowed; allowed is off, memory or a redis:// URL.")


def _check_provider(name: str, provider: ProviderConfig, place: Callable[[str], str]) -> None:
    if not _NAME.fullmatch(name):
        raise ConfigurationError(f"{place('')} is named {name!r}; allowed are letters, digits, `_`, `-` and `.`.")
    url = _check_url(provider.base_url, place("base_url"), shown=True, query=False)
    secret = bool(provider.api_key or provider.headers)
    if url.scheme == "http" and secret and not provider.insecure and not is_loopback(url.hostname or ""):
        raise ConfigurationError(
            f"{place('base_url')} is plain http, and a key or headers would be sent there for anybody to read.",
            hint="Use https, or set `insecure: true` for this provider in the file if the network in between is yours.",
        )
    if provider.kind == "azure" and not provider.api_version:
        hint = "Azure's, e.g. 2024-10-21; its newer /openai/v1 paths go with `kind: openai`."
        raise ConfigurationError(f"{place('api_version')} is missing.", hint=hint)
    for header, value in (("api_key", provider.api_key), *provider.headers.items()):
        if not re.fullmatch(r"[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?|", value) or not re.fullmatch(r"[\w-]+", header):
            what = "api_key" if header == "api_key" else f"headers.{header}"
            raise ConfigurationError(f"{place(what)} has characters that no header may have, such as a line's end.")


def _embedding_host(settings: Settings) -> tuple[str, ...]:
    """What the ledger calls the embedding endpoint, if there is one."""
    return (urlsplit(settings.embedding_model).netloc,) if settings.embeds_elsewhere else ()


def _check_model(model: str, providers: Collection[str], place: str) -> None:
    provider, _, name = model.partition("/")
    if provider not in providers:
        hint = _nearest(provider, providers)
        known = ", ".join(f"{each}/…" for each in providers) or "none: no provider is configured"
        raise ConfigurationError(f"{place} is {model!r}; allowed is provider/model of {known}.", hint=hint)
    if not name.strip() or name != name.strip():
        raise ConfigurationError(f"{place} is {model!r}; allowed is provider/model, and the model is missing.")


def _check_budgets(config: LlmConfig, at: str) -> None:
    try:
        zoneinfo.ZoneInfo(config.budgets.time_zone)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        zone = config.budgets.time_zone
        message = f"{at}budgets.time_zone is {zone!r}; allowed is a name such as Europe/Berlin."
        raise ConfigurationError(message, hint=_nearest(zone, zoneinfo.available_timezones())) from None
    for place, limit in enumerate(config.budgets.limits):
        where = f"{at}budgets.limits[{place}]"
        kind, _, of = limit.scope.partition(":")
        if not _SCOPE.fullmatch(limit.scope):
            allowed = "all, key:ID, key:*, source:NAME, source:*, task:NAME or task:*"
            raise ConfigurationError(f"{where}.scope is {limit.scope!r}; allowed is {allowed}.")
        if kind == "task" and of != "*" and of not in TASKS:
            known = f"a task of {', '.join(TASKS)}"
            raise ConfigurationError(f"{where}.scope is {limit.scope!r}; allowed is {known}.", hint=_nearest(of, TASKS))
        if not limit.usd.is_finite() or limit.usd < 0:
            raise ConfigurationError(f"{where}.usd is {limit.usd}; allowed is 0 or more.")


def _check_url(text: str, place: str, *, shown: bool, query: bool) -> SplitResult:
    value = f" {text!r}" if shown and "@" not in text and "?" not in text else " a URL"
    try:
        url = urlsplit(text)
        good = url.scheme in ("http", "https") and bool(url.hostname) and (url.port or 1) > 0
    except ValueError:
        good = False
    if not good or re.search(r"[\x00-\x20\x7f\\]", text):
        raise ConfigurationError(f"{place} is{value}; allowed is an http:// or https:// URL with a host.")
    if "@" in url.netloc:
        hint = "Put the key into api_key, or a header into headers."
        raise ConfigurationError(f"{place} holds a user name or password; that is not allowed there.", hint=hint)
    if url.fragment or (url.query and not query):
        raise ConfigurationError(f"{place} has a query or a fragment; allowed is a URL without.")
    return url


def _nearest(name: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(name, list(known), n=1)
    return f"Did you mean {near[0]}?" if near else ""


def _place_in_settings(field: str) -> str:
    return variable(f"llm_{field}") if field in ("base_url", "api_key") else "The provider main"


def _place_in_file(at: str, name: str) -> Callable[[str], str]:
    return lambda field: f"{at}providers.{name}" + (f".{field}" if field else "")
