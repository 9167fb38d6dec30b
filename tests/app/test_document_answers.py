"""Questions asked of help pages and a table together: parts, lists, rules, old versions, hostile text, languages."""

from __future__ import annotations

import pytest

from app.rule_answers import rule_question
from tests.app.hire_pages import Hire, ingest_hire


@pytest.fixture(scope="module")
def hire(tmp_path_factory):
    folder = tmp_path_factory.mktemp("hire")
    ingest_hire(folder / "home", folder)
    return Hire(folder / "home")


def cited(answer):
    return {citation.document for citation in answer.citations}


def test_each_part_is_answered_and_citations_are_numbered_through(hire):
    found = hire.ask("What does a kayak cost, and how do I bring a boat back?")
    assert (found.status, found.route) == ("answered", "passages")
    assert "kayak €11" in found.text
    assert "Moor at the yellow jetty" in found.text
    numbers = [citation.n for citation in found.citations]
    assert numbers == list(range(1, len(numbers) + 1))
    assert all(f"[{n}]" in found.text for n in numbers)


def test_a_part_of_documents_and_a_part_of_tables_are_joined(hire):
    found = hire.ask("What does a kayak cost, and how many hires are there?")
    assert (found.status, found.route) == ("answered", "both")
    assert "kayak €11" in found.text
    assert found.table.rows == ((60,),)
    assert found.sql is not None


def test_a_part_without_an_answer_is_said_so(hire):
    found = hire.ask("What does a kayak cost, and who is the chief executive?")
    assert found.status == "answered"
    assert "kayak €11" in found.text
    assert "About “who is the chief executive” I found nothing" in found.text


def test_parts_none_of_which_is_answered_are_refused(hire):
    assert hire.ask("Who is the chief executive, and where was she born?").status == "refused"


def test_two_things_asked_with_one_question_word(hire):
    found = hire.ask("What is the price of a kayak and the cancellation deadline?")
    assert found.status == "answered"
    assert {"kayak €11", "48 hours"} <= {piece for piece in ("kayak €11", "48 hours") if piece in found.text}


def test_a_list_is_kept_whole_and_gathered_without_repeating(hire):
    found = hire.ask("What do I need to bring on the lake in winter?")
    assert found.status == "answered"
    assert {"packing.md", "packing-winter.md"} <= cited(found)
    assert "neoprene gloves" in found.text
    assert "two litres of water" in found.text
    assert found.text.count("a hat and sun cream") == 1


def test_what_is_taken_and_what_is_not_are_told_apart(hire):
    found = hire.ask("Which cards do you take?")
    assert "Visa and Mastercard" in found.text
    assert "Maestro" in found.text
    assert "cheques" not in found.text.split("[1]")[0]


def test_only_an_older_version_says_so(hire):
    found = hire.ask("What does a fishing permit for the lake cost?")
    assert found.status == "answered"
    assert found.text.startswith("Only an older version says this (“Fishing permits (2021)”")
    assert "€9 a day" in found.text


def test_what_a_document_orders_its_reader_is_mere_text(hire):
    assert "€14" in hire.ask("What does a rowing boat cost an hour?").text
    assert "notice.md" not in cited(hire.ask("What does a rowing boat cost an hour?"))
    found = hire.ask("When does the sauna open?")
    assert "17:00" in found.text
    assert cited(found) == {"notice.md"}


def test_a_refusal_says_where_to_look(hire):
    found = hire.ask("Can I hire a boat with a helicopter licence?")
    assert found.status == "refused"
    places = {place.document: place for place in found.refusal.nearest}
    place = places["hire.md"]
    assert place.heading == "How do I bring a boat back?"
    assert "Hiring a boat (section “How do I bring a boat back?”)" in found.text
    reader = hire.engine.store.snapshot().sources["pages"].passages
    assert "Moor at the yellow jetty" in reader.document_text("hire.md")[place.start : place.end]


@pytest.mark.parametrize(
    ("question", "count"),
    [
        ("How many hires exceeded the hire period?", 24),
        ("How many hires were within the hire period?", 36),
    ],
)
def test_a_figure_by_a_rule_of_the_documents(hire, question, count):
    found = hire.ask(question)
    assert (found.status, found.route) == ("answered", "both")
    assert "The hire period is 3 hours." in found.text
    assert cited(found) == {"rules.md"}
    assert found.table.rows == ((count,),)
    assert '"hours_out"' in found.sql.text


@pytest.mark.parametrize(
    "question",
    ["How many hires are there?", "Is the kayak within reach?", "How many boats are after the bridge?", ""],
)
def test_other_questions_name_no_rule(question):
    assert rule_question(question) is None


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("Bis wann kann ich meine Buchung stornieren?", "36 Stunden"),
        ("Was kostet ein Hund?", "5 €"),
        ("¿Cuándo abre el embarcadero?", "9:30"),
        ("¿Cuánto cuesta aparcar junto al embarcadero?", "6 €"),
    ],
)
def test_questions_in_german_and_spanish(hire, question, expected):
    found = hire.ask(question)
    assert found.status == "answered"
    assert expected in found.text


@pytest.mark.parametrize("question", ["Wer ist der Geschäftsführer?", "¿Quién inventó la bicicleta?"])
def test_what_no_page_says_is_refused_in_any_language(hire, question):
    assert hire.ask(question).status == "refused"


def test_what_is_asked_for_is_not_answered_with_what_is_excepted(hire):
    found = hire.ask("What is included in the hire?")
    assert "oars and life vests" in found.text
    assert "fuel" not in found.text
    excepted = hire.ask("What is not included in the hire?")
    assert "fuel" in excepted.text
    assert "oars and life vests" not in excepted.text
