"""The configuration of models, from three settings, a YAML file, or both; every mistake in it stops the start.

A mistake is a `ConfigurationError` that names the file or the setting, the place in it, the value and what is allowed.
Keys and other secrets are never shown. `${NAME}` stands for an environment variable.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Collection, Mapping
from datetime import date
from pathlib import Path
from typing import Any, TypeVar, cast

import msgspec

from app.errors import ConfigurationError
from app.llm.checking import check_config
from app.llm.config import TASKS, BudgetConfig, BudgetLimit, LlmConfig, Price, ProviderConfig, TaskConfig
from app.llm.values import TaskName
from app.settings import Settings, variable
from connectors.secrets import SecretMissing, expanded

Kind = TypeVar("Kind")

MAIN = "main"
"""Name of the provider that the three settings configure."""
MOST_BYTES = 1_000_000
_SECRET = frozenset({"api_key", "headers", "webhook", "webhook_secret", "cache"})
"""Fields whose values are never shown, and in which `${NAME}` is expanded."""
_BASE_URL, _API_KEY, _MODEL, _FILE = map(variable, ("llm_base_url", "llm_api_key", "llm_model", "llm_config"))


def load_config(settings: Settings) -> LlmConfig:
    """How models are configured; nothing is, where no setting says so. Raises `ConfigurationError`.

    The three settings make a provider `main` beside those of the file; ANSWERABLE_LLM_MODEL is the model of tasks that
    name none, unless the file has one.
    """
    file = settings.llm_config
    config = _from_file(file.expanduser()) if file is not None else LlmConfig()
    config = _with_settings(config, settings)
    check_config(config, str(file) if file is not None else "", settings)
    return config


def _with_settings(config: LlmConfig, settings: Settings) -> LlmConfig:
    if not settings.llm_base_url:
        for name, value in ((_API_KEY, settings.llm_api_key), (_MODEL, settings.llm_model)):
            if value:
                raise ConfigurationError(f"{name} is set but {_BASE_URL} is not.", hint=f"Set {_BASE_URL} too.")
        return config
    if MAIN in config.providers:
        hint = f"Unset {_BASE_URL}, or give the provider in the file another name."
        raise ConfigurationError(f"The provider {MAIN} is set twice, by {_BASE_URL} and in {_FILE}.", hint=hint)
    if not settings.llm_model and settings.llm_config is None:
        raise ConfigurationError(f"{_BASE_URL} is set but {_MODEL} is not.", hint=f"Set {_MODEL} to a model's name.")
    main = ProviderConfig(base_url=settings.llm_base_url, api_key=_expanded(settings.llm_api_key, _API_KEY))
    model = config.model or (f"{MAIN}/{settings.llm_model}" if settings.llm_model else "")
    return msgspec.structs.replace(config, providers={MAIN: main, **config.providers}, model=model)


def _from_file(path: Path) -> LlmConfig:
    raw = _read(path)
    _check_names(raw, LlmConfig.__struct_fields__, f"{path}: ")
    plain = {name: raw[name] for name in ("model", "webhook", "webhook_secret", "cache", "cache_ttl_s") if name in raw}
    if plain.get("cache") is False:  # `cache: off`, as YAML reads it
        plain["cache"] = "off"
    config = _converted(plain, LlmConfig, f"{path}: ")
    tasks = _section(raw, "tasks", path)
    _check_names(tasks, TASKS, f"{path}: tasks.")
    return msgspec.structs.replace(
        config,
        webhook=_expanded(config.webhook, f"{path}: webhook"),
        webhook_secret=_expanded(config.webhook_secret, f"{path}: webhook_secret"),
        cache=_expanded(config.cache, f"{path}: cache"),
        providers=_entries(raw, "providers", path, _provider),
        tasks=cast("Mapping[TaskName, TaskConfig]", _entries(raw, "tasks", path, _as(TaskConfig))),
        prices=_entries(raw, "prices", path, _as(Price)),
        budgets=_budgets(_section(raw, "budgets", path), f"{path}: budgets."),
    )


def _read(path: Path) -> dict[str, Any]:
    import yaml

    try:
        if path.stat().st_size > MOST_BYTES:
            raise ConfigurationError(f"{_FILE} is {path}, which has over {MOST_BYTES} bytes.")
        raw = yaml.load(path.read_text(encoding="utf-8"), Loader=_distinct_keys())  # noqa: S506 - a SafeLoader
    except OSError as error:
        hint = f"Correct or unset {_FILE}."
        raise ConfigurationError(f"{_FILE} is {path}, which cannot be read: {error.strerror}.", hint=hint) from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f" in line {mark.line + 1}, column {mark.column + 1}" if mark is not None else ""
        problem = getattr(error, "problem", None) or "it is not UTF-8"
        raise ConfigurationError(f"{path} is not YAML that can be read{where}: {problem}.") from None
    if not isinstance(raw, dict):
        hint = "See docs/models.md for an example."
        raise ConfigurationError(f"{path} must hold names with values, such as `providers:`.", hint=hint)
    return cast("dict[str, Any]", _dates_as_text(raw))


def _distinct_keys() -> type:
    """A SafeLoader that refuses a name which stands twice, where YAML libraries take the last."""
    import yaml

    class Loader(yaml.SafeLoader):
        def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
            names = [key.value for key, _ in node.value]
            for (key, _), name in zip(node.value, names, strict=True):
                if names.count(name) > 1:
                    raise yaml.constructor.ConstructorError(None, None, f"{name} stands twice", key.start_mark)
            return super().construct_mapping(node, deep)

    return Loader


def _dates_as_text(raw: object) -> object:
    """`api_version: 2024-10-21` is a date to YAML."""
    if isinstance(raw, dict):
        return {str(name): _dates_as_text(value) for name, value in raw.items()}
    if isinstance(raw, list):
        return [_dates_as_text(value) for value in raw]
    return raw.isoformat() if isinstance(raw, date) else raw


def _section(raw: Mapping[str, Any], name: str, path: Path) -> dict[str, Any]:
    found = raw.get(name)
    if found is None:
        return {}
    if not isinstance(found, dict):
        raise ConfigurationError(f"{path}: {name} is {found!r}; allowed are names with values.")
    return found


def _entries(raw: Mapping[str, Any], name: str, path: Path, read: Callable[[Any, str], Kind]) -> dict[str, Kind]:
    return {key: read(value, f"{path}: {name}.{key}.") for key, value in _section(raw, name, path).items()}


def _as(kind: type[Kind]) -> Callable[[Any, str], Kind]:
    return lambda raw, place: _converted(raw, kind, place)


def _provider(raw: Any, place: str) -> ProviderConfig:
    provider = _converted(raw, ProviderConfig, place)
    headers = {name: _expanded(value, f"{place}headers.{name}") for name, value in provider.headers.items()}
    key = _expanded(provider.api_key, f"{place}api_key")
    url = _expanded(provider.base_url, f"{place}base_url")
    return msgspec.structs.replace(provider, base_url=url, api_key=key, headers=headers)


def _budgets(raw: dict[str, Any], place: str) -> BudgetConfig:
    limits = raw.pop("limits", None) or []
    if not isinstance(limits, list):
        raise ConfigurationError(f"{place}limits is {limits!r}; allowed is a list of limits.")
    found = tuple(_converted(each, BudgetLimit, f"{place}limits[{n}].") for n, each in enumerate(limits))
    return msgspec.structs.replace(_converted(raw, BudgetConfig, place), limits=found)


def _expanded(text: str, place: str) -> str:
    try:
        return expanded(text)
    except SecretMissing:
        names = re.findall(r"\$\{(\w+)\}", text)
        message = f"{place} names an environment variable that is not set ({', '.join(names)})."
        raise ConfigurationError(message, hint="Set it where Answerable runs.") from None


def _converted(raw: Any, kind: type[Kind], place: str) -> Kind:
    """A raw value as a struct without structs in it. Raises `ConfigurationError`."""
    if not isinstance(raw, dict):
        raise ConfigurationError(f"{place.rstrip('.')} is {type(raw).__name__}; allowed are names with values.")
    _check_names(raw, kind.__struct_fields__, place)  # type: ignore[attr-defined]
    try:
        return msgspec.convert(raw, kind)
    except msgspec.ValidationError as error:
        what, _, inner = str(error).partition(" - at `$")
        missing = re.fullmatch(r"Object missing required field `(\w+)`", what)
        if missing:
            raise ConfigurationError(f"{place}{missing[1]} is missing.") from None
        where = inner.strip("`").removeprefix(".")
        name = re.split(r"[.\[]", where)[0]
        shown = "not as it should be" if name in _SECRET else repr(raw.get(name))
        raise ConfigurationError(f"{place}{where} is {shown}; allowed: {what.replace('`', '')}.") from None


def _check_names(raw: Mapping[str, Any], known: Collection[str], place: str) -> None:
    for name in raw:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            hint = f"Did you mean {near[0]}?" if near else ""
            raise ConfigurationError(f"{place}{name} is not known; known are {', '.join(sorted(known))}.", hint=hint)
