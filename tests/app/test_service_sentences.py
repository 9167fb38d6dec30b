"""What the service itself says: whole in each language, spaced and quoted as that language does, English unchanged."""

import ast
import re
import string
from datetime import date
from pathlib import Path

import msgspec
import pytest

import app
from app.answer import answer
from app.answering import OPEN, Draft, not_understood
from app.asking import question_from
from app.clarifying import AskedBack
from app.engine import Engine
from app.errors import ExecutionFailed
from app.languages import asked_in, other_language
from app.passage_answers import PassageAnswer
from app.sentences import LanguageName, Said, said, say
from app.sentences.saying import SENTENCES
from app.sentences.template import Sentences
from app.settings import Settings
from app.stopwatch import Stopwatch
from app.table_answers import TablePlan
from app.values import Caller, Route
from app.web import plain_words
from tests.app.hire_pages import ingest_hire

WIDGET = Path(app.__file__).parent / "web" / "widget.js"
MARKS = {"quotes", "comma", "semicolon", "either", "neither", "languages", "language"}
NAMES = [field for field in Sentences.__struct_fields__ if field not in MARKS]
LANGUAGES = ["en", "de", "es", "fr", "ar"]
FILLED = {
    "language": LanguageName("german"), "words": ("A", "B"), "tables": ("A", "B"), "columns": ("A", "B"),
    "known": ("A", "B"), "options": ("A", "B"), "questions": ("A", "B"), "documents": ("A", "B"), "names": ("A", "B"),
}  # fmt: skip
REFUSED = {
    "en": ("Who is the CEO of the zeppelin?", "not_in_data"),
    "de": ("Wer ist der Geschäftsführer?", "other_language"),
    "es": ("¿Quién es el director?", "other_language"),
    "fr": ("Qui est le directeur de la banque ?", "other_language"),
    "ar": ("من هو المدير التنفيذي؟", "not_in_data"),
}


def places(template):
    return {name for _, name, _, _ in string.Formatter().parse(template) if name}


@pytest.fixture(scope="module")
def engine(tmp_path_factory):
    folder = tmp_path_factory.mktemp("spoken")
    ingest_hire(folder / "home", folder)
    opened = Engine(Settings(home=folder / "home", trace_retention_days=0))
    yield opened
    opened.close()


def ask(engine, text, preferred=None, **more):
    return answer(question_from(text, engine, Caller(), today=date(2025, 7, 1), preferred=preferred, **more), engine)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", NAMES)
def test_every_sentence_is_there_in_every_language_with_no_place_of_its_own(name, language):
    template, english = getattr(SENTENCES[language], name), getattr(SENTENCES["en"], name)
    assert template and places(template) <= places(english)
    assert places(english) - places(template) <= {"detail", "hint", "language"}
    shown = say(Said(name, {place: FILLED.get(place, "X") for place in places(english)}), language)
    assert "{" not in shown and "}" not in shown
    if language != "en" and name not in ("section", "more", "column_of"):
        assert template != english


def test_every_sentence_that_is_said_exists_and_gets_what_it_needs():
    found = set()
    for file in Path(app.__file__).parent.rglob("*.py"):
        for call in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if not (isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == "said"):
                continue
            given = {keyword.arg for keyword in call.keywords}
            for name in (each.value for each in ast.walk(call.args[0]) if isinstance(each, ast.Constant)):
                assert name in NAMES and given == places(getattr(SENTENCES["en"], name)), (file.name, name)
                found.add(name)
    assert found | {"other_language", "other_language_documents", "nothing_on_part"} == set(NAMES)


@pytest.mark.parametrize(
    ("language", "own", "foreign"),
    [("de", "„“", '”«»"'), ("es", "«»", '„“”"'), ("fr", "«»", '„“”"'), ("ar", "«»", '„“”"'), ("en", "“”", '„«»"')],
)
def test_quotation_marks_are_the_languages_own(language, own, foreign):
    every = "".join(getattr(SENTENCES[language], name) for name in NAMES)
    assert all(mark in every for mark in own) and not any(mark in every for mark in foreign)
    assert "".join(SENTENCES[language].quotes).replace("\N{NO-BREAK SPACE}", "") == own


def french():
    """All French that a reader sees: of answers, plain pages and the widget."""
    yield from (getattr(SENTENCES["fr"], name) for name in NAMES)
    yield from (SENTENCES["fr"].semicolon.rstrip(), *SENTENCES["fr"].quotes)
    yield from (value for value in msgspec.structs.asdict(plain_words.FRENCH).values())
    line = re.search(r'^ +fr: "(.*)",$', WIDGET.read_text(encoding="utf-8"), re.MULTILINE)
    yield from line[1].split("|")


def test_french_has_no_break_spaces_before_double_signs_and_inside_guillemets():
    signs = 0
    for text in french():
        bare = re.sub(r"\{[^}]*\}", "X", text)
        assert not re.search(r"(?<!\N{NO-BREAK SPACE})[:;?!»]|«(?!\N{NO-BREAK SPACE})", bare), text
        signs += len(re.findall("[:;?!»]", bare))
    assert signs > 50


@pytest.mark.parametrize(
    ("language", "two", "three", "more"),
    [
        ("en", "“A?” or “B?”", "the a of t, the b of t or the c of t", " and 3 more"),
        ("de", "„A?“ oder „B?“", "„a“ aus „t“, „b“ aus „t“ oder „c“ aus „t“", " und 3 weitere Werte"),
        ("es", "«A?» o bien «B?»", "«a» de «t», «b» de «t» o bien «c» de «t»", " y 3 más"),
        ("fr", "«~A?~» ou «~B?~»", "«~a~» de «~t~», «~b~» de «~t~» ou «~c~» de «~t~»", " et 3 autres"),
        ("ar", "«A?» أو «B?»", "«a» من «t»، «b» من «t» أو «c» من «t»", " وغيرها (3)"),
    ],
)
def test_what_is_listed_is_joined_as_the_language_joins(language, two, three, more):
    columns = tuple(said("column_of", column=name, table="t") for name in "abc")
    assert two.replace("~", "\N{NO-BREAK SPACE}") in say(said("could_ask", text="T.", questions=("A?", "B?")), language)
    assert three.replace("~", "\N{NO-BREAK SPACE}") in say(said("which_column", mention="m", columns=columns), language)
    assert say(said("more", count=3), language) == more and "3" not in say(said("one_more"), language)


def test_what_is_put_in_is_not_read_for_places():
    assert "{title} %s {0}" in say(said("nothing_on_part", part="{title} %s {0}"), "de")


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("How do I return a bike?", "en"),
        ("Can I pay by card?", "en"),
        ("Wo ist mein Paket?", "de"),
        ("¿Devoluciones?", "es"),
        ("donde esta mi pedido", "es"),
        ("Où est ma commande ?", "fr"),
        ("كم تكلفة التوصيل؟", "ar"),
        ("return policy", None),
        ("Rückgabe", None),
        ("Paypal", None),
        ("2", None),
        ("", None),
        ("Le Creuset de France", None),  # as much Spanish as French
        ("Quanti ordini sono nel magazzino?", None),  # Italian: not spoken here
        ("چند سفارش داریم؟", None),  # Persian
        ("Сколько стоит доставка?", None),
        ("Was ist der Status von iPhone orders?", "de"),
    ],
)
def test_the_language_a_question_is_asked_in(text, language):
    assert asked_in(text) == language


@pytest.mark.parametrize("text", ["Le Creuset de France", "Wo ist mein Paket?", "Can I pay by card?"])
def test_what_counts_as_another_language_stays(text):
    assert other_language(text) == {"L": "Spanish", "W": "German", "C": None}[text[0]]


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_refusal_is_in_the_questions_language(engine, language):
    text, code = REFUSED[language]
    told = say(said(code if code != "not_in_data" else "unknown", language=LanguageName({"de": "german", "es": "spanish", "fr": "french"}.get(language, "dutch"))), language)  # fmt: skip
    for preferred in (None, "en", "fr"):
        found = ask(engine, text, preferred)
        assert found.status == "refused" and found.refusal.code == code, found.text
        assert found.refusal.reason == told and found.text.startswith(told)


@pytest.mark.parametrize("language", [*LANGUAGES, None])
def test_where_a_question_does_not_tell_the_readers_language_is_spoken(engine, language):
    found = ask(engine, "Zeppelin", language)
    assert found.status == "refused" and found.refusal.reason == say(said("unknown"), language or "en")


def test_the_nearest_documents_and_guards_are_told_in_the_readers_language(engine):
    found = ask(engine, "Wer ist der Geschäftsführer?")
    assert (
        found.refusal.nearest and " Am nächsten kommen diese Dokumente: Buchung stornieren (Abschnitt „" in found.text
    )
    for text, name in (("DROP TABLE hires", "sql"), ("delete all orders", "writes"), ("🙂", "no_words")):
        refused = ask(engine, text, "es")
        assert refused.refusal.reason == say(said(name), "es" if asked_in(text) is None else "en")


def test_a_session_goes_on_and_refuses_in_the_readers_language(engine):
    assert ask(engine, "2", "de", session="new").text == say(said("no_choice"), "de")
    assert ask(engine, "How many hires are there?", "de", session="s").table.rows == ((60,),)
    followed = ask(engine, "and kayaks?", "de", session="s")
    assert followed.status == "answered" and followed.understood_as
    unfit = ask(engine, "per zeppelin?", "de", session="s")
    assert unfit.refusal.reason == say(said("unfit_followup"), "de")


def test_documents_alone_are_not_said_to_have_tables(engine):
    found = ask(engine, "Wer ist der Geschäftsführer?", sources=["pages"])
    assert found.refusal.code == "other_language"
    assert found.refusal.reason == "Ich weiß es nicht: Die Dokumente sagen nichts dazu."
    english = not_understood("Wer ist der Chef?", TablePlan(None, None, None, None, 0.5), PassageAnswer(None, ()))
    assert english.reason == "This looks like German. Tables are asked in English, with the words of the tables."


def test_questions_back_are_in_the_readers_language_and_their_options_stay(engine):
    question = question_from("kayak", engine, Caller(), today=date(2025, 7, 1), preferred="fr")
    draft = Draft("x", question, engine.store.snapshot(), [], Stopwatch())
    asked = draft.clarify(AskedBack(said("unknown_names", words=("boot", "kajak")), ("How many boats?", "How many?")))
    space = "\N{NO-BREAK SPACE}"
    nothing = f"Rien ne s’appelle «{space}boot{space}» ni «{space}kajak{space}». "
    assert asked.clarify.question == f"{nothing}Vouliez-vous poser l’une de ces questions{space}?"
    assert asked.clarify.options == ("How many boats?", "How many?")
    assert asked.text == f"{asked.clarify.question} Par exemple{space}: How many boats?{space}; How many?"


def test_an_older_version_is_told_in_the_readers_language(engine):
    found = ask(engine, "lake fishing permit cost", "de")
    assert found.status == "answered" and "€9 a day" in found.text
    assert found.text.startswith("Das sagt nur eine ältere Fassung („Fishing permits (2021)“")


def test_a_part_left_open_is_told_in_the_readers_language(engine):
    question = question_from("kayak", engine, Caller(), today=date(2025, 7, 1), preferred="ar")
    draft = Draft("x", question, engine.store.snapshot(), [], Stopwatch())
    joined = draft.joined(Route(name="passages", confidence=1.0, reason=""), [said(OPEN, part="kayak")])
    assert joined.text == "لم أجد إجابة عن «kayak»." and draft.made[joined.text].left_open


def test_an_engines_own_message_is_told_in_english_only():
    error = ExecutionFailed("Binder Error: no such column.", hint="Ask otherwise.")
    what = said("query_failed", detail=f"{error.message} {error.hint}")
    assert say(what, "en") == "Binder Error: no such column. Ask otherwise."
    assert say(what, "de") == "Die Abfrage ist fehlgeschlagen. Bitte fragen Sie auf andere Weise."
