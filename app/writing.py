"""Answers in a model's words, where one is configured: chosen evidence in, checked sentences out.

    answered by tables or documents -> evidence -> model writes -> check -> its words, or the template's and the quotes
    refused, but documents are near -> the same, and only a whole answer counts

The table, the query and its numbers stay what they are. Nothing here raises: without a usable reply the embedded
path's answer stands as it is.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import msgspec

from app.answering import Draft, Made, renumbered
from app.languages import asked_in
from app.progress import Progress
from app.routing import SURE, asks_data
from app.table_answers import TableAnswer
from app.values import Answer, Citation, Passage, Question
from ingest.languages import told_language

if TYPE_CHECKING:
    from app.engine import Engine
    from app.verbalising.grounding import Evidence
    from app.verbalising.llm_writer import Written

_log = logging.getLogger("answerable.writing")

PASSAGES = 5
ROWS = 30
CHARACTERS = 7_000
"""Of passages, about 1,750 tokens; those cited come first."""
ROW_CHARACTERS = 6_000
"""Of the table's rows."""
LEAST_FIGURES = 4
"""Figures of a template up to which all of them must be told; of more, one."""
LEAST = 0.08
"""Confidence of a reading from which a model may look at passages that are not sure enough to be quoted."""
LIKELIER = 3.0
"""How much the odds of an answer rise where a model calls the evidence sufficient and its sentences pass the check. A
prior, not measured: models call evidence sufficient that is not. The threshold of what is quoted caps the result.
"""


def written(question: Question, found: Answer, draft: Draft, engine: Engine, progress: Progress) -> Answer:
    """The answer in a model's words, or as it was found."""
    consultation, made = draft.consultation, draft.made.get(found.text)
    if consultation is None or made is None or not consultation.may("write"):
        return found
    question = msgspec.structs.replace(question, text=found.understood_as or question.text)
    if found.status == "answered":
        return _reworded(question, found, made, draft, progress)
    if found.status == "refused" and _may_be_near(question, found, made, draft):
        return _from_nearest(question, found, made, draft, engine)
    return found


# -- what the embedded path answered ---------------------------------------------------


def _reworded(question: Question, found: Answer, made: Made, draft: Draft, progress: Progress) -> Answer:
    from app.verbalising.llm_writer import write

    evidence = evidence_of(question, found, made)
    if evidence is None:
        return found
    consultation = draft.consultation
    assert consultation is not None
    telling = _Telling(found, progress) if progress.listens else None
    with draft.watch.stage("write"):
        if telling is not None:
            telling.begin()
        said = write(consultation, evidence, sources_of(evidence, found), _language(question, evidence), telling)
    _note(said)
    if said is None:
        return found
    whole = said.sufficient and tells_enough(said, found, made)
    if whole:
        return draft.rewritten(found, said, made.notes)
    return _continued(found, said, draft) if telling is not None else found


class _Telling:
    """Tells what an answer is made with before a model begins, and each citation before the words that use it."""

    def __init__(self, found: Answer, progress: Progress) -> None:
        self._found = found
        self._progress = progress

    def begin(self) -> None:
        """Tell what the words will be about: it stays as it is, whatever they are."""
        self._progress.tell("plan", self._found)
        if self._found.sql is not None:
            self._progress.tell("sql", self._found.sql)
        if self._found.table is not None:
            self._progress.tell("rows", self._found.table)

    def __call__(self, piece: str, citations: Sequence[Citation]) -> None:
        for citation in citations:
            self._progress.tell("citation", citation)
        self._progress.tell("delta", piece)


def _continued(found: Answer, said: Written, draft: Draft) -> Answer:
    """What was told already, then the answer as it was found: words that were read are not taken back."""
    text, new = renumbered(found.text, found.citations, said.citations)
    joined = draft.rewritten(found, said, [text])
    citations = (*said.citations, *new)
    return msgspec.structs.replace(joined, citations=citations, figures=(*said.figures, *found.figures))


def tells_enough(said: Written, found: Answer, made: Made) -> bool:
    """Whether a model's words tell what the answer found does: its figures, and the place that it is surest of."""
    if made.tables is not None:
        cells = {(f.row, f.column) for f in found.figures if f.row is not None and _is_shown(found, f.column)}
        told = {(f.row, f.column) for f in said.figures}
        if cells and not (cells <= told if len(cells) <= LEAST_FIGURES else cells & told):
            return False
        if not cells and not said.text:
            return False
    sure = [p.reading for p in made.passages if p.reading is not None and p.confidence >= SURE]
    return all(_cites_near(said.citations, reading.citations[:1]) for reading in sure)


def _is_shown(found: Answer, column: str | None) -> bool:
    return found.table is not None and any(each.name == column for each in found.table.columns)


def _cites_near(citations: Sequence[Citation], wanted: Sequence[Citation]) -> bool:
    """Whether the document of each quote wanted is cited, at the quote or beside it."""
    near = [(c.source, c.document) for c in citations]
    return all((each.source, each.document) in near for each in wanted)


# -- what the embedded path refused -----------------------------------------------------


def _may_be_near(question: Question, found: Answer, made: Made, draft: Draft) -> bool:
    """Whether passages are near enough for a model to read them: never where a figure of the tables is asked for."""
    refusal = found.refusal
    if refusal is None or refusal.code not in ("not_in_data", "not_understood") or asks_data(question.text):
        return False
    if draft.routed is not None and draft.routed not in ("passages", "both"):
        return False
    return bool(made.passages) and made.passages[0].confidence >= LEAST


def _from_nearest(question: Question, found: Answer, made: Made, draft: Draft, engine: Engine) -> Answer:
    """An answer from the nearest passages; nothing of it is told before it is whole."""
    from app.verbalising.grounding import Evidence
    from app.verbalising.llm_writer import write

    nearest, consultation = made.passages[0], draft.consultation
    passages = _chosen([p for p in nearest.passages if not p.outdated], ())
    evidence = Evidence(question=question.text, passages=passages)
    if consultation is None or not passages or not _same_language(question, passages.values()):
        return found
    with draft.watch.stage("write"):
        said = write(consultation, evidence, sources_of(evidence, found), _language(question, evidence))
    _note(said)
    if said is None or not said.sufficient or not said.citations:
        return found
    return draft.answered_from_nearest(said, nearest, likelihood(nearest.confidence, engine.settings.passage_threshold))


def likelihood(confidence: float, threshold: float) -> float:
    """How likely an answer is that a model gave from passages which are not sure enough to quote."""
    odds = LIKELIER * confidence / max(1e-9, 1 - confidence)
    return round(min(threshold, odds / (1 + odds)), 4)


# -- evidence ---------------------------------------------------------------------------


def evidence_of(question: Question, found: Answer, made: Made) -> Evidence | None:
    """What the model is shown of an answer; None where the answer must stay as it is.

    That is: it quotes a replaced version, says what cannot be found again, or is in another language than asked in.
    """
    from app.verbalising.grounding import Evidence

    every = [passage for told in made.passages for passage in told.passages]
    cited = [p for p in every if any(_holds(p, citation) for citation in found.citations)]
    if any(p.outdated for p in cited) or not all(any(_holds(p, c) for p in cited) for c in found.citations):
        return None
    passages = _chosen(cited, [p for p in every if not p.outdated])
    if passages and not _same_language(question, passages.values()):
        return None
    told = made.tables[1] if made.tables is not None else None
    if told is None or told.table is None or _has_twins(told):
        return Evidence(question=question.text, passages=passages) if passages and told is None else None
    rows = _rows_shown(told)
    if told.table.rows and not rows:
        return None
    return Evidence(
        question=question.text,
        passages=passages,
        table=told.table,
        rows=rows,
        figures=told.worded.figures if told.worded is not None else (),
        computed=told.computed.text if told.computed is not None else "",
        template=told.worded.text if told.worded is not None else "",
    )


def _rows_shown(told: TableAnswer) -> int:
    """How many rows fit the budget."""
    assert told.table is not None
    left, shown = ROW_CHARACTERS, 0
    for row in told.table.rows[:ROWS]:
        left -= sum(len(str(cell)) for cell in row)
        if left < 0:
            break
        shown += 1
    return shown


def _has_twins(told: TableAnswer) -> bool:
    """Whether two columns have one name: a cell could not be cited."""
    assert told.table is not None
    names = [column.name for column in told.table.columns]
    return len(set(names)) < len(names)


def _holds(passage: Passage, citation: Citation) -> bool:
    same = (passage.source, passage.document) == (citation.source, citation.document)
    return same and passage.start <= citation.start < passage.end


def _chosen(first: Sequence[Passage], others: Sequence[Passage]) -> dict[str, Passage]:
    """Passages by id, each place once, those that must be there first, within the budget."""
    chosen: dict[tuple[str, str, int], Passage] = {}
    left = CHARACTERS
    for passage in (*first, *others):
        at = (passage.source, passage.document, passage.start)
        if at in chosen or len(passage.text) > left or len(chosen) >= max(PASSAGES, len(first)):
            continue
        chosen[at] = passage
        left -= len(passage.text)
    return {f"p{number}": passage for number, passage in enumerate(chosen.values(), 1)}


def sources_of(evidence: Evidence, found: Answer) -> list[str]:
    """The sources whose content the evidence holds."""
    own = {found.sql.source} if found.sql is not None and evidence.table is not None else set()
    return sorted({passage.source for passage in evidence.passages.values()} | own)


def _language(question: Question, evidence: Evidence) -> str:
    """The language to write in: Arabic where question and passages are, which the others' words do not tell."""
    texts = (question.text, *(passage.text for passage in evidence.passages.values()))
    if evidence.passages and all(asked_in(text) == "ar" for text in texts):
        return "Arabic"
    return (told_language(question.text) or "english").capitalize()


def _same_language(question: Question, passages: Iterable[Passage]) -> bool:
    """Whether the passages are in the question's language: words of another one cannot be checked against them."""
    text = " ".join(passage.text for passage in passages)
    return (told_language(question.text) or "english") == (told_language(text) or "english")


def _note(said: Written | None) -> None:
    reasons = ", ".join(sorted(said.dropped)) if said is not None else "nothing said"
    _log.debug("sentences dropped: %s", reasons or "none")


__all__ = ["evidence_of", "likelihood", "tells_enough", "written"]
