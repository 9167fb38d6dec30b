"""What traces lose that is no personal data, and what personal data they keep, before and after `app/llm/things.py`.

    ANSWERABLE_HOME=HOME answerable ingest add data/sample/help-centre --public --name help-centre
    ANSWERABLE_HOME=HOME answerable ingest add data/sample/shop --describe data/sample/shop/describe.yaml --name shop
    python -m bench.trace_masking --home HOME [--data FOLDER] [--show]

`lost`: of the sample's questions and of their answers, those that a trace masks though nothing masked is a value of a
personal column or of a kind other than a name. `kept`, with FOLDER/pii/presidio.jsonl: planted values that would stand
in a trace, kind by kind, as `bench/model_privacy.py` counts them; `planted`: the names of that set in questions about
the shop; `namesakes`: the same and their surnames alone, if a product were named after each. `strict`: names of things
masked too, as on the way to a model.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec

from app.answer import answer
from app.asking import question_from
from app.engine import Engine
from app.llm.catalog_words import things_of
from app.llm.known_values import NAMED
from app.llm.personal_columns import PersonalColumns
from app.llm.privacy import Privacy
from app.llm.strict_detection import strict_spans
from app.llm.things import NOTHING, Things
from app.ops.traces import _content, _shortened
from app.scrubbing import TOKEN, TokenMap
from app.settings import Settings
from app.values import Caller
from bench.model_privacy import KINDS, SAMPLE, stands

Masked = Callable[[list[str]], list[str]]
PLANTED = (
    "my name is {name}, where is my order?", "Hi, {name} here: can I return the {thing}?", "orders of {name} in 2024",
    "Did {name} buy the {thing}?", "{name} wants to know what the {thing} costs", "Who is {name}?",
    "How many {brand} products did {name} buy?", "the {thing} of {name} leaks", "{name}'s {thing} was never delivered",
    "Please send the {thing} to {name}, and a receipt to {brand}", "I am {name} and my {brand} boots broke",
    "{brand} or {name}?", "{name}", "Is {name} still with {brand}?",
)  # fmt: skip
"""Questions in which a name stands beside things of the catalog."""
_WORD = re.compile(r"\w{3,}")


class Strict(Privacy):
    """Privacy that knows no things."""

    def _published(self, readers: Sequence[Any]) -> Things:
        return NOTHING


def lost(engine: Engine, privacies: dict[str, Privacy], *, show: bool) -> dict[str, Any]:
    """How many questions and answers of the sample lose words that are nobody's, for each way of masking."""
    columns = [PersonalColumns(reader) for reader in engine.store.snapshot().sources.values()]
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for line in SAMPLE.read_text(encoding="utf-8").splitlines():
        asked = json.loads(line)["question"]
        told = answer(question_from(asked, engine, Caller(role="analyst")), engine)
        texts = [asked, *_content(msgspec.to_builtins(_shortened(told)))]
        for way, privacy in privacies.items():
            wrong = [_wrongly(text, masked, columns) for text, masked in _masked(privacy, texts)]
            counts[way].update(
                questions=bool(wrong[0]), answers=any(wrong[1:]), words=sum(len(v.split()) for w in wrong for v in w)
            )
            if show and any(wrong):
                print(way, "|", asked, "|", wrong[0], sorted({v for each in wrong[1:] for v in each})[:12])
    return {way: dict(found) for way, found in counts.items()}


def _masked(privacy: Privacy, texts: list[str]) -> list[tuple[str, str]]:
    return list(zip(texts, privacy.masked(texts), strict=True))


def _wrongly(text: str, masked: str, columns: Sequence[PersonalColumns]) -> list[str]:
    """The parts of a text that a token of a name stands for and that are no value of a personal column."""
    if text == masked:
        return []
    pieces = [re.escape(piece) for piece in TOKEN.split(masked)]
    found = re.fullmatch("(.+?)".join(pieces), text, re.DOTALL)
    kinds = [token.strip("<>").rsplit("_", 1)[0] for token in TOKEN.findall(masked)]
    values = found.groups() if found is not None else (text,) * len(kinds)
    named = [value for kind, value in zip(kinds, values, strict=True) if kind in NAMED]
    return [value for value in named if not any(list(each.spans(value)) for each in columns)]


def kept(privacy: Privacy, path: Path) -> dict[str, dict[str, float]]:
    """Shares of planted values, and of their words, that stand in a trace."""
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for line in path.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        (seen,) = privacy.masked([row["text"]])
        for span in row["spans"]:
            if (kind := KINDS.get(span["type"])) is not None:
                counts[kind].update(_counted(span["text"], TOKEN.sub(" ", seen)))
    return {kind: _shares(found) for kind, found in sorted(counts.items())}


def planted(privacy: Privacy, path: Path, engine: Engine) -> dict[str, float]:
    """The same for the names of the set in questions about the shop's products and brands."""
    counts: Counter[str] = Counter()
    for name, question in _questions(_names(path), engine):
        (seen,) = privacy.masked([question])
        counts.update(_counted(name, TOKEN.sub(" ", seen)))
    return _shares(counts)


def namesakes(path: Path, engine: Engine) -> dict[str, dict[str, float]]:
    """The same where a jacket is named after each surname: the whole names, and the surnames alone."""
    names = [name for name in _names(path) if " " in name and name[0].isupper()]
    surnames = sorted({name.split()[-1] for name in names if name.split()[-1][0].isupper()})
    things = things_of([f"{surname} Jacket" for surname in surnames])
    found = {}
    for people, listed in (("names", names), ("surnames", surnames)):
        for way, known in (("strict", NOTHING), ("traces", things)):
            counts: Counter[str] = Counter()
            for name, question in _questions(listed, engine):
                spans = strict_spans(question, engine.detector.detect([question])[0], (), known)
                counts.update(_counted(name, TokenMap().masked(question, spans)))
            found[f"{people}_{way}"] = _shares(counts)
    return found


def _names(path: Path) -> list[str]:
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    return sorted({span["text"] for row in rows for span in row["spans"] if span["type"] == "PERSON"})


def _questions(names: Sequence[str], engine: Engine) -> Iterator[tuple[str, str]]:
    index = engine.store.snapshot().sources["shop"].values
    assert index is not None
    things, brands = (index.frequent("products", column, 500) for column in ("product_name", "brand"))
    chance = random.Random(7)
    for name in names:
        for template in chance.sample(PLANTED, 4):
            yield name, template.format(name=name, thing=chance.choice(things), brand=chance.choice(brands))


def _counted(value: str, seen: str) -> dict[str, int]:
    words = _WORD.findall(value)
    left = sum(stands(word, seen) for word in words)
    return {"values": 1, "whole": stands(value, seen), "words": len(words), "left": left}


def _shares(c: Counter[str]) -> dict[str, float]:
    words = max(1, c["words"])
    return {"values": c["values"], "whole": round(c["whole"] / c["values"], 4), "words": round(c["left"] / words, 4)}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--home", required=True, type=Path)
    parser.add_argument("--data", default=os.environ.get("ANSWERABLE_BENCH_DATA"))
    parser.add_argument("--show", action="store_true", help="print each question with what it lost")
    options = parser.parse_args()
    engine = Engine(Settings(home=options.home, trace_retention_days=0))
    privacies = {"strict": Strict(engine), "traces": Privacy(engine)}
    found: dict[str, Any] = {"lost": lost(engine, privacies, show=options.show)}
    path = Path(options.data or "") / "pii" / "presidio.jsonl"
    for way, privacy in privacies.items():
        if path.is_file():
            started = time.perf_counter()
            found |= {f"kept_{way}": kept(privacy, path), f"planted_{way}": planted(privacy, path, engine)}
            found[f"seconds_{way}"] = round(time.perf_counter() - started, 1)
    if path.is_file():
        found["namesakes"] = namesakes(path, engine)
    print(json.dumps(found, indent=1))
    engine.close()


if __name__ == "__main__":
    main()
