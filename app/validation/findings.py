"""What a rule finds, and the error that carries findings."""

from __future__ import annotations

import msgspec

from app.errors import InvalidRequest


class Finding(msgspec.Struct, frozen=True):
    """A reason why a statement may not run. `rule` is the rule's name, `message` is for a person."""

    rule: str
    message: str


class Rejected(InvalidRequest):
    """The statement breaks at least one rule."""

    code = "sql_rejected"

    def __init__(self, findings: tuple[Finding, ...]) -> None:
        super().__init__(
            "; ".join(f.message for f in findings), hint="Only a single SELECT over the source's tables may run."
        )
        self.findings = findings
