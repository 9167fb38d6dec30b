"""The pipeline over real files: what is ingested is found, and a sync does no more than what changed."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec
import numpy as np
import pytest

from connectors.errors import ConnectorError, SourceEmpty, SourceNotFound
from ingest.errors import DescriptionError, SourceExists, UnknownSource
from ingest.hooks import STEPS, IngestHooks
from ingest.layout import Layout
from ingest.pipeline import purge_source, remove_source, rollback_manifest, sync_source
from ingest.report import IngestReport
from ingest.stores.snapshot import Store
from tests.ingest.ingesting import (
    BOTH,
    OPTIONS,
    all_passages,
    found_documents,
    ingest,
    model_cache,
    new_home,
    passages_of,
    reader_of,
    write_files,
)

RETURNS = "# Returns\n\nSend goods back within 30 days.\n\n## Refunds\n\nWrite to help@shop.example for a refund.\n"
SHIPPING = "# Shipping\n\nParcels travel by bicycle courier.\n"
ORDERS = "order_id,total,placed\n1,10.50,2024-01-02\n2,20.00,2024-02-03\n"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return new_home(tmp_path)


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    return write_files(tmp_path / "shop", policies__returns_md=RETURNS, shipping_md=SHIPPING, orders_csv=ORDERS)


def codes(report: IngestReport) -> dict[str, str]:
    return {finding.path: finding.code for finding in report.findings if finding.severity != "noted"}


def test_documents_and_tables_are_published(home: Path, shop: Path) -> None:
    report = ingest(home, shop)
    assert (report.source, report.documents.new, report.tables.new, report.rows) == ("shop", 2, 1, 2)
    assert report.passages.embedded == report.passages.total == 3
    assert report.segment and report.manifest == "00000001"
    reader = reader_of(home, "shop")
    assert reader.catalog.table("orders").rows == 2
    assert reader.tables_path is not None and reader.values is not None
    entry = reader.entry
    assert (entry.documents, entry.passages, entry.tables, entry.rows) == (2, 3, 1, 2)
    assert found_documents(home, "shop", "refunds") == ["policies/returns.md"]
    assert reader.segment.builders["embedder"]


def test_passages_are_found_by_meaning(home: Path, shop: Path) -> None:
    from ingest.embedder import DEFAULT_MODEL, open_embedder

    ingest(home, shop)
    passages = passages_of(home, "shop")
    query = open_embedder(DEFAULT_MODEL, model_cache()).embed_query("How is my order delivered?")
    (best, cosine), *_ = passages.search_dense(query, 3, ["internal"])
    assert passages.get([best], BOTH)[0].document == "shipping.md"
    assert 0.2 < cosine < 1


def test_personal_data_is_found_once_and_stored(home: Path, shop: Path) -> None:
    ingest(home, shop)
    spans = [(p.text[s.start : s.end], s.kind) for p in all_passages(home, "shop") for s in p.spans]
    assert spans == [("help@shop.example", "EMAIL_ADDRESS")]
    write_files(shop, extra_md="# Extra\n\nMore text.\n", policies__returns_md="Preface.\n\n" + RETURNS)
    ingest(home, shop)
    spans = [(p.text[s.start : s.end], s.kind) for p in all_passages(home, "shop") for s in p.spans]
    assert spans == [("help@shop.example", "EMAIL_ADDRESS")]


def test_nothing_new_makes_no_segment(home: Path, shop: Path) -> None:
    first = ingest(home, shop)
    again = sync_source(home, "shop", options=OPTIONS)
    assert not again.changed
    assert (again.segment, again.manifest) == (first.segment, first.manifest)
    assert (again.documents.unchanged, again.tables.unchanged, again.passages.total) == (2, 1, 3)
    assert len(list(Layout(home).segments.iterdir())) == 1
    assert not list(Layout(home).building.iterdir())


def test_only_what_changed_is_embedded_again(home: Path, shop: Path) -> None:
    ingest(home, shop)
    before = {p.text: v for p, v in zip(all_passages(home, "shop"), stored_vectors(home), strict=True)}
    write_files(shop, shipping_md="# Shipping\n\nParcels travel by train.\n", new_md="# New\n\nA new page.\n")
    report = ingest(home, shop)
    counts = report.documents
    assert (counts.new, counts.changed, counts.unchanged, counts.removed) == (1, 1, 1, 0)
    assert (report.passages.embedded, report.passages.reused) == (2, 2)
    assert found_documents(home, "shop", "train") == ["shipping.md"]
    assert found_documents(home, "shop", "bicycle") == []
    for passage, vector in zip(all_passages(home, "shop"), stored_vectors(home), strict=True):
        if passage.text in before:
            np.testing.assert_array_equal(vector, before[passage.text])


def stored_vectors(home: Path) -> np.ndarray:
    return np.load(Layout(home).segment(reader_of(home, "shop").segment.id) / "vectors.npy")


def test_one_changed_paragraph_of_a_long_document_embeds_one_passage(home: Path, tmp_path: Path) -> None:
    sections = [f"# Part {n}\n\n" + f"Sentence {n} about subject number {n}. " * 12 for n in range(20)]
    source = write_files(tmp_path / "book", book_md="\n\n".join(sections))
    assert ingest(home, source).passages.embedded == 20
    sections[7] = "# Part 7\n\nSomething else altogether. " * 5
    report = ingest(home, write_files(source, book_md="\n\n".join(sections)))
    assert report.passages.reused == 19


def test_a_document_that_moved_is_not_embedded_again(home: Path, shop: Path) -> None:
    ingest(home, shop)
    (shop / "policies" / "returns.md").rename(shop / "sending-back.md")
    report = ingest(home, shop)
    assert (report.documents.new, report.documents.removed, report.passages.embedded) == (1, 1, 0)
    assert found_documents(home, "shop", "refunds") == ["sending-back.md"]


def test_a_touched_document_is_not_embedded_again(home: Path, shop: Path) -> None:
    ingest(home, shop)
    write_files(shop, shipping_md=SHIPPING.replace("\n", "\r\n"))
    report = ingest(home, shop)
    assert (report.documents.changed, report.passages.embedded) == (1, 0)


def test_an_unchanged_table_is_copied_with_its_profile(home: Path, shop: Path) -> None:
    ingest(home, shop)
    before = reader_of(home, "shop").catalog
    write_files(shop, shipping_md="# Shipping\n\nBy train.\n")
    assert ingest(home, shop).tables.unchanged == 1
    assert reader_of(home, "shop").catalog == before
    write_files(shop, orders_csv=ORDERS + "3,5.00,2024-03-01\n")
    assert ingest(home, shop).tables.changed == 1
    assert reader_of(home, "shop").catalog.table("orders").rows == 3


def test_rebuilding_embeds_everything_and_says_why(home: Path, shop: Path) -> None:
    from dataclasses import replace

    ingest(home, shop)
    report = sync_source(home, "shop", options=replace(OPTIONS, rebuild=True))
    assert report.changed and report.rebuilt == "asked for"
    assert report.passages.embedded == 3


def test_what_is_deleted_at_the_source_is_in_no_store(home: Path, shop: Path) -> None:
    write_files(shop, secret_md="# Zanzibar\n\nThe xylophone codeword.\n", codes_csv="code,meaning\nquetzalcoatl,1\n")
    ingest(home, shop)
    assert stored_anywhere(home, b"xylophone") and stored_anywhere(home, b"quetzalcoatl")
    (shop / "secret.md").unlink()
    (shop / "codes.csv").unlink()
    report = ingest(home, shop)
    assert (report.documents.removed, report.tables.removed) == (1, 1)
    segment = Layout(home).segment(reader_of(home, "shop").segment.id)
    for word in (b"xylophone", b"zanzibar", b"Zanzibar", b"quetzalcoatl", b"secret.md", b"codes.csv"):
        assert not files_holding(segment, word)
    assert stored_anywhere(home, b"xylophone"), "the earlier version is kept for a rollback"
    purge_source(home, "shop")
    assert not stored_anywhere(home, b"xylophone") and not stored_anywhere(home, b"quetzalcoatl")


def files_holding(folder: Path, word: bytes) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file() and word in path.read_bytes()]


def stored_anywhere(home: Path, word: bytes) -> bool:
    return bool(files_holding(home / "store", word))


def test_removing_a_source_removes_it_from_every_store(home: Path, shop: Path, tmp_path: Path) -> None:
    ingest(home, shop)
    write_files(shop, shipping_md="# Shipping\n\nBy bicycle and train.\n")
    ingest(home, shop)
    ingest(home, write_files(tmp_path / "other", note_md="# Note\n\nKept.\n"))
    remove_source(home, "shop")
    assert set(Store(home).snapshot().sources) == {"other"}
    for word in (b"bicycle", b"help@shop.example", b"10.50", str(shop).encode()):
        assert not stored_anywhere(home, word)
    with pytest.raises(UnknownSource, match="shop") as raised:
        remove_source(home, "shop")
    assert "other" in raised.value.hint


def test_rolling_back_serves_the_earlier_version(home: Path, shop: Path) -> None:
    ingest(home, shop)
    write_files(shop, shipping_md="# Shipping\n\nBy train.\n")
    ingest(home, shop)
    rollback_manifest(home)
    assert found_documents(home, "shop", "bicycle") == ["shipping.md"]
    assert ingest(home, shop).documents.changed == 1


def test_exact_and_near_duplicates_are_collapsed_and_versions_are_kept(home: Path, tmp_path: Path) -> None:
    words = " ".join(f"word{chr(97 + n % 26)}{chr(97 + n // 26)}" for n in range(200))
    source = write_files(
        tmp_path / "docs",
        a_md=f"# Terms\n\n{words} and returns within thirty days.",
        a_copy_md=f"# Terms\n\n{words} and returns within thirty days.",
        b_md=f"# Terms\n\n{words} and returns within thirty days please.",
        old_md=f"---\nstatus: superseded\n---\n# Terms\n\n{words} and returns within fourteen days.",
    )
    for number, name in enumerate(("a.md", "a_copy.md", "old.md", "b.md")):
        if (source / name).exists():
            os.utime(source / name, (1_700_000_000 + number * 86400,) * 2)
    report = ingest(home, source)
    kept = {passage.document for passage in all_passages(home, "docs")}
    assert "old.md" in kept and len(kept) == 2
    assert report.duplicates == 2
    assert set(codes(report).values()) == {"exact_duplicate", "near_duplicate"}
    (newest,) = kept - {"old.md"}
    assert newest == "b.md"
    versions = [finding for finding in report.findings if finding.code == "document_versions"]
    assert [finding.path for finding in versions] == ["old.md"]
    old = next(passage for passage in all_passages(home, "docs") if passage.document == "old.md")
    assert old.metadata["newer_version"] == "b.md" and old.metadata["status"] == "superseded"


def test_a_duplicate_is_found_again_once_its_original_is_gone(home: Path, shop: Path) -> None:
    write_files(shop, zz_md=SHIPPING)
    assert ingest(home, shop).duplicates == 1
    assert not ingest(home, shop).changed
    for path in ("shipping.md", "zz.md"):
        os.utime(shop / path, (1_700_000_000, 1_700_000_000))
    (survivor,) = {"shipping.md", "zz.md"} - set(found_documents(home, "shop", "bicycle"))
    (shop / found_documents(home, "shop", "bicycle")[0]).unlink()
    report = ingest(home, shop)
    assert (report.duplicates, report.passages.embedded) == (0, 0)
    assert found_documents(home, "shop", "bicycle") == [survivor]


def test_visibility_comes_from_the_flag_and_the_description_file(home: Path, shop: Path) -> None:
    ingest(home, shop)
    assert {p.visibility for p in all_passages(home, "shop")} == {"internal"}
    report = ingest(home, shop, public=True)
    assert report.changed and report.passages.embedded == 0
    assert {p.visibility for p in all_passages(home, "shop")} == {"public"}
    assert not ingest(home, shop).changed, "a sync keeps the flag"
    (shop / "describe.yaml").write_text('documents:\n  "policies/*": {visibility: internal}\n')
    assert ingest(home, shop).passages.embedded == 0
    seen = {p.document: p.visibility for p in all_passages(home, "shop")}
    assert seen == {"policies/returns.md": "internal", "shipping.md": "public"}
    passages = passages_of(home, "shop")
    assert passages.search_lexical("refunds", 9, ["public"]) == []


def test_a_wrong_description_file_publishes_nothing(home: Path, shop: Path) -> None:
    (shop / "describe.yaml").write_text("tables: [unclosed\n")
    with pytest.raises(DescriptionError, match=r"describe\.yaml"):
        ingest(home, shop)
    with pytest.raises(DescriptionError):
        ingest(home, shop, description_path=str(shop / "nowhere.yaml"))
    assert Store(home).snapshot().manifest is None


def test_a_name_belongs_to_one_location(home: Path, shop: Path, tmp_path: Path) -> None:
    ingest(home, shop)
    other = write_files(tmp_path / "elsewhere" / "shop", a_md="# A\n\nText.\n")
    with pytest.raises(SourceExists, match="shop") as raised:
        ingest(home, other)
    assert "--name" in raised.value.hint
    assert ingest(home, other, name="Other Shop!").source == "other-shop"
    assert set(Store(home).snapshot().sources) == {"shop", "other-shop"}
    with pytest.raises(UnknownSource):
        sync_source(home, "nope", options=OPTIONS)


@pytest.mark.parametrize("texts", [{}, {"broken_pdf": "not a pdf"}])
def test_a_source_with_nothing_readable_publishes_nothing(home: Path, tmp_path: Path, texts: dict[str, str]) -> None:
    source = write_files(tmp_path / "empty", **texts)
    source.mkdir(exist_ok=True)
    with pytest.raises(SourceEmpty):
        ingest(home, source)
    with pytest.raises(SourceNotFound):
        ingest(home, tmp_path / "nowhere")
    assert Store(home).snapshot().manifest is None


def test_a_source_that_can_no_longer_be_read_stays_published(home: Path, shop: Path, tmp_path: Path) -> None:
    ingest(home, shop)
    shop.rename(tmp_path / "moved")
    with pytest.raises(ConnectorError):
        sync_source(home, "shop", options=OPTIONS)
    assert found_documents(home, "shop", "bicycle") == ["shipping.md"]


def test_one_bad_file_does_not_stop_the_others(home: Path, shop: Path) -> None:
    write_files(shop, broken_pdf="not a pdf at all", empty_md="\n\n")
    report = ingest(home, shop)
    assert report.skipped >= 1 and "broken.pdf" in {finding.path for finding in report.findings}
    assert found_documents(home, "shop", "bicycle") == ["shipping.md"]
    path = reader_of(home, "shop").report_path
    assert path is not None
    assert msgspec.json.decode(path.read_bytes(), type=IngestReport).findings == report.findings


def test_stores_inside_the_source_are_not_ingested(tmp_path: Path) -> None:
    source = write_files(tmp_path / "docs", a_md="# A\n\nText.\n")
    home = new_home(source)
    assert ingest(home, source).documents.total == 1
    assert not ingest(home, source).changed


def test_a_damaged_segment_is_built_anew(home: Path, shop: Path) -> None:
    first = ingest(home, shop)
    assert first.segment is not None
    (Layout(home).segment(first.segment) / "vectors.npy").write_bytes(b"\x00" * 10)
    again = ingest(home, shop)
    assert again.passages.embedded == 3
    assert "segment_replaced" in {finding.code for finding in again.findings}
    assert found_documents(home, "shop", "bicycle") == ["shipping.md"]


def test_every_step_is_announced_in_order(home: Path, shop: Path) -> None:
    steps: list[str] = []
    ingest(home, shop, IngestHooks(on_step=steps.append))
    assert list(dict.fromkeys(steps)) == list(STEPS)


def test_progress_reaches_its_total(home: Path, shop: Path) -> None:
    calls: list[tuple[str, int, int | None]] = []
    ingest(home, shop, IngestHooks(on_progress=lambda *call: calls.append(call)))
    last = {step: (done, total) for step, done, total in calls}
    assert last["read"] == (3, 3)
    assert last["documents"] == (2, 2)


def test_ingesting_does_not_import_torch(home: Path, shop: Path) -> None:
    import subprocess
    import sys

    code = (
        "import sys; from pathlib import Path\n"
        "from tests.ingest.ingesting import OPTIONS\n"
        "from ingest.pipeline import ingest_source; from ingest.request import SourceRequest\n"
        "ingest_source(Path(sys.argv[1]), SourceRequest(sys.argv[2]), options=OPTIONS)\n"
        "print([name for name in sys.modules if name in ('torch', 'transformers')])"
    )
    env = os.environ | {"ANSWERABLE_TEST_CACHE": str(model_cache())}
    done = subprocess.run([sys.executable, "-c", code, str(home), str(shop)], capture_output=True, text=True, env=env)
    assert done.stdout == "[]\n", done.stderr


def test_a_table_that_breaks_off_is_left_out(home: Path, shop: Path) -> None:
    rows = "\n".join(f"{n},{n}.5" for n in range(300_000))
    write_files(shop, ledger_csv=f'id,total\n{rows}\n7,"never closed\n{rows}')
    report = ingest(home, shop)
    assert "ledger.csv" in codes(report)
    assert [table.name for table in reader_of(home, "shop").catalog.tables] == ["orders"]
    assert set(reader_of(home, "shop").segment.tables) == {"orders.csv"}
