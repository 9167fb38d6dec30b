"""Questions made to keep the splitting and the rules busy: each is read in a moment."""

from __future__ import annotations

import time

import pytest

from app.rule_answers import rule_question
from app.splitting import conjuncts, parts
from app.verbalising.cues import answer_kind, denies, in_plain_words

LENGTH = 4000


@pytest.mark.parametrize(
    "repeated",
    [
        "how many were ",
        "what is the a and the ",
        "and the, ",
        "what is the window ",
        "how many a within the ",
        "which as ",
    ],
)
def test_no_pattern_takes_long(repeated):
    long = repeated * (LENGTH // len(repeated))
    for text in (f"What is {long}", long):
        started = time.perf_counter()
        for function in (parts, conjuncts, rule_question, answer_kind, denies, in_plain_words):
            function(text)
        assert time.perf_counter() - started < 1.0
