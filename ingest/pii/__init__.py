"""Personal data in text: where it is and of what kind.

patterns.py    e-mail addresses, phone numbers, cards, IBANs …: regular expressions and checksums, no heavy import
addresses.py   street addresses
detector.py    all of these, and names of people by Presidio over spaCy
columns.py     the kind of a whole column, by its name and its values
spans.py       the value that all of them give
"""

from ingest.pii.columns import kind_of_column
from ingest.pii.detector import Detector, open_detector
from ingest.pii.patterns import detect_patterns
from ingest.pii.spans import KINDS, PiiSpan, mask_kind

__all__ = ["KINDS", "Detector", "PiiSpan", "detect_patterns", "kind_of_column", "mask_kind", "open_detector"]
