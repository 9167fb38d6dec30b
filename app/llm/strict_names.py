"""Names of people as a text that leaves for a model is searched for them: whatever is capitalised and no ordinary word.

A tagger of names misses a third of them (`bench/pii.py`). On the way to a model a word masked for nothing costs little,
as it comes back afterwards, so here the question is turned round: what is surely no name? Ordinary words are those of
`ordinary_words.txt` (`bench/ordinary_words.py`), their inflections, and the words that the asked sources call their
tables and columns. In a text without capitals every word counts that is neither ordinary nor nearly one (misspelt).
Letters of scripts without capitals are masked as they come.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Collection, Iterator, Sequence
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Literal, NamedTuple, TypeAlias

from app.llm.things import NOTHING, Things, normal
from ingest.pii.spans import PiiSpan

NAME = "NAME"
"""Kind of what may be a name of anything: people, places, products."""
SCORE = 0.5
Class: TypeAlias = Literal["plain", "often", "seldom", "small", "unknown", "initial", "particle"]
"""`often` and `seldom`: ordinary words that are names too, and how often they are the word; `small`: such a word where
capitals say nothing.
"""

WORD = re.compile(r"[^\W\d_](?:[^\W\d_]|['’´`-](?=[^\W\d_]))*")
_PARTICLES = frozenset(
    re.findall(r"\w+", "van von vom zu zum zur der den de del della di da dal do dos das du la le las los el al")
) | {"bin", "ibn", "ben", "bint", "af", "av", "ter", "ten", "te", "y", "e"}
_ENDINGS = frozenset({"s", "t", "m", "re", "ve", "ll", "d", "em", "all", "clock"})
"""What follows an apostrophe without being a name: `what's`, `don't`, `o'clock`."""
_SUFFIXES: tuple[tuple[str, str], ...] = (
    ("ies", "y"), ("ied", "y"), ("es", ""), ("s", ""), ("ed", ""), ("ed", "e"), ("ing", ""), ("ing", "e"), ("ly", ""),
    ("er", ""), ("er", "e"), ("ers", ""), ("able", ""), ("ness", ""), ("less", ""), ("ful", ""),
)  # fmt: skip
_PREFIXES = ("un", "re", "non", "pre", "sub", "over", "multi", "anti", "inter", "under", "out", "mis", "dis", "co")
_SHORTEST_STEM = 3
_LEAST_MISSPELT = 5
"""Letters under which a word is not taken for a misspelt one."""
ACRONYM = 4
"""Letters of the longest word in capitals that is rather an abbreviation than a name."""
_WINDOW = 16
"""Characters in which the end of the sentence before is looked for."""
_CODES = re.compile(r"(?<!^)\b(?:[A-Z]{1,5}|\w*\d\w*)\b")
_SHORT = 200
"""Characters up to which a text with one capital, its first letter, counts as one without."""
_JOINS = re.compile(r"[ \t\u00a0]{1,2}|\.[ \t\u00a0]?|[ \t]?&[ \t]?|[-’'´`]")
_AND = re.compile(r",? (?:and|or|und|et|y) |, ")
_BESIDE = re.compile(r"[ \t\u00a0\d&/-]{1,6}")
"""What may stand between two words of one name of a thing: `Lochan 2 Tent`."""
_SENTENCE_END = re.compile(r"(?:\A|[.!?:;•\n\r|>\"“”»)\]*#]|(?:^|\n)\s*[-–*]|\d[.)])\s*$")
_TITLES = r"(?:mr|mrs|ms|mx|miss|dr|prof|professor|sir|madam|herr|frau|monsieur|mme|mlle|m\.|señora?|sra?|signora?)\.?"
_CUES = re.compile(
    rf"\b(?:{_TITLES}|(?:first|last|middle|full|maiden|sur|user|family|given)? ?name(?:d|[’']s| is| was|:)?(?: of)?|"
    r"called|i am|i[’']m|this is|calls? me|dear|regards,|sincerely,?|cheers,|attn\.?:?|attention:|contact(?: person)?:|"
    r"customer(?: name)?:?|client:?|patient:?|employee:?|user:?|signed(?: by)?:?|on behalf of|spoke (?:to|with))"
    r"[ \t]+[\"“']?(?=[^\W\d_])",
    re.IGNORECASE,
)
_NAME_LINE = re.compile(
    r"^[ \t>*•#?-]*((?:[^\W\d_a-z][\w'’.-]*)(?:[ \t]+[^\W\d_a-z][\w'’.-]*){1,3})[ \t]*$", re.MULTILINE
)
_MOST_AFTER_CUE = 3
"""Words in lower case that a cue makes names."""


class _Word(NamedTuple):
    start: int
    end: int
    text: str
    kind: Class


def names_in(text: str, allowed: Collection[str] = (), things: Things = NOTHING) -> Iterator[PiiSpan]:
    """Spans of kind `NAME`, in no order; they may overlap. `allowed` are further ordinary words, case-folded.

    Names of `things` are left out, but not behind "my name is", in a run with other names or beside one.
    """
    small = _is_small(text)
    words = [_classed(match, allowed, things, small=small) for match in WORD.finditer(text)]
    found = [span for run in _runs(words, text) for span in _of_run(run, text)]
    found = list(_of_people(found, words, text, things))
    yield from found
    yield from _listed(words, {span.end for span in found}, text)
    yield from (span for span in _lines(text, allowed) if not _are_things(span, words, text, things))
    yield from _after_cues(words, text, allowed, things)
    if not text.isascii():
        yield from _without_case(text)


def tagged_things(text: str, spans: Sequence[PiiSpan], allowed: Collection[str], things: Things) -> frozenset[PiiSpan]:
    """Of what was taken for names of people, what is known to be a thing: a whole value, or words by their company.

    Words in lower case must be ordinary ones by themselves, as a name need not be written with capitals.
    """
    if things is NOTHING or not spans:
        return frozenset()
    words = [_classed(match, allowed, things, small=False) for match in WORD.finditer(text)]
    cued = list(_after_cues(words, text, allowed, things))
    return frozenset(
        span
        for span in spans
        if _is_tagged_thing(span, words, text, things)
        and not any(cue.start < span.end and span.start < cue.end for cue in cued)
    )


def is_ordinary(word: str) -> bool:
    """Whether a word is one that a capital letter does not make a name."""
    return _class(word.casefold()) in ("plain", "often")


def may_be_name(word: str) -> bool:
    """Whether a word is a name, or an ordinary word that is one too."""
    return _class(word.casefold()) not in ("plain", "initial")


def has_unknown(text: str) -> bool:
    """Whether a word of a text is no ordinary one, however seldom."""
    return any(_class(match.group().casefold()) == "unknown" for match in WORD.finditer(text))


def are_ordinary(text: str) -> bool:
    """Whether every word of a text is ordinary."""
    return all(is_ordinary(match.group()) for match in WORD.finditer(text))


def is_inflected(word: str, known: Collection[str]) -> bool:
    """Whether a word in lower case is a form of a known one: `refunds`, `invoicing`, `resold`."""
    for suffix, stem in _SUFFIXES:
        if word.endswith(suffix) and len(word) - len(suffix) >= _SHORTEST_STEM:
            bare = word[: -len(suffix)] + stem
            if bare in known or (len(bare) > 3 and bare[-1] == bare[-2] and bare[:-1] in known):
                return True
    return any(word.startswith(p) and len(word) > len(p) + 3 and word[len(p) :] in known for p in _PREFIXES)


@lru_cache(maxsize=1)
def ordinary_words() -> dict[str, str]:
    """Ordinary words, each with its mark: `*`, `?` or none."""
    lines = Path(__file__).with_name("ordinary_words.txt").read_text(encoding="utf-8").split()
    return {line.rstrip("*?"): line[len(line.rstrip("*?")) :] for line in lines}


@lru_cache(maxsize=50_000)
def _class(folded: str) -> Class:
    """How a word in lower case is classed by itself."""
    known = ordinary_words()
    if folded in known:
        return {"*": "often", "?": "seldom"}.get(known[folded], "plain")  # type: ignore[return-value]
    if len(folded) == 1:
        return "initial"
    parts = re.split(r"['’´`-]", folded)
    if len(parts) > 1:
        ends = [part for i, part in enumerate(parts) if not (i and part in _ENDINGS)]
        classes = {_class(part) for part in ends if part}
        return "plain" if classes <= {"plain", "often", "initial"} and "o" not in parts[:-1] else "unknown"
    return "plain" if is_inflected(folded, known) else "unknown"


def _is_small(text: str) -> bool:
    """Whether capitals say nothing in a text: it has none, or is a short one with none but in its first letter, in
    codes and in abbreviations.
    """
    if not any(map(str.isupper, text)):
        return True
    return len(text) <= _SHORT and not any(map(str.isupper, _CODES.sub("", text)[1:]))


def _classed(match: re.Match[str], allowed: Collection[str], things: Things, *, small: bool) -> _Word:
    text = match.group()
    folded = text.casefold()
    kind: Class = "plain"
    before, after = match.string[match.start() - 1 : match.start()], match.string[match.end() : match.end() + 1]
    in_identifier = (before and (before in "_@/#$" or before.isdigit())) or (
        after and (after in "_@" or after.isdigit())
    )
    if in_identifier or folded in allowed:
        kind = "plain"
    elif folded in _PARTICLES and text.islower():
        kind = "particle"
    elif any(map(str.isupper, text)):
        kind = _class(folded)
        if kind == "unknown" and text.isupper() and len(text) <= ACRONYM:
            kind = "often"  # VAT, SKU
        if kind in ("unknown", "seldom") and things.hold(text):
            kind = "often"
    elif small:
        found = _class(folded)
        unknown = found == "unknown" and len(folded) >= _SHORTEST_STEM and not _misspelt(folded)
        kind = "unknown" if unknown else "small" if found == "seldom" else "plain"
        if kind != "plain" and things.hold(text):
            kind = "plain"
    return _Word(match.start(), match.end(), text, kind)


@lru_cache(maxsize=10_000)
def _misspelt(folded: str) -> bool:
    """Whether a word is one slip away from an ordinary one that begins or ends alike."""
    from rapidfuzz import process
    from rapidfuzz.distance import OSA

    if len(folded) < _LEAST_MISSPELT:
        return False
    near = _by_ends().get(folded[:2], []) + _by_ends().get(folded[-2:] + "$", [])
    return process.extractOne(folded, near, scorer=OSA.distance, score_cutoff=1) is not None


@lru_cache(maxsize=1)
def _by_ends() -> dict[str, list[str]]:
    """Ordinary words by their first two letters, and by their last two with a `$` behind them."""
    found: dict[str, list[str]] = {}
    for word, mark in ordinary_words().items():
        if not mark and len(word) >= _LEAST_MISSPELT - 1:
            found.setdefault(word[:2], []).append(word)
            found.setdefault(word[-2:] + "$", []).append(word)
    return found


def _runs(words: Sequence[_Word], text: str) -> Iterator[list[_Word]]:
    """Words that could be of one name: with a capital, initials, or particles, and nothing but blanks between."""
    run: list[_Word] = []
    for word in words:
        if run and run[-1].kind == "particle" and word.kind == "plain" and word.text[0].isupper():
            word = word._replace(kind="often")  # Willemine ten Pas
        if run and (word.kind == "plain" or not _JOINS.fullmatch(text, run[-1].end, word.start)):
            yield run
            run = []
        if word.kind != "plain":
            run.append(word)
    if run:
        yield run


def _of_run(run: list[_Word], text: str) -> Iterator[PiiSpan]:
    """The names of a run: all of it if one word is surely none but a name, or two may be names."""
    while run and run[-1].kind == "particle":
        run = run[:-1]
    while run and run[0].kind == "particle":
        run = run[1:]
    if not run:
        return
    first = _SENTENCE_END.search(text, max(0, run[0].start - _WINDOW), run[0].start) is not None
    weights = [_weight(word, begins=first and i == 0) for i, word in enumerate(run)]
    if max(weights) < 2 and sum(weight >= 1 for weight in weights) < 2:
        return
    start = next(i for i, weight in enumerate(weights) if weight or run[i].kind in ("initial", "small"))
    yield PiiSpan(run[start].start, run[-1].end, NAME, SCORE)


def _of_people(found: Sequence[PiiSpan], words: Sequence[_Word], text: str, things: Things) -> Iterator[PiiSpan]:
    """The spans that do not name things; what is listed with a name of people is one too."""
    people = [not _are_things(span, words, text, things) for span in found]
    beside = [_AND.fullmatch(text, one.end, other.start) is not None for one, other in pairwise(found)]
    for i, joined in enumerate(beside):
        people[i + 1] |= joined and people[i]
    for i, joined in reversed(list(enumerate(beside))):
        people[i] |= joined and people[i + 1]
    yield from (span for span, is_person in zip(found, people, strict=True) if is_person)


def _are_things(span: PiiSpan, words: Sequence[_Word], text: str, things: Things) -> bool:
    """Whether every word of a span that could be a name names a thing, by itself or with the word beside it."""
    return things is not NOTHING and all(
        words[i].kind in ("plain", "particle") or things.name(words[i].text) or _is_thing(i, words, text, things)
        for i in _within(span, words)
    )


def _is_tagged_thing(span: PiiSpan, words: Sequence[_Word], text: str, things: Things) -> bool:
    within = _within(span, words)
    said = [words[i].text for i in within]
    named = [_is_thing(i, words, text, things) for i in within]
    rest = [word for word, thing in zip(said, named, strict=True) if not thing]
    return things.value(said) or all(_class(word.casefold()) == "plain" for word in rest)


def _is_thing(i: int, words: Sequence[_Word], text: str, things: Things) -> bool:
    """Whether a word and the one before or behind it are of one thing."""
    return any(
        things.pair(one.text, other.text) and _BESIDE.fullmatch(text, one.end, other.start) is not None
        for one, other in pairwise(words[max(0, i - 1) : i + 2])
    )


def _within(span: PiiSpan, words: Sequence[_Word]) -> range:
    """Which words begin in a span."""
    return range(*(bisect_left(words, at, key=lambda word: word.start) for at in (span.start, span.end)))


def _listed(words: Sequence[_Word], ends: Collection[int], text: str) -> Iterator[PiiSpan]:
    """What follows a name and "and" or a comma, and is a name at times: `Muslija and Brown`."""
    for i, word in enumerate(words):
        if word.kind in ("often", "seldom"):
            before = next((w for w in reversed(words[max(0, i - 2) : i]) if w.end in ends), None)
            if before is not None and _AND.fullmatch(text, before.end, word.start):
                yield PiiSpan(word.start, word.end, NAME, SCORE)


def _lines(text: str, allowed: Collection[str]) -> Iterator[PiiSpan]:
    """Lines and cells that are nothing but two to four words with capitals, one of them no ordinary word."""
    for line in _NAME_LINE.finditer(text):
        words = [match.group().casefold() for match in WORD.finditer(line[1])]
        if 2 <= len(words) <= 4 and any(w not in allowed and _class(w) == "unknown" for w in words):
            yield PiiSpan(line.start(1), line.end(1), NAME, SCORE)


def _weight(word: _Word, *, begins: bool) -> int:
    """2: a name; 1: one beside another; 0: none. `begins`: the capital says nothing."""
    if word.kind == "unknown":
        return 2
    if word.kind == "seldom":
        return 1 if begins else 2
    return 1 if word.kind == "often" and (not begins or has_unknown(word.text)) else 0


def _after_cues(words: Sequence[_Word], text: str, allowed: Collection[str], things: Things) -> Iterator[PiiSpan]:
    """What follows "Mr", "my name is", "customer": words that are no ordinary ones, in lower case too."""
    for cue in _CUES.finditer(text):
        if things.labels and _is_label(cue, words, things):
            continue
        title = re.match(_TITLES, cue.group().strip(), re.IGNORECASE) is not None
        following = [word for word in words if word.start >= cue.end()][:_MOST_AFTER_CUE]
        end = cue.end()
        for word in following:
            if text[end : word.start].strip(" \t.\"“'"):
                break
            folded = word.text.casefold()
            kind = "plain" if folded in allowed else _class(folded)
            capital = word.text[0].isupper()
            if not (kind in ("unknown", "seldom") or (capital and (title or kind == "often")) or kind == "initial"):
                break
            if kind == "initial" and not capital:
                break
            yield PiiSpan(word.start, word.end, NAME, SCORE)
            end = word.end


def _is_label(cue: re.Match[str], words: Sequence[_Word], things: Things) -> bool:
    """Whether a cue is what a published column is called: `product name`."""
    end = bisect_left(words, cue.end(), key=lambda word: word.start)
    said = [word.text for word in words[max(0, end - 2) : end]]
    return len(said) == 2 and normal(said[1]) == "name" and things.label(said)


def _without_case(text: str) -> Iterator[PiiSpan]:
    """Runs of letters that have no capitals: names cannot be told from other words there."""
    for match in re.finditer(r"[^\W\d_]+", text):
        found = match.group()
        if not found.isascii() and any(c.lower() == c.upper() for c in found if ord(c) > 0x2AF):
            yield PiiSpan(match.start(), match.end(), NAME, SCORE)
