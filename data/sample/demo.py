"""Asks the sample data questions of every kind and prints the cited answers: `make demo`."""

from __future__ import annotations

import os
from datetime import date

from app.answer import answer
from app.asking import question_from
from app.commands.terminal import render
from app.engine import Engine
from app.settings import load_settings
from app.values import Caller

TODAY = date(2026, 6, 30)
"""The last day of the sample's tables: what "last month" counts from."""

QUESTIONS = (
    "How long do I have to return something?",
    "How do I wash a down jacket?",
    "How many orders were placed in 2025?",
    "What were the top five products by units sold in 2025?",
    "What was the net revenue per month in 2026?",
    "How many customers are there in each country?",
    "How many returns were there for each reason in 2025?",
    "How many returns were there in 2025, and how long do I have to send something back?",
    "What are the e-mail addresses of the three newest customers?",
    "What does each employee earn?",
    "Who won the football world cup in 1998?",
)


def main() -> None:
    """Ask and print."""
    engine = Engine(load_settings(os.environ))
    for text in QUESTIONS:
        print(f"\n\x1b[1m> {text}\x1b[0m" if os.isatty(1) else f"\n> {text}", flush=True)
        question = question_from(text, engine, Caller(), today=TODAY)
        render(answer(question, engine))
    engine.close()


if __name__ == "__main__":
    main()
