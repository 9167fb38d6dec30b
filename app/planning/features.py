"""What speaks for and against a plan: the features from which `app.planning.ranker` computes how likely it is right.

None depends on the names of a schema: only on how the question was linked, how the plan is built, and how the two fit.
A metric counts as the sum of a column, which is what the databases that the ranker learnt from have in its place.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from app.planning.binding import Bound
from app.planning.draft import Draft
from app.planning.elements import Element
from app.planning.entities import display_columns, key_columns
from app.planning.joins import JoinGraph, Step
from app.planning.plan import (
    AgainstAggregate,
    Aggregate,
    Among,
    AnyOf,
    Arithmetic,
    ColumnRef,
    ComparedColumns,
    Condition,
    Filtered,
    MetricRef,
    Plan,
    Predicate,
    Related,
    RelatedCount,
    Truncated,
    Windowed,
)
from app.planning.resolve import tables_of
from app.planning.schema_index import SchemaIndex

_CUES: dict[str, str] = {
    "how_many": r"how many|number of|count",
    "each": r"each|every|per|for all|grouped",
    "average": r"average|mean|avg",
    "most": r"most|highest|largest|biggest|maximum|max|greatest|longest|oldest|top|best|latest|newest",
    "least": r"least|lowest|smallest|minimum|min|fewest|shortest|youngest|cheapest|earliest|worst",
    "negated": r"not|never|no|without|except|n't|excluding|neither",
    "or": r"or|either",
    "both": r"both|also|as well",
    "compared": r"(?:more|less) than|at (?:least|most)|over|under|above|below|greater|fewer|between|(?:old|young)er",
    "total": r"total|sum|how much|overall",
    "different": r"different|distinct|unique",
    "sorted": r"order|ordered|sort|sorted|ascending|descending|alphabetical\w*|decreasing|increasing",
    "all": r"all|any|some",
    "names": r"names?|titles?",
    "ids": r"ids?|codes?|keys?|numbers?",
    "details": r"details?|information|descriptions?",
    "than_average": r"(?:than|above|below|over|under) (?:the )?average",
    "percent": r"percent\w*|share|ratio|proportion",
    "starts": r"start\w*|begin\w*|end(?:s|ing)? (?:with|in)|contain\w*|includ\w*|letter|substring",
    "wh": r"which|who|whose|what|where|when",
    "list": r"list|show|find|give|return|display",
    "that": r"that|which|who|whose|with|where|having",
    "and": r"and",
}
_PATTERNS = {name: re.compile(rf"(?<!\w)(?:{pattern})(?!\w)", re.IGNORECASE) for name, pattern in _CUES.items()}
_DROPPED = (
    "filler",
    "prep",
    "where",
    "ask",
    "all_of",
    "and",
    "comma",
    "than",
    "with_their",
    "group",
    "by",
    "not",
    "or",
)


def features_of(
    question: str,
    elements: Sequence[Element],
    draft: Draft,
    bound: Bound,
    plan: Plan,
    index: SchemaIndex,
    graph: JoinGraph,
) -> dict[str, float]:
    """Feature -> value of one candidate."""
    return {
        **_cues(question),
        **_links(elements, draft, bound),
        **_structure(plan),
        **_joins(plan, graph),
        "base_unnamed": float(plan.base not in _named(draft)),
        **_fit(question, draft, plan, index),
    }


def _named(draft: Draft) -> set[str]:
    """The tables that the question names, or whose metric it names."""
    return {name for name, _, _ in draft.tables} | {m.metric.table for m in draft.items if m.metric is not None}


def _cues(question: str) -> dict[str, float]:
    found = {f"cue_{name}": float(len(pattern.findall(question))) for name, pattern in _PATTERNS.items()}
    return found | {"words": float(len(question.split())), "commas": float(question.count(","))}


def _links(elements: Sequence[Element], draft: Draft, bound: Bound) -> dict[str, float]:
    metrics = sum(m.metric is not None for m in draft.items)
    scores = [*bound.links, *(score for _, _, score in draft.tables), *([1.0] * metrics)]
    kinds = [e.kind for e in elements]
    unread = [e for e in elements if e.kind == "op" and e.is_op(*_DROPPED)]
    ambiguous = [_runner_up(e) for e in elements if e.kind in ("column", "value")]
    return {
        "link_least": min(scores, default=0.3),
        "link_mean": sum(scores) / len(scores) if scores else 0.3,
        "link_count": float(len(scores)),
        "assumed": draft.assumed,
        "binding": bound.score / max(1, len(bound.links)),
        "unknown": float(kinds.count("unknown")),
        "values": float(kinds.count("value")),
        "quoted": float(kinds.count("quoted")),
        "numbers": float(kinds.count("number")),
        "columns": float(kinds.count("column") + kinds.count("metric")),
        "tables": float(kinds.count("table")),
        "periods": float(kinds.count("period")),
        "light": float(len(unread)),
        "verbs": float(sum(any(op.value == "verb" for op in e.ops) for e in unread)),
        "ambiguous_most": max(ambiguous, default=0.0),
        "ambiguous_mean": sum(ambiguous) / len(ambiguous) if ambiguous else 0.0,
        "weak_columns": float(sum(e.kind == "column" and e.score < 0.75 for e in elements)),
        "weak_tables": float(sum(e.kind == "table" and e.score < 0.75 for e in elements)),
        "weak_values": float(sum(e.kind == "value" and e.score < 0.9 for e in elements)),
        "column_least": min((e.score for e in elements if e.kind == "column"), default=1.0),
        "table_least": min((e.score for e in elements if e.kind == "table"), default=1.0),
        "value_least": min((e.score for e in elements if e.kind == "value"), default=1.0),
    }


def _runner_up(element: Element) -> float:
    """How near the second-best meaning of a mention comes to the best, in [0, 1]."""
    scores = sorted((o.score for o in (element.columns or element.values)), reverse=True)
    return scores[1] / scores[0] if len(scores) > 1 and scores[0] else 0.0


def _structure(plan: Plan) -> dict[str, float]:
    measures = [i.expression for i in plan.select if isinstance(i.expression, Aggregate)]
    metrics = sum(isinstance(i.expression, MetricRef) for i in plan.select)
    functions = [m.function for m in measures]
    predicates = list(_flat(plan.where))
    return {
        "select": float(len(plan.select)),
        "measures": float(len(measures) + metrics),
        "count_rows": float(sum(m.argument is None for m in measures)),
        "count_distinct": float(functions.count("count_distinct")),
        "sum": float(functions.count("sum") + metrics),
        "avg": float(functions.count("avg")),
        "extreme": float(functions.count("min") + functions.count("max")),
        "grain": float(any(isinstance(i.expression, Truncated) for i in plan.select)),
        "where": float(len(plan.where)),
        "where_value": float(sum(c.operator in ("=", "in") for c in predicates)),
        "where_number": float(sum(c.operator in ("<", ">", "<=", ">=", "between") for c in predicates)),
        "where_not": float(sum(c.operator in ("!=", "not_in", "not_contains") for c in predicates)),
        "where_null": float(sum(c.operator in ("is_null", "not_null") for c in predicates)),
        "where_like": float(sum(c.operator in ("contains", "starts", "ends") for c in predicates)),
        "related": float(sum(isinstance(p, Related) and not p.negated for p in plan.where)),
        "related_not": float(sum(isinstance(p, Related) and p.negated for p in plan.where)),
        "related_bare": float(sum(isinstance(p, Related) and not p.conditions and not p.negated for p in plan.where)),
        "against_other": float(
            sum(isinstance(p, AgainstAggregate) and (p.within is not None or p.function != "avg") for p in plan.where)
        ),
        "related_count": float(sum(isinstance(p, RelatedCount) for p in plan.where)),
        "among": float(sum(isinstance(p, Among) for p in plan.where)),
        "columns_compared": float(sum(isinstance(p, ComparedColumns) for p in plan.where)),
        "computed": float(sum(isinstance(i.expression, Arithmetic | Filtered) for i in plan.select)),
        "windowed": float(sum(isinstance(i.expression, Windowed) for i in plan.select)),
        "median": float(functions.count("median")),
        "limit_within": float(len(plan.limit_within)),
        "offset": float(plan.offset),
        "measure_at": float(
            next((n for n, i in enumerate(plan.select) if isinstance(i.expression, Aggregate | MetricRef)), -1)
        ),
        "above_average": float(sum(isinstance(p, AgainstAggregate) for p in plan.where)),
        "groups": float(len(plan.group_by)),
        "having": float(len(plan.having)),
        "order": float(len(plan.order_by)),
        "limit": float(plan.limit or 0),
        "limited": float(plan.limit is not None),
        "distinct": float(plan.distinct),
        "aggregated": float(plan.aggregated),
        "evidence": float(len(plan.evidence)),
        "order_counts": float(
            any(isinstance(o.expression, Aggregate) and o.expression.function == "count" for o in plan.order_by)
        ),
    }


def _flat(predicates: Sequence[Predicate]) -> Iterator[Condition]:
    for predicate in predicates:
        if isinstance(predicate, Condition):
            yield predicate
        elif isinstance(predicate, AnyOf):
            yield from _flat(predicate.conditions)
        elif isinstance(predicate, Related | Among):
            yield from predicate.conditions


def _tables(plan: Plan) -> set[str]:
    expressions = [*(i.expression for i in plan.select), *plan.group_by, *(o.expression for o in plan.order_by)]
    expressions += [condition.expression for condition in _flat(plan.where)]
    related = {predicate.table for predicate in plan.where if isinstance(predicate, Related | RelatedCount)}
    return {plan.base, *related, *(table for expression in expressions for table in tables_of(expression))}


def _joins(plan: Plan, graph: JoinGraph) -> dict[str, float]:
    tables = _tables(plan)
    paths = [graph.path(plan.base, table) or () for table in sorted(tables - {plan.base})]
    steps: dict[Step, None] = dict.fromkeys(step for path in paths for step in path)
    siblings = sum(graph.siblings(plan.base, table) for table in tables - {plan.base})
    return {
        "tables_used": float(len(tables)),
        "join_steps": float(len(steps)),
        "join_longest": float(max(map(len, paths), default=0)),
        "join_multiplies": float(sum(step.multiplies for step in steps)),
        "join_least": min((step.score for step in steps), default=1.0),
        "join_lost": max((step.empty for step in steps), default=0.0),
        "join_choices": float(max((graph.alternatives(step.table, step.to_table) for step in steps), default=1)),
        "siblings": float(siblings),
    }


def _fit(question: str, draft: Draft, plan: Plan, index: SchemaIndex) -> dict[str, float]:
    """Whether what the question asks for is in the plan, and what is in the plan was asked for."""
    has = {name: bool(pattern.search(question)) for name, pattern in _PATTERNS.items()}
    counted = any(
        isinstance(e, Aggregate) and e.function in ("count", "count_distinct")
        for e in (
            *(i.expression for i in plan.select),
            *(o.expression for o in plan.order_by),
            *(c.expression for c in plan.having),
        )
    )
    averaged = any(isinstance(i.expression, Aggregate) and i.expression.function == "avg" for i in plan.select)
    ranked = bool(plan.order_by) or any(
        isinstance(i.expression, Aggregate) and i.expression.function in ("min", "max") for i in plan.select
    )
    negated = any(
        c.operator in ("!=", "not_in", "not_contains", "is_null", "not_null", "<=", ">=") for c in _flat(plan.where)
    ) or any(isinstance(p, Related) and p.negated for p in plan.where)
    named = {name for name, _, _ in draft.tables}
    outputs = {i.expression for i in plan.select if isinstance(i.expression, ColumnRef)}
    asked = {m.slot.text for m in draft.items if m.slot is not None}
    return {
        "lacks_count": float(has["how_many"] and not counted),
        "lacks_group": float(has["each"] and not plan.group_by),
        "extra_group": float(bool(plan.group_by) and not has["each"]),
        "lacks_average": float(
            has["average"] and not averaged and not any(isinstance(p, AgainstAggregate) for p in plan.where)
        ),
        "lacks_rank": float((has["most"] or has["least"]) and not ranked),
        "extra_rank": float(bool(plan.limit) and not (has["most"] or has["least"])),
        "lacks_not": float(has["negated"] and not negated),
        "lacks_sort": float(has["sorted"] and not plan.order_by),
        "lacks_distinct": float(has["different"] and not plan.distinct and not counted),
        "lacks_number": float(
            has["compared"]
            and not plan.having
            and not any(isinstance(c.values[0] if c.values else "", int | float) for c in _flat(plan.where))
        ),
        "unnamed_tables": float(len(_tables(plan) - named)),
        "unused_tables": float(len(named - _tables(plan))),
        "shown_implicitly": float(bool(outputs) and not asked),
        "shown_keys": float(any(ref in key_columns(index.table(ref.table)) for ref in outputs)),
        "shown_names": float(any(ref in display_columns(index.table(ref.table)) for ref in outputs)),
        "base_named": float(plan.base in named),
        "items": float(len(draft.items)),
        "said_first": float(min((k.after for k in draft.groups), default=0)),
        "divides": float(any(k.divides for k in draft.groups)),
        "date_guessed": float(any(f.kind == "period" and f.slot is None for f in draft.filters)),
        "loose_values": float(sum(f.kind == "value" and f.slot is None for f in draft.filters)),
        "output_mismatch": float(abs(len(plan.select) - max(1, len(draft.items)))),
    }
