"""Sentences out of a JSON text that is still coming."""

from __future__ import annotations

import json
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.verbalising.grounding import Claim
from app.verbalising.streamed_sentences import MOST_SENTENCES, SentenceStream, claims_of

SENTENCE = st.fixed_dictionaries(
    {
        "text": st.text(max_size=30),
        "passages": st.lists(st.sampled_from(["p1", "}]}", '"', "\\"]), max_size=2),
        "cells": st.lists(st.fixed_dictionaries({"row": st.integers(0, 9), "column": st.text(max_size=5)}), max_size=2),
    }
)


def fed(text: str, size: int) -> list[list[Claim]]:
    stream = SentenceStream()
    return [stream.feed(text[at : at + size]) for at in range(0, len(text), size)]


@settings(max_examples=150, deadline=None)
@given(st.lists(SENTENCE, max_size=4), st.integers(1, 40), st.booleans(), st.booleans())
def test_however_it_is_cut_each_sentence_comes_once_and_whole(sentences, size, spaced, first):
    whole = {"sentences": sentences, "sufficient": True} if first else {"sufficient": True, "sentences": sentences}
    text = json.dumps(whole, indent=1 if spaced else None)
    found = [claim for claims in fed(text, size) for claim in claims]
    assert found == claims_of(whole)


def test_a_sentence_comes_with_the_piece_that_ends_it():
    text = '{"sentences": [{"text": "a", "passages": [], "cells": []}, {"text": "b", "passages": [], "cells": []}]}'
    given_at = [at for at, claims in enumerate(fed(text, 1)) for _ in claims]
    assert given_at == [text.index("}"), text.index("}", text.index("}") + 1)]


def test_what_is_no_sentence_is_none():
    for text in (
        "",
        "no JSON }",
        '{"sentences": [{"text": 5}, {"x": 1}, 7]}',
        '[{"text": "a"}]',
        '{"sentences": {"text": "a"}}',
    ):
        assert not any(fed(text, 4))
    assert claims_of({}) == claims_of({"sentences": "abc"}) == []


@pytest.mark.parametrize("content", ['{"text":"Refunds take 14 days."},', "x}", "}", '{"text":["x"]},'])
def test_a_reply_without_end_is_not_parsed_again_and_again(content):
    arriving, started = SentenceStream(), time.monotonic()
    claims = arriving.feed('{"sentences":[')
    for _ in range(20_000):
        claims += arriving.feed(content)
    assert len(claims) <= MOST_SENTENCES
    assert time.monotonic() - started < 5
