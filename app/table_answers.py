"""Table questions: plan -> validate -> execute -> scrub -> word."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias

import msgspec
from sqlglot import exp

from app.errors import ExecutionFailed, SourceUnavailable
from app.guards import Objection
from app.missing_values import beyond_range, value_not_held
from app.planning.plan import MEASURED, ColumnRef, Condition, Filtered, Plan
from app.planning.planner import Candidate, Planned, Planner
from app.planning.ranker import ranker
from app.planning.schema_index import SchemaIndex
from app.planning.wording import Wording
from app.scrubbing import scrub_rows
from app.sentences import said
from app.stopwatch import Stopwatch
from app.validation import Rejected, validate
from app.values import Computed, Planning, Question, Rows, ScrubbedRows, SqlView, TableView, ValidatedQuery
from app.verbalising.charts import chart_of
from app.verbalising.outputs import planned_outputs
from app.verbalising.restatement import Phrases, computed
from app.verbalising.templates import Worded, word

if TYPE_CHECKING:
    from app.engine import Engine
    from app.settings import Settings
    from ingest.stores.snapshot import Snapshot, SourceReader

Bounds: TypeAlias = "Callable[[ColumnRef], tuple[object, object]]"
TRIED = 3
"""Plans that are run for one question, at most."""


class TablePlan(msgspec.Struct, frozen=True):
    """The best plan over all asked sources, or why there is none."""

    source: str | None
    candidate: Candidate | None
    planned: Planned | None
    planner: Planner | None
    threshold: float

    @property
    def confidence(self) -> float:
        """Confidence of the best candidate; 0 without one."""
        return self.candidate.confidence if self.candidate is not None else 0.0

    @property
    def sure(self) -> bool:
        """Whether the plan may be run."""
        return self.candidate is not None and self.confidence >= self.threshold


class TableAnswer(msgspec.Struct, frozen=True):
    """What the tables say: wording, table, query — or an objection found on the way."""

    worded: Worded | None = None
    table: TableView | None = None
    sql: SqlView | None = None
    objection: Objection | None = None
    chart: dict[str, Any] | None = None
    computed: Computed | None = None
    masked: int = 0
    confidence: float = 0.0
    """How likely the plan is right, its result known."""
    planning: Planning | None = None
    """What planned it, and how sure that was."""
    plan: Plan | None = None
    """The plan that was run; None for an answer that no plan stands behind."""


def plan_tables(
    question: Question, text: str, snapshot: Snapshot, engine: Engine, sources: Sequence[SourceReader], watch: Stopwatch
) -> TablePlan:
    """The most confident plan of `text` over the sources that have tables."""
    best = TablePlan(None, None, None, None, engine.settings.planner_threshold)
    with watch.stage("plan"):
        for source in sources:
            if not source.catalog.tables or question.deadline.left() <= 0:
                continue
            planner = engine.planners.of(source, question.caller.visibilities)
            planned = planner.plan(text, question.today)
            threshold = threshold_of(question, source, engine.settings)
            candidate = planned.candidates[0] if planned.candidates else None
            found = TablePlan(source.name, candidate, planned, planner, threshold)
            if _better(found, best):
                best = found
    return best


def threshold_of(question: Question, source: SourceReader, settings: Settings) -> float:
    """Least confidence at which a source's tables answer: the question's, else the source's, else the setting's.

    A visitor may ask for more certainty than is configured, not for less.
    """
    own = source.catalog.planner_threshold
    configured = settings.planner_threshold if own is None else own
    if question.threshold is None:
        return configured
    return max(configured, question.threshold) if question.caller.role == "visitor" else question.threshold


def _better(found: TablePlan, best: TablePlan) -> bool:
    if best.planned is None or found.planned is None:
        return True
    return (found.confidence, found.planned.linked) > (best.confidence, best.planned.linked)


def answer_tables(
    question: Question, chosen: TablePlan, snapshot: Snapshot, engine: Engine, watch: Stopwatch
) -> TableAnswer:
    """Run the likeliest plan, and the next ones where its result makes it unlikely.

    Raises `DeadlineExceeded`; what speaks against every plan is an objection.
    """
    planned, planner, source = chosen.planned, chosen.planner, chosen.source
    assert planned is not None and planner is not None and source is not None
    best: _Ran | None = None
    objection = Objection("not_understood", said("unsure"))
    for candidate in planned.candidates[:TRIED]:
        if candidate.confidence < max(chosen.threshold, best.confidence if best else 0.0):
            break
        try:
            beyond = outside_the_data(candidate.plan, planner)
            if beyond is not None and planner.index.catalog.dialect != "duckdb":
                bounds = partial(_bounds_now, question, planner, source, snapshot, engine)
                beyond = outside_the_data(candidate.plan, planner, bounds)
            if beyond is None and planner.index.catalog.dialect == "duckdb":
                beyond = value_not_held(candidate.plan, planner)
            if beyond is not None:
                return TableAnswer(objection=beyond)
            ran = _run(question, candidate, planner, source, snapshot, engine, watch)
        except Rejected as rejected:
            objection = Objection("not_permitted", said("not_permitted", detail=rejected.message))
            continue
        except SourceUnavailable as error:
            return TableAnswer(objection=unavailable(error))
        except ExecutionFailed as error:
            detail = f"{error.message} {error.hint}".strip()
            objection = Objection("not_understood", said("query_failed", detail=detail))
            continue
        if best is None or ran.confidence > best.confidence:
            best = ran
    if best is None or best.confidence < chosen.threshold:
        return TableAnswer(objection=objection)
    return _worded(question, best, planner, source, watch)


class _Ran(msgspec.Struct, frozen=True):
    """A candidate with its rows, and how likely it is now that they are known."""

    candidate: Candidate
    query: ValidatedQuery
    rows: Rows
    confidence: float


def _run(
    question: Question,
    candidate: Candidate,
    planner: Planner,
    source: str,
    snapshot: Snapshot,
    engine: Engine,
    watch: Stopwatch,
) -> _Ran:
    from app.execution.tables import database_name

    with watch.stage("validate"):
        query = validate(
            candidate.sql, planner.index.catalog, database=database_name(source), max_rows=question.max_rows
        )
    with watch.stage("execute"):
        rows = engine.tables.run(query, snapshot, question.deadline)
    live = planner.index.catalog.dialect != "duckdb"
    if rows.rows or not candidate.features or (not live and beyond_range(candidate.plan, planner)):
        return _Ran(candidate, query, rows, candidate.confidence)
    return _Ran(candidate, query, rows, ranker().probability(candidate.features | {"empty": 1.0}))


def _worded(question: Question, ran: _Ran, planner: Planner, source: str, watch: Stopwatch) -> TableAnswer:
    plan = ran.candidate.plan
    with watch.stage("scrub"):
        scrubbed, _tokens = scrub_rows(ran.query, ran.rows, sees_personal_data=question.caller.sees_personal_data)
    with watch.stage("word"):
        scrubbed = _named(scrubbed, plan)
        if _says_nothing(plan, scrubbed, planner):
            return TableAnswer(objection=Objection("not_in_data", said("no_rows")))
        worded = word(plan, scrubbed, planner.index)
        table = _asked_columns(scrubbed, plan)
        chart = _chart(plan, table, planner.index)
        beyond = beyond_range(plan, planner) if planner.index.catalog.dialect == "duckdb" else None
        if beyond is not None:
            worded = Worded(f"{worded.text} {beyond[0]}", (*worded.figures, *beyond[1]))
    return TableAnswer(
        worded,
        table,
        SqlView(text=ran.query.text, dialect=ran.query.dialect, source=source),
        chart=chart,
        computed=computed(plan, planner.index, ran.query.tables),
        masked=scrubbed.masked,
        confidence=ran.confidence,
        planning=Planning(by="grammar", confidence=round(ran.confidence, 4), grammar=round(ran.confidence, 4)),
        plan=plan,
    )


def _chart(plan: Plan, table: TableView, index: SchemaIndex) -> dict[str, Any] | None:
    phrases = Phrases(index)
    outputs = planned_outputs(plan, table.columns, [phrases.expression(i.expression) for i in plan.select], index)
    return chart_of(outputs, table.rows, truncated=table.truncated, ordered=bool(plan.order_by))


def _named(rows: ScrubbedRows, plan: Plan) -> ScrubbedRows:
    """The rows under the plan's own column names, which keep the catalog's spelling."""
    names = [item.alias for item in (*plan.select, *plan.evidence)]
    columns = tuple(msgspec.structs.replace(c, name=n) for c, n in zip(rows.columns, names, strict=True))
    return msgspec.structs.replace(rows, columns=columns)


def _asked_columns(rows: ScrubbedRows, plan: Plan) -> TableView:
    width = len(plan.select)
    return TableView(
        columns=rows.columns[:width], rows=tuple(row[:width] for row in rows.rows), truncated=rows.truncated
    )


def _says_nothing(plan: Plan, rows: ScrubbedRows, planner: Planner) -> bool:
    """One row of measures without a value: nothing was there to measure. A division by zero says something."""
    if any(Wording(planner.index).divides(item.expression) for item in plan.select):
        return False
    measured = [i for i, item in enumerate(plan.select) if isinstance(item.expression, MEASURED)]
    return len(rows.rows) == 1 and len(measured) == len(plan.select) and all(rows.rows[0][i] is None for i in measured)


def outside_the_data(plan: Plan, planner: Planner, bounds: Bounds | None = None) -> Objection | None:
    """A period in which the tables hold nothing at all: a count of zero would mislead.

    `bounds` gives the first and last date of a column; the catalog's, if it is not given.
    """
    within = [c for i in plan.select if isinstance(i.expression, Filtered) for c in i.expression.conditions]
    for condition in (*plan.where, *within):
        if isinstance(condition, Condition) and condition.operator == "between" and condition.until_exclusive:
            ref = condition.expression
            assert isinstance(ref, ColumnRef)
            column = planner.index.column(ref)
            found = bounds(ref) if bounds is not None else (column.minimum, column.maximum)
            first, last = str(found[0] or "")[:10], str(found[1] or "")[:10]
            if first and last and (str(condition.values[1]) <= first or str(condition.values[0]) > last):
                return nothing_then(ref, first, last)
    return None


def nothing_then(ref: ColumnRef, first: str, last: str) -> Objection:
    """The refusal for a period outside that of a column, whose first and last day are given (ISO 8601)."""
    column = ref.column.replace("_", " ")
    return Objection("not_in_data", said("outside_the_data", column=column, first=first, last=last))


def unavailable(error: SourceUnavailable) -> Objection:
    """The refusal where a live source's server cannot be asked."""
    return Objection(error.code, said("source_unavailable", detail=f"{error.message} {error.hint}".strip()))


def _bounds_now(
    question: Question, planner: Planner, source: str, snapshot: Snapshot, engine: Engine, ref: ColumnRef
) -> tuple[object, object]:
    """The first and last value that a live source holds by now; the catalog's are of its last sync."""
    from app.execution.tables import database_name

    column, table = (exp.to_identifier(name, quoted=True) for name in (ref.column, ref.table))
    ends = (exp.Min(this=exp.column(column)), exp.Max(this=exp.column(column.copy())))
    sql = exp.select(*ends).from_(exp.table_(table)).sql(dialect="duckdb")
    query = validate(sql, planner.index.catalog, database=database_name(source), max_rows=1)
    found = engine.tables.run(query, snapshot, question.deadline).rows
    return (found[0][0], found[0][1]) if found else (None, None)
