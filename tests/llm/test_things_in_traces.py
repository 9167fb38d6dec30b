"""Traces keep the names of things that the operator published, and no name of a person for that."""

import logging
from pathlib import Path

import pytest

from app.engine import Engine
from app.llm.catalog_words import catalog_words, reads_like_person, things_of
from app.llm.person_names import is_persons
from app.llm.strict_detection import strict_spans
from app.llm.things import normal, together
from app.settings import Settings
from app.values import Answer, Versions
from ingest.hooks import IngestOptions
from ingest.pii import open_detector
from ingest.pipeline import ingest_source
from ingest.request import SourceRequest
from ingest.stores.snapshot import Store
from tests.llm.privacy_parts import BrokenDetector, CountingDetector, privacy_over, scrub

PRODUCTS = """product_name,brand,designer
Stormfell Shell Jacket,Fellhaven,Milena Kravchuk
Blake Jacket,Corvane,Aoife Lindqvist
Flint Gas Stove,Fellhaven,Quill Harrow
Lochan 2,Corvane,Milena Kravchuk
Tarn Down Bag,Fellhaven,Bo Yun
"""
CUSTOMERS = """full_name,tier
Hollis Stormfell,gold
Anna Corvane-Berg,silver
May Fellhaven,gold
"""
DESCRIBED = """
tables:
  products: {visibility: public}
  customers: {columns: {full_name: {pii: person}}}
"""
PAGES = {
    "care.md": "# Caring for a radiator\n\nNever dry the groundsheet on a radiator; see *Ridge Club* below.\n",
    "club.md": "# Ridge Club points\n\nThe Ridge Club is free. Points expire.\n\n## Ask Penhallow about it\n\nHe knows.\n",
}


def store_of(home: Path, customers: str = CUSTOMERS, described: str = DESCRIBED, products: str = PRODUCTS) -> Store:
    """A public help centre, and a shop whose products are public and whose customers are not."""
    shop, pages = home / "shop", home / "pages"
    for folder in (shop, pages):
        folder.mkdir(exist_ok=True)
    (shop / "products.csv").write_text(products, encoding="utf-8")
    (shop / "customers.csv").write_text(customers, encoding="utf-8")
    (shop / "describe.yaml").write_text(described, encoding="utf-8")
    for name, text in PAGES.items():
        (pages / name).write_text(text, encoding="utf-8")
    options = IngestOptions(detect_names=False)
    ingest_source(home, SourceRequest(str(shop), name="shop"), options=options)
    ingest_source(home, SourceRequest(str(pages), name="pages", public=True), options=options)
    return Store(home)


NOBODY = "full_name,tier\nHarper Quill,gold\n"


@pytest.fixture(scope="module")
def strangers(tmp_path_factory):
    """Privacy over sources whose customers share no name with a product."""
    return privacy_over(store_of(tmp_path_factory.mktemp("strangers"), NOBODY))


@pytest.mark.parametrize(
    "text",
    [
        "How much is the Stormfell Shell Jacket?",
        "is the stormfell shell jacket warm",
        "Which Flint stoves were recalled?",
        "Fellhaven or Corvane?",
        "Set the price of the Lochan 2 to one euro",
        "UPDATE products SET price = 1 WHERE brand = 'Corvane'",
        "Products by product name: Stormfell Shell Jacket (3), Lochan 2 (1)",
        "can i dry a groundsheet on the radiator",
        "Radiator or not?",
        "Do my Ridge Club points expire?",
        "Blake Jacket",
        "Tarn Down Bag",
    ],
)
def test_names_of_published_things_stay(strangers, text):
    assert strangers.masked([text]) == [text]


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("my name is Jordan Blake", "my name is <{}>"),
        ("My name is Blake, is the Blake Jacket in?", "My name is <{}>, is the <{}> Jacket in?"),
        ("Orders of Jordan Blake", "Orders of <{}>"),
        ("Is Blake in today?", "Is <{}> in today?"),
        ("Has Blake paid?", "Has <{}> paid?"),
        ("Jordan Stormfell bought it", "<{}> bought it"),
        ("Stormfell wants a refund", "<{}> wants a refund"),
        ("Fellhaven and Kravchuk paid", "<{}> and <{}> paid"),
        ("Mr Corvane called", "Mr <{}> called"),
        ("dear Fellhaven, I am lost", "dear <{}>, I am lost"),
        ("customer: Corvane", "customer: <{}>"),
        ("Milena Kravchuk designed it", "<{}> designed it"),
        ("Kravchuk designed it", "<{}> designed it"),
        ("Penhallow bought a stove", "<{}> bought a stove"),
        ("ask Penhallow", "ask <{}>"),
        ("Corvane, c.orvane@x.org, +49 30 1234567", "Corvane, <{}>, <{}>"),
        ("card 4111 1111 1111 1111 for a Fellhaven", "card <{}> for a Fellhaven"),
        ("send the Lochan 2 to 14 Blake Avenue, Apt. 7", "send the Lochan 2 to <{}>"),
    ],
)
def test_people_stay_masked_though_things_are_called_alike(strangers, text, masked):
    (found,) = strangers.masked([text])
    assert _without_kinds(found) == masked


def _without_kinds(text: str) -> str:
    from app.scrubbing import TOKEN

    return TOKEN.sub("<{}>", text)


def test_a_name_told_in_the_question_is_masked_in_the_answer_too(strangers):
    asked, told = strangers.masked(["My name is Corvane.", "The brand Corvane has two products."])
    assert "Corvane" not in asked + told


def test_a_trace_and_a_comment_of_the_service_keep_things_and_no_person(tmp_path):
    store_of(tmp_path, NOBODY)
    engine = Engine(Settings(home=tmp_path))
    told = Answer(
        id="a1",
        status="answered",
        route="tables",
        text="Harper Quill bought a Lochan 2.",
        versions=Versions(manifest="1"),
    )
    engine.traces.record("Did Jordan Blake buy the Stormfell Shell Jacket?", told)
    trace = engine.traces.find("a1", wait_s=30)
    comment, failed = engine.masked(["Jordan Blake says the Flint stove leaks", "Corvane or Fellhaven?"])
    engine.close()
    assert trace is not None
    assert _without_kinds(trace.question) == "Did <{}> buy the Stormfell Shell Jacket?"
    assert _without_kinds(trace.answer["text"]) == "<{}> bought a Lochan 2."
    assert _without_kinds(comment) == "<{}> says the Flint stove leaks" and failed == "Corvane or Fellhaven?"


def test_a_value_of_a_personal_column_stays_masked(tmp_path):
    privacy = privacy_over(store_of(tmp_path))
    masked = privacy.masked(["the Stormfell Shell Jacket", "Fellhaven", "Flint stoves", "Lochan 2"])
    assert [_without_kinds(text) for text in masked] == ["the <{}> Shell Jacket", "<{}>", "Flint stoves", "Lochan 2"]


@pytest.mark.parametrize(
    ("described", "masked"),
    [
        ("tables: {products: {visibility: internal}}", True),
        ("tables: {products: {columns: {brand: {pii: none}}}}", False),
        ("tables: {products: {visibility: public, columns: {brand: {visibility: internal}}}}", True),
        ("tables: {products: {visibility: public, columns: {brand: {hidden: true}}}}", True),
        ("tables: {products: {visibility: public, columns: {brand: {pii: person}}}}", True),
    ],
)
def test_only_published_columns_without_personal_data_count(tmp_path, described, masked):
    privacy = privacy_over(store_of(tmp_path, NOBODY, described))
    assert ("Fellhaven" not in privacy.masked(["the Fellhaven range"])[0]) == masked


def test_columns_whose_name_or_values_are_peoples_do_not_count(tmp_path):
    people = ["Milena Kravchuk", "Aoife Lindqvist", "Anna Berger", "Jonas Weber", "Priya Patel", "Thwaite Kelly"]
    rows = "\n".join(f"{person},{person.split()[1]}thing,{person.split()[1]}" for person in people)
    described = "tables: {products: {visibility: public}}"
    store = store_of(tmp_path, NOBODY, described, f"listed,product,author\n{rows}\n")
    words = catalog_words(store.snapshot().sources["shop"], open_detector())
    assert "kravchukthing" in words.names, "a column of single words counts"
    assert not {"kravchuk", "lindqvist", "thwaite"} & set(words.names)
    assert "milena kravchuk" not in words.whole
    assert ("milena", "kravchuk") not in words.pairs


def test_a_live_source_with_personal_columns_leaves_no_word_by_itself(strangers, monkeypatch):
    from app.llm import privacy as module

    monkeypatch.setattr(module, "has_unread_people", lambda _reader: True)
    cautious = privacy_over(strangers._engine.store)
    assert "Fellhaven" not in cautious.masked(["the Fellhaven range"])[0]
    assert cautious.masked(["Which Flint stoves?"]) == ["Which Flint stoves?"], "company still tells"


def test_a_model_is_sent_no_more_than_before(strangers):
    sent, _ = scrub(strangers, {"question": "the Fellhaven range"}, sources=["shop"])
    assert "Fellhaven" not in sent["question"]
    assert strangers.masked(["the Fellhaven range"]) == ["the Fellhaven range"]
    sent, _ = scrub(strangers, {"question": "the Fellhaven range"}, sources=["shop"])
    assert "Fellhaven" not in sent["question"], "what a trace remembers is not taken for a model"


def test_sources_are_read_once_and_again_after_a_sync(tmp_path):
    detector = CountingDetector()
    privacy = privacy_over(store_of(tmp_path, NOBODY), detector)
    titles = "Ridge Club points"
    for text in ("the Fellhaven range", "the Corvane range", "the Lochan range"):
        privacy.masked([text])
    assert sum(titles in call for call in detector.calls) == 1
    assert privacy.masked(["the Sundew range"]) != ["the Sundew range"]
    store_of(tmp_path, NOBODY, products=PRODUCTS + "Sundew,Sundew,Bo Yun\n")
    assert privacy.masked(["the Sundew range"]) == ["the Sundew range"]


def test_a_detector_that_fails_keeps_the_words_from_being_used(tmp_path, caplog):
    privacy = privacy_over(store_of(tmp_path, NOBODY), BrokenDetector())
    with caplog.at_level(logging.DEBUG), pytest.raises(OSError, match="no model"):
        privacy.masked(["the Fellhaven range"])


# -- what counts ---------------------------------------------------------------------


@pytest.mark.parametrize("word", ["Blake", "blake", "Renée", "O'Brien", "Brook", "Müller", "Rose", "Юля"])
def test_words_that_are_somebodys_name(word):
    assert is_persons(word)


@pytest.mark.parametrize("word", ["Stove", "gas", "Fellhaven", "Jacket", "bank"])
def test_words_that_are_nobodys(word):
    assert not is_persons(word)


@pytest.mark.parametrize("value", ["Jordan Blake", "Milena Kravchuk", "Blake", "J. Blake", "Dr. Rose Brown"])
def test_values_that_read_like_a_person(value):
    assert reads_like_person(value)


@pytest.mark.parametrize("value", ["Blake Jacket", "Flint Gas Stove", "Fellhaven", "Sleeping Bags", "", "Lochan 2"])
def test_values_that_do_not(value):
    assert not reads_like_person(value)


def test_words_are_compared_without_case_plural_and_possessive():
    assert {normal(word) for word in ("Stove", "stoves", "STOVE'S", "Stove’s")} == {"stove"}
    assert [normal(word) for word in ("gas", "glass", "Größe")] == ["gas", "glass", "grosse"]


def test_a_name_is_no_thing_though_a_product_is_named_after_it():
    things = together([things_of(["Thwaite Jacket", "Kravchuk Jacket"]), things_of(["Fellhaven"])])
    detector = open_detector()

    def left(text: str) -> str:
        for span in reversed(strict_spans(text, detector.detect([text])[0], (), things)):
            text = text[: span.start] + "#" + text[span.end :]
        return text

    assert left("the Thwaite jacket by Fellhaven") == "the Thwaite jacket by Fellhaven"
    assert left("orders of Thwaite") == "orders of #"
    assert left("Ulyana Kravchuk ordered a Kravchuk jacket") == "# ordered a Kravchuk jacket"
