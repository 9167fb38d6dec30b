"""Makes `app/llm/person_names.txt`: given and family names that are no ordinary words.

    python -m bench.person_names

The names are those of Faker's lists (MIT), of all its languages that write in Latin letters, without case and accents.
Those that are ordinary words too are marked in `ordinary_words.txt` instead. Nothing of the set that personal data is
measured on goes into it.
"""

from __future__ import annotations

from pathlib import Path

from app.llm.strict_names import ordinary_words
from bench.ordinary_words import names
from ingest.folding import fold

NAMES = Path(__file__).resolve().parents[1] / "app" / "llm" / "person_names.txt"
SHORTEST = 2


def main() -> None:
    """Collect and write."""
    folded = {fold(word) for word in names() - set(ordinary_words())}
    kept = sorted(word for word in folded if word.isascii() and word.isalpha() and len(word) >= SHORTEST)
    NAMES.write_text("\n".join(kept) + "\n", encoding="utf-8")
    print(len(kept), "names")


if __name__ == "__main__":
    main()
