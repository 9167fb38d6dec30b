"""Another embedding model: documents are embedded anew into a new segment, and questions are answered all the while."""

from __future__ import annotations

import json
import threading

import httpx
import pytest

from ingest.layout import Layout
from ingest.stores.manifest import current
from ingest.stores.segment import open_segment
from tests.ingest.ingesting import new_home, write_files
from tests.ingest.sentence_models import first_token

TENTS = "# Tents\n\nTents are dried in the shade before they are packed away.\n"
BOATS = "# Boats\n\nBoats are handed out at the yellow jetty.\n"
QUESTION = {"query": "Where are boats handed out?"}


@pytest.fixture
def home(tmp_path, cli):
    home = new_home(tmp_path)
    for name, text in (("tents", TENTS), ("boats", BOATS)):
        added = cli(home, "ingest", "add", str(write_files(tmp_path / name, page_md=text)), "--name", name)
        assert added.returncode == 0, added.stdout + added.stderr
    return home


def builders(home):
    layout = Layout(home)
    entries = {entry.name: entry.segment for entry in current(layout).sources}
    return {name: open_segment(layout.segment(segment)).info.builders for name, segment in entries.items()}


def documents(base):
    reply = httpx.post(base + "/v1/search", json=QUESTION, timeout=60)
    assert reply.status_code == 200, reply.text
    return [(result["source"], result["document"]) for result in reply.json()["results"]]


def test_questions_are_answered_before_during_and_after_a_change(home, cli, serve, tmp_path):
    model = first_token(tmp_path / "model")
    changed = {"ANSWERABLE_EMBEDDING_MODEL": str(model)}
    with serve(home) as base:
        assert documents(base)[0] == ("boats", "page.md")
        over, seen = threading.Event(), []

        def keep_asking():
            while not over.is_set():
                seen.append(documents(base))

        asking = threading.Thread(target=keep_asking)
        asking.start()
        synced = cli(home, "ingest", "sync", "tents", "--json", **changed)
        over.set()
        asking.join()
        assert synced.returncode == 0, synced.stderr
        (report,) = json.loads(synced.stdout)
        assert report["rebuilt"] == "changed since the last sync: dimension, embedder"
        assert seen and all(found[0] == ("boats", "page.md") for found in seen)
        assert {name: each["dimension"] for name, each in builders(home).items()} == {"tents": "48", "boats": "384"}
        assert set(documents(base)) == {("boats", "page.md"), ("tents", "page.md")}, "each source by its own model"
        assert cli(home, "ingest", "sync", "boats", **changed).returncode == 0
        assert documents(base)[0] == ("boats", "page.md"), "found by its words, and by the new model"
        asked = httpx.post(base + "/v1/ask", json={"question": QUESTION["query"]}, timeout=60).json()
        assert asked["citations"][0]["source"] == "boats"
    assert {each["dimension"] for each in builders(home).values()} == {"48"}


def test_a_broken_model_is_named_and_changes_nothing(home, cli, serve, tmp_path):
    model = first_token(tmp_path / "model")
    (model / "model.safetensors").write_bytes(b"cut off")
    broken = {"ANSWERABLE_EMBEDDING_MODEL": str(model)}
    before = current(Layout(home)).id
    refused = cli(home, "ingest", "sync", "--json", **broken)
    assert refused.returncode == 2
    assert "model_unusable" in refused.stdout
    assert "Copy the model's folder again" in refused.stdout
    assert current(Layout(home)).id == before
    with serve(home, **broken) as base:
        assert documents(base)[0] == ("boats", "page.md"), "questions are embedded with what the segment names"
    doctor = cli(home, "doctor", **broken)
    assert doctor.returncode != 0
    assert "damaged" in doctor.stdout


def test_a_model_that_is_gone_from_the_cache_is_named(home, cli, serve, tmp_path):
    (home / "cache").unlink()
    model = first_token(tmp_path / "model")
    with serve(home, ready="/healthz", ANSWERABLE_EMBEDDING_MODEL=str(model)) as base:
        reply = httpx.post(base + "/v1/search", json=QUESTION, timeout=60)
        assert (reply.status_code, reply.json()["error"]["code"]) == (503, "model_missing")
        assert "answerable ingest sync" in reply.json()["error"]["hint"]
