"""Follow-ups that no merge takes up: a model words them as whole questions, from the questions before."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from app.followups import passages as documents
from app.followups.context import Context
from app.followups.fragment import Fragment
from app.llm.errors import NoReply
from app.model_questions import clean_question, rewrite_kept

if TYPE_CHECKING:
    from app.answering import Draft

MOST_WORDS = 25
"""Words beyond which a question is no follow-up that says too little."""


def may_lean(fragment: Fragment, question: str) -> bool:
    """Whether a question may say too little without those before it."""
    if len(question.split()) > MOST_WORDS:
        return False
    return fragment.marked or fragment.relates or not fragment.asks or documents.is_bare(fragment)


def rewritten_question(question: str, fragment: Fragment, context: Context, draft: Draft) -> str | None:
    """The question as a model words it without need of a session; None where it stands alone, or without a fit reply.

    The model is shown questions as they were understood and what they were about, never rows nor passages.
    """
    consultation = draft.consultation
    history = turns(context)
    if consultation is None or not history or not consultation.may("rewrite"):
        return None
    sources = sorted({turn.source for turn in (context.tables, context.passages) if turn is not None})
    try:
        with draft.watch.stage("rewrite"):
            output = consultation.ask("rewrite", {"question": question, "history": history}, sources=sources).output
    except NoReply:
        return None
    if output.get("standalone") is True or not isinstance(output.get("question"), str):
        return None
    found = clean_question(consultation.tokens.restore(output["question"]))
    told = [f"{turn['question']} {turn['about'] or ''}" for turn in history]
    if found is None or found.casefold() == question.strip().casefold():
        return None
    return found if rewrite_kept(found, fragment.text, question, told) else None


def turns(context: Context) -> list[dict[str, Any]]:
    """What the session remembers, the latest last: the question, the kind of its answer, what that was about."""
    found: list[dict[str, Any]] = []
    if context.tables is not None:
        turn = context.tables
        found.append({"question": turn.question, "answer_kind": "tables", "about": turn.plan.base.replace("_", " ")})
    if context.passages is not None:
        read = context.passages
        about = read.title or read.heading.split(" > ")[-1] or None
        found.append({"question": read.question, "answer_kind": "passages", "about": about})
    return found if context.latest == "passages" else found[::-1]
