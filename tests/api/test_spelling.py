"""Misspelt words are asked back with questions that can be answered."""

from __future__ import annotations

import httpx
import pytest


def asked(service: str, question: str) -> dict[str, object]:
    reply = httpx.post(f"{service}/v1/ask", json={"question": question}, timeout=60)
    assert reply.status_code == 200, reply.text
    return reply.json()


@pytest.mark.parametrize(
    ("question", "meant"),
    [
        ("How many customers are from Germny?", "How many customers are from Germany?"),
        ("How many custmers do we have in France?", "How many customers do we have in France?"),
        ("How many orders were canceled in 2025?", "How many orders were cancelled in 2025?"),
        ("net revenue by categry", "net revenue by category"),
        ("net revnue by catgory", "net revenue by category"),
        ("How many patrons are from France?", "How many customers are from France?"),
    ],
)
def test_a_chosen_option_is_answered(service: str, question: str, meant: str) -> None:
    answer = asked(service, question)
    assert answer["status"] == "clarify"
    assert meant in answer["clarify"]["options"]
    assert asked(service, meant)["status"] == "answered"


@pytest.mark.parametrize("question", ["How many kayaks did we sell in 2025?", "How many orders came by zeppelin?"])
def test_what_is_not_there_is_not_guessed_at(service: str, question: str) -> None:
    assert asked(service, question)["status"] == "refused"
