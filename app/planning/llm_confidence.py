"""How likely a model's statement is right, from what is known of it without knowing the answer.

The log-odds are a weighted sum of a few facts. The weights are assumptions, not a fit: no strong model was at hand to
fit them to. The prior, 0.72 for one statement that ran and accounts for every word, lies between what models of 2023
reached on databases they had not seen: 0.87 on Spider (Gao et al., "Text-to-SQL Empowered by Large Language Models",
DAIL-SQL with GPT-4) and 0.55 on BIRD (Li et al., "Can LLM Already Serve as A Database Interface?", GPT-4). The others
say how much a fact should weigh beside that: half of the words unaccounted for leaves a statement just above the usual
threshold of 0.6 (the grammar knows few words that people use), all of them well below it; an empty result or two
repairs make it doubtful; the grammar's own unsure plan with the same rows nearly settles it, as two readers that know
nothing of each other agree. `python -m bench.llm_confidence` fits the weights to the report of `answerable eval
text2sql --planner llm`.
"""

from __future__ import annotations

import math

import msgspec

WEIGHTS = {
    "prior": 0.94,
    "repairs": -0.3,
    "uncovered": -1.0,
    "uncovered_unknown": -0.2,
    "empty": -1.8,
    "as_grammar": 1.2,
    "other_than_grammar": -0.3,
    "votes": 0.35,
}
"""Log-odds for each unit of a fact; see `facts`."""
MOST = 0.97
"""Confidence that nothing here exceeds: a person's approval has 0.99."""
MOST_VOTES = 4.0


class Evidence(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a statement that ran."""

    asked: int = 1
    """Statements asked for."""
    agreeing: int = 1
    """Those with this result, this one among them."""
    repairs: int = 0
    coverage: float | None = None
    """Share of the question's content words that the statement accounts for; None where that cannot be told."""
    as_grammar: bool | None = None
    """Whether the grammar's own plan, too unsure to answer, gives the same rows; None without one."""
    empty: bool = False
    """The result holds no row, or nothing but one row of nulls or of a count of zero."""

    @property
    def agreement(self) -> float:
        """Share of the statements asked for with this result."""
        return self.agreeing / self.asked


def facts(evidence: Evidence) -> dict[str, float]:
    """The evidence as numbers, by the names in `WEIGHTS`; `votes`: those for, less those against and one's own."""
    votes = 2 * evidence.agreeing - evidence.asked - 1
    return {
        "prior": 1.0,
        "repairs": float(evidence.repairs),
        "uncovered": 0.0 if evidence.coverage is None else 1 - evidence.coverage,
        "uncovered_unknown": float(evidence.coverage is None),
        "empty": float(evidence.empty),
        "as_grammar": float(evidence.as_grammar is True),
        "other_than_grammar": float(evidence.as_grammar is False),
        "votes": max(-MOST_VOTES, min(MOST_VOTES, float(votes))),
    }


def confidence(evidence: Evidence) -> float:
    """Probability in (0, `MOST`] that the statement gives what was asked."""
    log_odds = sum(WEIGHTS[name] * value for name, value in facts(evidence).items())
    return min(MOST, 1 / (1 + math.exp(-log_odds)))
