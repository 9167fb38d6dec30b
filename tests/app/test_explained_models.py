"""`answerable ask --explain`: what models were asked, and what it took."""

import pytest

from app.commands.terminal import explanation
from app.values import Answer, Usage, Versions


def explained(usage, **versions):
    answer = Answer(
        id="a1",
        status="answered",
        route="tables",
        text="12",
        usage=usage,
        versions=Versions(manifest="1", **versions),
    )
    return [line for line in explanation(answer) if line.startswith("models: ")]


@pytest.mark.parametrize(
    ("usage", "model", "told"),
    [
        (
            Usage(input_tokens=4321, output_tokens=56, cost_usd="0.0012"),
            "main/small",
            "models: route, plan_sql by main/small; 4,321 tokens in, 56 out, $0.0012",
        ),
        (
            Usage(input_tokens=9, cost_usd=None),
            None,
            "models: route, plan_sql by none that replied; 9 tokens in, 0 out, cost unknown",
        ),
    ],
)
def test_prompts_model_tokens_and_cost_are_told(usage, model, told):
    assert explained(usage, prompts={"route": "route@1", "plan_sql": "plan_sql@2"}, model=model) == [told]


def test_nothing_is_told_where_no_model_was_asked():
    assert explained(Usage()) == []
