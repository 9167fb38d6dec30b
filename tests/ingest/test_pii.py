"""Detection of personal data: each kind with near misses, offsets, speed, and no torch and no network."""

import subprocess
import sys
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.pii import detect_patterns, kind_of_column, mask_kind, open_detector


@pytest.mark.parametrize(
    ("kind", "text", "found"),
    [
        ("EMAIL_ADDRESS", "write to Ann.O'Neil+x@mail.example.co.uk.", "Ann.O'Neil+x@mail.example.co.uk"),
        ("EMAIL_ADDRESS", "root@intranet.local, please", "root@intranet.local"),
        ("EMAIL_ADDRESS", "mail svc@buildhost now", "svc@buildhost"),
        ("CREDIT_CARD", "card 4111 1111 1111 1111 expires", "4111 1111 1111 1111"),
        ("CREDIT_CARD", "378282246310005", "378282246310005"),
        ("IBAN_CODE", "to DE89 3704 0044 0532 0130 00 today", "DE89 3704 0044 0532 0130 00"),
        ("IBAN_CODE", "GB29NWBK60161331926819", "GB29NWBK60161331926819"),
        ("US_SSN", "SSN 536-90-4399.", "536-90-4399"),
        ("IP_ADDRESS", "from 192.168.10.1 port", "192.168.10.1"),
        ("IP_ADDRESS", "host 2001:db8::ff00:42:8329 up", "2001:db8::ff00:42:8329"),
        ("PHONE_NUMBER", "ring +49 30 123456-78", "+49 30 123456-78"),
        ("PHONE_NUMBER", "call (212) 555-0142 now", "(212) 555-0142"),
        ("PHONE_NUMBER", "905-674-3793", "905-674-3793"),
        ("PHONE_NUMBER", "my phone is 467 3395", "467 3395"),
        ("STREET_ADDRESS", "at 12 Old Mill Road, Springfield 62704", "12 Old Mill Road, Springfield 62704"),
        ("STREET_ADDRESS", "Hauptstraße 5 in Bonn", "Hauptstraße 5"),
        ("DRIVER_LICENSE", "driver's license F162823540116 held", "F162823540116"),
        ("PASSPORT", "passport number C01234567", "C01234567"),
    ],
)
def test_a_kind_is_found(kind: str, text: str, found: str) -> None:
    spans = detect_patterns(text)
    assert [(s.kind, text[s.start : s.end]) for s in spans] == [(kind, found)]


@pytest.mark.parametrize(
    "text",
    [
        "4111 1111 1111 1112",  # Luhn fails
        "DE88 3704 0044 0532 0130 00",  # modulo 97 fails
        "000-12-3456",
        "an odds ratio of 0.57 (0.44-0.74) and 1457.60-2761.80",
        "During 1971, it grew.",
        "In 1886, Robert Lane left.",
        "version 1.2.3 of 2024",
        "2024-03-05 10:15:30",
        "from 2019-2024, 12 345 678 euros",
        "1,234,567.89",
        "@home and #5",
        "https://example.org/a/b",
        "300.400.500.600",
        "It opened in 1999 with 12 people.",
    ],
)
def test_near_misses(text: str) -> None:
    assert detect_patterns(text) == ()


@given(st.text(max_size=300))
def test_spans_lie_in_the_text_in_order_without_overlap(text: str) -> None:
    end = 0
    for span in detect_patterns(text):
        assert end <= span.start < span.end <= len(text)
        end = span.end


@pytest.mark.parametrize(
    "text", ["1-" * 4000, "a@" * 4000, "1 (" * 3000, "A b " * 3000 + "1", "::" * 4000, "Rua A" * 2000]
)
def test_hostile_texts_take_no_long_time(text: str) -> None:
    started = time.perf_counter()
    detect_patterns(text)
    assert time.perf_counter() - started < 2


def test_names_are_found_in_batches_with_offsets() -> None:
    texts = ["nothing here", "Write to Anna Smith, anna@corp.local.", "x " * 12_000 + "Barack Obama spoke in Berlin."]
    none, some, long = open_detector().detect(texts)
    assert none == ()
    assert [(s.kind, texts[1][s.start : s.end]) for s in some] == [
        ("PERSON", "Anna Smith"),
        ("EMAIL_ADDRESS", "anna@corp.local"),
    ]
    assert [texts[2][s.start : s.end] for s in long if s.kind == "PERSON"] == ["Barack Obama"]
    assert all(s.kind != "PERSON" for s in open_detector().detect([texts[1]], names=False)[0])


_FRESH = """
import socket, sys
def refuse(*args, **kwargs): raise AssertionError("network")
socket.socket.connect = refuse; socket.getaddrinfo = refuse
from ingest.pii import detect_patterns, open_detector
assert detect_patterns("a@b.org") and "spacy" not in sys.modules
assert open_detector().detect(["Anna Smith wrote a@intranet.local"])[0]
assert "torch" not in sys.modules and "transformers" not in sys.modules
assert not [name for name in sys.modules if name.startswith("spacy.cli")]
from spacy.cli.info import info
assert info(silent=True)["spacy_version"]
print("fine")
"""


def test_a_fresh_process_loads_no_torch_and_asks_no_network() -> None:
    done = subprocess.run([sys.executable, "-c", _FRESH], capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "fine", done.stderr


@pytest.mark.parametrize(
    ("name", "values", "kind"),
    [
        ("contact", ["a@b.org", "c@d.org"], "EMAIL_ADDRESS"),
        ("Email", ["a@b.org"], "EMAIL_ADDRESS"),
        ("CustomerPhone", ["555 0101", "555 0102"], "PHONE_NUMBER"),
        ("phone", ["iPhone 15", "Galaxy"], None),
        ("konto", ["DE89370400440532013000"], "IBAN_CODE"),
        ("home_address", ["somewhere long"], "STREET_ADDRESS"),
        ("name", ["Anna", "Bo"], None),
        ("city", ["Berlin", "Rome"], None),
        ("comment", ["ok", "write a@b.org please", "fine", "no"], None),
    ],
)
def test_kinds_of_columns(name: str, values: list[str], kind: str | None) -> None:
    assert kind_of_column(name, values) == kind


def test_card_numbers_stored_as_integers() -> None:
    cards = [4111111111111111, 5500005555555559, 4012888888881881, 378282246310005, 6011111111111117]
    assert kind_of_column("n", cards, text=False) == "CREDIT_CARD"
    assert kind_of_column("n", [n + 1 for n in cards], text=False) is None


def test_words_of_description_files() -> None:
    assert (mask_kind("email"), mask_kind("IBAN_CODE"), mask_kind("nose")) == ("EMAIL_ADDRESS", "IBAN_CODE", None)
