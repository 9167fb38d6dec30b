"""What `answerable doctor` says of language models."""

import pytest

from app.ops.doctor import examine, language_models
from app.settings import Settings
from tests.llm.endpoint import endpoint, refuses, says, sends
from tests.llm.gateways import KEY

OK = says('{"ok": true}')


def examined(there, **about):
    return language_models(Settings(**{"llm_base_url": there.url, "llm_model": "qwen3", "llm_api_key": KEY, **about}))


def test_without_a_model_all_is_well():
    finding = language_models(Settings())
    assert (finding.check, finding.level) == ("language models", "ok")
    assert "none is configured" in finding.message


def test_a_model_that_answers():
    with endpoint(OK) as there:
        finding = examined(there)
    assert finding.level == "ok"
    assert finding.message.startswith("main/qwen3 answers in 0.")
    assert finding.message.endswith("(json_schema)")
    assert len(there.received) == 1


def test_a_model_that_is_held_by_words_alone_is_a_warning():
    with endpoint(refuses(400), refuses(400), OK) as there:
        finding = examined(there)
    assert (finding.level, finding.message[-6:]) == ("warning", "(text)")


@pytest.mark.parametrize(
    ("act", "code", "remedy"),
    [
        (refuses(401, f"Incorrect API key {KEY}"), "not_authenticated", "Check the key"),
        (refuses(429), "rate_limited", "quota"),
        (refuses(503), "server_error", "status page"),
        (sends(b"<html>", kind="text/html"), "malformed", "/v1"),
    ],
)
def test_what_fails_comes_with_what_to_do(act, code, remedy):
    with endpoint(act) as there:
        finding = examined(there)
    assert finding.level == "failure"
    assert f"main/qwen3 fails: {code}; no model answers for route" in finding.message
    assert remedy in finding.remedy
    assert KEY not in finding.message + finding.remedy


def test_a_model_that_is_not_known_comes_with_the_nearest():
    listed = sends({"data": [{"id": "qwen3-8b"}, {"id": "llama-4"}]})
    with endpoint(refuses(404), listed) as there:
        finding = examined(there)
    assert "The endpoint knows qwen3-8b." in finding.remedy


def test_an_endpoint_that_is_down():
    with endpoint(OK) as there:
        pass
    finding = examined(there)
    assert "connection" in finding.message
    assert "base_url" in finding.remedy


def test_a_fallback_that_answers_makes_it_a_warning(tmp_path):
    path = tmp_path / "llm.yaml"
    with endpoint(OK) as there, endpoint(refuses(500)) as broken:
        path.write_text(
            f"providers: {{a: {{base_url: {there.url}}}, b: {{base_url: {broken.url}}}}}\n"
            "tasks: {write: {models: [b/m, a/m]}}"
        )
        finding = language_models(Settings(llm_config=path))
    assert finding.level == "warning"
    assert "b/m fails: server_error; a/m answers" in finding.message


def test_a_wrong_configuration_is_a_finding(monkeypatch):
    monkeypatch.setattr("app.ops.doctor.CHECKS", (language_models,))
    (finding,) = examine(Settings(llm_model="m"))
    assert (finding.check, finding.level) == ("language models", "failure")
    assert "ANSWERABLE_LLM_BASE_URL" in finding.message
