"""A plan in plain words: what was computed, from the plan and never from the question."""

from __future__ import annotations

import re
from datetime import date, timedelta

from app.planning.identifiers import spoken
from app.planning.plan import (
    MEASURED,
    AgainstAggregate,
    Among,
    AnyOf,
    Arithmetic,
    ColumnRef,
    ComparedColumns,
    Condition,
    Expression,
    Filtered,
    MetricRef,
    Plan,
    Predicate,
    Related,
    RelatedCount,
    RowsOf,
    Share,
    ShareOfTotal,
    Truncated,
    Windowed,
)
from app.planning.schema_index import SchemaIndex

_FUNCTIONS = {
    "sum": "total",
    "avg": "average",
    "min": "lowest",
    "max": "highest",
    "median": "median",
    "count_distinct": "number of different",
    "count": "number of",
}
_GENERIC = frozenset({"name", "title", "label", "description"})
_UNSPEAKABLE = re.compile(r"[b-df-hj-np-tv-xz]{1,4}\d*", re.IGNORECASE)
"""Codes without a vowel, such as `st`, that are in no list of abbreviations."""
_OPERATORS = {
    "=": "is",
    "!=": "is not",
    "<": "under",
    "<=": "at most",
    ">": "over",
    ">=": "at least",
    "contains": "contains",
    "starts": "starts with",
    "ends": "ends with",
    "not_contains": "does not contain",
    "in": "is",
    "not_in": "is not",
}


def words(identifier: str) -> str:
    """An identifier as people say it: `order_items` -> order items."""
    return spoken(identifier) or identifier


def singular(noun: str) -> str:
    """The singular of an English plural noun phrase, by its last word."""
    for ending, replacement in (("ies", "y"), ("sses", "ss"), ("xes", "x"), ("ches", "ch"), ("shes", "sh")):
        if noun.endswith(ending):
            return noun[: -len(ending)] + replacement
    return noun[:-1] if noun.endswith("s") and not noun.endswith(("ss", "us", "is")) else noun


def plural(noun: str) -> str:
    """The plural of an English noun phrase, by its last word."""
    base = singular(noun)
    if base != noun or noun.endswith("people"):
        return noun
    if base.endswith("y") and base[-2:-1] not in "aeiou":
        return base[:-1] + "ies"
    return base + ("es" if base.endswith(("s", "x", "ch", "sh")) else "s")


class Wording:
    """Words for the parts of plans over one catalog."""

    def __init__(self, index: SchemaIndex) -> None:
        self.index = index

    def restate(self, plan: Plan) -> str:
        """The whole plan as one phrase: "total of amount by country, where status is paid, in March 2025"."""
        computed = (*MEASURED, Windowed)
        measures = [self.expression(i.expression) for i in plan.select if isinstance(i.expression, computed)]
        listed = [self.expression(i.expression) for i in plan.select if not isinstance(i.expression, computed)]
        if measures:
            head = _join(measures) + (f" by {_join(listed)}" if listed else "")
        else:
            head = f"{_join(listed)} of {plural(words(plan.base))}"
        return head + self.tail(plan)

    def tail(self, plan: Plan) -> str:
        """Conditions, order and limit of a plan, beginning with a space or empty."""
        parts = [self.predicate(p, plan.base) for p in plan.where]
        parts += [f"{self.expression(c.expression)} {self._comparison(c)}" for c in plan.having]
        tail = f", where {' and '.join(parts)}" if parts else ""
        for item in plan.select:
            if isinstance(item.expression, MetricRef) and (said := self._metric_filter(item.expression)):
                tail += said
        if plan.order_by:
            keys = [
                f"{self.expression(o.expression)} {'descending' if o.descending else 'ascending'}"
                for o in plan.order_by
            ]
            tail += f", by {_join(keys)}"
        if plan.limit is not None:
            tail += f", first {plan.limit}" if not plan.offset else f", number {plan.offset + 1}"
        if plan.limit_within:
            tail += f" in each {_join([self.expression(e) for e in plan.limit_within])}"
        return tail

    def _metric_filter(self, metric: MetricRef) -> str:
        found = next(m for m in self.index.catalog.metrics if m.name == metric.name)
        return f" ({found.description.rstrip('.')})" if found.description else ""

    def expression(self, expression: Expression) -> str:
        """What an expression is called."""
        if isinstance(expression, ColumnRef):
            return self._column(expression)
        if isinstance(expression, Truncated):
            return expression.grain
        if isinstance(expression, MetricRef):
            return expression.name
        if isinstance(expression, ShareOfTotal):
            return f"share of the {self.expression(expression.measure)}"
        if isinstance(expression, Share):
            said = " and ".join(self.predicate(c, expression.table) for c in expression.conditions)
            return f"share of {plural(words(expression.table))} where {said}"
        if isinstance(expression, Filtered | Arithmetic | Windowed):
            return self._computed(expression)
        if expression.argument is None:
            return f"number of {plural(words(expression.table))}"
        return f"{_FUNCTIONS[expression.function]} {words(expression.argument.column)}"

    def divides(self, expression: Expression) -> bool:
        """Whether an expression is computed by a division, which has no value where the divisor is zero."""
        if isinstance(expression, Share | ShareOfTotal):
            return True
        if isinstance(expression, Arithmetic):
            return expression.operator != "difference"
        metrics = self.index.catalog.metrics
        return isinstance(expression, MetricRef) and any(
            m.name == expression.name and re.search(r"[/%]", m.expression) for m in metrics
        )

    def _computed(self, expression: Filtered | Arithmetic | Windowed) -> str:
        """What a value computed from others is called."""
        if isinstance(expression, Filtered):
            said = " and ".join(self.predicate(c, expression.table) for c in expression.conditions)
            return f"{self.expression(expression.measure)} where {said}"
        if isinstance(expression, Windowed):
            name = {"running_total": "running total", "moving_average": f"moving average over {expression.size}"}.get(
                expression.function, expression.function.replace("_", " ")
            )
            return f"{name} of {self.expression(expression.measure)}"
        right = expression.right
        other = f"all {plural(words(right.table))}" if isinstance(right, RowsOf) else self.expression(right)
        name = {"difference": "difference", "ratio": "ratio", "percent_change": "percent change"}[expression.operator]
        if expression.operator == "percent_change":
            return f"{name} from {other} to {self.expression(expression.left)}"
        return f"{name} between {self.expression(expression.left)} and {other}"

    def _column(self, ref: ColumnRef) -> str:
        """A column's name, with its table's where it says nothing alone; what cannot be spoken goes by its synonym."""
        said = words(ref.column)
        if _UNSPEAKABLE.fullmatch(said) and (described := self.index.column(ref).synonyms):
            said = described[0]
        return f"{singular(words(ref.table))} {said}" if said in _GENERIC else said

    def predicate(self, predicate: Predicate, base: str) -> str:
        """A condition in words."""
        if isinstance(predicate, Condition):
            return f"{self.expression(predicate.expression)} {self._comparison(predicate)}"
        if isinstance(predicate, AnyOf):
            return " or ".join(self.predicate(c, base) for c in predicate.conditions)
        if isinstance(predicate, AgainstAggregate):
            return self._against(predicate, base)
        if isinstance(predicate, ComparedColumns):
            sign = _OPERATORS[predicate.operator]
            return f"{words(predicate.left.column)} {sign} {words(predicate.right.column)}"
        if isinstance(predicate, Among):
            said = " and ".join(self.predicate(c, base) for c in predicate.conditions)
            occurs = "does not occur" if predicate.negated else "also occurs"
            return f"the {words(predicate.column.column)} {occurs} where {said}"
        if isinstance(predicate, RelatedCount):
            within = "".join(f" with {self.predicate(c, predicate.table)}" for c in predicate.conditions)
            counted = f"{plural(words(predicate.table))}{within}"
            said = _OPERATORS[predicate.operator]
            verb = "" if said.startswith("is") else "is "
            return f"the number of {counted} {verb}{said} {predicate.number}"
        return self._related(predicate, base)

    def _against(self, predicate: AgainstAggregate, base: str) -> str:
        name = {"avg": "average", "max": "highest", "min": "lowest", "median": "median"}[predicate.function]
        said = f"{words(predicate.column.column)} {_OPERATORS[predicate.operator]} the {name}"
        if predicate.within is not None:
            said += f" of the same {words(predicate.within.column)}"
        inner = [self.predicate(c, base) for c in predicate.conditions]
        return said + (f" where {' and '.join(inner)}" if inner else "")

    def _related(self, related: Related, base: str) -> str:
        has = "there are no" if related.negated else "there are"
        inner = [self.predicate(c, base) for c in related.conditions]
        return f"{has} {plural(words(related.table))}" + (f" whose {' and '.join(inner)}" if inner else "")

    def _comparison(self, condition: Condition) -> str:
        operator, values = condition.operator, condition.values
        if operator == "is_null":
            return "is missing"
        if operator == "not_null":
            return "is known"
        if operator == "between" and condition.until_exclusive:
            return period_words(date.fromisoformat(str(values[0])), date.fromisoformat(str(values[1])))
        if operator == "between":
            return f"between {values[0]} and {values[1]}"
        if operator in ("<", ">=") and self._is_date(condition.expression):
            return f"{'before' if operator == '<' else 'since'} {values[0]}"
        return f"{_OPERATORS[operator]} {' or '.join(self._said(condition.expression, v) for v in values)}"

    def _is_date(self, expression: Expression) -> bool:
        return isinstance(expression, ColumnRef) and self.index.column(expression).type in ("date", "timestamp")

    def _said(self, expression: Expression, value: object) -> str:
        if isinstance(expression, ColumnRef):
            labels = self.index.column(expression).labels
            if str(value) in labels:
                return f"“{labels[str(value)]}”"
        return f"“{value}”" if isinstance(value, str) else f"{value}"


def period_words(start: date, end: date) -> str:
    """A half-open period of whole days as people say it."""
    last = end - timedelta(days=1)
    if start == last:
        return f"on {start:%d %B %Y}".replace(" 0", " ")
    if start.day == 1 and end.day == 1:
        months = (end.year - start.year) * 12 + end.month - start.month
        if months == 1:
            return f"in {start:%B %Y}"
        if months == 3 and start.month % 3 == 1:
            return f"in Q{(start.month + 2) // 3} {start.year}"
        if months == 12 and start.month == 1:
            return f"in {start.year}"
        if start.month == 1 and end.month == 1:
            return f"from {start.year} to {last.year}"
    return f"from {start.isoformat()} to {last.isoformat()}"


def _join(parts: list[str]) -> str:
    return parts[0] if len(parts) == 1 else ", ".join(parts[:-1]) + " and " + parts[-1] if parts else ""
