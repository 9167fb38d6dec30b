"""How well personal data is found: span precision, recall and F2 by kind, and characters that would leak.

    python bench/pii.py --data FOLDER        # or ANSWERABLE_BENCH_DATA; reads FOLDER/pii/presidio.jsonl

A found span counts as right if it overlaps a true span of the same group of kinds. `leaked` is the share of the true
spans' characters (letters and digits) that no found span of any kind covers.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections import defaultdict
from pathlib import Path

from ingest.pii import PiiSpan, detect_patterns, open_detector

GROUPS = {"US_DRIVER_LICENSE": "DRIVER_LICENSE", "ZIP_CODE": "STREET_ADDRESS"}
SCORED = (
    "EMAIL_ADDRESS", "PHONE_NUMBER", "CREDIT_CARD", "IBAN_CODE", "US_SSN", "IP_ADDRESS", "DRIVER_LICENSE",
    "STREET_ADDRESS", "PERSON",
)  # fmt: skip


def read(folder: Path) -> list[tuple[str, list[PiiSpan]]]:
    """Texts with their true spans of the scored kinds."""
    rows = []
    for line in (folder / "pii" / "presidio.jsonl").read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        spans = [PiiSpan(s["start"], s["end"], GROUPS.get(s["type"], s["type"]), 1.0) for s in row["spans"]]
        rows.append((row["text"], [span for span in spans if span.kind in SCORED]))
    return rows


def overlap(one: PiiSpan, other: PiiSpan) -> bool:
    """Whether two spans share a character."""
    return one.start < other.end and other.start < one.end


def score(rows: list[tuple[str, list[PiiSpan]]], found: list[tuple[PiiSpan, ...]], show: str) -> None:
    """Print the table of scores, and the misses and false alarms of the kind `show`."""
    counts: dict[str, list[float]] = defaultdict(lambda: [0, 0, 0, 0, 0])  # true, hit, found, right, leaked characters
    characters: dict[str, int] = defaultdict(int)
    for (text, truth), spans in zip(rows, found, strict=True):
        for true in truth:
            hit = any(overlap(true, s) and s.kind == true.kind for s in spans)
            counts[true.kind][0] += 1
            counts[true.kind][1] += hit
            open_ = [i for i in range(true.start, true.end) if text[i].isalnum()]
            characters[true.kind] += len(open_)
            counts[true.kind][4] += sum(not any(s.start <= i < s.end for s in spans) for i in open_)
            if show == true.kind and not hit:
                print("missed", repr(text[true.start : true.end]), "in", repr(text[:160]))
        for s in spans:
            fits = any(overlap(s, t) and s.kind == t.kind for t in truth)
            counts[s.kind][2] += 1
            counts[s.kind][3] += fits
            if show == s.kind and not fits:
                print("wrong ", repr(text[s.start : s.end]), "in", repr(text[:160]))
    print(f"{'kind':16} {'true':>5} {'prec':>6} {'rec':>6} {'F2':>6} {'leaked':>7}")
    for kind in SCORED:
        total, hits, number, exact, leaked = counts[kind]
        precision, recall = exact / number if number else 1.0, hits / total if total else 1.0
        f2 = 5 * precision * recall / (4 * precision + recall) if precision + recall else 0.0
        share = leaked / characters[kind] if characters[kind] else 0.0
        print(f"{kind:16} {total:5.0f} {precision:6.3f} {recall:6.3f} {f2:6.3f} {share:7.3f}")


def main() -> None:
    """Detect and score."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", default=os.environ.get("ANSWERABLE_BENCH_DATA"))
    parser.add_argument("--patterns-only", action="store_true")
    parser.add_argument("--show", default="", help="print the misses and false alarms of one kind")
    options = parser.parse_args()
    if not options.data or not (Path(options.data) / "pii").is_dir():
        sys.exit("No data: give the folder with pii/presidio.jsonl by --data or ANSWERABLE_BENCH_DATA.")
    rows = read(Path(options.data))
    texts = [text for text, _ in rows]
    started = time.perf_counter()
    patterns = [detect_patterns(text) for text in texts]
    print(f"patterns: {(time.perf_counter() - started) / len(texts) * 1e3:.3f} ms a text")
    if options.patterns_only:
        score(rows, patterns, options.show)
        return
    detector = open_detector()
    detector.detect(["Anna Smith lives here."])
    started = time.perf_counter()
    found = detector.detect(texts)
    print(f"with names: {(time.perf_counter() - started) / len(texts) * 1e3:.2f} ms a text")
    score(rows, found, options.show)


if __name__ == "__main__":
    main()
