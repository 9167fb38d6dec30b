"""Where to look for an answer that neither the tables' plans nor the documents' readings are sure of: a model's say.

grammar or reading sure -> no model is asked
else route              -> tables: a model plans | passages, both: a model may read the nearest | none, clarify: neither
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from app.asking import counts
from app.llm.errors import NoReply
from app.planning.schema_index import visible
from app.values import Question, RouteName

if TYPE_CHECKING:
    from app.answering import Draft
    from app.passage_answers import PassageAnswer
    from app.table_answers import TablePlan
    from ingest.stores.snapshot import SourceReader

MOST_TABLES = 60
"""Names of tables told of one source."""
_ROUTES: dict[object, RouteName] = {"tables": "tables", "passages": "passages", "both": "both"}
"""The other routes, `clarify` and `none`, are for neither."""


def route_with_model(
    question: Question, text: str, draft: Draft, plan: TablePlan, passages: PassageAnswer
) -> RouteName | None:
    """Where a model says that the answer is; None where there is no choice, where one is sure, or without a reply."""
    consultation = draft.consultation
    if consultation is None or plan.sure or not consultation.may("route"):
        return None
    seen = [_seen(source, question) for source in draft.sources]
    if not any(each["tables"] for each in seen) or not (passages.passages and any(each["documents"] for each in seen)):
        return None
    try:
        with draft.watch.stage("route"):
            inputs = {"question": text, "sources": seen}
            output = consultation.ask("route", inputs, sources=[source.name for source in draft.sources]).output
    except NoReply:
        return None
    return _ROUTES.get(output.get("route"), "none")


def _seen(source: SourceReader, question: Question) -> dict[str, Any]:
    """A source as its caller sees it: names of tables and how many documents."""
    tables = [table.name for table in visible(source.catalog, question.caller.visibilities).tables]
    return {"name": source.name, "tables": tables[:MOST_TABLES], "documents": counts(source, question.caller)[0]}
