"""How sure a model's statement is, and the fit of its weights to what a model did."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from app.planning.llm_confidence import MOST, WEIGHTS, Evidence, confidence, facts

ROOT = Path(__file__).resolve().parents[2]
PLAIN = Evidence(coverage=1.0)


@pytest.mark.parametrize(
    ("less", "more"),
    [
        (Evidence(coverage=1.0, repairs=1), PLAIN),
        (Evidence(coverage=0.5), PLAIN),
        (Evidence(coverage=0.0), Evidence(coverage=0.5)),
        (Evidence(coverage=None), PLAIN),
        (Evidence(coverage=1.0, empty=True), PLAIN),
        (PLAIN, Evidence(coverage=1.0, as_grammar=True)),
        (Evidence(coverage=1.0, as_grammar=False), PLAIN),
        (PLAIN, Evidence(coverage=1.0, asked=3, agreeing=3)),
        (Evidence(coverage=1.0, asked=3, agreeing=3), Evidence(coverage=1.0, asked=5, agreeing=5)),
        (Evidence(coverage=1.0, asked=5, agreeing=2), Evidence(coverage=1.0, asked=5, agreeing=3)),
    ],
)
def test_what_speaks_for_a_statement_makes_it_surer(less, more):
    assert 0 < confidence(less) < confidence(more) <= MOST


def test_the_documented_points():
    assert confidence(PLAIN) == pytest.approx(0.72, abs=0.005)
    assert 0.6 < confidence(Evidence(coverage=0.5)) < 0.65
    assert confidence(Evidence(coverage=0.0)) < 0.5
    assert confidence(Evidence(coverage=1.0, empty=True)) < 0.5
    assert confidence(Evidence(coverage=1.0, asked=9, agreeing=9, as_grammar=True)) < MOST + 1e-9


def report(path, weights, count=600):
    """Cases drawn from a model whose statements are right as `weights` say."""
    import math
    import random

    draw = random.Random(7)
    results = []
    for n in range(count):
        evidence = Evidence(
            coverage=draw.choice([0.0, 0.5, 1.0]), repairs=draw.choice([0, 0, 1, 2]), empty=draw.random() < 0.2
        )
        found = facts(evidence)
        log_odds = sum(weights[name] * value for name, value in found.items())
        right = draw.random() < 1 / (1 + math.exp(-log_odds))
        results.append({"db": f"db{n % 23}", "facts": found, "unrestrained": "right" if right else "wrong"})
    results.append({"db": "db0", "facts": {}, "unrestrained": "refused"})
    path.write_text(json.dumps({"results": results}))


def fit(path):
    return subprocess.run(
        [sys.executable, "-m", "bench.llm_confidence", str(path)], cwd=ROOT, capture_output=True, text=True
    )


def test_the_fit_finds_the_weights_that_a_report_was_drawn_from(tmp_path):
    drawn = WEIGHTS | {"prior": 2.0, "repairs": -1.0, "empty": -0.5}
    report(tmp_path / "report.json", drawn)
    run = fit(tmp_path / "report.json")
    assert run.returncode == 0, run.stderr
    found = json.loads(run.stdout)
    assert found["cases"] == 600
    assert all(found["weights"][name] == pytest.approx(drawn[name], abs=0.45) for name in ("prior", "repairs", "empty"))
    assert found["weights"]["votes"] == pytest.approx(WEIGHTS["votes"], abs=0.4)
    assert found["fitted calibration error (held out)"] < found["packaged calibration error"]
    assert found["fitted Brier score (held out)"] < found["packaged Brier score"]


def test_a_few_cases_say_nothing(tmp_path):
    report(tmp_path / "report.json", WEIGHTS, count=20)
    run = fit(tmp_path / "report.json")
    assert run.returncode == 1 and "at least 50" in run.stderr
