"""What was computed, in plain words from the plan: "Net revenue with category “Tents”, in March 2025, by country".

A condition becomes a phrase after a noun ("with status “paid”", "in 2025 (order date)"); periods stand last.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date, timedelta

from app.planning.entities import display_columns, key_columns
from app.planning.plan import (
    MEASURED,
    Aggregate,
    AnyOf,
    ColumnRef,
    Condition,
    Expression,
    MetricRef,
    Ordering,
    Plan,
    Predicate,
    Related,
    Share,
    Truncated,
)
from app.planning.schema_index import SchemaIndex
from app.planning.wording import Wording, period_words, plural, singular, words
from app.values import Computed, Period
from app.verbalising.numbers import percent, spoken
from app.verbalising.outputs import RATIO_UNITS, is_label, unit_of, without_unit

_AGGREGATES = {"sum": "total", "avg": "average", "min": "lowest", "max": "highest"}
_COMPARED = {"<": "under", "<=": "of at most", ">": "over", ">=": "of at least"}
_COUNTED = {"<": "fewer than", "<=": "at most", ">": "more than", ">=": "at least", "=": "exactly"}
_DATED = {"<": "before", "<=": "until", ">": "after", ">=": "from"}


class Phrases(Wording):
    """Words for the parts of a plan over one catalog, as a reader of the answer says them."""

    def expression(self, expression: Expression) -> str:
        """What an expression is called, without its unit."""
        if isinstance(expression, ColumnRef):
            return self._named_column(expression)
        if isinstance(expression, Aggregate) and expression.argument is not None:
            return self._aggregate(expression, expression.argument)
        if isinstance(expression, Share):
            narrowed = series([self.phrase(c, expression.table) for c in expression.conditions])
            return f"share of {plural(words(expression.table))} {narrowed}"
        return super().expression(expression)

    def _named_column(self, ref: ColumnRef) -> str:
        said = without_unit(super().expression(ref), unit_of(ref, self.index))
        head, _, last = said.rpartition(" ")
        if head and last in ("on", "at") and self.index.column(ref).type in ("date", "timestamp"):
            return f"{head} date"
        return said

    def _aggregate(self, aggregate: Aggregate, argument: ColumnRef) -> str:
        table = self.index.table(argument.table)
        if aggregate.function in ("count", "count_distinct"):
            if argument in key_columns(table):
                return f"number of {plural(words(table.name))}"
            different = "different " if aggregate.function == "count_distinct" else ""
            return f"number of {different}{plural(self._named_column(argument))}"
        if aggregate.function not in _AGGREGATES:
            return super().expression(aggregate)
        if self.index.column(argument).type in ("date", "timestamp"):
            return f"{'earliest' if aggregate.function == 'min' else 'latest'} {self._named_column(argument)}"
        return f"{_AGGREGATES[aggregate.function]} {self._named_column(argument)}"

    def subject(self, plan: Plan) -> str:
        """What is counted, measured or listed, without conditions: `average list price of products by brand`."""
        measures = [i.expression for i in plan.select if isinstance(i.expression, MEASURED)]
        if not measures:
            return self.listed(plan)
        said = series([self.expression(m) for m in measures])
        if all(isinstance(m, Aggregate) and m.argument is not None and not self.counted(m) for m in measures):
            said += f" of {plural(words(plan.base))}"
        return said

    def listed(self, plan: Plan) -> str:
        """What a list lists: `stores` for their names, else `list prices of products`."""
        shown = [i.expression for i in plan.select]
        things = plural(words(plan.base))
        columns = [e for e in shown if isinstance(e, ColumnRef)]
        if len(columns) == len(shown) and tuple(columns) == display_columns(self.index.table(plan.base)):
            return things
        if len(shown) == 1:
            only = shown[0]
            if isinstance(only, ColumnRef) and only in display_columns(self.index.table(only.table)):
                return plural(words(only.table))
            return plural(self.expression(only))
        return f"{series([self.expression(e) for e in shown])} of {things}"

    def grouping(self, plan: Plan) -> str:
        """` by country`, beginning with a space, or nothing."""
        if not any(isinstance(i.expression, MEASURED) for i in plan.select):
            return ""
        listed = [self.expression(i.expression) for i in plan.select if not isinstance(i.expression, MEASURED)]
        return f" by {series(listed)}" if listed else ""

    def conditions(self, plan: Plan) -> list[str]:
        """The conditions but for periods, each as a phrase: `with status “paid”`."""
        preposition = "for" if any(isinstance(i.expression, MetricRef) for i in plan.select) else "with"
        found = [self.phrase(p, plan.base, preposition) for p in plan.where if not is_period(p)]
        return found + [self.phrase(c, plan.base, "with") for c in plan.having]

    def periods(self, plan: Plan) -> list[str]:
        """The periods asked for: `in March 2025 (order date)`."""
        return [self._period(p) for p in plan.where if isinstance(p, Condition) and is_period(p)]

    def tail_of(self, plan: Plan) -> str:
        """Conditions and periods after a noun, beginning with a space or empty."""
        said = series(self.conditions(plan))
        return "".join(f" {part}" for part in ([said] if said else []) + self.periods(plan))

    def order(self, plan: Plan) -> str:
        """`, sorted by net revenue, highest first`, beginning with a comma; nothing for the usual order."""
        measures = [i.expression for i in plan.select if isinstance(i.expression, MEASURED)]
        said = ""
        for key in plan.order_by:
            if isinstance(key.expression, Truncated) and not key.descending:
                continue
            by = "" if measures == [key.expression] else f", sorted by {self.expression(key.expression)}"
            said += f"{by}, {self.end(key)} first" if not self._is_text(key.expression) else f"{by}, {_alphabet(key)}"
        if plan.limit is None:
            return said
        place = f", the first {plan.limit}" if not plan.offset else f", number {plan.offset + 1}"
        within = series([self.expression(e) for e in plan.limit_within])
        return said + place + (f" in each {within}" if within else "")

    def end(self, key: Ordering) -> str:
        """`highest`, `lowest`, `latest` or `earliest`: what an order begins with."""
        if self._is_moment(key.expression):
            return "latest" if key.descending else "earliest"
        return "highest" if key.descending else "lowest"

    def superlative(self, plan: Plan) -> str:
        """` with the highest net revenue`, where a limit after one measured order chooses; else nothing."""
        if not takes_the_top(plan) or self._is_text(plan.order_by[0].expression):
            return ""
        key = plan.order_by[0]
        return f" with the {self.end(key)} {self.expression(key.expression)}"

    def chosen(self, plan: Plan) -> str:
        """What the rows of the result are, in the plural: `stores`, or what they are grouped by."""
        if not plan.group_by:
            return plural(words(plan.base))
        first = plan.group_by[0]
        if isinstance(first, ColumnRef):
            table = self.index.table(first.table)
            if first in (*key_columns(table), *display_columns(table)):
                return plural(words(table.name))
        return plural(self.expression(first))

    def counted(self, measure: Expression) -> str | None:
        """The table whose rows a count counts, in words; None for any other expression."""
        if not isinstance(measure, Aggregate) or measure.function not in ("count", "count_distinct"):
            return None
        if measure.argument is None:
            return words(measure.table)
        is_key = measure.argument in key_columns(self.index.table(measure.argument.table))
        return words(measure.argument.table) if is_key else None

    def phrase(self, predicate: Predicate, base: str, preposition: str = "with") -> str:
        """A condition as a phrase after the noun that it narrows."""
        if isinstance(predicate, Condition):
            return self._period(predicate) if is_period(predicate) else self._condition(predicate, preposition)
        if isinstance(predicate, AnyOf):
            return " or ".join(self.phrase(c, base, preposition) for c in predicate.conditions)
        if isinstance(predicate, Related):
            return self._relation(predicate)
        return f"where {self.predicate(predicate, base)}"

    def definitions(self, plan: Plan) -> str:
        """What the plan's metrics mean, as the description file says: `. Net revenue: money from …`, or nothing."""
        shown = [*(i.expression for i in (*plan.select, *plan.evidence)), *(o.expression for o in plan.order_by)]
        used = {e.name for e in (*shown, *(c.expression for c in plan.having)) if isinstance(e, MetricRef)}
        described = [m for m in self.index.catalog.metrics if m.name in used and m.description]
        return "".join(f". {m.name[:1].upper()}{m.name[1:]}: {_sentence(m.description or '')}" for m in described)

    def _relation(self, related: Related) -> str:
        inner = series([self.phrase(c, related.table) for c in related.conditions])
        things = plural(words(related.table))
        return f"{'with no' if related.negated else 'that have'} {things}{f' {inner}' if inner else ''}"

    def _period(self, condition: Condition) -> str:
        start, end = (date.fromisoformat(str(value)[:10]) for value in condition.values)
        return f"{period_words(start, end)} ({self.expression(condition.expression)})"

    def _condition(self, condition: Condition, preposition: str) -> str:
        said, operator = self.expression(condition.expression), condition.operator
        values = " or ".join(self._value(condition.expression, v) for v in condition.values)
        counted = self.counted(condition.expression)
        if counted is not None and operator in _COUNTED and condition.values:
            things = singular(counted) if condition.values == (1,) else plural(counted)
            return f"with {_COUNTED[operator]} {values} {things}"
        if operator == "is_null":
            return f"with no {said}"
        if operator == "not_null":
            return f"with {article(said)} {said}"
        if operator in ("=", "in"):
            return f"{preposition} {said} {values}"
        if operator in ("!=", "not_in"):
            return f"with {said} other than {values}"
        if operator == "between":
            low, high = (self._value(condition.expression, v) for v in condition.values)
            return f"with {said} from {low} to {high}"
        if operator in _COMPARED:
            between = (_DATED if self._is_moment(condition.expression) else _COMPARED)[operator]
            return f"with {said} {between} {values}"
        if operator == "contains":
            return f"with {values} in {said}"
        if operator == "not_contains":
            return f"without {values} in {said}"
        return f"with {said} {'starting' if operator == 'starts' else 'ending'} with {values}"

    def _value(self, expression: Expression, value: object) -> str:
        if isinstance(value, bool):
            return "“yes”" if value else "“no”"
        if self._is_moment(expression):
            return day_words(str(value))
        if isinstance(value, int | float) and unit_of(expression, self.index) in RATIO_UNITS:
            return percent(value)
        if isinstance(value, int | float):
            return spoken(value, unit_of(expression, self.index), grouped=not is_label(expression, self.index))
        return self._said(expression, value)

    def _is_moment(self, expression: Expression) -> bool:
        return isinstance(expression, Truncated) or self._is_date(expression)

    def _is_text(self, expression: Expression) -> bool:
        return isinstance(expression, ColumnRef) and self.index.column(expression).type == "text"


def takes_the_top(plan: Plan) -> bool:
    """Whether a limit keeps the rows at the very end of one order: not the second best, not the best of each group."""
    skips = getattr(plan, "offset", 0) or getattr(plan, "limit_within", ())
    return plan.limit is not None and len(plan.order_by) == 1 and not skips


def article(noun: str) -> str:
    """`a` or `an`, by the first letter."""
    return "an" if noun[:1] in "aeiou" else "a"


def is_period(predicate: Predicate) -> bool:
    """Whether a condition is a period of whole days."""
    return isinstance(predicate, Condition) and predicate.operator == "between" and predicate.until_exclusive


def _alphabet(key: Ordering) -> str:
    return "from Z to A" if key.descending else "from A to Z"


def _sentence(text: str) -> str:
    flat = " ".join(text.split()).rstrip(". ")
    return flat[:1].lower() + flat[1:]


def day_words(value: str) -> str:
    """An ISO date as people say it: `1 January 2017`; any other text unchanged."""
    try:
        day = date.fromisoformat(value[:10])
    except ValueError:
        return value
    return f"{day.day} {day:%B %Y}"


def series(parts: Sequence[str]) -> str:
    """`a, b and c`."""
    return ", ".join(parts[:-1]) + " and " + parts[-1] if len(parts) > 1 else "".join(parts)


def moment_words(value: str) -> str:
    """An ISO timestamp as people say it: `4 January 2023, 15:20`; a midnight is its day, any other text unchanged."""
    clock = value[11:16]
    return day_words(value) + (f", {clock}" if value[10:11] in ("T", " ") and clock != "00:00" else "")


def computed(plan: Plan, index: SchemaIndex, tables: Sequence[str]) -> Computed:
    """The restatement of a plan, whole and in parts. `tables`: those that the query reads."""
    phrases = Phrases(index)
    conditions, periods = phrases.conditions(plan), phrases.periods(plan)
    best, tail = phrases.superlative(plan), phrases.tail_of(plan)
    if best:
        text = _chosen(plan, phrases, best, tail)
    else:
        text = phrases.subject(plan) + tail + phrases.grouping(plan) + phrases.order(plan)
    text += phrases.definitions(plan)
    return Computed(
        text=text[:1].upper() + text[1:],
        source=plan.source,
        tables=tuple(tables),
        conditions=tuple(conditions),
        period=_period_of(plan, periods),
    )


def _chosen(plan: Plan, phrases: Phrases, best: str, tail: str) -> str:
    """A superlative: "the store with the …", "of all brands in 2025, the 3 with the …"."""
    things = phrases.chosen(plan)
    if tail:
        return f"of all {things}{tail}, the {'one' if plan.limit == 1 else plan.limit}{best}"
    return f"the {singular(things) if plan.limit == 1 else f'{plan.limit} {things}'}{best}"


def _period_of(plan: Plan, said: Sequence[str]) -> Period | None:
    found = [p for p in plan.where if isinstance(p, Condition) and is_period(p)]
    if len(found) != 1:
        return None
    start, end = (date.fromisoformat(str(value)[:10]) for value in found[0].values)
    return Period(text=said[0], first=start.isoformat(), last=(end - timedelta(days=1)).isoformat())


_NUMBER = re.compile(r"(?<![\w.])\d[\d,]*(?:\.\d+)?%?(?!\w)")


def numbers_in(text: str) -> list[str]:
    """The numbers of a phrase, as written."""
    return _NUMBER.findall(text)
