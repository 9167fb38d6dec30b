"""What `answerable doctor` says of prompts, ledger, cache and alerts."""

import sqlite3

import pytest

from app.llm.prompts.reading import PACKAGED
from app.ops.doctor import examine
from app.ops.model_checks import alerts, cache, prompts, spending
from app.settings import Settings
from tests.llm.spending_stores import postgres_database

PROVIDER = "providers: {a: {base_url: 'https://models.example/v1', api_key: sk-planted}}\nmodel: a/m\n"


def configured(tmp_path, text="", **more):
    path = tmp_path / "llm.yaml"
    path.write_text(PROVIDER + text)
    return Settings(**{"home": tmp_path / "home", "llm_config": path, **more})


@pytest.mark.parametrize("check", [prompts, spending, cache, alerts])
def test_without_a_model_all_is_well(tmp_path, check):
    finding = check(Settings(home=tmp_path))
    assert (finding.check, finding.level) == (check.__name__, "ok")


@pytest.mark.parametrize("check", [prompts, spending, cache, alerts])
def test_a_wrong_configuration_is_told_once(tmp_path, check):
    finding = check(configured(tmp_path, "cache: postgres://x"))
    assert finding.level == "warning"
    assert "not looked at" in finding.message and finding.remedy


def found(settings, check, monkeypatch):
    monkeypatch.setattr("app.ops.doctor.CHECKS", (check,))
    (finding,) = examine(settings)
    return finding


def test_prompts_that_replace_packaged_ones_are_named(tmp_path, packaged_copy):
    finding = prompts(configured(tmp_path, prompts=packaged_copy))
    assert finding.level == "ok"
    assert finding.message.endswith("replaces rewrite")


def test_a_prompt_that_cannot_be_used_is_a_failure_with_its_file(tmp_path, packaged_copy, monkeypatch):
    (packaged_copy / "rewrite.md").write_text("no front matter")
    finding = found(configured(tmp_path, prompts=packaged_copy), prompts, monkeypatch)
    assert (finding.check, finding.level) == ("prompts", "failure")
    assert "rewrite.md" in finding.message


def test_a_label_that_is_not_known_is_a_failure(tmp_path, monkeypatch):
    finding = found(configured(tmp_path, "tasks: {write: {label: tested}}"), prompts, monkeypatch)
    assert finding.level == "failure"
    assert "tested" in finding.message


@pytest.fixture
def packaged_copy(tmp_path):
    """A folder of the operator's with one prompt as it is packaged."""

    folder = tmp_path / "prompts"
    folder.mkdir()
    for path in PACKAGED.glob("rewrite*"):
        (folder / path.name).write_bytes(path.read_bytes())
    return folder


def test_the_state_file_as_ledger(tmp_path):
    settings = configured(tmp_path, "budgets: {limits: [{scope: all, period: day, usd: 1}]}")
    finding = spending(settings)
    assert finding.level == "ok"
    assert str(settings.state_path) in finding.message and finding.message.endswith("1 limits")
    with sqlite3.connect(settings.state_path) as opened:
        assert opened.execute("SELECT count(*) FROM spending").fetchone() == (0,)
    opened.close()


def test_an_embedding_endpoint_alone_needs_the_ledger_too(tmp_path):
    settings = Settings(home=tmp_path, embedding_model="https://models.example/v1#m")
    assert spending(settings).message.startswith(f"{settings.state_path} answers")


def test_a_ledger_that_cannot_be_written_is_a_failure(tmp_path):
    (tmp_path / "file").write_text("")
    finding = spending(configured(tmp_path, spending_url=f"sqlite:///{tmp_path}/file/none.db"))
    assert finding.level == "failure"
    assert "ANSWERABLE_SPENDING_URL" in finding.remedy


def test_a_database_that_is_none_is_a_failure(tmp_path):
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "state.db").write_bytes(b"this is no database, and long enough to be read as one" * 50)
    assert spending(configured(tmp_path)).level == "failure"


@pytest.mark.service
class TestPostgres:
    @pytest.fixture
    def url(self):
        with postgres_database() as made:
            yield made

    def test_a_server_that_answers(self, tmp_path, url):
        finding = spending(configured(tmp_path, spending_url=url))
        assert finding.level == "ok", finding
        assert " at 127.0.0.1 answers in " in finding.message and "postgres@" not in finding.message

    def test_missing_and_disabled_triggers_are_a_warning(self, tmp_path, url):
        import psycopg

        settings = configured(tmp_path, spending_url=url)
        spending(settings)
        with psycopg.connect(url, autocommit=True) as owner:
            owner.execute("DROP TRIGGER spending_refuses_change ON spending")
            owner.execute("ALTER TABLE spending DISABLE TRIGGER spending_refuses_truncate")
        finding = spending(settings)
        assert finding.level == "warning"
        assert "spending_refuses_change, spending_refuses_truncate are missing" in finding.message

    def test_a_role_that_may_not_write_is_a_failure_and_one_with_least_rights_is_not(self, tmp_path, url):
        import psycopg

        settings = configured(tmp_path, spending_url=url)
        spending(settings)
        role = f"doctor_{url[-12:]}"
        budgets = "budget_accounts, budget_reservations, budget_alerts"
        with psycopg.connect(url, autocommit=True) as owner:
            owner.execute(f"CREATE ROLE {role} LOGIN")
            try:
                as_role = configured(tmp_path, spending_url=url.replace("postgres@", f"{role}@"))
                owner.execute(f"GRANT SELECT, INSERT ON spending TO {role}")
                owner.execute(f"GRANT SELECT ON {budgets} TO {role}")
                assert spending(as_role).level == "failure"
                owner.execute(f"GRANT INSERT, UPDATE, DELETE ON {budgets} TO {role}")
                owner.execute(f"GRANT USAGE ON SEQUENCE spending_id_seq TO {role}")
                assert spending(as_role).level == "ok"
            finally:
                owner.execute(f"DROP OWNED BY {role}")
                owner.execute(f"DROP ROLE {role}")


def test_a_cache_that_is_down_is_a_warning_and_its_address_is_not_told(tmp_path):
    finding = cache(configured(tmp_path, "cache: 'redis://:planted@127.0.0.1:9/0'"))
    assert finding.level == "warning"
    assert "ConnectionError" in finding.message and "planted" not in finding.message + finding.remedy


@pytest.mark.service
def test_a_cache_that_answers(tmp_path):
    assert cache(configured(tmp_path, "cache: 'redis://127.0.0.1:6379/0'")).message == "Redis answers"


@pytest.mark.parametrize(("text", "said"), [("cache: memory", "memory"), ("cache: 'off'", "off")])
def test_a_cache_in_the_process_needs_nothing(tmp_path, text, said):
    assert cache(configured(tmp_path, text)).message == said


@pytest.mark.parametrize(
    ("text", "level", "said"),
    [
        ("", "ok", "no webhook is set"),
        ("webhook: https://hooks.example/in?token=planted", "ok", "hooks.example, not signed"),
        ("webhook: https://hooks.example/in\nwebhook_secret: planted", "ok", "hooks.example, signed"),
        ("webhook: http://127.0.0.1:9/in", "ok", "127.0.0.1"),
        ("webhook: http://hooks.example/in", "warning", "clear text"),
        ("webhook: ftp://hooks.example/planted", "warning", "not looked at"),
    ],
)
def test_where_alerts_go(tmp_path, text, level, said):
    finding = alerts(configured(tmp_path, text))
    assert finding.level == level
    assert said in finding.message
    assert "planted" not in finding.message + finding.remedy


def test_settings_show_no_secret():
    shown = repr(
        Settings(llm_api_key="planted", embedding_api_key="planted", spending_url="postgresql://u:planted@h/d")
    )
    assert "planted" not in shown
