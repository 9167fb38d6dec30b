"""Compound questions that no pattern takes apart: a model says of what questions they consist."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from app.llm.errors import NoReply
from app.model_questions import clean_question, split_kept

if TYPE_CHECKING:
    from app.answering import Draft

LEAST_WORDS = 7
MOST_PARTS = 3
_JOINED = re.compile(r"[,;&]|[?!.]\s+\w|\b(?:and|as well as|also|plus|along with|und|sowie|y|et)\b", re.IGNORECASE)


def split_with_model(question: str, draft: Draft) -> tuple[str, ...] | None:
    """Two or three questions that say together what the question says; None where it is one, or no model says so."""
    consultation = draft.consultation
    joined = len(question.split()) >= LEAST_WORDS and _JOINED.search(question)
    if consultation is None or not joined or not consultation.may("split"):
        return None
    try:
        with draft.watch.stage("split"):
            output = consultation.ask("split", {"question": question}, sources=[]).output
    except NoReply:
        return None
    listed = output.get("questions")
    if not isinstance(listed, list) or not 1 < len(listed) <= MOST_PARTS:
        return None
    pieces = [clean_question(consultation.tokens.restore(each)) for each in listed if isinstance(each, str)]
    kept = tuple(piece for piece in pieces if piece is not None)
    return kept if len(kept) == len(listed) and split_kept(kept, question) else None
