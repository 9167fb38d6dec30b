"""What personal data would reach a language model: values planted in questions, passages and cells, kind by kind.

    python -m bench.model_privacy --data FOLDER    # or ANSWERABLE_BENCH_DATA; reads FOLDER/pii/presidio.jsonl

Each text of the set is sent once as a question, once as a passage and once as a cell, alone, through the same `Privacy`
as in service. `whole`: share of values that stand in what would be sent; `words`: share of their words (three
characters and more) that do. `changed` is the price: ordinary questions, and words of them, that were masked.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from app.llm.privacy import Privacy
from app.scrubbing import TOKEN, TokenMap
from ingest.pii import Detector, open_detector
from ingest.stores.snapshot import Snapshot

SAMPLE = Path(__file__).resolve().parents[1] / "data" / "sample" / "questions.jsonl"
KINDS = {
    "PERSON": "PERSON", "EMAIL_ADDRESS": "EMAIL_ADDRESS", "PHONE_NUMBER": "PHONE_NUMBER", "CREDIT_CARD": "CREDIT_CARD",
    "IBAN_CODE": "IBAN_CODE", "US_SSN": "US_SSN", "IP_ADDRESS": "IP_ADDRESS", "US_DRIVER_LICENSE": "DRIVER_LICENSE",
    "STREET_ADDRESS": "STREET_ADDRESS", "ZIP_CODE": "STREET_ADDRESS",
}  # fmt: skip
_WORD = re.compile(r"\w{3,}")


class NoSources:
    """An engine without sources."""

    def __init__(self, detector: Detector) -> None:
        self.detector = detector
        self.store: Any = self

    def snapshot(self) -> Snapshot:
        """Nothing is published."""
        return Snapshot()


def sent(privacy: Privacy, inputs: dict[str, Any]) -> str:
    """The inputs as they would be sent, without tokens."""
    scrubbed = privacy.scrubbed(inputs, (), TokenMap(), sources=())
    return TOKEN.sub(" ", json.dumps(scrubbed.values, ensure_ascii=False))


def places(text: str) -> Iterator[dict[str, Any]]:
    """The text as a question, as a passage, and as a cell."""
    yield {"question": text}
    yield {"passages": [{"n": 1, "title": "Notes", "text": text}]}
    yield {"columns": ["note", "amount"], "rows": [[text, 12.5], ["paid", 3]]}


def stands(value: str, text: str) -> bool:
    """Whether a value stands in a text as whole words, in any case."""
    return re.search(rf"(?<!\w){re.escape(value)}(?!\w)", text, re.IGNORECASE) is not None


def leaks(privacy: Privacy, path: Path) -> dict[str, dict[str, float]]:
    """Shares by kind over all places."""
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for line in path.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        for inputs in places(row["text"]):
            seen = sent(privacy, inputs).replace("\\n", "\n").replace('\\"', '"')
            for span in row["spans"]:
                if (kind := KINDS.get(span["type"])) is not None:
                    words = _WORD.findall(span["text"])
                    counts[kind].update(
                        values=1,
                        whole=stands(span["text"], seen),
                        words=len(words),
                        left=sum(stands(word, seen) for word in words),
                    )
    return {
        kind: {
            "values": c["values"] // 3,
            "whole": round(c["whole"] / c["values"], 4),
            "words": round(c["left"] / max(1, c["words"]), 4),
        }
        for kind, c in sorted(counts.items())
    }


def changed(privacy: Privacy, path: Path) -> dict[str, float]:
    """How many ordinary questions lose words, and the share of words lost."""
    questions = [json.loads(line)["question"] for line in path.read_text(encoding="utf-8").splitlines()]
    touched = lost = words = 0
    for question in questions:
        seen = sent(privacy, {"question": question})
        before, after = len(re.findall(r"\w+", question)), len(re.findall(r"\w+", seen)) - 1
        touched += before != after
        lost += before - after
        words += before
    return {"questions": len(questions), "changed": round(touched / len(questions), 4), "words": round(lost / words, 4)}


def documents(privacy: Privacy, folder: Path) -> dict[str, float]:
    """The share of words of ordinary documents that would be masked, paragraph by paragraph."""
    words = left = 0
    for path in sorted(folder.rglob("*.md")):
        for paragraph in path.read_text(encoding="utf-8").split("\n\n"):
            words += len(re.findall(r"\w+", paragraph))
            left += len(re.findall(r"\w+", sent(privacy, {"text": paragraph}).replace("\\n", " "))) - 1
    return {"words": words, "masked": round(1 - left / words, 4)}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", default=os.environ.get("ANSWERABLE_BENCH_DATA"))
    options = parser.parse_args()
    if not options.data or not (Path(options.data) / "pii").is_dir():
        sys.exit("No data: give the folder with pii/presidio.jsonl by --data or ANSWERABLE_BENCH_DATA.")
    privacy = Privacy(NoSources(open_detector()))
    sent(privacy, {"question": "Anna Smith lives here."})
    started = time.perf_counter()
    found = leaks(privacy, Path(options.data) / "pii" / "presidio.jsonl")
    seconds = time.perf_counter() - started
    price = {"sample": changed(privacy, SAMPLE), "sample_documents": documents(privacy, SAMPLE.parent)}
    spider = Path(options.data) / "text2sql" / "spider_dev.jsonl"
    if spider.exists():
        price["spider_dev"] = changed(privacy, spider)
    print(json.dumps({"sent_in_clear": found, "ordinary_questions": price, "seconds": round(seconds, 1)}, indent=1))


if __name__ == "__main__":
    main()
