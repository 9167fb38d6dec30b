"""Privacy on the way to a model: one token a value, nothing sent that was not examined, nothing restored to the wrong."""

import ast
import copy
import logging
import pickle
from datetime import date
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest
import sqlglot
from hypothesis import given, settings
from hypothesis import strategies as st

import app
from app.llm.errors import NotAllowed
from app.llm.privacy import MOST_CHARACTERS, restore, restore_in_sql
from app.llm.walking import Lines, Personal
from app.scrubbing import TokenMap
from app.values import Caller
from tests.llm.privacy_parts import BrokenDetector, CountingDetector, privacy_over, scrub, shop_store, without_tokens

VISITOR, TRUSTED = Caller(role="visitor"), Caller(role="owner", sees_personal_data=True)


@pytest.fixture(scope="module")
def privacy():
    return privacy_over()


def test_the_same_value_has_the_same_token_in_question_passages_and_rows(privacy):
    sent, tokens = scrub(
        privacy,
        {
            "question": "how many orders did milena kravchuk place?",
            "passages": [{"n": 1, "text": "Milena Kravchuk moved. MILENA KRAVCHUK: milena@x.org"}],
            "rows": [["Milena  Kravchuk", 3], ["MILENA@X.ORG", None]],
        },
    )
    (name,) = {token for token, value in tokens.values().items() if value.casefold().split()[-1] == "kravchuk"}
    (mail,) = {token for token, value in tokens.values().items() if "@" in value}
    assert sent == {
        "question": f"how many orders did {name} place?",
        "passages": [{"n": 1, "text": f"{name} moved. {name}: {mail}"}],
        "rows": [[name, 3], [mail, None]],
    }
    assert tokens.restore(name) == "Milena Kravchuk", "the spelling with capitals, as it is stored"


def test_a_number_is_the_same_however_it_is_grouped(privacy):
    sent, tokens = scrub(privacy, {"a": "call +49 30 1234567", "b": "call +49301234567"})
    assert sent["a"] == sent["b"] and len(tokens) == 1


def test_what_was_found_in_one_input_is_masked_in_all(privacy):
    sent, _ = scrub(
        privacy, {"question": "Ask Mrs. Rose Brown", "rows": [["brown shoes", "Brown"], ["a rose", "Rose"]]}
    )
    assert sent["rows"][0][0] == "brown shoes" and sent["rows"][1][0] == "a rose", "ordinary words stay ordinary"
    assert "Brown" not in str(sent) and "Rose" not in str(sent)


def test_what_was_found_in_an_earlier_call_of_the_answer_is_masked_in_the_next(privacy):
    _, tokens = scrub(privacy, {"question": "Mail to harrow.q@x.org and Mr. Quill Price"})
    sent, _ = scrub(privacy, {"draft": "the draft says Price, and harrow.q@x.org", "price": "the price"}, tokens)
    assert "Price" not in sent["draft"] and "harrow" not in sent["draft"] and sent["price"] == "the price"
    assert [t for t, v in tokens.values().items() if "@" in v] == ["<EMAIL_ADDRESS_1>"]


def test_keys_are_content_too_and_names_of_fields_are_not(privacy):
    sent, _ = scrub(privacy, {"groups": {"Kravchuk": 3, "unit_price": 4, "milena@x.org": 5}})
    assert list(sent["groups"].values()) == [3, 4, 5]
    assert list(sent["groups"])[1] == "unit_price"
    assert "Kravchuk" not in sent["groups"] and "milena@x.org" not in sent["groups"]


def test_values_other_than_text_stay_what_they_are(privacy):
    given = [1, 2.5, True, None, Decimal("9.90"), date(2024, 3, 5), 1234567, float("nan"), float("inf")]
    assert str(scrub(privacy, {"rows": given})[0]["rows"]) == str(given)


def test_long_numbers_in_cells_are_masked_and_shorter_ones_if_they_are_known(privacy):
    sent, _ = scrub(privacy, {"rows": [4111111111111111, 49301234567.0, 5551234, 1200300]})
    assert sent["rows"] == ["<NUMBER_1>", "<NUMBER_2>", 5551234, 1200300]
    sent, _ = scrub(privacy, {"question": "who has phone 5551234", "rows": [5551234]})
    assert sent["rows"] == [sent["question"].split()[-1]]


def test_what_a_stage_calls_personal_is_masked_whole(privacy):
    sent, tokens = scrub(
        privacy, {"rows": [[Personal("PERSON", "may"), Personal("NATIONAL_ID", 77)]], "text": "not may"}
    )
    assert sent["rows"] == [["<PERSON_1>", "<NATIONAL_ID_1>"]]
    assert tokens.restore("<PERSON_1> <NATIONAL_ID_1>") == "may 77"


def test_inputs_named_clear_are_sent_as_they_are(privacy):
    assert scrub(privacy, {"schema": "Milena (text)"}, clear=("schema",))[0] == {"schema": "Milena (text)"}


def test_invisible_characters_hide_nothing(privacy):
    sent, _ = scrub(privacy, {"question": "mail mil\u200bena@x.\u00adorg or 4111\u20601111 1111\u200f 1111"})
    assert sent["question"] == "mail <EMAIL_ADDRESS_1> or <CREDIT_CARD_1>"


@pytest.mark.parametrize(
    "hiding", ["\u034f", "\u061c", "\u115f", "\u180e", "\u3164", "\ufe0f", "\U000e0101", "\u2028", "\u2003", "\u2010"]
)
def test_neither_do_signs_that_a_reader_overlooks(privacy, hiding):
    sent, _ = scrub(privacy, {"question": f"charge 4111{hiding}1111{hiding}1111{hiding}1111 now"})
    assert "1111" not in sent["question"]


def test_full_width_forms_hide_nothing(privacy):
    wide = "mila@corp.example DE89370400440532013000".translate({n: n + 0xFEE0 for n in range(0x21, 0x7F)})
    sent, tokens = scrub(privacy, {"question": f"refund {wide}"})
    assert sent["question"] == "refund <EMAIL_ADDRESS_1> <IBAN_CODE_1>"
    assert set(tokens.values().values()) == {"mila@corp.example", "DE89370400440532013000"}


@settings(deadline=None, max_examples=25)
@given(st.text(max_size=30), st.text(max_size=30))
def test_a_planted_value_never_leaves_whatever_stands_around_it(before, after):
    text = f"{before} jane.planted@corp.example {after} DE89 3704 0044 0532 0130 00 {before}"
    sent, _ = scrub(privacy_over(), {"question": text})
    assert "planted" not in str(sent) and "3704 0044" not in str(sent)


# -- tokens of others ----------------------------------------------------------


def test_text_that_looks_like_a_token_is_never_somebody_elses_value(privacy):
    sent, tokens = scrub(
        privacy,
        {"question": "Say <NAME_1> and < person_1 > and <PERSON_1>", "passages": ["Milena Kravchuk wrote this"]},
    )
    assert not {"<NAME_1>", "<PERSON_1>"} & set(sent["question"].split())
    name = sent["passages"][0].split(" wrote")[0]
    assert restore(sent["question"], tokens, VISITOR, "x") == "Say <NAME_1> and < person_1 > and <PERSON_1>"
    assert restore(sent["question"], tokens, TRUSTED, "x") == "Say <NAME_1> and < person_1 > and <PERSON_1>"
    assert tokens.restore(name) == "Milena Kravchuk"


def test_tokens_of_two_other_maps_are_kept_apart_and_come_back_as_they_were(privacy):
    """Rows and passages were masked by two maps, each with a first e-mail address of its own."""
    sent, tokens = scrub(
        privacy, {"rows": [["<EMAIL_ADDRESS_1>"], ["<EMAIL_ADDRESS_1>"]], "passages": ["to <EMAIL_ADDRESS_1>"]}
    )
    assert sent == {
        "rows": [["<MASKED_EMAIL_ADDRESS_1>"], ["<MASKED_EMAIL_ADDRESS_1>"]],
        "passages": ["to <MASKED_EMAIL_ADDRESS_2>"],
    }
    assert restore(sent["passages"][0], tokens, VISITOR, "") == "to <EMAIL_ADDRESS_1>"


def test_a_typed_token_of_a_masked_kind_does_not_collide_either(privacy):
    sent, tokens = scrub(privacy, {"question": "<MASKED_PERSON_1>", "rows": ["<PERSON_1>"]})
    assert sent == {"question": "<MASKED_PERSON_1>", "rows": ["<MASKED_PERSON_2>"]}
    assert restore("<MASKED_PERSON_1> <MASKED_PERSON_2>", tokens, VISITOR, "") == "<MASKED_PERSON_1> <PERSON_1>"


# -- restoring -----------------------------------------------------------------


def test_values_come_back_for_those_who_may_see_them(privacy):
    question = "Who is milena kravchuk?"
    sent, tokens = scrub(privacy, {"question": question, "rows": ["Milena Kravchuk", "Aoife Lindqvist", "x@y.org"]})
    first, other, mail = sent["rows"]
    text = f"{first} knows {other} ({mail})."
    assert restore(text, tokens, TRUSTED, question) == "Milena Kravchuk knows Aoife Lindqvist (x@y.org)."
    assert restore(text, tokens, VISITOR, question) == f"Milena Kravchuk knows {other} ({mail})."
    shown = ["Write to x@y.org."]
    assert restore(text, tokens, VISITOR, question, shown=shown) == f"Milena Kravchuk knows {other} (x@y.org)."


def test_a_part_of_a_word_in_the_question_shows_nothing(privacy):
    sent, tokens = scrub(privacy, {"rows": ["x@y.org"]})
    assert restore(sent["rows"][0], tokens, VISITOR, "what of xx@y.org.uk and notx@y.org") == sent["rows"][0]


def test_tokens_that_nobody_gave_stay_text(privacy):
    _, tokens = scrub(privacy, {"question": "Ask Milena Kravchuk"})
    assert restore("<NAME_77> <SCRIPT_1>", tokens, TRUSTED, "") == "<NAME_77> <SCRIPT_1>"


def test_in_sql_only_string_literals_are_restored():
    tokens = TokenMap()
    token = tokens.token("NAME", "O'Shea; DROP TABLE x")
    sql = f"""SELECT "{token}", count(*) FROM "{token}" WHERE name = '{token}' OR name LIKE '%{token}%'"""
    restored = restore_in_sql(sqlglot.parse_one(sql, dialect="duckdb"), tokens)
    assert restored.sql("duckdb") == (
        f"""SELECT "{token}", COUNT(*) FROM "{token}" WHERE name = 'O''Shea; DROP TABLE x' """
        "OR name LIKE '%O''Shea; DROP TABLE x%'"
    )
    assert isinstance(sqlglot.parse_one(restored.sql("duckdb"), dialect="duckdb"), sqlglot.exp.Select)


def test_a_statement_to_mend_keeps_its_words(privacy):
    sql = "SELECT CAST(x AS VARCHAR), STRFTIME(day, '%Y') FROM orders WHERE name = 'Milena Kravchuk' ORDER BY 1 DESC"
    sent, tokens = scrub(privacy, {"sql": sql})
    assert without_tokens(sent["sql"]) == sql.replace("Milena Kravchuk", " ")
    assert (
        restore_in_sql(sqlglot.parse_one(sent["sql"], dialect="duckdb"), tokens).sql("duckdb")
        == sqlglot.transpile(sql, read="duckdb", write="duckdb")[0]
    )


# -- the map stays in the process -------------------------------------------------


@pytest.mark.parametrize(
    "leave", [pickle.dumps, copy.copy, copy.deepcopy, msgspec.json.encode, msgspec.msgpack.encode, msgspec.to_builtins]
)
def test_the_map_leaves_in_no_form(leave):
    tokens = TokenMap()
    tokens.token("PERSON", "Milena Kravchuk")
    with pytest.raises(TypeError) as raised:
        leave(tokens)
    assert "Milena" not in str(raised.value) and "Milena" not in repr(tokens) + str(tokens) + f"{tokens}"
    assert not hasattr(tokens, "__dict__")


# -- what is not sent --------------------------------------------------------------


def test_a_detector_that_fails_means_no_call_and_logs_no_text(caplog):
    with caplog.at_level(logging.DEBUG), pytest.raises(NotAllowed) as raised:
        scrub(privacy_over(detector=BrokenDetector()), {"question": "Ask Milena"})
    assert "Milena" not in caplog.text + str(raised.value) and raised.value.__cause__ is None
    assert "OSError" in caplog.text


@pytest.mark.parametrize(
    "inputs",
    [
        {"text": "a " * MOST_CHARACTERS},
        {"rows": [["x"] * 200] * 300},
        {"value": object()},
        {"value": b"Milena"},
        {"value": {"Milena", "Aoife"}},
        {"groups": {"Milena": 1, "MILENA": 2}},
    ],
    ids=["characters", "texts", "object", "bytes", "set", "keys that become one"],
)
def test_what_cannot_be_examined_is_not_sent(privacy, inputs):
    with pytest.raises(NotAllowed):
        scrub(privacy, inputs)


def test_what_is_nested_without_end_is_not_sent(privacy):
    value: list[object] = []
    value.append(value)
    with pytest.raises(NotAllowed):
        scrub(privacy, {"value": value})


def test_an_unknown_source_is_not_sent(privacy):
    with pytest.raises(NotAllowed, match="nobody"):
        scrub(privacy, {"question": "x"}, sources=["nobody"])


def test_an_owner_forbids_sending_a_source_in_the_description_file_or_on_adding_it(tmp_path):
    allowed = privacy_over(shop_store(tmp_path))
    assert scrub(allowed, {"question": "x"}, sources=["shop"])[0] == {"question": "x"}
    forbidden = privacy_over(shop_store(tmp_path, "models: never\n"))
    with pytest.raises(NotAllowed, match="shop"):
        scrub(forbidden, {"question": "x"}, sources=["shop"])
    with pytest.raises(NotAllowed, match="shop"):
        scrub(privacy_over(shop_store(tmp_path, models="never")), {"question": "x"}, sources=["shop"])
    with pytest.raises(NotAllowed, match="shop"):  # what was said once holds until it is taken back
        scrub(privacy_over(shop_store(tmp_path)), {"question": "x"}, sources=["shop"])
    assert scrub(privacy_over(shop_store(tmp_path, models="allowed")), {"question": "x"}, sources=["shop"])


def test_values_of_personal_columns_are_masked_where_nothing_else_tells(tmp_path):
    described = "tables: {customers: {columns: {name: {pii: person}}}}\n"
    privacy = privacy_over(shop_store(tmp_path, described))
    question = {"question": "what did may bright buy in may, and bo yun? Sold to Quill"}
    sent, tokens = scrub(privacy, question, sources=["shop"])
    assert sorted(tokens.values().values()) == ["Quill", "bo yun", "may bright"]
    assert without_tokens(sent["question"]).split() == ["what", "did", "buy", "in", "may,", "and", "?", "Sold", "to"]
    assert scrub(privacy, {"question": "what did may bright buy"})[1].values() == {}, "nothing else tells this name"


def test_names_of_the_schema_are_no_names(tmp_path):
    privacy = privacy_over(shop_store(tmp_path, "tables: {customers: {synonyms: [Kundschaft]}}\n"))
    assert "Kundschaft" not in scrub(privacy, {"question": "List Kundschaft"})[0]["question"]
    assert scrub(privacy, {"question": "List Kundschaft"}, sources=["shop"])[0]["question"] == "List Kundschaft"


def test_a_schema_is_searched_line_by_line_and_keeps_its_names(tmp_path):
    privacy = privacy_over(shop_store(tmp_path))
    schema = "TABLE customers: Ask Bo Yun\n  name VARCHAR: mail mila@corp.example\n  status VARCHAR; e.g. 'active', 'Szentgyörgyi'"
    sent, tokens = scrub(privacy, {"schema": Lines(schema), "question": "orders of szentgyörgyi"}, sources=["shop"])
    lines = sent["schema"].split("\n")
    assert [line.split(":")[0].split(";")[0] for line in lines] == [
        "TABLE customers",
        "  name VARCHAR",
        "  status VARCHAR",
    ]
    assert "Yun" not in sent["schema"] and "mila" not in sent["schema"] and "'active'" in lines[2]
    name = next(token for token, value in tokens.values().items() if value == "Szentgyörgyi")
    assert f"'{name}'" in lines[2] and name in sent["question"]


def test_lines_are_examined_once():
    detector = CountingDetector()
    privacy = privacy_over(detector=detector)
    for line in ("one", "two"):
        scrub(privacy, {"schema": Lines(f"TABLE orders\n  {line} VARCHAR")})
    assert detector.calls == [["TABLE orders", "  one VARCHAR"], ["  two VARCHAR"]]


def test_texts_are_examined_once():
    detector = CountingDetector()
    privacy = privacy_over(detector=detector)
    inputs = {"question": "Ask Milena", "passages": ["Ask Milena", "Ask Aoife"]}
    first = scrub(privacy, inputs)[0]
    assert scrub(privacy, inputs | {"more": "Ask Ngozi"})[0]["passages"] == first["passages"]
    assert [call for call in detector.calls if call] == [["Ask Milena", "Ask Aoife"], ["Ask Ngozi"]]


@pytest.mark.parametrize(("value", "maker"), [("ScrubbedInputs", "privacy.py")])
def test_only_privacy_constructs_scrubbed_inputs(value, maker):
    makers = {
        path.name
        for path in Path(str(app.__file__)).parent.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and (getattr(node.func, "attr", None) or getattr(node.func, "id", "")) == value
    }
    assert makers == {maker}
