"""The language of bodies: what it prints, and everything that it refuses."""

import time

import pytest

from app.llm.prompts.template import MOST_CHARS, BadTemplate, Body, tokens

INPUTS = ("question", "rows")
VALUES = {"question": "How many?", "rows": [{"items": [1, 2], "values": "v"}, {"items": [], "values": "w"}]}


def rendered(source, **values):
    return Body(source, INPUTS).rendered(VALUES | values)


def test_inputs_are_printed_in_blocks_and_numbers_as_they_are():
    source = (
        "{{ question | data('question') }}\n{% for row in rows %}\n{{ loop.index }}/{{ rows | length }}\n{% endfor %}"
    )
    assert rendered(source) == '<data name="question">\n"How many?"\n</data>\n1/2\n2/2'


def test_a_key_that_is_called_like_a_method_is_the_key():
    assert rendered("{{ rows[0].items | data('i') }}") == '<data name="i">\n1\n2\n</data>'
    assert "v" in rendered("{{ rows[0].values | data('v') }}")


@pytest.mark.parametrize(
    "source", ["{{ question }}", "{{ 'text' }}", "{{ rows }}", "{{ true }}", "{{ rows[0].values }}"]
)
def test_nothing_is_printed_outside_a_block(source):
    with pytest.raises(BadTemplate, match="goes through `data`"):
        rendered(source)


@pytest.mark.parametrize(
    "source",
    [
        "{{ question.__class__ }}",
        "{{ question['__class__'] | data('x') }}",
        "{{ question.__class__.__mro__[1].__subclasses__() }}",
        "{{ ''.__class__ }}",
        "{{ question | attr('__class__') }}",
        "{{ question.upper() }}",
        "{{ question.format(rows) }}",
        "{{ rows.append | data('x') }}",
        "{{ self }}",
        "{{ self._TemplateReference__context }}",
        "{{ loop }}",
        "{{ cycler('a') }}",
        "{{ lipsum() }}",
        "{% for i in range(10**9) %}x{% endfor %}",
        "{{ 'a' * 1000000000 }}",
        "{{ 10 ** 10 ** 10 }}",
        "{{ question ~ question }}",
        "{{ question | upper | data('x') }}",
        "{{ rows | tojson }}",
        "{{ rows | map('upper') | data('x') }}",
        "{{ rows | selectattr('__class__') | data('x') }}",
        "{% set x = question %}",
        "{% macro x() %}{% endmacro %}",
        "{% include '/etc/passwd' %}",
        "{% import 'x' as x %}",
        "{% extends 'x' %}",
        "{% block system %}{% endblock %}",
        "{% filter upper %}x{% endfilter %}",
        "{% call question() %}{% endcall %}",
        "{% for a in rows recursive %}{% endfor %}",
        "{% for a in rows %}{% else %}x{% endfor %}",
        "{% for a in rows %}{% for b in rows %}x{% endfor %}{% endfor %}",
        "{% for a, b in rows %}{% endfor %}",
        "{% if question is mapping %}{% endif %}",
        "{{ rows[question] | data('x') }}",
        "{{ rows[0:9] | data('x') }}",
        "{{ question",
        "{% for a in rows %}",
        "{% break %}",
    ],
)
def test_what_a_body_may_not_do_is_refused(source):
    with pytest.raises(BadTemplate):
        rendered(source)


def test_loops_within_loops_go_over_the_item_so_that_work_is_linear():
    source = "{% for row in rows %}{% for item in row.items %}{{ item | data('i') }}{% endfor %}{% endfor %}"
    many = [{"items": list(range(100))} for _ in range(30)]
    started = time.perf_counter()
    assert rendered(source, rows=many).count("</data>") == 3000
    assert time.perf_counter() - started < 2


def test_a_message_that_grows_too_long_is_refused():
    with pytest.raises(BadTemplate, match=f"{MOST_CHARS:,} characters"):
        rendered("{% for row in rows %}{{ rows | data('x') }}{% endfor %}", rows=["a" * 999] * 999)


def test_undefined_names_fail_where_they_are_written():
    with pytest.raises(BadTemplate, match="nope is not an input; the inputs are question, rows"):
        rendered("{{ nope | data('x') }}")
    with pytest.raises(BadTemplate, match="there is no `nope`"):
        rendered("{{ rows[0].nope | data('x') }}")
    with pytest.raises(BadTemplate, match="nope is not an input"):
        rendered("{% if nope %}{% endif %}")
    with pytest.raises(BadTemplate, match="line 2"):
        rendered("\n{{ question | sha }}")


def test_comments_and_white_space_in_tags_say_nothing():
    assert tokens("a {# note #}\n{{question|data('x')}}") == tokens(
        "a \n{{ question | data('x') }}".replace(" \n", " ")
    )
    assert tokens("a") != tokens("b")
    assert tokens("{{ question | data('x') }}") != tokens("{{ question | data('y') }}")
