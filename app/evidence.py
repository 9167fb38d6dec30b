"""What tables and documents hold on a question: looked up together, before it is decided which answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.passage_answers import PassageAnswer, answer_passages
from app.table_answers import TablePlan, plan_tables
from app.values import Question

if TYPE_CHECKING:
    from app.answering import Draft
    from app.engine import Engine
    from ingest.stores.snapshot import Snapshot


def look(
    question: Question, text: str, snapshot: Snapshot, engine: Engine, draft: Draft
) -> tuple[TablePlan, PassageAnswer]:
    """The best plan of `text` and the reading of its passages."""
    plan = plan_tables(question, text, snapshot, engine, draft.sources, draft.watch)
    passages = answer_passages(question, text, snapshot, engine, [s.name for s in draft.sources], draft.watch)
    return plan, passages
