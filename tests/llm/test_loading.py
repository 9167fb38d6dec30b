"""The configuration of models: three settings, a file, or both; every mistake stops the start and says what it is."""

import re
import socket
from decimal import Decimal
from pathlib import Path

import pytest

from app.asgi import create_app
from app.errors import ConfigurationError
from app.llm.loading import load_config
from app.settings import Settings

MODELS_PAGE = (Path(__file__).resolve().parents[2] / "docs" / "models.md").read_text(encoding="utf-8")
KEY = "sk-very-secret-0123456789"
URL = "https://api.example.com/v1"
EXAMPLE = """
providers:
  hosted: {base_url: https://api.openai.com/v1, api_key: "${OPENAI_TEST_KEY}", headers: {X-Team: "${TEAM}"}}
  azure: {kind: azure, base_url: https://acme.openai.azure.com, api_key: "${OPENAI_TEST_KEY}", api_version: 2024-10-21}
  local: {base_url: http://127.0.0.1:8080/v1, output: json_object}
model: hosted/gpt-5-mini
tasks:
  plan_sql: {models: [hosted/gpt-5-mini, azure/gpt-5, local/Qwen/Qwen3-8B], samples: 3, deadline_s: 8}
  route: {models: []}
budgets:
  time_zone: Europe/Berlin
  limits: [{scope: all, period: day, usd: 5}, {scope: "key:*", usd: 0.1, soft: 0.5}]
prices:
  local/Qwen/Qwen3-8B: {input: 0, output: 0}
cache: redis://:${TEAM}@127.0.0.1:6379/1
"""


@pytest.fixture
def file(tmp_path, monkeypatch):
    """`file(text)` is settings with that file."""
    monkeypatch.setenv("OPENAI_TEST_KEY", KEY)
    monkeypatch.setenv("TEAM", "data")

    def write(text, **about):
        path = tmp_path / "llm.yaml"
        path.write_text(text, encoding="utf-8")
        return Settings(home=tmp_path, llm_config=path, **about)

    return write


def refused(settings):
    with pytest.raises(ConfigurationError) as raised:
        load_config(settings)
    text = f"{raised.value.message} {raised.value.hint}"
    assert KEY not in text + repr(raised.value) + repr(raised.value.__cause__)
    return text


def test_nothing_is_configured_by_default():
    config = load_config(Settings())
    assert not config.configured
    assert config.chain("plan_sql") == ()


def test_three_settings_are_enough():
    config = load_config(Settings(llm_base_url=URL, llm_api_key=KEY, llm_model="gpt-5-mini"))
    assert config.configured
    assert config.chain("write") == (("main", "gpt-5-mini"),)
    assert (config.providers["main"].base_url, config.providers["main"].api_key) == (URL, KEY)


def test_a_file_with_everything(file):
    config = load_config(file(EXAMPLE))
    assert config.chain("plan_sql") == (("hosted", "gpt-5-mini"), ("azure", "gpt-5"), ("local", "Qwen/Qwen3-8B"))
    assert config.chain("route") == ()
    assert config.chain("write") == (("hosted", "gpt-5-mini"),)
    hosted, azure = config.providers["hosted"], config.providers["azure"]
    assert (hosted.api_key, hosted.headers, azure.api_version) == (KEY, {"X-Team": "data"}, "2024-10-21")
    assert (config.task("plan_sql").samples, config.task("plan_sql").deadline_s) == (3, 8)
    assert [limit.usd for limit in config.budgets.limits] == [Decimal(5), Decimal("0.1")]
    assert config.cache == "redis://:data@127.0.0.1:6379/1"


@pytest.mark.parametrize("example", re.findall(r"```yaml\n(providers:.*?)```", MODELS_PAGE, re.DOTALL))
def test_the_examples_of_the_documentation(example, file, monkeypatch):
    for name in re.findall(r"\$\{(\w+)\}", example):
        monkeypatch.setenv(name, KEY)
    config = load_config(file(example))
    assert len(config.providers) >= 2


def test_settings_and_file_together(file):
    settings = file("tasks: {plan_sql: {models: [main/large]}}", llm_base_url=URL, llm_model="small")
    config = load_config(settings)
    assert config.chain("plan_sql") == (("main", "large"),)
    assert config.chain("write") == (("main", "small"),)


def test_keys_are_in_no_representation(file):
    settings = file(EXAMPLE, llm_api_key=KEY, llm_base_url=URL)
    config = load_config(settings)
    assert KEY not in f"{config!r}{config}{config.providers!r}{settings!r}"
    assert "hosted/gpt-5-mini" in repr(config)


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"llm_base_url": URL}, ["ANSWERABLE_LLM_MODEL is not"]),
        ({"llm_model": "gpt"}, ["ANSWERABLE_LLM_MODEL is set but ANSWERABLE_LLM_BASE_URL is not"]),
        ({"llm_api_key": KEY}, ["ANSWERABLE_LLM_API_KEY is set but ANSWERABLE_LLM_BASE_URL is not"]),
        (
            {"llm_base_url": "api.example.com", "llm_model": "m"},
            ["ANSWERABLE_LLM_BASE_URL", "'api.example.com'", "http"],
        ),
        ({"llm_base_url": "ftp://x/v1", "llm_model": "m"}, ["ANSWERABLE_LLM_BASE_URL", "'ftp://x/v1'"]),
        ({"llm_base_url": "file:///etc/passwd", "llm_model": "m"}, ["http:// or https://"]),
        ({"llm_base_url": "http://[::1", "llm_model": "m"}, ["ANSWERABLE_LLM_BASE_URL"]),
        ({"llm_base_url": "http://a:99999/v1", "llm_model": "m"}, ["ANSWERABLE_LLM_BASE_URL"]),
        ({"llm_base_url": "https://a b/v1", "llm_model": "m"}, ["ANSWERABLE_LLM_BASE_URL"]),
        ({"llm_base_url": f"https://u:{KEY}@x/v1", "llm_model": "m"}, ["user name or password", "api_key"]),
        ({"llm_base_url": f"https://x/v1?key={KEY}", "llm_model": "m"}, ["query"]),
        ({"llm_base_url": "http://10.0.0.5/v1", "llm_api_key": KEY, "llm_model": "m"}, ["plain http", "insecure"]),
        (
            {"llm_base_url": URL, "llm_api_key": "${NOT_SET_X}", "llm_model": "m"},
            ["ANSWERABLE_LLM_API_KEY", "NOT_SET_X"],
        ),
        ({"llm_base_url": URL, "llm_api_key": f"{KEY}\n", "llm_model": "m"}, ["ANSWERABLE_LLM_API_KEY", "line's end"]),
    ],
)
def test_wrong_settings(settings, told):
    text = refused(Settings(**settings))
    for part in told:
        assert part in text


@pytest.mark.parametrize("url", ["http://127.0.0.1:8080/v1", "http://localhost:1234/v1", "http://[::1]:8/v1", URL])
def test_a_key_may_go_over_https_and_to_this_machine(url):
    assert load_config(Settings(llm_base_url=url, llm_api_key=KEY, llm_model="m")).configured


def test_a_key_over_plain_http_is_a_decision(file):
    text = 'providers: {proxy: {base_url: "http://litellm:4000", api_key: "${OPENAI_TEST_KEY}"%s}}\nmodel: proxy/m'
    assert "providers.proxy.base_url is plain http" in refused(file(text % ""))
    assert load_config(file(text % ", insecure: true")).configured
    assert load_config(file('providers: {p: {base_url: "http://vllm:8000/v1"}}\nmodel: p/m')).configured


LOCAL = "providers: {local: {base_url: http://127.0.0.1:8080/v1}}\n"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("providers: [", ["is not YAML", "line 1"]),
        ("- a", ["must hold names"]),
        ("providers:", ["providers is missing"]),
        (LOCAL + "modle: local/m", [": modle is not known", "Did you mean model?"]),
        (LOCAL + "model: lokal/m", ["model is 'lokal/m'", "local/…", "Did you mean local?"]),
        (LOCAL + "model: qwen3", ["model is 'qwen3'", "provider/model"]),
        (LOCAL + "model: local/", ["the model is missing"]),
        (LOCAL + "model: [local/m]", ["model is ['local/m']", "Expected str"]),
        (LOCAL + "tasks: {plan_sq: {}}", ["tasks.plan_sq is not known", "Did you mean plan_sql?"]),
        (LOCAL + "tasks: {plan_sql: {model: local/m}}", ["tasks.plan_sql.model is not known", "Did you mean models?"]),
        (LOCAL + "tasks: {plan_sql: {models: [local/a, other/b]}}", ["tasks.plan_sql.models[1] is 'other/b'"]),
        (LOCAL + "tasks: {plan_sql: {models: [local/a, local/a]}}", ["names a model twice"]),
        (LOCAL + "tasks: {plan_sql: {samples: 0}}", ["tasks.plan_sql.samples is 0", "int >= 1"]),
        (LOCAL + "tasks: {plan_sql: {deadline_s: soon}}", ["tasks.plan_sql.deadline_s is 'soon'", "float"]),
        (LOCAL + "tasks: {plan_sql: {deadline_s: 5}, plan_sql: {deadline_s: 6}}", ["plan_sql stands twice"]),
        (LOCAL + "tasks: {plan_sql: fast}", ["tasks.plan_sql is str"]),
        (LOCAL + "tasks: fast", ["tasks is 'fast'"]),
        ("providers: {local: {}}", ["providers.local.base_url is missing"]),
        ("providers: {local: {base_url: 8080}}", ["providers.local.base_url is 8080", "str"]),
        ("providers: {local: {base_url: localhost:8080}}", ["providers.local.base_url is 'localhost:8080'"]),
        ("providers: {a/b: {base_url: http://x}}", ["named 'a/b'"]),
        ("providers: {a: {base_url: https://x, kind: anthropic}}", ["providers.a.kind is 'anthropic'"]),
        ("providers: {a: {base_url: https://x, kind: azure}}", ["providers.a.api_version is missing", "2024-10-21"]),
        (
            "providers: {a: {base_url: https://x, api_key: [" + KEY + "]}}",
            ["providers.a.api_key is not as it should be"],
        ),
        ("providers: {a: {base_url: https://x, api_key: '${NOT_SET_X}'}}", ["providers.a.api_key", "NOT_SET_X"]),
        ("providers: {a: {base_url: https://x, headers: {A: '${NOT_SET_X}'}}}", ["providers.a.headers.A", "NOT_SET_X"]),
        ('providers: {a: {base_url: https://x, headers: {A: "b\\r\\nC: d"}}}', ["providers.a.headers.A", "line's end"]),
        ("providers: {a: {base_url: https://x, connect_s: 0}}", ["providers.a.connect_s is 0"]),
        (LOCAL + "budgets: {time_zone: Europe/Berlinn}", ["budgets.time_zone is 'Europe/Berlinn'", "Europe/Berlin?"]),
        (LOCAL + "budgets: {limits: [{usd: 1}, {usd: lots}]}", ["budgets.limits[1].usd is 'lots'"]),
        (LOCAL + "budgets: {limits: [{usd: -1}]}", ["budgets.limits[0].usd is -1", "0 or more"]),
        (
            LOCAL + "budgets: {limits: [{usd: 1, scope: team:x}]}",
            ["budgets.limits[0].scope is 'team:x'", "source:NAME"],
        ),
        (LOCAL + "budgets: {limits: [{usd: 1, scope: 'task:plan'}]}", ["Did you mean plan_sql?"]),
        (LOCAL + "budgets: {limits: [{usd: 1, period: week}]}", ["budgets.limits[0].period is 'week'"]),
        (LOCAL + "budgets: {limits: 5}", ["budgets.limits is 5"]),
        (LOCAL + "budgets: {limit: []}", ["budgets.limit is not known", "Did you mean limits?"]),
        (LOCAL + "tasks: {embed: {models: [local/m]}}", ["tasks.embed configures nothing"]),
        (LOCAL + "prices: {local/m: {input: 1}}", ["prices.local/m.output is missing"]),
        (LOCAL + "prices: {lokal/m: {input: 1, output: 1}}", ["prices.lokal/m", "Did you mean local?"]),
        (LOCAL + "webhook: 5", ["webhook is not as it should be"]),
        (LOCAL + "webhook: slack", ["webhook is a URL", "http:// or https://"]),
        (LOCAL + f"cache: memcached://{KEY}", ["cache is not allowed", "redis://"]),
        (LOCAL + "cache_ttl_s: -1", ["cache_ttl_s is -1"]),
    ],
)
def test_wrong_files(file, text, told):
    shown = refused(file(text))
    assert "llm.yaml" in shown
    for part in told:
        assert part in shown


def test_a_file_that_is_not_there_or_not_text(file, tmp_path):
    assert "cannot be read" in refused(Settings(llm_config=tmp_path / "none.yaml"))
    assert "cannot be read" in refused(Settings(llm_config=tmp_path))
    settings = file("x")
    settings.llm_config.write_bytes(b"\xff\xfe\x00")
    assert "not YAML" in refused(settings)
    settings.llm_config.write_text("#" * 1_000_001)
    assert "over 1000000 bytes" in refused(settings)


def test_a_provider_that_is_set_twice(file):
    settings = file(LOCAL.replace("local", "main"), llm_base_url=URL, llm_model="m")
    assert "main is set twice" in refused(settings)


def test_a_mistake_stops_the_start_of_the_service(file):
    with pytest.raises(ConfigurationError, match="lokal/m"):
        create_app(file(LOCAL + "model: lokal/m"))


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_the_start_does_not_wait_for_the_endpoint(tmp_path):
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        silent.settimeout(0.2)
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/v1"
        assert create_app(Settings(home=tmp_path, llm_base_url=url, llm_model="m")) is not None
        with pytest.raises(TimeoutError):
            silent.accept()


@pytest.mark.parametrize("written", ["off", "'off'", "no"])
def test_a_cache_that_is_off_may_be_written_as_documented(file, written):
    """To YAML, `off` is no text but false."""
    assert load_config(file(LOCAL + f"cache: {written}")).cache == "off"
    assert "cache is not as it should be" in refused(file(LOCAL + "cache: on"))
