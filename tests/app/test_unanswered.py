"""Questions without a good answer, grouped by what they mean."""

from collections import Counter

import numpy as np
import pytest

from app.engine import Engine
from app.ops.trace_search import TraceSearch
from app.ops.unanswered import MOST, UnansweredGroup, alike, unanswered
from app.settings import Settings
from app.values import Answer, Nearest, Refusal, Versions
from app.web.console.unanswered import next_steps
from ingest.embedder import EmbeddingError


def refused(identity, code="not_in_data", source="help", document="a.md"):
    near = Nearest(source=source, document=document, title=None, url=None)
    refusal = Refusal(code=code, reason="Nothing.", nearest=(near,))
    return Answer(
        id=identity, status="refused", route="none", text="Nothing.", refusal=refusal, versions=Versions(manifest="1")
    )


@pytest.fixture
def engine(sample_home, tmp_path):
    (tmp_path / "store").symlink_to(sample_home / "store")
    (tmp_path / "cache").symlink_to(sample_home / "cache")
    opened = Engine(Settings(home=tmp_path))
    yield opened
    opened.close()


@pytest.fixture
def counted(engine, monkeypatch):
    """How many texts the embedding model was given."""
    given = []
    model = engine.embedder
    original = model.embed
    monkeypatch.setattr(model, "embed", lambda texts: (given.extend(texts), original(texts))[1])
    return given


def grouped(engine, below=0.5):
    assert engine.traces.flush(wait_s=30)
    return unanswered(engine, TraceSearch(engine.settings.state_path), since=None, until=None, unsure_below=below)


def test_wordings_of_one_question_are_one_group(engine):
    questions = [
        "do you ship to an island",
        "Do you ship to an island?",
        "Can a parcel be shipped to an island?",
        "How do I get an invoice?",
        "Where can I find my invoice",
        "Can I bring my dog into the shop?",
    ]
    for number, question in enumerate(questions):
        engine.traces.record(question, refused(f"a{number}"))
    found = grouped(engine)
    assert found.by_meaning and found.questions == 6 and not found.capped
    assert [group.count for group in found.groups] == [3, 2, 1]
    island = found.groups[0]
    assert "island" in island.question and len(island.wordings) == 1
    assert island.reasons == {"refused": 3} and island.codes == {"not_in_data": 3}
    assert island.nearest[0].source == "help" and island.sources == ("help",)
    assert Counter(island.answers) == Counter(["a0", "a1", "a2"])
    assert grouped(engine) == found, "the same traces give the same groups"


def test_every_reason_counts(engine):
    sure = {"status": "answered", "route": "passages", "versions": Versions(manifest="1")}
    engine.traces.record("Is it open on Sunday?", Answer(id="sure", text="Yes.", confidence=0.9, **sure))
    engine.traces.record("How warm is the parka?", Answer(id="bad", text="Warm.", confidence=0.9, **sure))
    engine.traces.record("Where are you?", Answer(id="unsure", text="There.", confidence=0.3, **sure))
    none = {"route": "none", "text": "?", "versions": Versions(manifest="1")}
    engine.traces.record("Which order do you mean?", Answer(id="back", status="clarify", **none))
    engine.traces.record("Count all the things there are", Answer(id="late", status="failed", **none))
    assert engine.traces.flush(wait_s=30)
    engine.feedback.rate("bad", "", thumb="down")
    reasons = {group.answers[0]: group.reasons for group in grouped(engine).groups}
    assert reasons == {
        "bad": {"thumbs_down": 1},
        "unsure": {"unsure": 1},
        "back": {"clarify": 1},
        "late": {"failed": 1},
    }


def test_a_second_look_embeds_nothing_again(engine, counted):
    for number in range(5):
        engine.traces.record(f"Do you sell thing number {number}?", refused(f"a{number}"))
    grouped(engine)
    assert len(counted) == 5
    grouped(engine)
    assert len(counted) == 5
    engine.traces.record("Something quite new", refused("new"))
    grouped(engine)
    assert counted[5:] == ["Something quite new"]


def test_only_the_newest_are_grouped(engine):
    for number in range(MOST + 20):
        engine.traces.record("the same", refused(f"a{number:04}"))
    found = grouped(engine)
    assert found.questions == MOST and found.capped
    assert [group.count for group in found.groups] == [MOST]


def test_without_the_model_equal_wordings_are_put_together(engine, monkeypatch):
    def broken(texts):
        raise EmbeddingError("gone")

    monkeypatch.setattr(engine.embedder, "embed", broken)
    for number, question in enumerate(["Surfboards?", "surfboards", "boards for surfing"]):
        engine.traces.record(question, refused(f"a{number}"))
    found = grouped(engine)
    assert not found.by_meaning
    assert [group.count for group in found.groups] == [2, 1]


def test_nothing_to_group(engine):
    found = grouped(engine)
    assert found.groups == () and found.by_meaning


def test_each_row_is_in_one_group_and_near_its_first():
    random = np.random.default_rng(7)
    vectors = random.normal(size=(300, 8)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    groups = alike(vectors, 0.8)
    assert sorted(index for group in groups for index in group) == list(range(300))
    assert all(vectors[index] @ vectors[group[0]] >= 0.8 for group in groups for index in group[1:])
    leaders = vectors[[group[0] for group in groups]]
    assert ((leaders @ leaders.T) - np.eye(len(groups))).max() < 0.8
    assert alike(vectors[:0]) == []


def steps(with_tables, **about):
    group = UnansweredGroup(
        question="Ships & <b>?",
        count=1,
        last_seen=1.0,
        nearest=(),
        wordings=(),
        answers=("a",),
        **{"reasons": {"refused": 1}, "codes": {}, "sources": ()} | about,
    )
    return {step.label: step.href for step in next_steps(group, with_tables)}


def test_what_to_do_next_fits_what_went_wrong():
    wording = steps(["shop"], codes={"not_understood": 1}, sources=("help",))
    assert next(iter(wording)) == "Describe the tables"
    assert wording["Describe the tables"] == "/console/sources/shop/description"
    assert wording["Verify a query"] == "/console/verified?question=Ships+%26+%3Cb%3E%3F&source=shop"
    missing = steps(["shop"], codes={"not_in_data": 1}, sources=("a b/c",))
    assert next(iter(missing.items())) == ("Add a document", "/console/sources/a%20b%2Fc")
    assert list(steps([], codes={"not_understood": 1})) == ["Add a document", "Ask it now"], "there are no tables"
    assert list(steps(["shop"], codes={"unsafe": 2})) == ["Ask it now"]
    assert next(iter(steps(["shop"], reasons={"thumbs_down": 1}))) == "Verify a query"
