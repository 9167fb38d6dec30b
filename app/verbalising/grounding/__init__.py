"""The grounding check: what a model wrote is said only if its every figure, date, name and word is in what it cites.

    Claim (untrusted) + Evidence (scrubbed) -> Grounded: plain text, exact citations, figures with their cells
                                            -> Dropped: the reason

It errs on the side of dropping: the embedded path has an answer of its own. What it lets through and what it drops for
nothing is measured by `python -m bench.grounding`.
"""

from app.verbalising.grounding.check import check
from app.verbalising.grounding.values import REASONS, Claim, Dropped, Evidence, Grounded

__all__ = ["REASONS", "Claim", "Dropped", "Evidence", "Grounded", "check"]
