"""The lexical store: English words by stem, no query syntax, only visible passages, and no write into the segment."""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.languages import language_of
from ingest.stores.lexical import Entry, LexicalIndex, build_lexical

BOTH = ("public", "internal")
ENTRIES = [
    Entry(0, "public", "Returns", "", "You may return goods within 30 days of the delivery."),
    Entry(1, "internal", "Returns", "For staff", "Returned goods are inspected by the warehouse."),
    Entry(2, "public", "Opening hours", "", "The crème brûlée café opens at nine."),
    Entry(3, "public", "Warehouse", "", "Nothing else."),
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("segment") / "lexical"
    build_lexical(folder, ENTRIES)
    return folder


@pytest.fixture(scope="module")
def index(folder: Path) -> LexicalIndex:
    return LexicalIndex(folder)


def found(index: LexicalIndex, text: str, visibilities: tuple[str, ...] = BOTH, k: int = 10) -> list[int]:
    return [ordinal for ordinal, _ in index.search(text, k, visibilities)]


def test_words_are_found_by_their_stem(index: LexicalIndex) -> None:
    assert set(found(index, "returning a delivered good")) == {0, 1}
    assert found(index, "Creme Brulee") == [2]


def test_a_word_counts_for_more_in_fewer_words(index: LexicalIndex) -> None:
    assert found(index, "warehouse") == [3, 1]


def test_neighbours_of_the_same_document_lend_their_words(tmp_path: Path) -> None:
    entries = [
        Entry(0, "public", "Tents", "", "Seams of silnylon tents need sealing.", 1),
        Entry(1, "public", "Tents", "", "Let it dry overnight.", 1),
        Entry(2, "public", "Boots", "", "Let it dry overnight.", 2),
    ]
    build_lexical(tmp_path / "lexical", iter(entries))
    index = LexicalIndex(tmp_path / "lexical")
    assert found(index, "silnylon") == [0, 1]
    assert found(index, "silnylon dry") == [0, 1, 2]


def test_only_allowed_passages_are_found(index: LexicalIndex, monkeypatch: pytest.MonkeyPatch) -> None:
    allowed = np.array([False, True, True, True])
    for few in (2_000, 0):
        monkeypatch.setattr("ingest.stores.lexical._FEW", few)
        assert [o for o, _ in index.search("goods warehouse", 10, BOTH, allowed)] == [1, 3]
        assert index.search("goods", 10, BOTH, np.zeros(4, bool)) == []


def test_function_words_find_nothing(index: LexicalIndex) -> None:
    assert found(index, "How do I do this with the?") == []
    assert found(index, "") == []


def test_only_visible_passages_are_found(index: LexicalIndex) -> None:
    assert found(index, "goods warehouse", ("public",)) == [3, 0]
    assert found(index, "goods", ("internal",)) == [1]
    assert found(index, "goods", ()) == []


def test_at_most_k(index: LexicalIndex) -> None:
    assert len(found(index, "goods returns", k=1)) == 1
    assert found(index, "goods returns", k=0) == []


@pytest.mark.parametrize("text", ['"', "title:", "a AND", "(goods", "goods)^3", "+-!*?~[]{}", "[a TO b]", "\\", "\0"])
def test_query_syntax_means_nothing(index: LexicalIndex, text: str) -> None:
    assert all(ordinal in (0, 1) for ordinal in found(index, text))


@settings(deadline=None, max_examples=100)
@given(st.text())
def test_any_text_is_a_query(index: LexicalIndex, text: str) -> None:
    assert len(found(index, text)) <= len(ENTRIES)


def test_searching_leaves_the_segment_as_it_was(folder: Path) -> None:
    before = sorted(folder.iterdir())
    assert found(LexicalIndex(folder), "goods")
    assert sorted(folder.iterdir()) == before


def test_threads_share_an_index(index: LexicalIndex) -> None:
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: found(index, "returned goods"), range(200)))
    assert all(answer == answers[0] for answer in answers)


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to become a user who may not write")
def test_another_user_can_read_it(folder: Path) -> None:
    for path in (*folder.parents, folder):
        path.chmod(path.stat().st_mode | 0o055)
        if path == Path(path.anchor) or path.name == "tmp":
            break
    for path in folder.iterdir():
        path.chmod(0o644)
    code = (
        "import os, sys, pathlib\n"
        "from ingest.stores.lexical import LexicalIndex, analyser\n"
        "analyser(); os.setuid(65534)\n"
        "print(LexicalIndex(pathlib.Path(sys.argv[1])).search('goods', 5, ('internal',)))"
    )
    done = subprocess.run([sys.executable, "-c", code, str(folder)], capture_output=True, text=True)
    assert done.stdout.startswith("[(1, "), done.stderr


def test_an_empty_index(tmp_path: Path) -> None:
    build_lexical(tmp_path / "lexical", [])
    assert found(LexicalIndex(tmp_path / "lexical"), "goods") == []


LANGUAGES = [
    Entry(0, "public", "Rückgabe", "", "Sie können Artikel innerhalb von 30 Tagen nach der Lieferung zurückgeben."),
    Entry(1, "public", "Envíos", "", "Los pedidos llegan en tres días y los gastos de envío los paga el cliente."),
    Entry(2, "public", "Livraison", "", "Les commandes sont livrées en trois jours et les retours sont gratuits."),
    Entry(3, "public", "Delivery", "", "Orders are delivered to your door in three days."),
]


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("Wie lange dauern die Lieferungen?", 0),
        ("¿Cuándo llegará mi pedido?", 1),
        ("Quand la commande sera-t-elle livrée ?", 2),
        ("When is my order delivered?", 3),
        ("Lieferungen", 0),
        ("ENVIO", 1),
    ],
)
def test_words_are_found_by_the_stem_of_their_language(tmp_path: Path, question: str, expected: int) -> None:
    build_lexical(tmp_path / "lexical", LANGUAGES)
    assert found(LexicalIndex(tmp_path / "lexical"), question) == [expected]


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Wie lange habe ich Zeit?", "german"),
        ("¿Cómo devuelvo un pedido?", "spanish"),
        ("Combien de jours ai-je pour le retour ?", "french"),
        ("How long do I have?", "english"),
        ("FL-2403", "english"),
        ("", "english"),
    ],
)
def test_the_language_of_a_text(text: str, language: str) -> None:
    assert language_of(text) == language
