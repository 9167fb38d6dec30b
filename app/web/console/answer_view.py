"""An answer with everything about it, as the pages Ask and Answers show it."""

from __future__ import annotations

import time
from typing import Any

import msgspec
from markupsafe import Markup

from app.api.sql_check import sql_check_response
from app.api.wire import SqlCheckRequest
from app.engine import Engine
from app.errors import AppError
from app.links import at_quote, is_web
from app.ops.feedback import Feedback
from app.ops.model_calls import ModelCall, model_calls
from app.ops.traces import WITHHELD, Trace
from app.values import Answer, Span
from app.web.console.viewers import Viewer
from app.web.console.waterfall import Waterfall, waterfall
from app.web.console.wording import cited, highlighted, planning_facts, route_words, stored_text


class CheckedSql(msgspec.Struct, frozen=True, kw_only=True):
    """What the validator says of the statement now."""

    allowed: bool
    findings: tuple[tuple[str, str], ...]
    """Rule, message."""


class AnswerView(msgspec.Struct, frozen=True, kw_only=True):
    """One answer, ready for the template `answer.html`."""

    question: str
    answer: dict[str, Any]
    """In the shape of the HTTP contract."""
    text: Markup
    why: str
    planning: list[tuple[str, str]]
    sql: Markup | None
    checked: CheckedSql | None
    links: dict[int, str]
    """Number of a citation -> the stored text of its document, at the quote."""
    pages: dict[int, str]
    """Number of a citation -> its page on the web, scrolled to the quote; only where it has one."""
    waterfall: Waterfall
    calls: tuple[ModelCall, ...] | None
    """None: the ledger cannot be read."""
    ratings: tuple[Feedback, ...]
    """What was said of it, oldest first."""
    masked: bool
    """It is the trace's copy."""
    kept: bool
    """There is a trace of it, or there will be."""
    can_verify: bool


def of_answer(question: str, answer: Answer, spans: tuple[Span, ...], engine: Engine, viewer: Viewer) -> AnswerView:
    """The view of an answer that was given right now, as its caller may see it."""
    asked_at = time.time() - answer.timing_ms.get("total", 0.0) / 1000
    return _view(question, msgspec.to_builtins(answer), spans, engine, viewer, asked_at=asked_at, masked=False)


def of_trace(trace: Trace, engine: Engine, viewer: Viewer) -> AnswerView:
    """The view of an earlier answer, masked."""
    asked_at = trace.created_at - trace.answer.get("timing_ms", {}).get("total", 0.0) / 1000
    return _view(trace.question, _whole(trace.answer), trace.spans, engine, viewer, asked_at=asked_at, masked=True)


def _view(
    question: str,
    answer: dict[str, Any],
    spans: tuple[Span, ...],
    engine: Engine,
    viewer: Viewer,
    *,
    asked_at: float,
    masked: bool,
) -> AnswerView:
    calls = model_calls(engine.settings, answer["id"])
    sql = answer["sql"]
    known = sql is not None and sql["dialect"] == "duckdb" and WITHHELD not in sql["text"]
    return AnswerView(
        question=question,
        answer=answer,
        text=cited(answer["text"], [citation["n"] for citation in answer["citations"]]),
        why=route_words(answer),
        planning=planning_facts(answer["planner"]) if answer["planner"] else [],
        sql=highlighted(sql["text"], sql["dialect"]) if sql is not None else None,
        checked=_checked(sql, engine, viewer) if known else None,
        links={each["n"]: stored_text(each) or "" for each in answer["citations"]},
        pages=_pages(answer),
        waterfall=waterfall(spans, answer["timing_ms"], calls or (), asked_at),
        calls=calls,
        ratings=engine.feedback.of([answer["id"]]).get(answer["id"], ()),
        masked=masked,
        kept=engine.settings.trace_retention_days > 0,
        can_verify=known and not answer["verified"],
    )


def _whole(answer: dict[str, Any]) -> dict[str, Any]:
    """The answer with the fields that a trace of an older version lacks."""
    lacking = dict.fromkeys(("table", "sql", "chart", "computed", "verified", "planner", "clarify", "refusal"))
    more: dict[str, Any] = {"citations": [], "figures": [], "as_of": None, "understood_as": None, "usage": {}}
    return {**lacking, **more, "timing_ms": {}, "versions": {}, "confidence": 0.0, **answer}


def _pages(answer: dict[str, Any]) -> dict[int, str]:
    return {each["n"]: at_quote(each["url"], each["quote"]) for each in answer["citations"] if is_web(each["url"])}


def _checked(sql: dict[str, Any], engine: Engine, viewer: Viewer) -> CheckedSql | None:
    try:
        found = sql_check_response(SqlCheckRequest(sql=sql["text"], source=sql["source"]), engine, viewer.caller)
    except AppError:  # the source is gone
        return None
    findings = tuple((finding.rule, finding.message) for finding in found.findings)
    return CheckedSql(allowed=found.allowed, findings=findings)
