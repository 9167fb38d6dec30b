"""Validation: only SQL that passes every rule becomes a `ValidatedQuery`, and only here.

The rules are an allow-list over sqlglot's syntax tree, one per file, in `RULES`, each yielding findings. The engine
that runs the query is locked down as well (`app.execution.tables`): each of the two alone keeps data safe.
"""

from app.validation.findings import Finding, Rejected
from app.validation.validate import RULES, SqlCheck, check_sql, validate

__all__ = ["RULES", "Finding", "Rejected", "SqlCheck", "check_sql", "validate"]
