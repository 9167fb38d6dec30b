"""The rules that a claim must keep, each a function that says whether it does."""

# ruff: noqa: E501 - word lists read better unwrapped
from __future__ import annotations

import re
from collections.abc import Callable

from app.synonyms import synonyms
from app.terms import fold, term_set, terms
from app.verbalising.grounding import names
from app.verbalising.grounding.cited import Cited
from app.verbalising.grounding.exchanged import figures_are_of_that
from app.verbalising.grounding.figures import agrees, numbers
from app.verbalising.grounding.given import GLUE, figures_are_given
from app.verbalising.grounding.moments import ungrounded
from app.verbalising.grounding.polarity import bound, contradicts, denials, denies, opposes
from app.verbalising.units import Unit

LEAST_WORDS = 0.7
"""Share of a claim's content words that what it cites must hold (`bench/grounding.py` measures what it lets through)."""
LEAST_IN_UNITS = 0.6
"""Share that the few units most like it must hold, with the headings above them."""
LEAST_IN_CLAUSE = 0.5
"""Share of one clause: a long true sentence must not carry a short false one."""
UNITS = 3
_STRICT = re.compile(
    r"\b(?:twice|double[sd]?|triple[sd]?|thrice|half|halves|quarter|thirds?|majority|minority|entire(?:ly)?|unlimited|unique|guarantee[sd]?|free|illegal|always|never|immediately|instantly|automatically|lifetime|permanent(?:ly)?)\b",
    re.IGNORECASE,
)
_RANKS = re.compile(
    r"\b(?:most|least|fewest|highest|lowest|largest|smallest|biggest|greatest|best|worst|longest|shortest|cheapest|oldest|newest|top|bottom|first|last|leading|(?:more|less|fewer|higher|lower|larger|smaller|bigger|greater|better|worse|longer|shorter|cheaper|older|newer|faster|slower) than"
    r"|increas\w+|decreas\w+|grew|grow\w*|declin\w+|r[io]se[sn]?|rising|f[ae]ll(?:en|ing|s)?|dropp?\w*|trend\w*|doubl\w+|average|mean|median|total|sum|only|because|due to|caused?|therefore|so that|result\w* (?:of|in|from)|versus|compared|unlike|same as|equal\w*|both|all|every|none|half|majority|almost|nearly|exactly)\b",
    re.IGNORECASE,
)
_PART = re.compile(
    r"[.;:()–—]\s|,(?!\d)|\b(?:and|but|or|while|whereas|which|who|because|so that|since|und|aber|y|pero|et|mais)\b",
    re.IGNORECASE,
)


def moments_are_given(cited: Cited) -> bool:
    """Every date, time and period is in what is cited."""
    return next(ungrounded(cited.moments, cited.known_moments), None) is None


def names_are_given(cited: Cited) -> bool:
    """Every address, number to call, code, quotation and name is in what is cited."""
    text, evidence = cited.text, cited.everything
    folded = fold(evidence)
    if not set(names.addresses(text)) <= set(names.addresses(evidence)):
        return False
    if not set(names.phones(text)) <= set(names.phones(evidence)):
        return False
    known = set(names.codes(evidence)) | set(re.findall(r"[^\W_]+", folded))
    if any(code not in known for code in names.codes(text)) or any(q not in folded for q in names.quotations(text)):
        return False
    return all(_name_is_given(run, begins, cited) for run, begins in names.capitalised(cited.rest, cited.language))


def _name_is_given(run: tuple[str, ...], begins: bool, cited: Cited) -> bool:
    stems = names.stems(run, cited.language)
    if len(run) > 1:
        return " ".join(stems) in cited_stems(cited)
    if cited.language == "german":
        return True
    return all(each in cited.named or (begins and _is_common(each, run[0], cited)) for each in stems)


def cited_stems(cited: Cited) -> str:
    """All words of what is cited as stems, in order."""
    return " ".join(names.stems(tuple(re.findall(r"[^\W_]+", fold(cited.everything))), cited.language))


def _is_common(each: str, word: str, cited: Cited) -> bool:
    """Whether a word that begins a sentence is known as an ordinary one, and so is no name."""
    if each in GLUE or synonyms(each) or each in term_set(cited.evidence.question, cited.language):
        return True
    every = " ".join(passage.text for passage in cited.evidence.passages.values())
    return re.search(rf"\b{re.escape(word)}\b", f"{every} {cited.wording}") is not None


def polarity_is_kept(cited: Cited) -> bool:
    """Nothing is denied that is asserted, nor the other way round; no word gives way to its opposite."""
    if cited.rows:
        said = f"{cited.row_text}\n{cited.evidence.template}"
        if not cited.passages:
            return denies(cited.text) <= denies(said) and not opposes(cited.text, [cited.wording])
    likest = [unit.text for unit in most_like(cited)]
    if contradicts(cited.text, likest, cited.language) or denials(cited.text) > sum(map(denials, likest)):
        return False
    return not opposes(cited.text, likest) and _bounds_are_kept(cited)


def _bounds_are_kept(cited: Cited) -> bool:
    """No "within 60 days" of what is only "after 60 days"."""
    for number in cited.numbers:
        side = bound(cited.rest, number.start)
        if side is None:
            continue
        given = [
            bound(unit.text, each.start)
            for _, unit, _ in cited.units
            for each in numbers(unit.text)
            if agrees(number, each)
        ]
        if given and all(other not in (side, None) for other in given):
            return False
    return True


def most_like(cited: Cited) -> list[Unit]:
    """The units of the passages cited that hold most of the claim's words, the best first, at most `UNITS`."""
    wanted = set(cited.terms)
    ranked = sorted(cited.units, key=lambda each: -len(wanted & each[2]))
    best = len(wanted & ranked[0][2]) if ranked else 0
    return [unit for _, unit, words in ranked[:UNITS] if len(wanted & words) >= max(1, best / 2)]


def nothing_is_inferred(cited: Cited) -> bool:
    """Words that rank, compare, total or give a cause are only used where what is cited uses them."""
    if cited.rows and not cited.passages:
        folded = fold(cited.wording)
        return all(_stem_in(found.group(), folded) for found in _RANKS.finditer(cited.text))
    folded = fold(cited.everything)
    return all(_stem_in(found.group(), folded) for found in _STRICT.finditer(cited.text))


def _stem_in(words: str, folded: str) -> bool:
    return all(re.search(rf"\b{re.escape(word[: max(4, len(word) - 3)])}", folded) for word in fold(words).split())


def words_are_given(cited: Cited) -> bool:
    """Most content words are in what is cited, and most of them together in a few units."""
    wanted = [term for term in cited.terms if term not in GLUE]
    if cited.share(wanted, cited.words) < LEAST_WORDS:
        return False
    if cited.rows:
        return True
    likest = frozenset().union(*(term_set(unit.text, cited.language) for unit in most_like(cited)))
    likest |= term_set(cited.context, cited.language)
    if cited.share(wanted, likest) < LEAST_IN_UNITS:
        return False
    return all(cited.share(part, likest) >= LEAST_IN_CLAUSE for part in _parts(cited))


def _parts(cited: Cited) -> list[list[str]]:
    """The content words of each clause, relative ones apart, that has at least two."""
    found, start = [], 0
    for end in [match.start() for match in _PART.finditer(cited.rest)] + [len(cited.rest)]:
        own = [term for term in cited.terms_between(start, end) if term not in GLUE]
        if len(own) >= 2:
            found.append(own)
        start = end
    return found


RULES: tuple[tuple[str, Callable[[Cited], bool]], ...] = (
    ("figure", figures_are_given),
    ("moment", moments_are_given),
    ("name", names_are_given),
    ("exchanged", figures_are_of_that),
    ("polarity", polarity_is_kept),
    ("inferred", nothing_is_inferred),
    ("unsupported", words_are_given),
)
"""(reason, rule): a claim is dropped for the first rule that it breaks."""


def states_nothing(text: str, cited: Cited) -> bool:
    """Whether a sentence without citations holds nothing to check: "Here is how it works:"."""
    own = [term for term in terms(text, cited.language) if term not in GLUE]
    nothing = not own and not cited.numbers and not cited.moments and not denies(text)
    alone = not names.addresses(text) and not names.codes(text) and not names.quotations(text)
    return nothing and alone and len(text.split()) <= 8 and not any(c.isdigit() for c in text)
